/** A rebalance: from the first reason for it, over waiting for the members, to a new generation. */

import { ErrorCode } from '../../../wire/generated/errors.ts'
import { type JoinGroupResponse, makeJoinGroupResponse } from '../../../wire/generated/join-group.ts'
import { makeSyncGroupResponse } from '../../../wire/generated/sync-group.ts'
import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import { groupRecord } from './records.ts'
import {
  type ClassicGroup,
  type ClassicMember,
  extendSession,
  hasAllMembersJoined,
  metadataFor,
  noAssignment,
  rebalanceTimeoutMs,
  removeMember,
  selectProtocol,
  setJoinWaiter,
  setState,
} from './state.ts'

/** However short the members' own timeouts, absent static members are not looked for more often than this. */
const staticWaitMinMs = 1_000

/** Begins a rebalance where none has begun; else looks whether the present one has what it waits for. */
export function rebalanceOrCompleteJoin(decision: Decision, group: Group): void {
  if (group.classic.state !== 'PreparingRebalance') prepareRebalance(decision, group)
  else completeJoinIfReady(decision, group)
}

/** Asks all members to join again. */
export function prepareRebalance(decision: Decision, group: Group): void {
  const { classic } = group
  if (classic.state === 'CompletingRebalance') endSyncs(decision, classic, ErrorCode.REBALANCE_IN_PROGRESS)
  classic.pendingSyncs.clear()
  classic.syncDeadlineMs = Number.POSITIVE_INFINITY
  const isInitial = classic.state === 'Empty'
  setState(classic, 'PreparingRebalance')
  if (!isInitial) {
    if (hasAllMembersJoined(classic)) completeJoin(decision, group)
    else setJoinDeadline(decision, classic, rebalanceTimeoutMs(classic))
    return
  }
  const delayMs = decision.ports.settings.initialRebalanceDelayMs
  classic.initialRemainingMs = Math.max(rebalanceTimeoutMs(classic) - delayMs, 0)
  classic.hasNewMember = false
  if (delayMs === 0) completeJoin(decision, group)
  else setJoinDeadline(decision, classic, delayMs)
}

/** Completes the join phase once all members have joined; the first rebalance of a group waits out its delay instead. */
export function completeJoinIfReady(decision: Decision, group: Group): void {
  const { classic } = group
  if (classic.state !== 'PreparingRebalance' || classic.previousState === 'Empty') return
  if (hasAllMembersJoined(classic)) completeJoin(decision, group)
}

/** The time to join is over. */
export function joinTimeIsOver(decision: Decision, group: Group): void {
  const { classic } = group
  const remainingMs = classic.initialRemainingMs
  if (remainingMs !== undefined && remainingMs > 0 && classic.hasNewMember) {
    // Members still come: the delay starts again, within the time that they allow for a rebalance.
    const delayMs = Math.min(decision.ports.settings.initialRebalanceDelayMs, remainingMs)
    classic.hasNewMember = false
    classic.initialRemainingMs = Math.max(remainingMs - delayMs, 0)
    setJoinDeadline(decision, classic, delayMs)
    return
  }
  completeJoin(decision, group)
}

/** Ends the join phase: whoever has not joined is out (static members stay), the others get the new generation. */
export function completeJoin(decision: Decision, group: Group): void {
  const { classic } = group
  classic.joinDeadlineMs = Number.POSITIVE_INFINITY
  classic.initialRemainingMs = undefined
  for (const member of [...classic.members.values()]) {
    if (member.joinWaiter === undefined && member.instanceId === null) removeMember(classic, member.id)
  }
  if (classic.members.size === 0) {
    classic.generation += 1
    classic.protocol = null
    decision.write(groupRecord(group.id, classic, { nowMs: decision.nowMs, assignmentOf: () => noAssignment }))
    return
  }
  if (!electJoinedLeader(classic)) {
    // Only static members are left and none has come: their sessions will end, or they will come.
    setJoinDeadline(decision, classic, Math.max(rebalanceTimeoutMs(classic), staticWaitMinMs))
    return
  }
  startGeneration(decision, classic)
}

/** Removes a member for good, and lets the group go on without it. */
export function removeMemberAndRebalance(decision: Decision, group: Group, member: ClassicMember): void {
  const { classic } = group
  dismissMember(decision, classic, member)
  rebalanceAfterLoss(decision, group)
}

