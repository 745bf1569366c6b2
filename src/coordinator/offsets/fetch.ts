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

const zeroTopicId = topicIdBytes(noTopicId)

/** The groups that the request asks for: a list from version 8, else the one. */
export function fetchingGroups(request: OffsetFetchRequest, apiVersion: number): FetchingGroup[] {
  if (apiVersion >= 8) return request.groups
  const topics = request.topics?.map((topic) => ({ ...topic, topicId: zeroTopicId })) ?? null
  return [{ groupId: request.groupId, memberId: null, memberEpoch: -1, topics }]
}

/**
 * A group's offsets: those asked for, or all where `topics` is null. What was never committed is offset -1 without an error.
 * No offset is ever unstable, since there are no transactions; so require_stable needs nothing beyond waiting for the journal.
 */
export function fetchOffsets(
  asked: FetchingGroup,
  offsets: GroupOffsets | undefined,
  { topics: view, apiVersion }: { readonly topics: TopicView; readonly apiVersion: number },
): FetchedGroup {
  const all = offsets ?? new Map()
  const topics =
    asked.topics === null
      ? fetchAll(all, { view, apiVersion })
      : asked.topics.map((topic) => fetchTopic(topic, { offsets: all, view, apiVersion }))
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
  {
    offsets,
    view,
    apiVersion,
  }: { readonly offsets: GroupOffsets; readonly view: TopicView; readonly apiVersion: number },
): FetchedTopic {
  const { topicId, partitionIndexes } = topic
  const name = apiVersion >= 10 ? view.nameOf(topicIdHex(topicId)) : topic.name
  if (name === undefined) {
    const partitions = partitionIndexes.map((index) => noOffset(index, ErrorCode.UNKNOWN_TOPIC_ID))
    return { name: '', topicId, partitions }
  }
  const partitions = partitionIndexes.map((index) => {
    const committed = committedOffset(offsets, name, index)
    return committed === undefined || isOfOtherTopic(committed, topicId) ? noOffset(index) : fetched(index, committed)
  })
  return { name, topicId, partitions }
}

function fetchAll(
  offsets: GroupOffsets,
  { view, apiVersion }: { readonly view: TopicView; readonly apiVersion: number },
): FetchedTopic[] {
  const topics: FetchedTopic[] = []
  for (const [name, committedByPartition] of offsets) {
    const id = apiVersion >= 10 ? view.idOf(name) : noTopicId
    // Without an id there is no way to name the topic in this version: it is gone.
    if (id === undefined) continue
    const topicId = topicIdBytes(id)
    const partitions: FetchedPartition[] = []
    for (const [index, committed] of committedByPartition) {
      if (!isOfOtherTopic(committed, topicId)) partitions.push(fetched(index, committed))
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
