/** Decides CreateTopics: Kafka's checks in Kafka's order (ReplicationControlManager), then the records of the new topics. */

import { type TopicIdHex, topicIdBytes, topicIdHex } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import type { StorageKind } from '../../base/topology.ts'
import {
  type CreateTopicsRequest,
  type CreateTopicsRequestCreatableTopic,
  type CreateTopicsResponse,
  type CreateTopicsResponseCreatableTopicResult,
  makeCreateTopicsResponse,
  makeCreateTopicsResponseCreatableTopicConfigs,
  makeCreateTopicsResponseCreatableTopicResult,
} from '../../wire/generated/create-topics.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { type DecidedConfigs, decideInitialConfigs, isRefusal, type Refusal } from '../configs/alter.ts'
import { describeTopicConfigs } from '../configs/describe.ts'
import { brokerConfigValue, type ConfigMap, topicConfigValue } from '../configs/effective.ts'
import type { MutationQuota } from '../quotas/mutations.ts'
import { type Decision, duplicatesOf } from './decision.ts'
import { topicNameProblem } from './names.ts'
import type { MetadataRecord } from './records.ts'
import { type MetadataState, resourceType } from './state.ts'

/** Kafka's own bound (MAX_PARTITIONS_PER_BATCH): one request's records must fit one batch of the journal. */
export const partitionsPerRequestMax = 10_000

/** What creation needs beside the state. */
export type CreateTools = {
  readonly random: Random
  readonly nodeId: number
  /** How many partitions the broker has room for. */
  readonly partitionsLeft: number
  readonly quota: MutationQuota
}

/** Decides a CreateTopics request. */
export function decideCreateTopics(
  state: MetadataState,
  request: CreateTopicsRequest,
  tools: CreateTools,
): Decision<CreateTopicsResponse> {
  const records: MetadataRecord[] = []
  const touched: string[] = []
  const results: CreateTopicsResponseCreatableTopicResult[] = []
  const duplicates = duplicatesOf(request.topics.map((topic) => topic.name))
  const claimedNames = new Map<string, string>()
  let partitionsLeft = Math.min(partitionsPerRequestMax, tools.partitionsLeft)
  const answered = new Set<string>()
  for (const wanted of request.topics) {
    if (answered.has(wanted.name)) continue
    answered.add(wanted.name)
    const plan = duplicates.has(wanted.name)
      ? { errorCode: ErrorCode.INVALID_REQUEST, message: 'Duplicate topic name.' }
      : planTopic(state, wanted, { nodeId: tools.nodeId, partitionsLeft, claimedNames })
    const refusal = 'errorCode' in plan ? plan : tools.quota.charge(plan.partitionCount)
    if ('errorCode' in plan || refusal !== undefined) {
      if (refusal !== undefined) results.push(refusedTopic(wanted.name, refusal))
      continue
    }
    partitionsLeft -= plan.partitionCount
    claimedNames.set(wanted.name.replaceAll('.', '_'), wanted.name)
    const id = topicIdHex(tools.random.uuid())
    const storage = storageOf(state, plan.configs)
    records.push(...topicRecords({ ...plan, name: wanted.name, id, storage, nodeId: tools.nodeId }))
    touched.push(wanted.name)
    results.push(createdTopic(state, { ...plan, name: wanted.name, id }))
  }
  const response = makeCreateTopicsResponse({ topics: results })
  return request.validateOnly ? { records: [], touched: [], response } : { records, touched, response }
}

/** One refused topic's part of the answer. */
export function refusedTopic(name: string, refusal: Refusal): CreateTopicsResponseCreatableTopicResult {
  return makeCreateTopicsResponseCreatableTopicResult({
    name,
    errorCode: refusal.errorCode,
    errorMessage: refusal.message,
    topicConfigErrorCode: ErrorCode.NONE,
    configs: [],
  })
}

type TopicPlan = { readonly partitionCount: number; readonly configs: DecidedConfigs }

function planTopic(
  state: MetadataState,
  wanted: CreateTopicsRequestCreatableTopic,
  limits: { nodeId: number; partitionsLeft: number; claimedNames: ReadonlyMap<string, string> },
): TopicPlan | Refusal {
  if (wanted.name === '__cluster_metadata') {
    const message = 'Creation of internal topic __cluster_metadata is prohibited.'
    return { errorCode: ErrorCode.INVALID_REQUEST, message }
  }
  const problem = topicNameProblem(wanted.name)
  if (problem !== undefined) return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, message: problem }
  if (state.topic(wanted.name) !== undefined) {
    return { errorCode: ErrorCode.TOPIC_ALREADY_EXISTS, message: `Topic '${wanted.name}' already exists.` }
  }
  const colliding = state.collidingTopic(wanted.name) ?? limits.claimedNames.get(wanted.name.replaceAll('.', '_'))
  if (colliding !== undefined) {
    const message = `Topic '${wanted.name}' collides with existing topic: ${colliding}`
    return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, message }
  }
  const configs = decideInitialConfigs(wanted.configs)
  if (isRefusal(configs)) return configs
  if (configs.get('remote.storage.enable')?.trim().toLowerCase() === 'true') {
    const message =
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.'
    return { errorCode: ErrorCode.INVALID_CONFIG, message }
  }
  const partitionCount = plannedPartitions(state, wanted, limits.nodeId)
  if (typeof partitionCount !== 'number') return partitionCount
  if (partitionCount > limits.partitionsLeft) {
    const message = 'Excessively large number of partitions per request.'
    return { errorCode: ErrorCode.POLICY_VIOLATION, message }
  }
  return { partitionCount, configs }
}

