/**
 * The `range` assignor: each topic's partitions in runs of numbers, the first members one longer. Topics with equal subscribers
 * are cut alike, so that their partitions of one number meet in one member.
 */

import type { TopicIdHex } from '../../../../base/ids.ts'
import type { GroupSpec, GroupTargets, MemberSpec } from './spec.ts'

/** What is left of a topic while it is cut. */
type Cut = { next: number; memberQuota: number; longerRuns: number; readonly end: number }

/** Members with an instance id come first, by it; the others by member id. What they had before plays no part. */
export function assignRange({ members, partitionCount }: GroupSpec): GroupTargets {
  const sorted = [...members].sort(compareMembers)
  const readers = new Map<TopicIdHex, number>()
  for (const { topicIds } of sorted) {
    for (const topicId of topicIds) readers.set(topicId, (readers.get(topicId) ?? 0) + 1)
  }
  const cuts = new Map<TopicIdHex, Cut>()
  for (const [topicId, count] of readers) {
    const end = partitionCount(topicId)
    cuts.set(topicId, { next: 0, memberQuota: Math.floor(end / count), longerRuns: end % count, end })
  }
  const targets: GroupTargets = new Map()
  for (const { id, topicIds } of sorted) {
    const target = new Map<TopicIdHex, ReadonlySet<number>>()
    for (const topicId of topicIds) {
      const run = nextRun(cuts.get(topicId))
      if (run.size > 0) target.set(topicId, run)
    }
    targets.set(id, target)
  }
  return targets
}

function nextRun(cut: Cut | undefined): Set<number> {
  const run = new Set<number>()
  if (cut === undefined) return run
  const length = cut.memberQuota + (cut.longerRuns > 0 ? 1 : 0)
  cut.longerRuns = Math.max(0, cut.longerRuns - 1)
  const end = Math.min(cut.next + length, cut.end)
  for (; cut.next < end; cut.next++) run.add(cut.next)
  return run
}

function compareMembers(left: MemberSpec, right: MemberSpec): number {
  if (left.instanceId === null || right.instanceId === null) {
    if (left.instanceId !== right.instanceId) return left.instanceId === null ? 1 : -1
    return compareText(left.id, right.id)
  }
  return compareText(left.instanceId, right.instanceId)
}

function compareText(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}
