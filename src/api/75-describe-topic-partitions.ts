/**
 * DescribeTopicPartitions (key 75), version 0: topics and their partitions, page by page.
 *
 * Behaviour: topics come sorted by name; an empty list means all. A page holds at most `responsePartitionLimit` partitions, at least
 * 1 and at most 2,000; the cursor in the response says where the next one starts. With one replica no ELR is ever needed.
 */

import { noTopicId, topicIdBytes } from '../base/ids.ts'
import type { CatalogPartition, CatalogTopic } from '../base/topology.ts'
import {
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponse,
  type DescribeTopicPartitionsResponseDescribeTopicPartitionsResponsePartition,
  type DescribeTopicPartitionsResponseDescribeTopicPartitionsResponseTopic,
  decodeDescribeTopicPartitionsRequest,
  encodeDescribeTopicPartitionsResponse,
  makeDescribeTopicPartitionsResponse,
  makeDescribeTopicPartitionsResponseCursor,
  makeDescribeTopicPartitionsResponseDescribeTopicPartitionsResponsePartition,
  makeDescribeTopicPartitionsResponseDescribeTopicPartitionsResponseTopic,
} from '../wire/generated/describe-topic-partitions.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { type Call, defineApi } from './api.ts'
import { operationsUnasked, topicOperations } from './operations.ts'
import type { Ports } from './ports.ts'
import { isTopicNameValid } from './topic-name.ts'

export const describeTopicPartitions = defineApi({
  place: 'front',
  key: 75,
  versions: [0, 0],
  decode: decodeDescribeTopicPartitionsRequest,
  encode: encodeDescribeTopicPartitionsResponse,
  handle: answer,
})

/** Kafka's `max.request.partition.size.limit`: bounds the size of one response. */
const partitionsPerPageMax = 2_000

type Topic = DescribeTopicPartitionsResponseDescribeTopicPartitionsResponseTopic
type Partition = DescribeTopicPartitionsResponseDescribeTopicPartitionsResponsePartition

function answer(request: DescribeTopicPartitionsRequest, call: Call<DescribeTopicPartitionsResponse>): void {
  const { ports } = call
  const { cursor } = request
  if (cursor !== null && cursor.partitionIndex < 0) {
    const topics = request.topics.map(({ name }) => ({
      ...refused(name, ErrorCode.INVALID_REQUEST),
      topicAuthorizedOperations: operationsUnasked,
    }))
    call.reply(makeDescribeTopicPartitionsResponse({ topics }))
    return
  }
  const isAll = request.topics.length === 0
  const names = isAll
    ? ports.catalog.all().map(({ name }) => name)
    : [...new Set(request.topics.map(({ name }) => name))].sort()
  let room = Math.max(1, Math.min(partitionsPerPageMax, request.responsePartitionLimit))
  const topics: Topic[] = []
  for (const name of names) {
    if (cursor !== null && name < cursor.topicName) continue
    const topic = ports.catalog.byName(name)
    if (topic === undefined) {
      if (!isAll) topics.push(missing(name))
      continue
    }
    const first = cursor !== null && name === cursor.topicName ? Math.max(0, cursor.partitionIndex) : 0
    if (room === 0) {
      call.reply(page(topics, name, first))
      return
    }
    const shown = topic.partitions.slice(first, first + room)
    topics.push(described(topic, shown, ports))
    room -= shown.length
    if (first + shown.length < topic.partitions.length) {
      call.reply(page(topics, name, first + shown.length))
      return
    }
  }
  call.reply(makeDescribeTopicPartitionsResponse({ topics }))
}

function page(topics: Topic[], topicName: string, partitionIndex: number): DescribeTopicPartitionsResponse {
  return makeDescribeTopicPartitionsResponse({
    topics,
    nextCursor: makeDescribeTopicPartitionsResponseCursor({ topicName, partitionIndex }),
  })
}

function missing(name: string): Topic {
  const isValid = isTopicNameValid(name)
  return refused(name, isValid ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION)
}

function refused(name: string, errorCode: number): Topic {
  return makeDescribeTopicPartitionsResponseDescribeTopicPartitionsResponseTopic({
    name,
    topicId: topicIdBytes(noTopicId),
    errorCode,
    topicAuthorizedOperations: topicOperations,
  })
}

function described(topic: CatalogTopic, shown: readonly CatalogPartition[], ports: Ports): Topic {
  return makeDescribeTopicPartitionsResponseDescribeTopicPartitionsResponseTopic({
    name: topic.name,
    topicId: topicIdBytes(topic.id),
    isInternal: topic.isInternal,
    partitions: shown.map((partition) => partitionOf(partition, ports)),
    topicAuthorizedOperations: topicOperations,
  })
}

function partitionOf({ index, slot, leaderEpoch }: CatalogPartition, { cluster, partitions }: Ports): Partition {
  const isOnline = partitions.errorOf(slot) === ErrorCode.NONE
  return makeDescribeTopicPartitionsResponseDescribeTopicPartitionsResponsePartition({
    errorCode: isOnline ? ErrorCode.NONE : ErrorCode.LEADER_NOT_AVAILABLE,
    partitionIndex: index,
    leaderId: isOnline ? cluster.nodeId : -1,
    leaderEpoch,
    replicaNodes: [cluster.nodeId],
    isrNodes: [cluster.nodeId],
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    offlineReplicas: isOnline ? [] : [cluster.nodeId],
  })
}
