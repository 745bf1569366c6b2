/** Heartbeat: a member is alive, and learns whether its generation still holds. */

import { ErrorCode } from '../../../wire/generated/errors.ts'
import type { HeartbeatRequest } from '../../../wire/generated/heartbeat.ts'
import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import { checkMember, extendSession } from './state.ts'

/** The error code of the answer. */
export function decideHeartbeat(decision: Decision, group: Group | undefined, request: HeartbeatRequest): number {
  if (request.groupId === '') return ErrorCode.INVALID_GROUP_ID
  if (group === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  const { classic } = group
  const errorCode = checkMember(classic, request.memberId, request.groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  if (request.generationId !== classic.generation) return ErrorCode.ILLEGAL_GENERATION
  const member = classic.members.get(request.memberId)
  if (member === undefined || classic.state === 'Empty') return ErrorCode.UNKNOWN_MEMBER_ID
  extendSession(classic, member, { monotonicMs: decision.monotonicMs, timeoutMs: member.sessionTimeoutMs })
  // Between join and assignment heartbeats are normal: only a rebalance that waits for members calls them back.
  return classic.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}
