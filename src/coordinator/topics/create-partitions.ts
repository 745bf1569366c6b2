/** Decides CreatePartitions: a topic's partitions can only become more. */

import {
  type CreatePartitionsRequest,
  type CreatePartitionsRequestCreatePartitionsTopic,
  type CreatePartitionsResponse,
  type CreatePartitionsResponseCreatePartitionsTopicResult,
  makeCreatePartitionsResponse,
  makeCreatePartitionsResponseCreatePartitionsTopicResult,
} from '../../wire/generated/create-partitions.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'
import type { MutationQuota } from '../quotas/mutations.ts'
import { partitionsPerRequestMax, replicasProblem } from './create.ts'
import { type Decision, duplicatesOf } from './decision.ts'
import type { MetadataRecord } from './records.ts'
import { type MetadataState, ownTopicNames, type TopicState } from './state.ts'

/** Decides a CreatePartitions request. */
export function decideCreatePartitions(
  state: MetadataState,
  request: CreatePartitionsRequest,
  tools: { readonly nodeId: number; readonly partitionsLeft: number; readonly quota: MutationQuota },
): Decision<CreatePartitionsResponse> {
  const { nodeId } = tools
  const duplicates = duplicatesOf(request.topics.map((topic) => topic.name))
  const records: MetadataRecord[] = []
  const touched: string[] = []
  const results: CreatePartitionsResponseCreatePartitionsTopicResult[] = []
  const answered = new Set<string>()
  let partitionsLeft = Math.min(partitionsPerRequestMax, tools.partitionsLeft)
  for (const wanted of request.topics) {
    if (answered.has(wanted.name)) continue
    answered.add(wanted.name)
    const topic = duplicates.has(wanted.name)
      ? { errorCode: ErrorCode.INVALID_REQUEST, message: 'Duplicate topic name.' }
      : growableTopic(state, wanted, { nodeId, partitionsLeft })
    const refusal = 'errorCode' in topic ? topic : tools.quota.charge(wanted.count - topic.partitionCount)
    if ('errorCode' in topic || refusal !== undefined) {
      if (refusal !== undefined) results.push(refusedGrowth(wanted.name, refusal))
      continue
    }
    partitionsLeft -= wanted.count - topic.partitionCount
    for (let index = topic.partitionCount; index < wanted.count; index++) {
      records.push({ kind: 'partition', id: topic.id, index, nodeId, leaderEpoch: 0, storage: topic.storage })
    }
    touched.push(wanted.name)
    const result = { name: wanted.name, errorCode: ErrorCode.NONE, errorMessage: null }
    results.push(makeCreatePartitionsResponseCreatePartitionsTopicResult(result))
  }
  const response = makeCreatePartitionsResponse({ results })
  return request.validateOnly ? { records: [], touched: [], response } : { records, touched, response }
}

/** The whole request refused for one reason. */
export function refuseCreatePartitions(request: CreatePartitionsRequest, refusal: Refusal): CreatePartitionsResponse {
  return makeCreatePartitionsResponse({ results: request.topics.map((topic) => refusedGrowth(topic.name, refusal)) })
}

function refusedGrowth(name: string, refusal: Refusal): CreatePartitionsResponseCreatePartitionsTopicResult {
  return makeCreatePartitionsResponseCreatePartitionsTopicResult({
    name,
    errorCode: refusal.errorCode,
    errorMessage: refusal.message,
  })
}

function growableTopic(
  state: MetadataState,
  wanted: CreatePartitionsRequestCreatePartitionsTopic,
  limits: { nodeId: number; partitionsLeft: number },
): TopicState | Refusal {
  const topic = state.topic(wanted.name)
  if (topic === undefined) {
    return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: null }
  }
  if (ownTopicNames.has(topic.name)) {
    return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, message: "The broker's own topics cannot grow." }
  }
  const present = topic.partitionCount
  if (wanted.count === present) {
    return { errorCode: ErrorCode.INVALID_PARTITIONS, message: `Topic already has ${present} partition(s).` }
  }
  if (wanted.count < present) {
    const message =
      `The topic ${wanted.name} currently has ${present} partition(s); ` + `${wanted.count} would not be an increase.`
    return { errorCode: ErrorCode.INVALID_PARTITIONS, message }
  }
  const added = wanted.count - present
  if (wanted.assignments !== null && wanted.assignments.length !== added) {
    const message =
      `Attempted to add ${added} additional partition(s), but only ${wanted.assignments.length} ` +
      'assignment(s) were specified.'
    return { errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT, message }
  }
  for (const { brokerIds } of wanted.assignments ?? []) {
    const problem = replicasProblem(brokerIds, limits.nodeId)
    if (problem !== undefined) return { errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT, message: problem }
  }
  if (added > limits.partitionsLeft) {
    const message = 'Excessively large number of partitions per request.'
    return { errorCode: ErrorCode.POLICY_VIOLATION, message }
  }
  return topic
}