function plannedPartitions(
  state: MetadataState,
  wanted: CreateTopicsRequestCreatableTopic,
  nodeId: number,
): number | Refusal {
  if (wanted.assignments.length > 0) return assignedPartitions(wanted, nodeId)
  const { replicationFactor, numPartitions } = wanted
  if (replicationFactor < -1 || replicationFactor === 0) {
    const message = 'Replication factor must be larger than 0, or -1 to use the default value.'
    return { errorCode: ErrorCode.INVALID_REPLICATION_FACTOR, message }
  }
  if (numPartitions < -1 || numPartitions === 0) {
    const message = 'Number of partitions was set to an invalid non-positive value.'
    return { errorCode: ErrorCode.INVALID_PARTITIONS, message }
  }
  if (replicationFactor > 1) {
    const message =
      `Unable to replicate the partition ${replicationFactor} time(s): The target replication factor of ` +
      `${replicationFactor} cannot be reached because only 1 broker(s) are registered or some brokers have all ` +
      'their log directories cordoned.'
    return { errorCode: ErrorCode.INVALID_REPLICATION_FACTOR, message }
  }
  return numPartitions === -1 ? Number(brokerConfigValue('num.partitions', state.brokerConfigs())) : numPartitions
}

function assignedPartitions(wanted: CreateTopicsRequestCreatableTopic, nodeId: number): number | Refusal {
  const invalidRequest = (what: string): Refusal => ({
    errorCode: ErrorCode.INVALID_REQUEST,
    message: `A manual partition assignment was specified, but ${what} was not set to -1.`,
  })
  if (wanted.replicationFactor !== -1) return invalidRequest('replication factor')
  if (wanted.numPartitions !== -1) return invalidRequest('numPartitions')
  const indexes = new Set<number>()
  for (const { partitionIndex, brokerIds } of wanted.assignments) {
    if (indexes.has(partitionIndex)) {
      const message = `Found multiple manual partition assignments for partition ${partitionIndex}`
      return { errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT, message }
    }
    indexes.add(partitionIndex)
    const problem = replicasProblem(brokerIds, nodeId)
    if (problem !== undefined) return { errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT, message: problem }
  }
  for (let index = 0; index < indexes.size; index++) {
    if (indexes.has(index)) continue
    const message = 'partitions should be a consecutive 0-based integer sequence'
    return { errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT, message }
  }
  return indexes.size
}

/** What is wrong with one partition's manual replicas, where this broker is the only one. */
export function replicasProblem(brokerIds: readonly number[], nodeId: number): string | undefined {
  if (brokerIds.length === 0) return 'The manual partition assignment includes an empty replica list.'
  const sorted = [...brokerIds].sort((left, right) => left - right)
  const unknown = sorted.find((id) => id !== nodeId)
  const repeated = sorted.find((id, at) => sorted[at - 1] === id)
  if (repeated !== undefined && (unknown === undefined || repeated < unknown)) {
    return `The manual partition assignment includes the broker ${repeated} more than once.`
  }
  if (unknown === undefined) return undefined
  return `The manual partition assignment includes broker ${unknown}, but no such broker is registered.`
}

function storageOf(state: MetadataState, configs: DecidedConfigs): StorageKind {
  const storage = topicConfigValue('safka.storage', setValues(configs), state.brokerConfigs())
  return storage === 'memory' || storage === 'ring' ? storage : 'local'
}

function setValues(configs: DecidedConfigs): ConfigMap {
  const values = new Map<string, string>()
  for (const [name, value] of configs) if (value !== null) values.set(name, value)
  return values
}

function topicRecords(
  topic: TopicPlan & {
    readonly name: string
    readonly id: TopicIdHex
    readonly storage: StorageKind
    readonly nodeId: number
  },
): MetadataRecord[] {
  const records: MetadataRecord[] = [{ kind: 'topic', name: topic.name, id: topic.id }]
  for (const [name, value] of topic.configs) {
    records.push({ kind: 'config', resourceType: resourceType.topic, resourceName: topic.name, name, value })
  }
  for (let index = 0; index < topic.partitionCount; index++) {
    const { id, nodeId, storage } = topic
    records.push({ kind: 'partition', id, index, nodeId, leaderEpoch: 0, storage })
  }
  return records
}

function createdTopic(
  state: MetadataState,
  topic: TopicPlan & { readonly name: string; readonly id: TopicIdHex },
): CreateTopicsResponseCreatableTopicResult {
  const configs = describeTopicConfigs(setValues(topic.configs), state.brokerConfigs(), null)
  return makeCreateTopicsResponseCreatableTopicResult({
    name: topic.name,
    topicId: topicIdBytes(topic.id),
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    numPartitions: topic.partitionCount,
    replicationFactor: 1,
    configs: configs.map((config) =>
      makeCreateTopicsResponseCreatableTopicConfigs({
        name: config.name,
        value: config.value,
        readOnly: config.isReadOnly,
        configSource: config.source,
        isSensitive: config.isSensitive,
      }),
    ),
  })
}
