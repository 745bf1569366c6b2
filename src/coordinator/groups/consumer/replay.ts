/** Applies the records of consumer groups: the only place where what the journal says about one changes. */

import type { HeldPartitions } from './assignment.ts'
import type { ConsumerChange } from './records.ts'
import {
  type ConsumerGroup,
  type ConsumerMember,
  type MemberProfile,
  type MemberStanding,
  newProfile,
  newStanding,
} from './state.ts'

/** Makes the group what the record says; that the group itself is gone is for its keeper. */
export function replayConsumer(group: ConsumerGroup, change: ConsumerChange): void {
  switch (change.of) {
    case 'group':
      if (change.value !== null) Object.assign(group, change.value)
      break
    case 'partition-metadata':
      group.hasPartitionMetadata = change.isThere
      break
    case 'member':
      if (change.value === null) removeMember(group, change.memberId)
      else setProfile(group, memberFor(group, change.memberId), change.value)
      break
    case 'target-epoch':
      group.targetEpoch = change.value?.epoch ?? -1
      group.targetTimestampMs = change.value?.timestampMs ?? 0
      break
    case 'target':
      if (change.value === null) group.targets.delete(change.memberId)
      else group.targets.set(change.memberId, change.value)
      break
    case 'standing':
      if (change.value !== null) setStanding(group, memberFor(group, change.memberId), change.value)
      else {
        const member = group.members.get(change.memberId)
        if (member !== undefined) setStanding(group, member, { ...newStanding, epoch: -1 })
      }
      break
    case 'regex':
      if (change.value === null) group.regexes.delete(change.regex)
      else group.regexes.set(change.regex, change.value)
      break
  }
}

function memberFor(group: ConsumerGroup, memberId: string): ConsumerMember {
  const present = group.members.get(memberId)
  if (present !== undefined) return present
  const member: ConsumerMember = {
    id: memberId,
    profile: newProfile,
    standing: newStanding,
    connectionId: '',
    sessionDeadlineMs: Number.POSITIVE_INFINITY,
    revokeDeadlineMs: Number.POSITIVE_INFINITY,
    joinDeadlineMs: Number.POSITIVE_INFINITY,
    syncDeadlineMs: Number.POSITIVE_INFINITY,
  }
  group.members.set(memberId, member)
  return member
}

function setProfile(group: ConsumerGroup, member: ConsumerMember, profile: MemberProfile): void {
  countSubscription(group, member.profile, -1)
  member.profile = profile
  countSubscription(group, profile, 1)
  if (profile.instanceId !== null) group.staticMembers.set(profile.instanceId, member.id)
}

function setStanding(group: ConsumerGroup, member: ConsumerMember, standing: MemberStanding): void {
  releaseAll(group, member.standing)
  member.standing = standing
  hold(group, standing.assigned, standing.epoch)
  hold(group, standing.revoking, standing.epoch)
}

function removeMember(group: ConsumerGroup, memberId: string): void {
  const member = group.members.get(memberId)
  if (member === undefined) return
  group.members.delete(memberId)
  countSubscription(group, member.profile, -1)
  releaseAll(group, member.standing)
  const { instanceId } = member.profile
  if (instanceId !== null && group.staticMembers.get(instanceId) === memberId) group.staticMembers.delete(instanceId)
}

function countSubscription(group: ConsumerGroup, { topicNames, topicRegex }: MemberProfile, step: 1 | -1): void {
  for (const name of topicNames) count(group.nameMembers, name, step)
  if (topicRegex !== '') count(group.regexMembers, topicRegex, step)
}

function count(members: Map<string, number>, key: string, step: 1 | -1): void {
  const counted = (members.get(key) ?? 0) + step
  if (counted === 0) members.delete(key)
  else members.set(key, counted)
}

function hold(group: ConsumerGroup, held: HeldPartitions, epoch: number): void {
  for (const [topicId, partitions] of held) {
    const epochs = group.holderEpochs.get(topicId) ?? new Map<number, number>()
    for (const partition of partitions.keys()) epochs.set(partition, epoch)
    group.holderEpochs.set(topicId, epochs)
  }
}

/** Frees what a member held; what another member has got meanwhile, at another epoch, stays that one's. */
function releaseAll(group: ConsumerGroup, { assigned, revoking, epoch }: MemberStanding): void {
  for (const held of [assigned, revoking]) {
    for (const [topicId, partitions] of held) {
      const epochs = group.holderEpochs.get(topicId)
      if (epochs === undefined) continue
      for (const partition of partitions.keys()) if (epochs.get(partition) === epoch) epochs.delete(partition)
      if (epochs.size === 0) group.holderEpochs.delete(topicId)
    }
  }
}