/** Removes a member; its parked requests are told that it is none any more, so that it joins anew if it still lives. */
export function dismissMember(decision: Decision, classic: ClassicGroup, member: ClassicMember): void {
  if (member.joinWaiter !== undefined) {
    decision.answer(member.joinWaiter, makeJoinGroupResponse({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID }))
    setJoinWaiter(classic, member, undefined)
  }
  if (member.syncWaiter !== undefined) {
    decision.answer(member.syncWaiter, makeSyncGroupResponse({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID }))
    member.syncWaiter = undefined
  }
  removeMember(classic, member.id)
}

/** What follows when members or pending joins are gone. */
export function rebalanceAfterLoss(decision: Decision, group: Group): void {
  const { state } = group.classic
  if (state === 'Stable' || state === 'CompletingRebalance') prepareRebalance(decision, group)
  else completeJoinIfReady(decision, group)
}

/** Members that never sent SyncGroup are taken for dead, and the others get another generation without them. */
export function syncTimeIsOver(decision: Decision, group: Group): void {
  const { classic } = group
  classic.syncDeadlineMs = Number.POSITIVE_INFINITY
  if (classic.state !== 'CompletingRebalance' && classic.state !== 'Stable') return
  if (classic.pendingSyncs.size === 0) return
  for (const memberId of [...classic.pendingSyncs]) removeMember(classic, memberId)
  prepareRebalance(decision, group)
}

/** Answers every parked SyncGroup with an error, and forgets the assignments that were never made known. */
export function endSyncs(decision: Decision, classic: ClassicGroup, errorCode: number): void {
  for (const member of classic.members.values()) {
    member.assignment = noAssignment
    if (member.syncWaiter === undefined) continue
    decision.answer(member.syncWaiter, makeSyncGroupResponse({ errorCode }))
    member.syncWaiter = undefined
    extendSession(classic, member, { monotonicMs: decision.monotonicMs, timeoutMs: member.sessionTimeoutMs })
  }
}

/** The answer that tells a member of the present generation; the leader also learns who the members are. */
export function generationResponse(
  classic: ClassicGroup,
  memberId: string,
  { listsMembers }: { readonly listsMembers: boolean },
): JoinGroupResponse {
  return makeJoinGroupResponse({
    generationId: classic.generation,
    protocolType: classic.protocolType,
    protocolName: classic.protocol,
    leader: classic.leader ?? '',
    memberId,
    members: listsMembers ? memberList(classic) : [],
  })
}

function memberList(classic: ClassicGroup): JoinGroupResponse['members'] {
  return Array.from(classic.members.values(), (member) => ({
    memberId: member.id,
    groupInstanceId: member.instanceId,
    metadata: metadataFor(member, classic.protocol),
  }))
}

function startGeneration(decision: Decision, classic: ClassicGroup): void {
  classic.generation += 1
  classic.protocol = selectProtocol(classic)
  setState(classic, 'CompletingRebalance')
  classic.pendingSyncs.clear()
  for (const member of classic.members.values()) {
    const waiter = member.joinWaiter
    if (waiter !== undefined) {
      const listsMembers = member.id === classic.leader
      decision.answer(waiter, generationResponse(classic, member.id, { listsMembers }))
      setJoinWaiter(classic, member, undefined)
    }
    extendSession(classic, member, { monotonicMs: decision.monotonicMs, timeoutMs: member.sessionTimeoutMs })
    member.isNew = false
    classic.pendingSyncs.add(member.id)
  }
  classic.syncDeadlineMs = decision.monotonicMs + rebalanceTimeoutMs(classic)
  classic.wakeMs = Math.min(classic.wakeMs, classic.syncDeadlineMs)
}

/** Whether a member that has joined leads; a leader that has not is succeeded by one that has. */
function electJoinedLeader(classic: ClassicGroup): boolean {
  const leader = classic.leader === null ? undefined : classic.members.get(classic.leader)
  if (leader?.joinWaiter !== undefined) return true
  for (const member of classic.members.values()) {
    if (member.joinWaiter === undefined) continue
    classic.leader = member.id
    return true
  }
  return false
}

function setJoinDeadline(decision: Decision, classic: ClassicGroup, delayMs: number): void {
  classic.joinDeadlineMs = decision.monotonicMs + delayMs
  classic.wakeMs = Math.min(classic.wakeMs, classic.joinDeadlineMs)
}
