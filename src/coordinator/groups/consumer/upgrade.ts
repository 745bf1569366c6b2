/** A classic group of consumers becomes a consumer group while its members are in it (KIP-848, online upgrade). */

import { assertDefined } from '../../../base/assert.ts'
import { ErrorCode } from '../../../wire/generated/errors.ts'
import { makeJoinGroupResponse } from '../../../wire/generated/join-group.ts'
import { makeSyncGroupResponse } from '../../../wire/generated/sync-group.ts'
import type { Refusal } from '../../configs/alter.ts'
import { type ClassicGroup, type ClassicMember, metadataFor, selectProtocol } from '../classic/state.ts'
import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import { topicNamesBytesMax } from '../limits.ts'
import { heldSince, noPartitions, nothingHeld, type TopicPartitions } from './assignment.ts'
import { namesBytes, sizeMax } from './checks.ts'
import { consumerProtocolType, readAssignment, readSubscription } from './embedded.ts'
import { metadataHash } from './metadata-hash.ts'
import { extendSession, type MemberProfile, memberState } from './state.ts'
import { writer } from './write.ts'

/** Why the group has to stay a classic one; undefined where it can change. */
export function checkUpgrade(decision: Decision, group: Group): Refusal | undefined {
  const { classic, id } = group
  const { canUpgrade } = decision.ports.settings.consumer.migration
  const refused = (reason: string): Refusal => ({
    errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
    message: `Cannot upgrade classic group ${id} to consumer group because ${reason}.`,
  })
  if (!canUpgrade) return refused('online upgrade is disabled')
  if (classic.protocolType !== consumerProtocolType) {
    return refused('the group does not use the consumer embedded protocol')
  }
  if (classic.members.size > sizeMax(decision.ports.settings))
    return refused('the group size exceeds the consumer group maximum size')
  for (const member of classic.members.values()) {
    const subscription = readSubscription(metadataFor(member, protocolOf(classic)))
    if (subscription === undefined) return refused('the embedded consumer protocol is malformed')
    if (namesBytes(subscription.topics) > topicNamesBytesMax) return refused('a member subscribes to too many topics')
    const assignment =
      member.assignment.length === 0 ? undefined : readAssignment(member.assignment, decision.ports.topics)
    if (assignment === undefined && member.assignment.length > 0) {
      return refused('the embedded consumer protocol is malformed')
    }
    if (assignment?.hasUserData === true) {
      const hint = 'Please refer to the documentation or switch to a default assignor before re-attempting the upgrade'
      return refused(`an unsupported custom assignor is in use. ${hint}`)
    }
  }
  return undefined
}

/** Records the group anew, as one of this kind, after checkUpgrade. Members that wait for a rebalance are called back. */
export function upgradeToConsumer(decision: Decision, { id: groupId, classic }: Group): void {
  const members = [...classic.members.values()]
  const { generation } = classic
  const facts = members.map((member) => ({ member, ...convertedMember(decision, classic, member) }))
  for (const member of members) sendAway(decision, member)
  decision.write({ kind: 'group', groupId, value: null })
  const write = writer(decision, groupId)
  for (const { member, profile } of facts) write({ of: 'member', memberId: member.id, value: profile })
  const names = new Set(facts.flatMap(({ profile }) => profile.topicNames))
  write({ of: 'group', value: { epoch: generation, metadataHash: metadataHash(names, decision.ports.topics) } })
  for (const { member, partitions } of facts) write({ of: 'target', memberId: member.id, value: partitions })
  write({ of: 'target-epoch', value: { epoch: generation, timestampMs: 0 } })
  for (const { member, partitions } of facts) {
    const assigned = partitions.size === 0 ? nothingHeld : heldSince(partitions, generation)
    const standing = { epoch: generation, previousEpoch: generation, state: memberState.stable, assigned }
    write({ of: 'standing', memberId: member.id, value: { ...standing, revoking: nothingHeld } })
  }
  const consumer = assertDefined(decision.current()?.consumer, 'an upgraded group is missing')
  for (const { member } of facts) {
    const converted = assertDefined(consumer.members.get(member.id), 'a member was lost in an upgrade')
    converted.connectionId = member.connectionId
    const { monotonicMs } = decision
    extendSession(consumer, converted, { monotonicMs, timeoutMs: member.sessionTimeoutMs })
  }
}

function convertedMember(
  decision: Decision,
  classic: ClassicGroup,
  member: ClassicMember,
): { readonly profile: MemberProfile; readonly partitions: TopicPartitions } {
  const metadata = metadataFor(member, protocolOf(classic))
  const { topics, rackId } = assertDefined(readSubscription(metadata), 'a subscription was readable before')
  const assignment =
    member.assignment.length === 0 ? undefined : readAssignment(member.assignment, decision.ports.topics)
  return {
    profile: {
      instanceId: member.instanceId,
      rackId: rackId === '' ? null : rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      topicNames: [...new Set(topics)].sort(),
      topicRegex: '',
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      serverAssignor: null,
      classic: { sessionTimeoutMs: member.sessionTimeoutMs, protocols: member.protocols },
    },
    partitions: assignment?.partitions ?? noPartitions,
  }
}

/** Before its first generation a group has not chosen a protocol: then the one counts that it would choose. */
function protocolOf(classic: ClassicGroup): string | null {
  return classic.protocol ?? selectProtocol(classic)
}

function sendAway(decision: Decision, member: ClassicMember): void {
  const errorCode = ErrorCode.REBALANCE_IN_PROGRESS
  if (member.joinWaiter !== undefined) {
    decision.answer(member.joinWaiter, makeJoinGroupResponse({ memberId: member.id, errorCode }))
    member.joinWaiter = undefined
  }
  if (member.syncWaiter !== undefined) {
    decision.answer(member.syncWaiter, makeSyncGroupResponse({ errorCode }))
    member.syncWaiter = undefined
  }
}
