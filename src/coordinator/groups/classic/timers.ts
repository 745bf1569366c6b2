/** A group's deadlines: one timer a group, armed for the earliest; sessions that were extended meanwhile cost nothing. */

import type { Clock } from '../../../base/clock.ts'
import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import { joinTimeIsOver, rebalanceAfterLoss, removeMemberAndRebalance, syncTimeIsOver } from './rebalance.ts'
import { type ClassicGroup, extendSession, removeMember } from './state.ts'

/** Sees to it that `fire` is called by the group's next deadline. To be called after whatever may have set one. */
export function armTimer(group: Group, clock: Clock, fire: () => void): void {
  const { classic } = group
  const wakeMs = classic.wakeMs
  classic.wakeMs = Number.POSITIVE_INFINITY
  if (wakeMs === Number.POSITIVE_INFINITY || (group.timer !== undefined && group.timer.dueMs <= wakeMs)) return
  cancelTimer(group)
  const delayMs = Math.max(0, wakeMs - clock.monotonicMs())
  group.timer = { dueMs: wakeMs, timer: clock.startTimer(delayMs, fire) }
}

export function cancelTimer(group: Group): void {
  group.timer?.timer.cancel()
  group.timer = undefined
}

/** Acts on every deadline that is over, and notes the next one for armTimer. */
export function decideDeadlines(decision: Decision, group: Group): void {
  const { classic } = group
  endSessions(decision, group)
  if (classic.joinDeadlineMs <= decision.monotonicMs) {
    classic.joinDeadlineMs = Number.POSITIVE_INFINITY
    if (classic.state === 'PreparingRebalance') joinTimeIsOver(decision, group)
  }
  if (classic.syncDeadlineMs <= decision.monotonicMs) syncTimeIsOver(decision, group)
  classic.wakeMs = nextDeadlineMs(classic)
}

/** Every member known from the journal has a whole session time to show itself again. */
export function startSessions(classic: ClassicGroup, monotonicMs: number): void {
  for (const member of classic.members.values()) {
    extendSession(classic, member, { monotonicMs, timeoutMs: member.sessionTimeoutMs })
  }
}

function endSessions(decision: Decision, group: Group): void {
  const { classic } = group
  for (const [memberId, pending] of [...classic.pendingJoins]) {
    if (pending.sessionDeadlineMs > decision.monotonicMs) continue
    removeMember(classic, memberId)
    if (classic.state === 'PreparingRebalance') rebalanceAfterLoss(decision, group)
  }
  for (const member of [...classic.members.values()]) {
    if (member.sessionDeadlineMs > decision.monotonicMs || !classic.members.has(member.id)) continue
    // A member that waits for an answer of ours cannot heartbeat; the answer starts its session anew.
    const isOwedAnswer = !member.isNew && (member.joinWaiter !== undefined || member.syncWaiter !== undefined)
    if (isOwedAnswer) member.sessionDeadlineMs = Number.POSITIVE_INFINITY
    else removeMemberAndRebalance(decision, group, member)
  }
}

function nextDeadlineMs(classic: ClassicGroup): number {
  let nextMs = Math.min(classic.joinDeadlineMs, classic.syncDeadlineMs)
  for (const pending of classic.pendingJoins.values()) nextMs = Math.min(nextMs, pending.sessionDeadlineMs)
  for (const member of classic.members.values()) nextMs = Math.min(nextMs, member.sessionDeadlineMs)
  return nextMs
}
