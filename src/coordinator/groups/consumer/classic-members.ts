/** Members of the classic protocol in a consumer group: their JoinGroup, SyncGroup, Heartbeat and LeaveGroup (KIP-848). */

import { ErrorCode } from '../../../wire/generated/errors.ts'
import type { HeartbeatRequest } from '../../../wire/generated/heartbeat.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../../../wire/generated/leave-group.ts'
import {
  makeSyncGroupResponse,
  type SyncGroupRequest,
  type SyncGroupResponse,
} from '../../../wire/generated/sync-group.ts'
import { type LeavingMember, leaveResponse, leavingMembers } from '../classic/leave.ts'
import type { Decision } from '../decision.ts'
import { withoutEpochs } from './assignment.ts'
import { assignmentBytes, consumerProtocolType } from './embedded.ts'
import { fenceMembers } from './leave.ts'
import {
  type ClassicPart,
  type ConsumerGroup,
  type ConsumerMember,
  extendSession,
  holderEpoch,
  memberState,
  staticMember,
  targetOf,
  wakeBy,
} from './state.ts'

type ClassicSpeaker = { readonly member: ConsumerMember; readonly classic: ClassicPart }

/** Decides a SyncGroup: the member's share is known already, as the coordinator itself has assigned it. */
export function decideConsumerSync(
  decision: Decision,
  consumer: ConsumerGroup,
  request: SyncGroupRequest,
): SyncGroupResponse {
  const speaker = findSpeaker(consumer, request)
  if (typeof speaker === 'number') return makeSyncGroupResponse({ errorCode: speaker })
  const { member, classic } = speaker
  const [first] = classic.protocols
  const isOtherType = request.protocolType !== null && request.protocolType !== consumerProtocolType
  if (isOtherType || (request.protocolName !== null && request.protocolName !== first?.name)) {
    return makeSyncGroupResponse({ errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL })
  }
  if (consumer.targetEpoch > member.standing.epoch && !isRevoking(member)) {
    expectJoin(decision, consumer, member)
    return makeSyncGroupResponse({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  }
  member.syncDeadlineMs = Number.POSITIVE_INFINITY
  const timeoutMs = classic.sessionTimeoutMs
  extendSession(consumer, member, { monotonicMs: decision.monotonicMs, timeoutMs })
  const { protocolType, protocolName } = request
  const share = withoutEpochs(member.standing.assigned)
  const assignment = assignmentBytes(share, first?.metadata ?? Buffer.alloc(0), decision.ports.topics)
  return makeSyncGroupResponse({ protocolType, protocolName, assignment })
}

/** The error code of a Heartbeat's answer: members are called back whenever there is a step for them to take. */
export function decideConsumerClassicHeartbeat(
  decision: Decision,
  consumer: ConsumerGroup,
  request: HeartbeatRequest,
): number {
  const speaker = findSpeaker(consumer, request)
  if (typeof speaker === 'number') return speaker
  const { member, classic } = speaker
  const timeoutMs = classic.sessionTimeoutMs
  extendSession(consumer, member, { monotonicMs: decision.monotonicMs, timeoutMs })
  const isBehind = member.standing.epoch < consumer.targetEpoch
  const isReleased =
    member.standing.state === memberState.unreleasedPartitions && !isWaitingForRelease(consumer, member)
  if (!isBehind && !isRevoking(member) && !isReleased) return ErrorCode.NONE
  expectJoin(decision, consumer, member)
  return ErrorCode.REBALANCE_IN_PROGRESS
}

/** Decides who of a LeaveGroup's members may leave, by either protocol, and lets them. */
export function decideConsumerClassicLeave(
  decision: Decision,
  consumer: ConsumerGroup,
  { request, apiVersion }: { readonly request: LeaveGroupRequest; readonly apiVersion: number },
): LeaveGroupResponse {
  const leaving = leavingMembers(request, apiVersion)
  const members = new Set<ConsumerMember>()
  const errorCodes = leaving.map((identity) => {
    const member = leavingMember(consumer, identity)
    if (typeof member === 'number') return member
    members.add(member)
    return ErrorCode.NONE
  })
  fenceMembers(decision, request.groupId, { group: consumer, members: [...members] })
  return leaveResponse(leaving, errorCodes, apiVersion)
}

function leavingMember(consumer: ConsumerGroup, { memberId, groupInstanceId }: LeavingMember): ConsumerMember | number {
  if (groupInstanceId === null) return consumer.members.get(memberId) ?? ErrorCode.UNKNOWN_MEMBER_ID
  const holder = staticMember(consumer, groupInstanceId)
  if (holder === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  // Without a member id an administrator means whoever holds the instance id.
  return memberId === '' || holder.id === memberId ? holder : ErrorCode.FENCED_INSTANCE_ID
}

/** The member that a request of the classic protocol comes from, or the error that it gets. */
function findSpeaker(
  consumer: ConsumerGroup,
  request: Pick<HeartbeatRequest & SyncGroupRequest & LeaveGroupRequest, 'memberId' | 'generationId'> & {
    readonly groupInstanceId: string | null
  },
): ClassicSpeaker | number {
  const { memberId, groupInstanceId } = request
  const member = groupInstanceId === null ? consumer.members.get(memberId) : staticMember(consumer, groupInstanceId)
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  if (member.id !== memberId) return ErrorCode.FENCED_INSTANCE_ID
  const { classic } = member.profile
  if (classic === null) return ErrorCode.UNKNOWN_MEMBER_ID
  return request.generationId === member.standing.epoch ? { member, classic } : ErrorCode.ILLEGAL_GENERATION
}

function isRevoking({ standing }: ConsumerMember): boolean {
  return standing.state === memberState.unrevokedPartitions
}

/** Whether something of the member's target is still in other hands. */
function isWaitingForRelease(consumer: ConsumerGroup, member: ConsumerMember): boolean {
  for (const [topicId, partitions] of targetOf(consumer, member.id)) {
    const held = member.standing.assigned.get(topicId)
    for (const partition of partitions) {
      if (held?.has(partition) !== true && holderEpoch(consumer, topicId, partition) !== undefined) return true
    }
  }
  return false
}

/** From the first call on the member has its rebalance timeout to join anew. */
function expectJoin(decision: Decision, consumer: ConsumerGroup, member: ConsumerMember): void {
  if (member.joinDeadlineMs !== Number.POSITIVE_INFINITY) return
  member.joinDeadlineMs = decision.monotonicMs + member.profile.rebalanceTimeoutMs
  wakeBy(consumer, member.joinDeadlineMs)
}
