/**
 * Metadata (key 3), versions 0-13: the broker, the topics and their partitions; creates missing topics where asked.
 *
 * Behaviour: this node leads, controls and holds everything. Its address is the one that the client can use: advertised, or dialled.
 * A missing topic is created where the request and the broker allow it, and is then answered as existing, ready to be written.
 * A partition whose storage failed keeps its leader: all clients retry that partition alone then. Kafka's controller takes the leader
 * away from an offline folder, and LEADER_NOT_AVAILABLE for one partition makes kafkajs give up all of what it asked for.
 * Versions: 0 means all topics by an empty list, 1+ by null; 4 brought the creation flag, 8-10 cluster operations, 10 topic ids, 12
 * requests by id (before it they are an error), 13 an error code for the whole.
 */

import { noTopicId, topicIdBytes, topicIdHex } from '../base/ids.ts'
import type { CatalogTopic } from '../base/topology.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import {
  decodeMetadataRequest,
  encodeMetadataResponse,
  type MetadataRequest,
  type MetadataResponse,
  type MetadataResponseMetadataResponseTopic,
  makeMetadataResponse,
  makeMetadataResponseMetadataResponseBroker,
  makeMetadataResponseMetadataResponsePartition,
  makeMetadataResponseMetadataResponseTopic,
} from '../wire/generated/metadata.ts'
import { type Call, defineApi } from './api.ts'
import { clusterOperations, operationsUnasked, topicOperations } from './operations.ts'
import type { Ports } from './ports.ts'
import { isTopicNameValid } from './topic-name.ts'

export const metadata = defineApi({
  place: 'front',
  key: 3,
  versions: [0, 13],
  decode: decodeMetadataRequest,
  encode: encodeMetadataResponse,
  handle: answer,
})

type Topic = MetadataResponseMetadataResponseTopic

function answer(request: MetadataRequest, call: Call<MetadataResponse>): void | Promise<void> {
  const { catalog } = call.ports
  const operations = request.includeTopicAuthorizedOperations ? topicOperations : operationsUnasked
  const { topics } = request
  if (topics === null || (call.apiVersion === 0 && topics.length === 0)) {
    reply(
      request,
      call,
      catalog.all().map((topic) => described(topic, operations, call.ports)),
    )
    return
  }
  const ids = topics.map(({ topicId }) => topicIdHex(topicId)).filter((id) => id !== noTopicId)
  const isOld = call.apiVersion < 12
  if (isOld && (ids.length > 0 || topics.some(({ name }) => name === null))) {
    reply(
      request,
      call,
      topics.map(({ name, topicId }) => refused(name ?? '', topicId, ErrorCode.INVALID_REQUEST, operationsUnasked)),
    )
    return
  }
  if (ids.length > 0) {
    reply(
      request,
      call,
      unique(ids).map((id) => describedById(id, operations, call.ports)),
    )
    return
  }
  return answerNames(unique(topics.map(({ name }) => name ?? '')), operations, request, call)
}

function answerNames(
  names: readonly string[],
  operations: number,
  request: MetadataRequest,
  call: Call<MetadataResponse>,
): void | Promise<void> {
  const { catalog, cluster } = call.ports
  const mayCreate = cluster.autoCreateTopics && (request.allowAutoTopicCreation || call.apiVersion < 4)
  const missing = mayCreate ? names.filter((name) => catalog.byName(name) === undefined && isTopicNameValid(name)) : []
  const answerWith = (errors: ReadonlyMap<string, number>): void =>
    reply(
      request,
      call,
      names.map((name) => describedByName(name, errors, operations, call.ports)),
    )
  if (missing.length === 0) {
    answerWith(new Map())
    return
  }
  return call.ports.ensureTopics(missing).then((errorCodes) => {
    answerWith(new Map(missing.map((name, index) => [name, errorCodes[index] ?? ErrorCode.UNKNOWN_SERVER_ERROR])))
  })
}

function describedByName(name: string, errors: ReadonlyMap<string, number>, operations: number, ports: Ports): Topic {
  const topic = ports.catalog.byName(name)
  if (topic !== undefined) return described(topic, operations, ports)
  if (!isTopicNameValid(name))
    return refused(name, topicIdBytes(noTopicId), ErrorCode.INVALID_TOPIC_EXCEPTION, operations)
  const errorCode = errors.get(name) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  // Created, yet gone again: the client asks once more.
  const retriable = errorCode === ErrorCode.NONE ? ErrorCode.LEADER_NOT_AVAILABLE : errorCode
  return refused(name, topicIdBytes(noTopicId), retriable, operations)
}

function describedById(id: string, operations: number, ports: Ports): Topic {
  const topic = ports.catalog.byId(id)
  return topic === undefined
    ? refused(null, topicIdBytes(id), ErrorCode.UNKNOWN_TOPIC_ID, operations)
    : described(topic, operations, ports)
}

function refused(name: string | null, topicId: Buffer, errorCode: number, operations: number): Topic {
  return makeMetadataResponseMetadataResponseTopic({ errorCode, name, topicId, topicAuthorizedOperations: operations })
}

function described(topic: CatalogTopic, operations: number, { cluster, partitions }: Ports): Topic {
  return makeMetadataResponseMetadataResponseTopic({
    name: topic.name,
    topicId: topicIdBytes(topic.id),
    isInternal: topic.isInternal,
    topicAuthorizedOperations: operations,
    partitions: topic.partitions.map(({ index, slot, leaderEpoch }) => {
      const isOnline = partitions.errorOf(slot) === ErrorCode.NONE
      return makeMetadataResponseMetadataResponsePartition({
        partitionIndex: index,
        leaderId: cluster.nodeId,
        leaderEpoch,
        replicaNodes: [cluster.nodeId],
        isrNodes: [cluster.nodeId],
        offlineReplicas: isOnline ? [] : [cluster.nodeId],
      })
    }),
  })
}

function reply(request: MetadataRequest, call: Call<MetadataResponse>, topics: Topic[]): void {
  const { clusterId, nodeId } = call.ports.cluster
  const { brokerHost, brokerPort } = call.caller
  call.reply(
    makeMetadataResponse({
      brokers: [makeMetadataResponseMetadataResponseBroker({ nodeId, host: brokerHost, port: brokerPort })],
      clusterId,
      controllerId: nodeId,
      topics,
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations : operationsUnasked,
    }),
  )
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
