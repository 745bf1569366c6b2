/** ConsumerGroupHeartbeat: a member joins, says what it reads and owns, and learns what it is to have (KIP-848). */

import {
  type ConsumerGroupHeartbeatRequest,
  type ConsumerGroupHeartbeatResponse,
  makeConsumerGroupHeartbeatResponse,
} from '../../../wire/generated/consumer-group-heartbeat.ts'
import { ErrorCode } from '../../../wire/generated/errors.ts'
import type { Refusal } from '../../configs/alter.ts'
import type { Decision, Requester } from '../decision.ts'
import type { Group } from '../group.ts'
import { fromWire, isSameHeld, toWire } from './assignment.ts'
import { noConsumerGroup } from './checks.ts'
import { checkEntry, type Entry } from './entry.ts'
import { decideConsumerLeave } from './leave.ts'
import { memberIdText } from './member-id.ts'
import { advance, enter, updateGroup } from './membership.ts'
import { type ConsumerMember, extendSession, type MemberProfile, newProfile } from './state.ts'

export type Heartbeat = {
  readonly decision: Decision
  /** undefined where there is no such group yet. */
  readonly group: Group | undefined
  readonly request: ConsumerGroupHeartbeatRequest
  readonly requester: Requester
}

/** Decides a heartbeat that passed checkHeartbeat. */
export function decideConsumerHeartbeat(beat: Heartbeat): ConsumerGroupHeartbeatResponse {
  const { decision, group, request } = beat
  const answer = request.memberEpoch < 0 ? decideConsumerLeave(decision, group, request) : heartbeat(beat)
  return 'message' in answer ? refusedHeartbeat(answer) : answer
}

export function refusedHeartbeat({ errorCode, message }: Refusal): ConsumerGroupHeartbeatResponse {
  return makeConsumerGroupHeartbeatResponse({ errorCode, errorMessage: message })
}

function heartbeat(beat: Heartbeat): ConsumerGroupHeartbeatResponse | Refusal {
  const { decision, group, request, requester } = beat
  const { groupId } = request
  const memberId = request.memberId === '' ? memberIdText(decision.ports.random) : request.memberId
  const owned = request.topicPartitions === null ? null : fromWire(request.topicPartitions)
  const isJoining = request.memberEpoch === 0
  if (!isJoining && group === undefined) {
    return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, message: `Consumer group ${groupId} not found.` }
  }
  if (!isJoining && group?.consumer === undefined) return noConsumerGroup(groupId, true)
  const entry: Entry = {
    groupId,
    memberId,
    instanceId: request.instanceId,
    isJoining,
    isClassic: false,
    epoch: request.memberEpoch,
    owned,
    topicRegex: request.subscribedTopicRegex,
  }
  const refusal = checkEntry(decision, group, entry)
  if (refusal !== undefined) return refusal
  enter(decision, group, entry)
  const before = decision.current()?.consumer?.members.get(memberId)
  const heldBefore = before?.standing.assigned ?? new Map()
  const profile = nextProfile(before, request, requester)
  const hasSubscriptionChanged = updateGroup(decision, groupId, { memberId, profile })
  const { member, consumer } = advance(decision, groupId, { memberId, owned, hasSubscriptionChanged })
  member.connectionId = requester.connectionId
  const { groupConfigs } = decision.ports
  const timeoutMs = groupConfigs.numberOf(groupId, 'consumer.session.timeout.ms')
  extendSession(consumer, member, { monotonicMs: decision.monotonicMs, timeoutMs })
  const isTold = isJoining || isFullRequest(request) || !isSameHeld(heldBefore, member.standing.assigned)
  return makeConsumerGroupHeartbeatResponse({
    memberId,
    memberEpoch: member.standing.epoch,
    heartbeatIntervalMs: groupConfigs.numberOf(groupId, 'consumer.heartbeat.interval.ms'),
    assignment: isTold ? { topicPartitions: toWire(member.standing.assigned) } : null,
  })
}

/** What the member said before, and now, where it says something. */
function nextProfile(
  member: ConsumerMember | undefined,
  request: ConsumerGroupHeartbeatRequest,
  { clientId, clientHost }: Requester,
): MemberProfile {
  const former = member?.profile ?? newProfile
  const { subscribedTopicNames: names } = request
  return {
    instanceId: request.instanceId ?? former.instanceId,
    rackId: request.rackId ?? former.rackId,
    clientId,
    clientHost,
    topicNames: names === null ? former.topicNames : [...new Set(names)].sort(),
    topicRegex: request.subscribedTopicRegex ?? former.topicRegex,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs === -1 ? former.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
    serverAssignor: request.serverAssignor ?? former.serverAssignor,
    classic: null,
  }
}

/** A member that says everything, after an error of its own, wants to hear everything. */
function isFullRequest(request: ConsumerGroupHeartbeatRequest): boolean {
  const saysTopics = request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null
  return request.rebalanceTimeoutMs !== -1 && saysTopics && request.topicPartitions !== null
}
