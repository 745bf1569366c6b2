/** One step of a member from what it holds to its target, as Kafka's CurrentAssignmentBuilder takes it. */

import type { TopicIdHex } from '../../../base/ids.ts'
import { type HeldPartitions, heldOf, nothingHeld, partitionsOf, type TopicPartitions } from './assignment.ts'
import { type MemberStanding, memberState } from './state.ts'

export type Reconciliation = {
  readonly targetEpoch: number
  readonly target: TopicPartitions
  /** Topics that the member reads now: whatever its target says, it is to hold no others. */
  readonly subscribed: ReadonlySet<TopicIdHex>
  /** Whether the present request has changed what the member reads. */
  readonly hasSubscriptionChanged: boolean
  /** What the member says that it holds; null where it says nothing. */
  readonly owned: TopicPartitions | null
  /** Whether any member holds a partition, or has yet to give it up. */
  readonly isHeld: (topicId: TopicIdHex, partition: number) => boolean
}

/** The member's next standing, or the present one where there is nothing to do, or nothing can be done yet. */
export function reconcile(standing: MemberStanding, by: Reconciliation): MemberStanding {
  switch (standing.state) {
    case memberState.stable:
      if (standing.epoch !== by.targetEpoch) return nextStanding(standing, by)
      return by.hasSubscriptionChanged ? withoutUnsubscribed(standing, by) : standing
    case memberState.unrevokedPartitions:
      if (!ownsAny(by.owned, standing.revoking)) return nextStanding(standing, by)
      return by.hasSubscriptionChanged ? withoutUnsubscribed(standing, by) : standing
    case memberState.unreleasedPartitions:
      return nextStanding(standing, by)
    default:
      // A state from a later version of Kafka: the member has been made to give up everything, and begins anew.
      return nextStanding({ ...standing, epoch: by.targetEpoch }, by)
  }
}

/** The step itself: first what is to go must be gone, then the member moves on to the target's epoch with all that is free. */
function nextStanding(standing: MemberStanding, by: Reconciliation): MemberStanding {
  const kept = new Map<TopicIdHex, Map<number, number>>()
  const leaving = new Map<TopicIdHex, Map<number, number>>()
  const given = new Map<TopicIdHex, number[]>()
  let hasUnreleased = false
  for (const topicId of new Set([...by.target.keys(), ...standing.assigned.keys()])) {
    const wanted = by.subscribed.has(topicId) ? partitionsOf(by.target, topicId) : new Set<number>()
    const held = heldOf(standing.assigned, topicId)
    for (const [partition, epoch] of held) put(wanted.has(partition) ? kept : leaving, topicId, { partition, epoch })
    const ownRevoking = heldOf(standing.revoking, topicId)
    for (const partition of wanted) {
      if (held.has(partition)) continue
      // What the member itself is about to give up can come back to it.
      if (by.isHeld(topicId, partition) && !ownRevoking.has(partition)) hasUnreleased = true
      else given.set(topicId, [...(given.get(topicId) ?? []), partition])
    }
  }
  if (leaving.size > 0 && ownsAny(by.owned, leaving)) {
    const state = memberState.unrevokedPartitions
    return { epoch: standing.epoch, previousEpoch: standing.epoch, state, assigned: kept, revoking: leaving }
  }
  for (const [topicId, partitions] of given) {
    for (const partition of partitions) put(kept, topicId, { partition, epoch: by.targetEpoch })
  }
  return {
    epoch: by.targetEpoch,
    previousEpoch: standing.epoch,
    state: hasUnreleased ? memberState.unreleasedPartitions : memberState.stable,
    assigned: kept,
    revoking: nothingHeld,
  }
}

/** Takes away at once what the member no longer reads; everything else waits for the next target. */
function withoutUnsubscribed(standing: MemberStanding, by: Reconciliation): MemberStanding {
  const kept = new Map<TopicIdHex, ReadonlyMap<number, number>>()
  const leaving = new Map(standing.revoking)
  for (const [topicId, epochs] of standing.assigned) {
    if (by.subscribed.has(topicId)) kept.set(topicId, epochs)
    else leaving.set(topicId, new Map([...heldOf(leaving, topicId), ...epochs]))
  }
  if (kept.size === standing.assigned.size) return standing
  const moved = { epoch: standing.epoch, previousEpoch: standing.epoch, assigned: kept }
  if (!ownsAny(by.owned, leaving)) return { ...standing, ...moved }
  return { ...moved, state: memberState.unrevokedPartitions, revoking: leaving }
}

/** A member that does not say what it owns may own everything. */
function ownsAny(owned: TopicPartitions | null, held: HeldPartitions): boolean {
  if (owned === null) return true
  for (const [topicId, partitions] of owned) {
    const epochs = heldOf(held, topicId)
    for (const partition of partitions) if (epochs.has(partition)) return true
  }
  return false
}

function put(
  held: Map<TopicIdHex, Map<number, number>>,
  topicId: TopicIdHex,
  { partition, epoch }: { readonly partition: number; readonly epoch: number },
): void {
  const epochs = held.get(topicId)
  if (epochs === undefined) held.set(topicId, new Map([[partition, epoch]]))
  else epochs.set(partition, epoch)
}
