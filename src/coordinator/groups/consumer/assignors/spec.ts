/** What a server-side assignor is given, and what it answers. */

import type { TopicIdHex } from '../../../../base/ids.ts'
import type { TopicPartitions } from '../assignment.ts'

/** A member as assignors see it. */
export type MemberSpec = {
  readonly id: string
  readonly instanceId: string | null
  /** Topics that are there, in the order in which the assignor takes them. */
  readonly topicIds: readonly TopicIdHex[]
  /** Its target so far; it may hold topics that the member no longer reads, or that are gone. */
  readonly target: TopicPartitions
}

export type GroupSpec = {
  /** In the order in which the assignor takes them; at least one. */
  readonly members: readonly MemberSpec[]
  /** Whether all members read the same topics. */
  readonly isHomogeneous: boolean
  /** How many partitions a topic has that some member reads. */
  readonly partitionCount: (topicId: TopicIdHex) => number
}

/** The new target of every member; members without an entry get nothing. */
export type GroupTargets = Map<string, TopicPartitions>

/** A member's partitions while an assignor works on them. */
export type GrowingTarget = Map<TopicIdHex, Set<number>>

export function growingTarget(target: TopicPartitions): GrowingTarget {
  return new Map(Array.from(target, ([topicId, partitions]) => [topicId, new Set(partitions)]))
}

export function addPartition(target: GrowingTarget, topicId: TopicIdHex, partition: number): void {
  const partitions = target.get(topicId)
  if (partitions === undefined) target.set(topicId, new Set([partition]))
  else partitions.add(partition)
}

export function removePartition(target: GrowingTarget, topicId: TopicIdHex, partition: number): void {
  const partitions = target.get(topicId)
  partitions?.delete(partition)
  if (partitions?.size === 0) target.delete(topicId)
}
