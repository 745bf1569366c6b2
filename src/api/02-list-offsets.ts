/**
 * ListOffsets (key 2), versions 1-11: finds offsets by place (start, end) or by time.
 *
 * Behaviour: without tiered storage the earliest local offset is the log start, and the latest tiered and the earliest pending
 * one are -1. The replica id and the timeout are ignored. Versions: 2 brought the isolation level, 4 leader epochs, 7 the maximum
 * timestamp (-3), 8 earliest local (-4), 9 latest tiered (-5), 11 earliest pending upload (-6); an older version that asks for one
 * of these gets UNSUPPORTED_VERSION for that partition.
 */

import { ErrorCode } from '../wire/generated/errors.ts'
import {
  decodeListOffsetsRequest,
  encodeListOffsetsResponse,
  type ListOffsetsRequest,
  type ListOffsetsRequestListOffsetsPartition,
  type ListOffsetsResponse,
  type ListOffsetsResponseListOffsetsPartitionResponse,
  makeListOffsetsResponse,
  makeListOffsetsResponseListOffsetsPartitionResponse,
  makeListOffsetsResponseListOffsetsTopicResponse,
} from '../wire/generated/list-offsets.ts'
import { type Call, defineApi } from './api.ts'
import { errorOfLeaderEpoch } from './leader-epoch.ts'
import type { Place, TimedOffset } from './ports.ts'

export const listOffsets = defineApi({
  place: 'front',
  key: 2,
  versions: [1, 11],
  decode: decodeListOffsetsRequest,
  encode: encodeListOffsetsResponse,
  handle: answer,
})

const latest = -1
const earliest = -2
const greatestTimestamp = -3
const earliestLocal = -4
const latestTiered = -5
const earliestPendingUpload = -6
const readCommitted = 1

/** The first version that knows a special timestamp. */
const versionOf: ReadonlyMap<number, number> = new Map([
  [latest, 1],
  [earliest, 1],
  [greatestTimestamp, 7],
  [earliestLocal, 8],
  [latestTiered, 9],
  [earliestPendingUpload, 11],
])

async function answer(request: ListOffsetsRequest, call: Call<ListOffsetsResponse>): Promise<void> {
  const topics: ListOffsetsResponse['topics'] = []
  for (const { name, partitions } of request.topics) {
    const topic = call.ports.catalog.byName(name)
    const seen = new Set<number>()
    const responses: ListOffsetsResponseListOffsetsPartitionResponse[] = []
    for (const wish of partitions) {
      const partition = topic?.partitions[wish.partitionIndex]
      const errorCode = seen.has(wish.partitionIndex) ? ErrorCode.INVALID_REQUEST : errorOfWish(wish, call.apiVersion)
      seen.add(wish.partitionIndex)
      if (errorCode !== ErrorCode.NONE) responses.push(refusal(wish, errorCode))
      else if (topic === undefined || partition === undefined) {
        responses.push(refusal(wish, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
      } else responses.push(await find({ topic, partition }, wish, request.isolationLevel, call))
    }
    topics.push(makeListOffsetsResponseListOffsetsTopicResponse({ name, partitions: responses }))
  }
  call.reply(makeListOffsetsResponse({ topics }))
}

function errorOfWish(wish: ListOffsetsRequestListOffsetsPartition, version: number): number {
  if (wish.timestamp >= 0) return ErrorCode.NONE
  const versionMin = versionOf.get(wish.timestamp)
  return versionMin === undefined || version < versionMin ? ErrorCode.UNSUPPORTED_VERSION : ErrorCode.NONE
}

function refusal(
  wish: ListOffsetsRequestListOffsetsPartition,
  errorCode: number,
): ListOffsetsResponseListOffsetsPartitionResponse {
  return makeListOffsetsResponseListOffsetsPartitionResponse({ partitionIndex: wish.partitionIndex, errorCode })
}

async function find(
  place: Place,
  wish: ListOffsetsRequestListOffsetsPartition,
  isolationLevel: number,
  call: Call<ListOffsetsResponse>,
): Promise<ListOffsetsResponseListOffsetsPartitionResponse> {
  const { partitions } = call.ports
  const { slot, leaderEpoch } = place.partition
  const stateError = partitions.errorOf(slot)
  const errorCode =
    stateError === ErrorCode.NONE ? errorOfLeaderEpoch(wish.currentLeaderEpoch, leaderEpoch) : stateError
  if (errorCode !== ErrorCode.NONE) return refusal(wish, errorCode)
  const isCommittedOnly = isolationLevel === readCommitted
  const endOffset = isCommittedOnly ? partitions.lastStableOffset(slot) : partitions.highWatermark(slot)
  try {
    const at = await lookUp(place, wish.timestamp, endOffset, call)
    // Versions before 4 cannot carry an epoch.
    return found(wish, at, call.apiVersion < 4 ? -1 : leaderEpoch)
  } catch {
    return refusal(wish, ErrorCode.KAFKA_STORAGE_ERROR)
  }
}

/** Undefined where there is no such record. */
async function lookUp(
  place: Place,
  timestamp: number,
  endOffset: number,
  call: Call<ListOffsetsResponse>,
): Promise<TimedOffset | undefined> {
  const { partitions } = call.ports
  if (timestamp === latest) return { offset: endOffset, timestampMs: -1 }
  if (timestamp === earliest || timestamp === earliestLocal) {
    return { offset: partitions.logStartOffset(place.partition.slot), timestampMs: -1 }
  }
  if (timestamp === latestTiered || timestamp === earliestPendingUpload) return undefined
  if (timestamp === greatestTimestamp) return partitions.maxTimestamp(place, endOffset)
  return partitions.offsetForTimestamp(place, timestamp, endOffset)
}

function found(
  wish: ListOffsetsRequestListOffsetsPartition,
  at: TimedOffset | undefined,
  leaderEpoch: number,
): ListOffsetsResponseListOffsetsPartitionResponse {
  return makeListOffsetsResponseListOffsetsPartitionResponse({
    partitionIndex: wish.partitionIndex,
    timestamp: at?.timestampMs ?? -1,
    offset: at?.offset ?? -1,
    leaderEpoch: at === undefined ? -1 : leaderEpoch,
  })
}
