/**
 * The `uniform` assignor for members that all read the same topics: every member keeps what it has up to its even share, and the
 * rest fills those who are below theirs.
 */

import type { TopicIdHex } from '../../../../base/ids.ts'
import { addPartition, type GroupSpec, type GroupTargets, type GrowingTarget, growingTarget } from './spec.ts'

type FreePartition = { readonly topicId: TopicIdHex; readonly partition: number }
type Unfilled = { readonly target: GrowingTarget; readonly quota: number }

/** Shares differ by one partition at most. The members' order decides who gets the larger ones. */
export function assignUniformHomogeneous({ members, partitionCount }: GroupSpec): GroupTargets {
  const topicIds = members[0]?.topicIds ?? []
  if (topicIds.length === 0) return new Map()
  const known = new Set(topicIds)
  const taken = new Map<TopicIdHex, Set<number>>()
  for (const { target } of members) {
    for (const [topicId, partitions] of target) {
      for (const partition of partitions) addPartition(taken, topicId, partition)
    }
  }
  const free: FreePartition[] = []
  let partitionsInAll = 0
  for (const topicId of topicIds) {
    const count = partitionCount(topicId)
    partitionsInAll += count
    for (let partition = 0; partition < count; partition++) {
      if (taken.get(topicId)?.has(partition) !== true) free.push({ topicId, partition })
    }
  }
  const quotaMin = Math.floor(partitionsInAll / members.length)
  let largerShares = partitionsInAll % members.length
  const targets: GroupTargets = new Map()
  const unfilled: Unfilled[] = []
  for (const [index, member] of members.entries()) {
    let isLarger = largerShares > 0
    const { target, quotaLeft } = keepUpTo(member.target, { quota: quotaMin + (isLarger ? 1 : 0), known, free })
    targets.set(member.id, target)
    let quota = quotaLeft
    // The larger share is for a member that has it already; the last ones must take what is left of them.
    if (quota > 0 && isLarger && members.length - index > largerShares) {
      quota -= 1
      isLarger = false
    }
    if (quota > 0) unfilled.push({ target, quota })
    if (isLarger) largerShares -= 1
  }
  fill(unfilled, free)
  return targets
}

/** What a member may keep; what is beyond its quota joins the free partitions, and topics that it does not read are dropped. */
function keepUpTo(
  target: GroupSpec['members'][number]['target'],
  limits: { readonly quota: number; readonly known: ReadonlySet<TopicIdHex>; readonly free: FreePartition[] },
): { target: GrowingTarget; quotaLeft: number } {
  const kept = growingTarget(target)
  let quotaLeft = limits.quota
  for (const [topicId, partitions] of target) {
    if (!limits.known.has(topicId)) {
      kept.delete(topicId)
      continue
    }
    for (const partition of partitions) {
      if (quotaLeft > 0) {
        quotaLeft -= 1
        continue
      }
      const own = kept.get(topicId)
      own?.delete(partition)
      if (own?.size === 0) kept.delete(topicId)
      limits.free.push({ topicId, partition })
    }
  }
  return { target: kept, quotaLeft }
}

function fill(unfilled: readonly Unfilled[], free: readonly FreePartition[]): void {
  let next = 0
  for (const { target, quota } of unfilled) {
    for (let count = 0; count < quota && next < free.length; count++, next++) {
      const given = free[next]
      if (given !== undefined) addPartition(target, given.topicId, given.partition)
    }
  }
}
