/** How members come into a consumer group, change what they read, and are led to their targets, by either protocol. */

import { assertDefined } from '../../../base/assert.ts'
import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import { isSameHeld, type TopicPartitions } from './assignment.ts'
import type { Entry } from './entry.ts'
import { lookAtTopics } from './epoch.ts'
import { reconcile } from './reconcile.ts'
import { noteRefresh } from './regex-refresh.ts'
import {
  absentStaticEpoch,
  type ConsumerGroup,
  type ConsumerMember,
  holderEpoch,
  isReconciled,
  type MemberProfile,
  type MemberStanding,
  memberState,
  newProfile,
  staticMember,
  targetOf,
  wakeBy,
} from './state.ts'
import { subscribedIds, updateTargets } from './target.ts'
import { upgradeToConsumer } from './upgrade.ts'
import { writeRemoval, writer } from './write.ts'

/** Makes room for an entry that passed checkEntry: the group is one of this kind, and a former static member has made way. */
export function enter(decision: Decision, group: Group | undefined, entry: Entry): void {
  const { groupId, memberId, instanceId, isJoining } = entry
  if (group !== undefined && group.consumer === undefined) {
    if (group.classic.state === 'Empty') decision.write({ kind: 'group', groupId, value: null })
    else upgradeToConsumer(decision, group)
  }
  const consumer = decision.current()?.consumer
  const former = consumer === undefined ? undefined : staticMember(consumer, instanceId)
  if (consumer !== undefined && former !== undefined && isJoining) replaceMember(decision, consumer, { former, entry })
  const member = consumer?.members.get(memberId)
  if (member !== undefined) member.joinDeadlineMs = Number.POSITIVE_INFINITY
}

/**
 * Takes over what a member says, and looks at topics where it, or they, have changed. Answers whether the member now reads
 * something else.
 */
export function updateGroup(
  decision: Decision,
  groupId: string,
  { memberId, profile }: { readonly memberId: string; readonly profile: MemberProfile },
): boolean {
  const write = writer(decision, groupId)
  const present = decision.current()?.consumer
  const former = present?.members.get(memberId)?.profile ?? newProfile
  const isLastReader = former.topicRegex !== '' && present?.regexMembers.get(former.topicRegex) === 1
  if (!isSameProfile(former, profile)) write({ of: 'member', memberId, value: profile })
  const consumer = assertDefined(decision.current()?.consumer, 'a member without a group')
  const hasNewNames = !isSameList(former.topicNames, profile.topicNames)
  const hasNewRegex = former.topicRegex !== profile.topicRegex
  if (hasNewRegex && isLastReader) write({ of: 'regex', regex: former.topicRegex, value: null })
  noteRefresh(decision, consumer, { hasNewRegex, regex: profile.topicRegex })
  // A new expression that is not resolved yet calls for new targets only once it is.
  const isResolved = profile.topicRegex === '' || consumer.regexes.has(profile.topicRegex)
  const isBumped = hasNewNames || (hasNewRegex && isResolved)
  if (isBumped || consumer.isMetadataStale) lookAtTopics(decision, groupId, { isBumped })
  return hasNewNames || hasNewRegex
}

/** Brings the targets up to date, and the member one step nearer to its own. */
export function advance(
  decision: Decision,
  groupId: string,
  by: {
    readonly memberId: string
    readonly owned: TopicPartitions | null
    readonly hasSubscriptionChanged: boolean
  },
): { readonly member: ConsumerMember; readonly consumer: ConsumerGroup } {
  const consumer = assertDefined(decision.current()?.consumer, 'a member without a group')
  updateTargets(decision, groupId, consumer)
  const member = assertDefined(consumer.members.get(by.memberId), 'a member that is not there')
  reconcileMember(decision, groupId, { consumer, member, ...by })
  return { member, consumer }
}

/** Takes the member one step towards the targets as they are. */
export function reconcileMember(
  decision: Decision,
  groupId: string,
  by: {
    readonly consumer: ConsumerGroup
    readonly member: ConsumerMember
    readonly owned: TopicPartitions | null
    readonly hasSubscriptionChanged: boolean
  },
): void {
  const { consumer, member, owned, hasSubscriptionChanged } = by
  const { standing } = member
  if (!hasSubscriptionChanged && isReconciled(standing, consumer.targetEpoch)) return
  const next = reconcile(standing, {
    targetEpoch: consumer.targetEpoch,
    target: targetOf(consumer, member.id),
    subscribed: new Set(subscribedIds(consumer, member.profile, decision.ports.topics)),
    hasSubscriptionChanged,
    owned,
    isHeld: (topicId, partition) => holderEpoch(consumer, topicId, partition) !== undefined,
  })
  if (isSameStanding(standing, next)) return
  writer(decision, groupId)({ of: 'standing', memberId: member.id, value: next })
  noteRevocation(decision, consumer, member)
}

/** A member of the consumer protocol has its rebalance timeout to give up what it must; one that left for a while has nothing. */
export function noteRevocation(decision: Decision, consumer: ConsumerGroup, member: ConsumerMember): void {
  const { standing, profile } = member
  const isAway = standing.epoch === absentStaticEpoch
  const isRevoking = standing.state === memberState.unrevokedPartitions && profile.classic === null && !isAway
  member.revokeDeadlineMs = isRevoking
    ? decision.monotonicMs + member.profile.rebalanceTimeoutMs
    : Number.POSITIVE_INFINITY
  wakeBy(consumer, member.revokeDeadlineMs)
}

/** A static member is back under another id, and has what its former self had. */
function replaceMember(
  decision: Decision,
  consumer: ConsumerGroup,
  { former, entry }: { readonly former: ConsumerMember; readonly entry: Entry },
): void {
  const { groupId, memberId } = entry
  const write = writer(decision, groupId)
  const target = targetOf(consumer, former.id)
  const { profile, standing } = former
  writeRemoval(write, former.id)
  write({ of: 'member', memberId, value: profile })
  write({ of: 'target', memberId, value: target })
  write({ of: 'standing', memberId, value: { ...standing, epoch: 0, previousEpoch: 0 } })
}

function isSameProfile(left: MemberProfile, right: MemberProfile): boolean {
  return (
    left.instanceId === right.instanceId &&
    left.rackId === right.rackId &&
    left.clientId === right.clientId &&
    left.clientHost === right.clientHost &&
    left.topicRegex === right.topicRegex &&
    left.rebalanceTimeoutMs === right.rebalanceTimeoutMs &&
    left.serverAssignor === right.serverAssignor &&
    isSameList(left.topicNames, right.topicNames) &&
    isSameClassic(left, right)
  )
}

function isSameClassic({ classic: left }: MemberProfile, { classic: right }: MemberProfile): boolean {
  if (left === null || right === null) return left === right
  if (left.sessionTimeoutMs !== right.sessionTimeoutMs || left.protocols.length !== right.protocols.length) return false
  return left.protocols.every((own, at) => {
    const other = right.protocols[at]
    return other !== undefined && own.name === other.name && own.metadata.equals(other.metadata)
  })
}

function isSameStanding(left: MemberStanding, right: MemberStanding): boolean {
  return (
    left.epoch === right.epoch &&
    left.previousEpoch === right.previousEpoch &&
    left.state === right.state &&
    isSameHeld(left.assigned, right.assigned) &&
    isSameHeld(left.revoking, right.revoking)
  )
}

function isSameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((item, at) => item === right[at])
}
