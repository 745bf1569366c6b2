/** Computes the targets of all members for the group's present epoch, and records those that changed. */

import { assertDefined } from '../../../base/assert.ts'
import type { TopicIdHex } from '../../../base/ids.ts'
import type { TopicView } from '../../topic-view.ts'
import type { Decision } from '../decision.ts'
import { isSamePartitions, noPartitions } from './assignment.ts'
import { assign } from './assignors/assign.ts'
import type { MemberSpec } from './assignors/spec.ts'
import { memberOrder, subscriptionOrder, targetOrder } from './java-order.ts'
import { type ConsumerGroup, type MemberProfile, subscribedNames, targetOf } from './state.ts'
import { type GroupWriter, writer } from './write.ts'

/** Brings the targets up to date, but no more often than the assignment interval allows. */
export function updateTargets(decision: Decision, groupId: string, group: ConsumerGroup): void {
  if (group.targetEpoch >= group.epoch) return
  const intervalMs = decision.ports.groupConfigs.numberOf(groupId, 'consumer.assignment.interval.ms')
  // An interval of 0 helps where the clock was set back.
  const isTooEarly = intervalMs > 0 && decision.nowMs < group.targetTimestampMs + intervalMs
  if (group.targetTimestampMs !== 0 && isTooEarly) return
  computeTargets(decision, writer(decision, groupId), group)
}

function computeTargets(decision: Decision, write: GroupWriter, group: ConsumerGroup): void {
  const { topics, settings } = decision.ports
  const topicIdsOf = topicIdResolver(group, topics)
  const members = memberOrder([...group.members.keys()]).map((id): MemberSpec => {
    const { profile } = assertDefined(group.members.get(id), 'a member without an entry')
    return {
      id,
      instanceId: profile.instanceId,
      topicIds: topicIdsOf(profile),
      target: targetOrder(targetOf(group, id)),
    }
  })
  const partitionCount = (topicId: TopicIdHex): number => {
    const name = assertDefined(topics.nameOf(topicId), 'a topic without a name')
    return topics.partitionCount(name) ?? 0
  }
  const assignor = preferredAssignor(group) ?? settings.consumer.assignors[0]
  const spec = { members, isHomogeneous: isHomogeneous(group), partitionCount }
  const targets = assign(assertDefined(assignor, 'no assignor'), spec)
  for (const { id } of members) {
    const target = targets.get(id) ?? noPartitions
    const former = group.targets.get(id)
    if (former === undefined || !isSamePartitions(former, target)) {
      write({ of: 'target', memberId: id, value: target })
    }
  }
  write({ of: 'target-epoch', value: { epoch: group.epoch, timestampMs: decision.nowMs } })
}

/** The assignor that most members ask for; undefined where none asks. Of equal ones the first in a HashMap's order counts. */
export function preferredAssignor(group: ConsumerGroup): string | undefined {
  const votes = new Map<string, number>()
  for (const { profile } of group.members.values()) {
    const name = profile.serverAssignor
    if (name !== null) votes.set(name, (votes.get(name) ?? 0) + 1)
  }
  let winner: string | undefined
  for (const name of memberOrder([...votes.keys()])) {
    if (winner === undefined || (votes.get(name) ?? 0) > (votes.get(winner) ?? 0)) winner = name
  }
  return winner
}

/** Whether all members read the same, as Kafka sees it: all the same names, or all nothing but the same regular expression. */
export function isHomogeneous(group: ConsumerGroup): boolean {
  const [first] = group.members.values()
  if (first === undefined) return true
  const { topicNames, topicRegex } = first.profile
  if (topicRegex !== '' && topicNames.length > 0) return false
  for (const { profile } of group.members.values()) {
    if (profile.topicRegex !== topicRegex || profile.topicNames.length !== topicNames.length) return false
    if (profile.topicNames.some((name, at) => name !== topicNames[at])) return false
  }
  return true
}

/** Ids of the topics that a member reads and that are there. */
export function subscribedIds(group: ConsumerGroup, profile: MemberProfile, topics: TopicView): TopicIdHex[] {
  return subscribedNames(group, profile).flatMap((name) => topics.idOf(name) ?? [])
}

/** Members mostly read the same: each subscription is looked up once. */
function topicIdResolver(group: ConsumerGroup, topics: TopicView): (profile: MemberProfile) => TopicIdHex[] {
  const known = new Map<string, TopicIdHex[]>()
  return (profile) => {
    const key = `${profile.topicNames.join('/')}/${profile.topicRegex}`
    const present = known.get(key)
    if (present !== undefined) return present
    const topicIds = subscriptionOrder(subscribedIds(group, profile, topics))
    known.set(key, topicIds)
    return topicIds
  }
}
