/** LeaveGroup: members go at once, several in one request from version 3 (also static ones, removed by an administrator). */

import { ErrorCode } from '../../../wire/generated/errors.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../../../wire/generated/leave-group.ts'
import { makeLeaveGroupResponse } from '../../../wire/generated/leave-group.ts'
import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import { dismissMember, rebalanceAfterLoss } from './rebalance.ts'
import { type ClassicGroup, checkMember, removeMember } from './state.ts'

/** How a LeaveGroup names a member. */
export type LeavingMember = { readonly memberId: string; readonly groupInstanceId: string | null }

/** Decides a LeaveGroup and answers with the response for its version. */
export function decideLeave(
  decision: Decision,
  group: Group | undefined,
  { request, apiVersion }: { readonly request: LeaveGroupRequest; readonly apiVersion: number },
): LeaveGroupResponse {
  if (request.groupId === '') return makeLeaveGroupResponse({ errorCode: ErrorCode.INVALID_GROUP_ID })
  const leaving = leavingMembers(request, apiVersion)
  const errorCodes = leaving.map((member) =>
    group === undefined ? ErrorCode.UNKNOWN_MEMBER_ID : leaveOne(decision, group.classic, member),
  )
  if (group !== undefined && errorCodes.includes(ErrorCode.NONE)) rebalanceAfterLoss(decision, group)
  return leaveResponse(leaving, errorCodes, apiVersion)
}

/** Whom the request names: several members from version 3 on, before that the one that sends it. */
export function leavingMembers(request: LeaveGroupRequest, apiVersion: number): LeavingMember[] {
  if (apiVersion < 3) return [{ memberId: request.memberId, groupInstanceId: null }]
  return request.members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId }))
}

/** The response to them, given the error code of each. Before version 3 there is one member, and its error is the response's. */
export function leaveResponse(
  leaving: readonly LeavingMember[],
  errorCodes: readonly number[],
  apiVersion: number,
): LeaveGroupResponse {
  if (apiVersion < 3) return makeLeaveGroupResponse({ errorCode: errorCodes[0] ?? ErrorCode.NONE })
  const members = leaving.map((member, index) => ({ ...member, errorCode: errorCodes[index] ?? ErrorCode.NONE }))
  return makeLeaveGroupResponse({ members })
}

/** A connection closed, and members that joined on it are to leave with it; static members stay. */
export function decideConnectionClosed(decision: Decision, group: Group, connectionId: string): void {
  const { classic } = group
  let hasLeft = false
  for (const [memberId, pending] of [...classic.pendingJoins]) {
    if (pending.connectionId === connectionId) removeMember(classic, memberId)
  }
  for (const member of [...classic.members.values()]) {
    if (member.connectionId !== connectionId || member.instanceId !== null) continue
    dismissMember(decision, classic, member)
    hasLeft = true
  }
  // A member id that was never used is missed only by a rebalance that waits for it.
  if (hasLeft || classic.state === 'PreparingRebalance') rebalanceAfterLoss(decision, group)
}

function leaveOne(decision: Decision, classic: ClassicGroup, leaving: LeavingMember): number {
  if (leaving.memberId !== '' && classic.pendingJoins.has(leaving.memberId)) {
    removeMember(classic, leaving.memberId)
    return ErrorCode.NONE
  }
  // Without a member id an administrator means whoever holds the instance id.
  const isByInstance = leaving.memberId === '' && leaving.groupInstanceId !== null
  const holder = isByInstance ? classic.staticMembers.get(leaving.groupInstanceId ?? '') : leaving.memberId
  if (holder === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  const errorCode = checkMember(classic, holder, leaving.groupInstanceId)
  const member = classic.members.get(holder)
  if (errorCode !== ErrorCode.NONE || member === undefined) {
    return errorCode === ErrorCode.NONE ? ErrorCode.UNKNOWN_MEMBER_ID : errorCode
  }
  dismissMember(decision, classic, member)
  return ErrorCode.NONE
}
