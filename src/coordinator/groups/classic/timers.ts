/** The deadlines of a classic group. */

import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import { joinTimeIsOver, rebalanceAfterLoss, removeMemberAndRebalance, syncTimeIsOver } from './rebalance.ts'
import { type ClassicGroup, extendSession, removeMember } from './state.ts'

/** Acts on every deadline that is over, and notes the next one. */
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
