/** Admin calls on topics, configs and groups. */

import { makeCreateTopicsRequest, makeCreateTopicsRequestCreatableTopic } from '../wire/generated/create-topics.ts'
import { makeDeleteTopicsRequest, makeDeleteTopicsRequestDeleteTopicState } from '../wire/generated/delete-topics.ts'
import {
  type DescribeConfigsResponseDescribeConfigsResourceResult,
  makeDescribeConfigsRequest,
} from '../wire/generated/describe-configs.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { type ListGroupsResponseListedGroup, makeListGroupsRequest } from '../wire/generated/list-groups.ts'
import type { MetadataResponseMetadataResponseTopic } from '../wire/generated/metadata.ts'
import { createTopicsCall, deleteTopicsCall, describeConfigsCall, listGroupsCall } from './calls.ts'
import type { KafkaClient } from './client.ts'
import { type DescribedGroup, describeGroup } from './describe-group.ts'
import { throwOnError } from './errors.ts'
import { fetchCommitted } from './group-member.ts'
import { listOffsets, offsetAt } from './offsets.ts'

/** A topic to be made; what is left out is the broker's default. */
export type TopicToCreate = {
  readonly name: string
  readonly partitions?: number
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string>>
}

/** One partition as `describeTopic` tells of it. */
export type DescribedPartition = {
  readonly partition: number
  readonly leader: number
  readonly startOffset: number
  readonly endOffset: number
}

/** How far a group has read one partition. `lag` is unknown where the topic is gone. */
export type GroupOffset = {
  readonly topic: string
  readonly partition: number
  readonly committedOffset: number
  readonly endOffset: number | undefined
}

const timeoutMs = 30_000

/** Admin calls over a client, which stays the caller's to close. */
export class Admin {
  readonly #client: KafkaClient

  constructor(client: KafkaClient) {
    this.#client = client
  }

  /** Makes a topic. Throws KafkaError with the broker's own sentence. */
  async createTopic(topic: TopicToCreate): Promise<void> {
    const configs = Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value }))
    const wanted = makeCreateTopicsRequestCreatableTopic({
      name: topic.name,
      numPartitions: topic.partitions ?? -1,
      replicationFactor: topic.replicationFactor ?? -1,
      configs,
    })
    const request = makeCreateTopicsRequest({ topics: [wanted], timeoutMs, validateOnly: false })
    const response = await this.#client.callAny(createTopicsCall, request)
    const answer = response.topics[0]
    throwOnError(answer?.errorCode ?? ErrorCode.NONE, `creating topic '${topic.name}'`, answer?.errorMessage)
  }

  /** Deletes a topic with all that is in it. */
  async deleteTopic(name: string): Promise<void> {
    const connection = await this.#client.anyConnection()
    const isByState = connection.versionOf(deleteTopicsCall) >= 6
    const request = makeDeleteTopicsRequest(
      isByState
        ? { topics: [makeDeleteTopicsRequestDeleteTopicState({ name })], timeoutMs }
        : { topicNames: [name], timeoutMs },
    )
    const response = await connection.send(deleteTopicsCall, request)
    const answer = response.responses[0]
    throwOnError(answer?.errorCode ?? ErrorCode.NONE, `deleting topic '${name}'`, answer?.errorMessage)
    this.#client.forgetTopic(name)
  }

  /** All topics, by name. */
  async listTopics(): Promise<MetadataResponseMetadataResponseTopic[]> {
    const { topics } = await this.#client.metadata(null)
    return topics.sort((left, right) => ((left.name ?? '') < (right.name ?? '') ? -1 : 1))
  }

  /** A topic's partitions with their ends. */
  async describeTopic(name: string): Promise<DescribedPartition[]> {
    const { leaders } = await this.#client.topic(name)
    const partitions = leaders.map((_, partition) => partition)
    const starts = await listOffsets(this.#client, name, { partitions, timestampMs: offsetAt.beginning })
    const ends = await listOffsets(this.#client, name, { partitions, timestampMs: offsetAt.end })
    return leaders.map((leader, partition) => ({
      partition,
      leader,
      startOffset: starts.get(partition) ?? -1,
      endOffset: ends.get(partition) ?? -1,
    }))
  }

  /** A topic's configs; `keys` null: all of them. */
  async describeTopicConfigs(
    name: string,
    keys: readonly string[] | null,
  ): Promise<DescribeConfigsResponseDescribeConfigsResourceResult[]> {
    const resource = { resourceType: 2, resourceName: name, configurationKeys: keys === null ? null : [...keys] }
    const request = makeDescribeConfigsRequest({ resources: [resource] })
    const response = await this.#client.callAny(describeConfigsCall, request)
    const answer = response.results[0]
    throwOnError(answer?.errorCode ?? ErrorCode.NONE, `the configs of topic '${name}'`, answer?.errorMessage)
    return answer?.configs ?? []
  }

  /** All groups that any broker coordinates, by name. */
  async listGroups(): Promise<ListGroupsResponseListedGroup[]> {
    const { brokers } = await this.#client.metadata([])
    const groups: ListGroupsResponseListedGroup[] = []
    for (const { nodeId } of brokers) {
      const response = await this.#client.callNode(nodeId, listGroupsCall, makeListGroupsRequest())
      throwOnError(response.errorCode, 'listing groups')
      groups.push(...response.groups)
    }
    return groups.sort((left, right) => (left.groupId < right.groupId ? -1 : 1))
  }

  /** One group with its members, of either kind. Throws where there is none. */
  describeGroup(groupId: string): Promise<DescribedGroup> {
    return this.#client.retrying(() => describeGroup(this.#client, groupId))
  }

  /** How far a group has read, by topic and partition. */
  async groupOffsets(groupId: string): Promise<GroupOffset[]> {
    const committed = await fetchCommitted(this.#client, groupId, null)
    const offsets: GroupOffset[] = []
    for (const topic of [...new Set(committed.map((position) => position.topic))].sort()) {
      const positions = committed.filter((position) => position.topic === topic)
      const partitions = positions.map(({ partition }) => partition).sort((left, right) => left - right)
      const ends = await listOffsets(this.#client, topic, { partitions, timestampMs: offsetAt.end }).catch(
        () => new Map<number, number>(),
      )
      for (const partition of partitions) {
        const offset = positions.find((position) => position.partition === partition)?.offset ?? -1
        offsets.push({ topic, partition, committedOffset: offset, endOffset: ends.get(partition) })
      }
    }
    return offsets
  }
}
