/** Answers DeleteRecords: moves log starts, which is the owners' work and needs no journal record. */

import {
  type DeleteRecordsRequest,
  type DeleteRecordsResponse,
  type DeleteRecordsResponseDeleteRecordsPartitionResult,
  makeDeleteRecordsResponse,
  makeDeleteRecordsResponseDeleteRecordsPartitionResult,
  makeDeleteRecordsResponseDeleteRecordsTopicResult,
} from '../../wire/generated/delete-records.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { TopicEffects } from '../ports.ts'
import { internalTopics, type MetadataState } from './state.ts'

/** Kafka's "no log start": the low watermark of a partition that was refused. */
const noOffset = -1

/** Answers a DeleteRecords request, partition by partition. Never rejects. */
export async function answerDeleteRecords(
  state: MetadataState,
  request: DeleteRecordsRequest,
  effects: TopicEffects,
): Promise<DeleteRecordsResponse> {
  const topics = [...offsetsByTopic(request)].map(async ([name, offsets]) => {
    const partitions = [...offsets].map(async ([partitionIndex, offset]) => {
      const errorCode = refusalOf(state, name, partitionIndex)
      if (errorCode !== ErrorCode.NONE) return partitionResult(partitionIndex, { errorCode, startOffset: noOffset })
      const outcome = await effects
        .deleteRecords(name, partitionIndex, offset)
        .catch(() => ({ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, startOffset: noOffset }))
      return partitionResult(partitionIndex, outcome)
    })
    return makeDeleteRecordsResponseDeleteRecordsTopicResult({ name, partitions: await Promise.all(partitions) })
  })
  return makeDeleteRecordsResponse({ topics: await Promise.all(topics) })
}

/** Every partition refused with one error code. */
export function refuseDeleteRecords(request: DeleteRecordsRequest, errorCode: number): DeleteRecordsResponse {
  return makeDeleteRecordsResponse({
    topics: request.topics.map((topic) =>
      makeDeleteRecordsResponseDeleteRecordsTopicResult({
        name: topic.name,
        partitions: topic.partitions.map(({ partitionIndex }) =>
          partitionResult(partitionIndex, { errorCode, startOffset: noOffset }),
        ),
      }),
    ),
  })
}

/** As in Kafka, what a request says last of a partition is what it asks for. */
function offsetsByTopic(request: DeleteRecordsRequest): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const byTopic = new Map<string, Map<number, number>>()
  for (const { name, partitions } of request.topics) {
    const offsets = byTopic.get(name) ?? new Map<number, number>()
    for (const { partitionIndex, offset } of partitions) offsets.set(partitionIndex, offset)
    byTopic.set(name, offsets)
  }
  return byTopic
}

function refusalOf(state: MetadataState, name: string, partition: number): number {
  const topic = state.topic(name)
  if (topic === undefined || partition < 0 || partition >= topic.partitionCount) {
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  }
  if (internalTopics.has(name)) return ErrorCode.INVALID_TOPIC_EXCEPTION
  const { isCompacted, isDeleted } = state.resolved(topic).settings
  // Deleting what compaction is meant to keep would lose the last value of a key.
  return isCompacted && !isDeleted ? ErrorCode.POLICY_VIOLATION : ErrorCode.NONE
}

function partitionResult(
  partitionIndex: number,
  outcome: { readonly errorCode: number; readonly startOffset: number },
): DeleteRecordsResponseDeleteRecordsPartitionResult {
  const { errorCode, startOffset } = outcome
  const lowWatermark = errorCode === ErrorCode.NONE ? startOffset : noOffset
  return makeDeleteRecordsResponseDeleteRecordsPartitionResult({ partitionIndex, lowWatermark, errorCode })
}
