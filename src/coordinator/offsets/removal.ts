/** How offsets go: by OffsetDelete, with their group, with their topic, or with time. */

import { ErrorCode } from '../../wire/generated/errors.ts'
import type { OffsetDeleteRequest, OffsetDeleteResponse } from '../../wire/generated/offset-delete.ts'
import { isConsumerGroup, subscribedTopics, subscriptionTest } from '../groups/classic/subscription.ts'
import { allSubscribedNames } from '../groups/consumer/state.ts'
import { writeGroupRemoval, writer } from '../groups/consumer/write.ts'
import type { Decision } from '../groups/decision.ts'
import { type Group, isEmptyGroup } from '../groups/group.ts'
import { type CommittedOffset, committedOffset } from './state.ts'

/** Decides an OffsetDelete: offsets of topics that the group's members read stay. */
export function decideOffsetDelete(
  decision: Decision,
  group: Group | undefined,
  request: OffsetDeleteRequest,
): OffsetDeleteResponse {
  const errorCode = checkOffsetDelete(group, request)
  if (group === undefined || errorCode !== ErrorCode.NONE) return { errorCode, throttleTimeMs: 0, topics: [] }
  const isSubscribed = readTest(group)
  const { topics: view } = decision.ports
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => {
      const isKnown = partitionIndex >= 0 && partitionIndex < (view.partitionCount(name) ?? 0)
      if (!isKnown) return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
      if (isSubscribed(name)) return { partitionIndex, errorCode: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC }
      const place = { topic: name, partition: partitionIndex }
      const isThere = committedOffset(group.offsets, name, partitionIndex) !== undefined || group.pending.has(place)
      if (isThere) removeOffset(decision, group, place)
      return { partitionIndex, errorCode: ErrorCode.NONE }
    }),
  }))
  return { errorCode, throttleTimeMs: 0, topics }
}

/** Decides the end of a group of a DeleteGroups request: it must be there and empty. Answers with the error code. */
export function decideGroupDelete(decision: Decision, group: Group | undefined): number {
  if (group === undefined) return ErrorCode.GROUP_ID_NOT_FOUND
  if (!isEmptyGroup(group)) return ErrorCode.NON_EMPTY_GROUP
  removeGroup(decision, group)
  return ErrorCode.NONE
}

/** Removes the offsets of a topic that is gone. */
export function decideTopicRemoved(decision: Decision, group: Group, topic: string): void {
  for (const partition of [...(group.offsets.get(topic)?.keys() ?? [])]) {
    removeOffset(decision, group, { topic, partition })
  }
  for (const place of group.pending.places(topic)) removeOffset(decision, group, place)
}

/** Removes offsets that nobody has used for longer than the retention time, and the group once it has none and is empty. */
export function decideExpiry(decision: Decision, group: Group): void {
  const { classic, offsets } = group
  const expiresFromMs = expiryBase(group)
  if (expiresFromMs === undefined && offsets.size > 0) return
  const isSubscribed = readTest(group)
  for (const [topic, partitions] of [...offsets]) {
    if (isSubscribed(topic)) continue
    for (const [partition, committed] of [...partitions]) {
      // A transaction is about to say something of it.
      if (group.pending.has({ topic, partition })) continue
      if (isExpired(decision, committed, expiresFromMs?.(committed) ?? committed.commitTimestampMs)) {
        removeOffset(decision, group, { topic, partition })
      }
    }
  }
  const isLeft = isEmptyGroup(group) && classic.pendingJoins.size === 0
  if (offsets.size === 0 && group.pending.isEmpty && isLeft) removeGroup(decision, group)
}

/** From when the retention time counts for an offset; undefined: not at all for now. */
function expiryBase({ classic, consumer }: Group): ((committed: CommittedOffset) => number) | undefined {
  if (consumer !== undefined || classic.protocolType === null) return (committed) => committed.commitTimestampMs
  if (classic.state === 'Empty') {
    const { stateTimestampMs } = classic
    return (committed) => (stateTimestampMs === -1 ? committed.commitTimestampMs : stateTimestampMs)
  }
  const isAware = classic.state === 'Stable' && isConsumerGroup(classic) && subscribedTopics(classic) !== undefined
  return isAware ? (committed) => committed.commitTimestampMs : undefined
}

function isExpired(decision: Decision, committed: CommittedOffset, fromMs: number): boolean {
  if (committed.expireTimestampMs !== -1) return decision.nowMs >= committed.expireTimestampMs
  return decision.nowMs - fromMs >= decision.ports.settings.offsetsRetentionMs
}

function removeGroup(decision: Decision, group: Group): void {
  for (const [topic, partitions] of [...group.offsets]) {
    for (const partition of [...partitions.keys()]) removeOffset(decision, group, { topic, partition })
  }
  for (const place of group.pending.places()) removeOffset(decision, group, place)
  if (group.consumer !== undefined) {
    writeGroupRemoval(writer(decision, group.id), group.consumer)
    return
  }
  // A group that only had offsets is gone with them, but Kafka's readers expect the tombstone all the same.
  decision.write({ kind: 'group', groupId: group.id, value: null })
}

function removeOffset(
  decision: Decision,
  group: Group,
  place: { readonly topic: string; readonly partition: number },
): void {
  decision.write({ kind: 'offset', groupId: group.id, ...place, committed: null })
}

/** Whether members read a topic, by either protocol. */
function readTest({ classic, consumer }: Group): (topic: string) => boolean {
  if (consumer === undefined) return subscriptionTest(classic)
  const names = allSubscribedNames(consumer)
  return (topic) => names.has(topic)
}

function checkOffsetDelete(group: Group | undefined, request: OffsetDeleteRequest): number {
  if (request.groupId === '') return ErrorCode.INVALID_GROUP_ID
  if (group === undefined) return ErrorCode.GROUP_ID_NOT_FOUND
  const isAllowed = isEmptyGroup(group) || group.consumer !== undefined || isConsumerGroup(group.classic)
  return isAllowed ? ErrorCode.NONE : ErrorCode.NON_EMPTY_GROUP
}
