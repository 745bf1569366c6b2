/** OffsetFetch: what a group committed, in one shape for all versions. */

import { noTopicId, topicIdBytes, topicIdHex } from '../../base/ids.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { OffsetFetchRequest, OffsetFetchResponse } from '../../wire/generated/offset-fetch.ts'
import type { TopicView } from '../topic-view.ts'
import { type CommittedOffset, committedOffset, type GroupOffsets } from './state.ts'

export type FetchedGroup = OffsetFetchResponse['groups'][number]
export type FetchingGroup = OffsetFetchRequest['groups'][number]
type FetchedTopic = FetchedGroup['topics'][number]
type FetchedPartition = FetchedTopic['partitions'][number]

/** What an answer is made with. */
export type FetchContext = {
  readonly topics: TopicView
  readonly apiVersion: number
  readonly isUnstable: (topic: string, partition: number) => boolean
}

const zeroTopicId = topicIdBytes(noTopicId)

/** The groups that the request asks for: a list from version 8, else the one. */
export function fetchingGroups(request: OffsetFetchRequest, apiVersion: number): FetchingGroup[] {
  if (apiVersion >= 8) return request.groups
  const topics = request.topics?.map((topic) => ({ ...topic, topicId: zeroTopicId })) ?? null
  return [{ groupId: request.groupId, memberId: null, memberEpoch: -1, topics }]
}

/**
 * A group's offsets: those asked for, or all where `topics` is null. What was never committed is offset -1 without an error.
 * `isUnstable` says where an offset may change with the end of a transaction, for clients that want to wait for that.
 */
export function fetchOffsets(
  asked: FetchingGroup,
  offsets: GroupOffsets | undefined,
  context: FetchContext,
): FetchedGroup {
  const all = offsets ?? new Map()
  const topics =
    asked.topics === null ? fetchAll(all, context) : asked.topics.map((topic) => fetchTopic(topic, all, context))
  return { groupId: asked.groupId, topics, errorCode: ErrorCode.NONE }
}

/** A group that cannot be answered for. Version 1 has no place for a group's error, so each partition carries it. */
export function fetchError(asked: FetchingGroup, errorCode: number, apiVersion: number): FetchedGroup {
  const topics: FetchedTopic[] = []
  if (apiVersion < 2) {
    for (const { name, topicId, partitionIndexes } of asked.topics ?? []) {
      topics.push({ name, topicId, partitions: partitionIndexes.map((index) => noOffset(index, errorCode)) })
    }
  }
  return { groupId: asked.groupId, topics, errorCode }
}

/** The response in the shape of the version: groups from 8, else the one group's topics. */
export function fetchResponse(groups: FetchedGroup[], apiVersion: number): OffsetFetchResponse {
  if (apiVersion >= 8) return { throttleTimeMs: 0, topics: [], errorCode: ErrorCode.NONE, groups }
  const [only] = groups
  return { throttleTimeMs: 0, topics: only?.topics ?? [], errorCode: only?.errorCode ?? ErrorCode.NONE, groups: [] }
}

function fetchTopic(
  topic: NonNullable<FetchingGroup['topics']>[number],
  offsets: GroupOffsets,
  { topics: view, apiVersion, isUnstable }: FetchContext,
): FetchedTopic {
  const { topicId, partitionIndexes } = topic
  const name = apiVersion >= 10 ? view.nameOf(topicIdHex(topicId)) : topic.name
  if (name === undefined) {
    const partitions = partitionIndexes.map((index) => noOffset(index, ErrorCode.UNKNOWN_TOPIC_ID))
    return { name: '', topicId, partitions }
  }
  const partitions = partitionIndexes.map((index) => {
    if (isUnstable(name, index)) return noOffset(index, ErrorCode.UNSTABLE_OFFSET_COMMIT)
    const committed = committedOffset(offsets, name, index)
    return committed === undefined || isOfOtherTopic(committed, topicId) ? noOffset(index) : fetched(index, committed)
  })
  return { name, topicId, partitions }
}

function fetchAll(offsets: GroupOffsets, { topics: view, apiVersion, isUnstable }: FetchContext): FetchedTopic[] {
  const topics: FetchedTopic[] = []
  for (const [name, committedByPartition] of offsets) {
    const id = apiVersion >= 10 ? view.idOf(name) : noTopicId
    // Without an id there is no way to name the topic in this version: it is gone.
    if (id === undefined) continue
    const topicId = topicIdBytes(id)
    const partitions: FetchedPartition[] = []
    for (const [index, committed] of committedByPartition) {
      if (isOfOtherTopic(committed, topicId)) continue
      const isWanted = !isUnstable(name, index)
      partitions.push(isWanted ? fetched(index, committed) : noOffset(index, ErrorCode.UNSTABLE_OFFSET_COMMIT))
    }
    if (partitions.length > 0) topics.push({ name, topicId, partitions })
  }
  return topics
}

/** Whether the offset belongs to a former topic of this name, where both sides say which they mean. */
function isOfOtherTopic(committed: CommittedOffset, topicId: Buffer): boolean {
  return committed.topicId !== null && !topicId.equals(zeroTopicId) && !committed.topicId.equals(topicId)
}

function fetched(partitionIndex: number, committed: CommittedOffset): FetchedPartition {
  return {
    partitionIndex,
    committedOffset: committed.offset,
    committedLeaderEpoch: committed.leaderEpoch,
    metadata: committed.metadata,
    errorCode: ErrorCode.NONE,
  }
}

function noOffset(partitionIndex: number, errorCode: number = ErrorCode.NONE): FetchedPartition {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode }
}
