/** SyncGroup: the leader hands in who gets what, the others wait for it. */

import { ErrorCode } from '../../../wire/generated/errors.ts'
import {
  makeSyncGroupResponse,
  type SyncGroupRequest,
  type SyncGroupResponse,
} from '../../../wire/generated/sync-group.ts'
import type { Waiter } from '../../waiter.ts'
import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import { groupRecordBytesMax } from '../limits.ts'
import { endSyncs, prepareRebalance } from './rebalance.ts'
import { groupRecord, groupRecordBytes } from './records.ts'
import { ownBytes } from './replay.ts'
import { type ClassicGroup, checkMember, extendSession, noAssignment } from './state.ts'

type Sync = {
  readonly decision: Decision
  readonly group: Group | undefined
  readonly request: SyncGroupRequest
  readonly waiter: Waiter<SyncGroupResponse>
}

/** Decides a SyncGroup that passed checkSyncRequest. `waiter` is answered now, or once the leader has spoken. */
export function decideSync(sync: Sync): void {
  const { decision, group, request, waiter } = sync
  const errorCode = checkSync(sync)
  if (group === undefined || errorCode !== ErrorCode.NONE) {
    decision.answer(waiter, makeSyncGroupResponse({ errorCode }))
    return
  }
  const { classic } = group
  const member = classic.members.get(request.memberId)
  if (member === undefined) return
  classic.pendingSyncs.delete(member.id)
  if (classic.state === 'Stable') {
    decision.answer(waiter, assignmentResponse(classic, member.assignment))
    return
  }
  // A second SyncGroup on the same id takes the first one's place: the client has given that up.
  member.syncWaiter?.refuse(ErrorCode.REBALANCE_IN_PROGRESS)
  member.syncWaiter = waiter
  if (classic.leader === member.id) takeAssignments(decision, group, request)
}

/** The error that makes a sync hopeless whatever the group; NONE if there is none. */
export function checkSyncRequest(request: SyncGroupRequest, apiVersion: number): number {
  if (request.groupId === '') return ErrorCode.INVALID_GROUP_ID
  // From version 5 clients say what they take the group for.
  const isVague = request.protocolType === null || request.protocolName === null
  return apiVersion >= 5 && isVague ? ErrorCode.INCONSISTENT_GROUP_PROTOCOL : ErrorCode.NONE
}

function checkSync({ group, request }: Sync): number {
  if (group === undefined || group.classic.state === 'Empty') return ErrorCode.UNKNOWN_MEMBER_ID
  const { classic } = group
  const errorCode = checkMember(classic, request.memberId, request.groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  if (request.generationId !== classic.generation) return ErrorCode.ILLEGAL_GENERATION
  if (request.protocolType !== null && request.protocolType !== classic.protocolType) {
    return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
  }
  if (request.protocolName !== null && request.protocolName !== classic.protocol) {
    return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
  }
  return classic.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}

/** Records the leader's assignments, and with them the generation; everyone who waits is answered once that is durable. */
function takeAssignments(decision: Decision, group: Group, request: SyncGroupRequest): void {
  const { classic } = group
  const assignments = new Map(request.assignments.map(({ memberId, assignment }) => [memberId, assignment]))
  const record = groupRecord(group.id, classic, {
    nowMs: decision.nowMs,
    assignmentOf: (memberId) => ownBytes(assignments.get(memberId) ?? noAssignment),
  })
  if (groupRecordBytes(record) > groupRecordBytesMax) {
    endSyncs(decision, classic, ErrorCode.UNKNOWN_SERVER_ERROR)
    prepareRebalance(decision, group)
    return
  }
  decision.write(record)
  for (const member of classic.members.values()) {
    if (member.syncWaiter === undefined) continue
    decision.answer(member.syncWaiter, assignmentResponse(classic, member.assignment))
    member.syncWaiter = undefined
    extendSession(classic, member, { monotonicMs: decision.monotonicMs, timeoutMs: member.sessionTimeoutMs })
  }
}

function assignmentResponse(classic: ClassicGroup, assignment: Buffer): SyncGroupResponse {
  return makeSyncGroupResponse({ protocolType: classic.protocolType, protocolName: classic.protocol, assignment })
}
