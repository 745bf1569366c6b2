/** JoinGroup to a consumer group with members: consumers of the classic protocol come in beside those of the new one (KIP-848). */

import { assertDefined } from '../../../base/assert.ts'
import { ErrorCode } from '../../../wire/generated/errors.ts'
import {
  type JoinGroupRequest,
  type JoinGroupResponse,
  makeJoinGroupResponse,
} from '../../../wire/generated/join-group.ts'
import { ownBytes } from '../classic/replay.ts'
import type { Decision, Requester } from '../decision.ts'
import type { Group } from '../group.ts'
import { topicNamesBytesMax } from '../limits.ts'
import { namesBytes } from './checks.ts'
import { downgradeToClassic, planDowngrade } from './downgrade.ts'
import { consumerProtocolType, readSubscription, withIds } from './embedded.ts'
import { checkEntry, type Entry } from './entry.ts'
import { memberIdText } from './member-id.ts'
import { advance, enter, reconcileMember, updateGroup } from './membership.ts'
import {
  type ConsumerGroup,
  classicMemberCount,
  extendSession,
  type MemberProfile,
  newProfile,
  staticMember,
  wakeBy,
} from './state.ts'

type Subscription = NonNullable<ReturnType<typeof readSubscription>>

export type ClassicJoin = {
  readonly decision: Decision
  readonly group: Group
  readonly consumer: ConsumerGroup
  readonly request: JoinGroupRequest
  readonly requester: Requester
}

/** From this version of JoinGroup on a dynamic member first asks for its id (KIP-394). */
const knownIdVersion = 4

/** Decides a join that passed checkJoin, of a consumer group that has members. */
export function decideClassicJoin(join: ClassicJoin): JoinGroupResponse {
  const { decision, group, consumer, request, requester } = join
  const isNew = request.memberId === ''
  const memberId = isNew ? memberIdText(decision.ports.random) : request.memberId
  const isStatic = request.groupInstanceId !== null
  const refuse = (errorCode: number): JoinGroupResponse =>
    makeJoinGroupResponse({ memberId: request.memberId, errorCode })
  const { canUpgrade, canDowngrade } = decision.ports.settings.consumer.migration
  if (!canUpgrade && !canDowngrade) return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  const entry: Entry = {
    groupId: group.id,
    memberId,
    instanceId: request.groupInstanceId,
    isJoining: isNew || !isStatic,
    isClassic: true,
    epoch: -1,
    owned: null,
    topicRegex: '',
  }
  const refusal = checkEntry(decision, group, entry)
  if (refusal?.errorCode === ErrorCode.GROUP_MAX_SIZE_REACHED) return refuse(refusal.errorCode)
  if (!supportsProtocols(consumer, request)) return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  if (isNew && !isStatic && requester.apiVersion >= knownIdVersion) {
    return makeJoinGroupResponse({ memberId, errorCode: ErrorCode.MEMBER_ID_REQUIRED })
  }
  if (refusal !== undefined) return refuse(refusal.errorCode)
  const [protocol] = request.protocols
  const subscription = protocol === undefined ? undefined : readSubscription(protocol.metadata)
  // Kafka breaks off here with an exception.
  if (subscription === undefined) return refuse(ErrorCode.UNKNOWN_SERVER_ERROR)
  if (namesBytes(subscription.topics) > topicNamesBytesMax) return refuse(ErrorCode.INVALID_REQUEST)
  return letIn(join, entry, subscription)
}

function letIn(join: ClassicJoin, entry: Entry, subscription: Subscription): JoinGroupResponse {
  const { decision, group, request, requester } = join
  const { memberId } = entry
  const replaced = staticMember(join.consumer, entry.instanceId)
  const isReplacing = replaced !== undefined && replaced.profile.classic === null
  enter(decision, group, entry)
  const profile = joinedProfile(decision.current()?.consumer?.members.get(memberId)?.profile, join, subscription)
  const hasSubscriptionChanged = updateGroup(decision, group.id, { memberId, profile })
  const owned = withIds(subscription.ownedPartitions, decision.ports.topics)
  const consumer = assertDefined(decision.current()?.consumer, 'a joined group is missing')
  const joined = assertDefined(consumer.members.get(memberId), 'a member that joined is missing')
  joined.connectionId = requester.connectionId
  const downgrade = isReplacing ? planDowngrade(decision, group.id, { group: consumer, leaving: new Set() }) : undefined
  if (downgrade !== undefined) {
    const rebalances = consumer.targetEpoch < consumer.epoch
    if (!rebalances) reconcileMember(decision, group.id, { consumer, member: joined, owned, hasSubscriptionChanged })
    downgradeToClassic(decision, downgrade, { rebalances })
    return joinedResponse(memberId, joined.standing.epoch, request)
  }
  const { member } = advance(decision, group.id, { memberId, owned, hasSubscriptionChanged })
  const { monotonicMs } = decision
  extendSession(consumer, member, { monotonicMs, timeoutMs: request.sessionTimeoutMs })
  member.syncDeadlineMs = monotonicMs + profile.rebalanceTimeoutMs
  wakeBy(consumer, member.syncDeadlineMs)
  return joinedResponse(memberId, member.standing.epoch, request)
}

function joinedResponse(memberId: string, epoch: number, request: JoinGroupRequest): JoinGroupResponse {
  return makeJoinGroupResponse({
    memberId,
    generationId: epoch,
    protocolType: consumerProtocolType,
    protocolName: request.protocols[0]?.name ?? '',
  })
}

/** Whether the member offers a protocol that all other members of the classic protocol offer. */
function supportsProtocols(consumer: ConsumerGroup, request: JoinGroupRequest): boolean {
  if (request.protocolType !== consumerProtocolType) return false
  const classicCount = classicMemberCount(consumer)
  return request.protocols.some(({ name }) => {
    let offers = 0
    for (const { profile } of consumer.members.values()) {
      if (profile.classic?.protocols.some((protocol) => protocol.name === name) === true) offers += 1
    }
    return offers === classicCount
  })
}

function joinedProfile(
  former: MemberProfile = newProfile,
  { request, requester }: ClassicJoin,
  subscription: Subscription,
): MemberProfile {
  const { clientId, clientHost, apiVersion } = requester
  const names = new Set<string>()
  // A name that comes twice counts once, as in a classic group.
  const protocols = request.protocols.filter(({ name }) => names.size < names.add(name).size)
  return {
    instanceId: request.groupInstanceId ?? former.instanceId,
    rackId: subscription.rackId === null || subscription.rackId === '' ? former.rackId : subscription.rackId,
    clientId,
    clientHost,
    topicNames: [...new Set(subscription.topics)].sort(),
    // The classic protocol has no regular expressions: its clients match topics themselves.
    topicRegex: '',
    rebalanceTimeoutMs: apiVersion === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
    serverAssignor: former.serverAssignor,
    classic: {
      sessionTimeoutMs: request.sessionTimeoutMs,
      protocols: protocols.map(({ name, metadata }) => ({ name, metadata: ownBytes(metadata) })),
    },
  }
}
