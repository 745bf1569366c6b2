/** What makes a ConsumerGroupHeartbeat hopeless, in Kafka's words; all of it is looked at before anything is written. */

import type { ConsumerGroupHeartbeatRequest } from '../../../wire/generated/consumer-group-heartbeat.ts'
import { ErrorCode } from '../../../wire/generated/errors.ts'
import type { Refusal } from '../../configs/alter.ts'
import { membersMax, topicNamesBytesMax } from '../limits.ts'
import type { GroupSettings } from '../settings.ts'
import { type HeldPartitions, heldOf, type TopicPartitions } from './assignment.ts'
import { absentStaticEpoch, type ConsumerMember, leavingEpoch, memberState } from './state.ts'

/** A name's length takes so much at most. */
const namePrefixBytesMax = 3
/** From this version on members choose their ids themselves. */
const ownMemberIdVersion = 1

/** The error of a request that makes no sense in any group; undefined if there is none. */
export function checkHeartbeat(
  request: ConsumerGroupHeartbeatRequest,
  { apiVersion, settings }: { readonly apiVersion: number; readonly settings: GroupSettings },
): Refusal | undefined {
  const { memberEpoch: epoch, serverAssignor } = request
  const needsId = apiVersion >= ownMemberIdVersion || epoch > 0 || epoch === leavingEpoch
  if (needsId && isBlank(request.memberId)) return invalid("MemberId can't be empty.")
  if (isBlank(request.groupId)) return invalid("GroupId can't be empty.")
  if (request.instanceId !== null && isBlank(request.instanceId)) return invalid("InstanceId can't be empty.")
  if (request.rackId !== null && isBlank(request.rackId)) return invalid("RackId can't be empty.")
  if (epoch === 0) {
    const refusal = checkFirstHeartbeat(request)
    if (refusal !== undefined) return refusal
  }
  if (epoch === absentStaticEpoch && request.instanceId === null) return invalid("InstanceId can't be null.")
  if (epoch < absentStaticEpoch) return invalid('MemberEpoch is invalid.')
  const names = request.subscribedTopicNames ?? []
  if (namesBytes(names) > topicNamesBytesMax) return invalid('SubscribedTopicNames is too long.')
  const { assignors } = settings.consumer
  if (serverAssignor === null || assignors.includes(serverAssignor)) return undefined
  const message = `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${assignors.join(', ')}.`
  return { errorCode: ErrorCode.UNSUPPORTED_ASSIGNOR, message }
}

/** Whether a member's epoch, as it says it, lets it go on. */
export function checkEpoch(
  member: ConsumerMember,
  { epoch, owned }: { readonly epoch: number; readonly owned: TopicPartitions | null },
): Refusal | undefined {
  const { standing } = member
  const isKnownState = standing.state <= memberState.unreleasedPartitions
  if (!isKnownState && (owned === null || owned.size > 0)) {
    return fenced(
      'The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.',
    )
  }
  // With 0 a member that was fenced begins anew.
  if (epoch === 0 || epoch === standing.epoch) return undefined
  // The answer that brought the new epoch may have been lost, but then the member can own nothing else.
  const isRepeated = epoch === standing.previousEpoch && isWithin(owned, standing.assigned)
  if (epoch < standing.epoch && isRepeated) return undefined
  const side = epoch > standing.epoch ? 'greater' : 'smaller'
  return fenced(
    `The consumer group member has a ${side} member epoch (${epoch}) than the one known by the group coordinator (${standing.epoch}). The member must abandon all its partitions and rejoin.`,
  )
}

/** A member that nobody knows. */
export function unknownMember(groupId: string, memberId: string): Refusal {
  return { errorCode: ErrorCode.UNKNOWN_MEMBER_ID, message: `Member ${memberId} is not a member of group ${groupId}.` }
}

export function unknownInstance(instanceId: string): Refusal {
  return { errorCode: ErrorCode.UNKNOWN_MEMBER_ID, message: `Instance id ${instanceId} is unknown.` }
}

export function fencedInstance(memberId: string, instanceId: string, holder: ConsumerMember): Refusal {
  const message = `Static member ${memberId} with instance id ${instanceId} was fenced by member ${holder.id}.`
  return { errorCode: ErrorCode.FENCED_INSTANCE_ID, message }
}

export function unreleasedInstance(memberId: string, instanceId: string, holder: ConsumerMember): Refusal {
  const message = `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is owned by ${holder.id} member.`
  return { errorCode: ErrorCode.UNRELEASED_INSTANCE_ID, message }
}

/** The most members that a consumer group may have. */
export function sizeMax(settings: GroupSettings): number {
  return Math.min(settings.consumer.membersMax, membersMax)
}

export function groupFull(limit: number): Refusal {
  const message = `The consumer group has reached its maximum capacity of ${limit} members.`
  return { errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED, message }
}

/** There is no such group, or it is none of this kind. */
export function noConsumerGroup(groupId: string, isThere: boolean): Refusal {
  const message = isThere ? `Group ${groupId} is not a consumer group.` : `Group ${groupId} not found.`
  return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, message }
}

function checkFirstHeartbeat(request: ConsumerGroupHeartbeatRequest): Refusal | undefined {
  if (request.rebalanceTimeoutMs === -1) return invalid('RebalanceTimeoutMs must be provided in first request.')
  if (request.topicPartitions === null || request.topicPartitions.length > 0) {
    return invalid('TopicPartitions must be empty when (re-)joining.')
  }
  // An empty list or expression is fine: the member reads nothing, but is in the group.
  if (request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null) return undefined
  return invalid('Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.')
}

/** What names take in a record. */
export function namesBytes(names: readonly string[]): number {
  let bytes = 0
  for (const name of names) bytes += Buffer.byteLength(name) + namePrefixBytesMax
  return bytes
}

function isWithin(owned: TopicPartitions | null, assigned: HeldPartitions): boolean {
  if (owned === null) return false
  for (const [topicId, partitions] of owned) {
    const epochs = heldOf(assigned, topicId)
    for (const partition of partitions) if (!epochs.has(partition)) return false
  }
  return true
}

/** Kafka trims before it asks whether anything is left. */
function isBlank(text: string): boolean {
  return text.trim() === ''
}

function invalid(message: string): Refusal {
  return { errorCode: ErrorCode.INVALID_REQUEST, message }
}

function fenced(message: string): Refusal {
  return { errorCode: ErrorCode.FENCED_MEMBER_EPOCH, message }
}
