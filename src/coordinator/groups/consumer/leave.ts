/** How members leave a consumer group: for good, for a while as static members, or because their time is over. */

import {
  type ConsumerGroupHeartbeatRequest,
  type ConsumerGroupHeartbeatResponse,
  makeConsumerGroupHeartbeatResponse,
} from '../../../wire/generated/consumer-group-heartbeat.ts'
import type { Refusal } from '../../configs/alter.ts'
import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import { heldSince, nothingHeld, withoutEpochs } from './assignment.ts'
import { fencedInstance, noConsumerGroup, unknownInstance, unknownMember } from './checks.ts'
import { downgradeToClassic, planDowngrade } from './downgrade.ts'
import { lookAtTopics } from './epoch.ts'
import { noteRevocation } from './membership.ts'
import { absentStaticEpoch, type ConsumerGroup, type ConsumerMember, staticMember } from './state.ts'
import { writeRemoval, writer } from './write.ts'

/** Decides a heartbeat with the epoch -1 or -2. */
export function decideConsumerLeave(
  decision: Decision,
  group: Group | undefined,
  request: ConsumerGroupHeartbeatRequest,
): ConsumerGroupHeartbeatResponse | Refusal {
  const { groupId, memberId, instanceId, memberEpoch } = request
  const consumer = group?.consumer
  if (consumer === undefined) return noConsumerGroup(groupId, group !== undefined)
  const holder = instanceId === null ? consumer.members.get(memberId) : staticMember(consumer, instanceId)
  if (holder === undefined) {
    return instanceId === null ? unknownMember(groupId, memberId) : unknownInstance(instanceId)
  }
  if (instanceId !== null && holder.id !== memberId) return fencedInstance(memberId, instanceId, holder)
  if (instanceId !== null && memberEpoch === absentStaticEpoch)
    leaveForAWhile(decision, { groupId, group: consumer, member: holder })
  else fenceMembers(decision, groupId, { group: consumer, members: [holder] })
  return makeConsumerGroupHeartbeatResponse({ memberId, memberEpoch, assignment: null })
}

/** Members are gone: the others get another epoch, in which their partitions are free, or become a classic group. */
export function fenceMembers(
  decision: Decision,
  groupId: string,
  { group, members }: { readonly group: ConsumerGroup; readonly members: readonly ConsumerMember[] },
): void {
  if (members.length === 0) return
  const leaving = new Set(members.map(({ id }) => id))
  const downgrade = planDowngrade(decision, groupId, { group, leaving })
  if (downgrade !== undefined) {
    downgradeToClassic(decision, downgrade, { rebalances: true })
    return
  }
  const write = writer(decision, groupId)
  const regexes = new Set(members.map(({ profile }) => profile.topicRegex).filter((regex) => regex !== ''))
  for (const memberId of leaving) writeRemoval(write, memberId)
  for (const regex of regexes) {
    if (!group.regexMembers.has(regex) && group.regexes.has(regex)) write({ of: 'regex', regex, value: null })
  }
  lookAtTopics(decision, groupId, { isBumped: true })
}

/** A connection closed, and dynamic members that were last seen on it are to leave with it. */
export function decideConsumerConnectionClosed(
  decision: Decision,
  group: ConsumerGroup,
  { groupId, connectionId }: { readonly groupId: string; readonly connectionId: string },
): void {
  const members = [...group.members.values()].filter(
    (member) => member.connectionId === connectionId && member.profile.instanceId === null,
  )
  fenceMembers(decision, groupId, { group, members })
}

/** Its partitions stay its own until it is back, under another member id, or its session is over. */
function leaveForAWhile(
  decision: Decision,
  {
    groupId,
    group,
    member,
  }: { readonly groupId: string; readonly group: ConsumerGroup; readonly member: ConsumerMember },
): void {
  const { standing } = member
  const value = {
    ...standing,
    epoch: absentStaticEpoch,
    assigned: heldSince(withoutEpochs(standing.assigned), 0),
    revoking: nothingHeld,
  }
  writer(decision, groupId)({ of: 'standing', memberId: member.id, value })
  noteRevocation(decision, group, member)
}
