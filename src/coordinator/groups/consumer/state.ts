/** A consumer group (KIP-848) in memory: what its journal records say, and beside it the deadlines of the moment. */

import type { TopicIdHex } from '../../../base/ids.ts'
import type { MemberProtocol } from '../classic/state.ts'
import { type HeldPartitions, noPartitions, nothingHeld, type TopicPartitions } from './assignment.ts'

/** Kafka's words for a group's state, as ListGroups and ConsumerGroupDescribe print them. */
export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

/** How far a member is on its way to its target: Kafka's MemberState, by the number that records hold. */
export const memberState = { stable: 0, unrevokedPartitions: 1, unreleasedPartitions: 2, unknown: 127 } as const

/** The epoch of a static member that left for a while. */
export const absentStaticEpoch = -2
/** The epoch with which a member leaves. */
export const leavingEpoch = -1

/** What a member that speaks the classic protocol brought along. The bytes are the coordinator's own copies. */
export type ClassicPart = { readonly sessionTimeoutMs: number; readonly protocols: readonly MemberProtocol[] }

/** What a member says of itself: the content of its member metadata record. */
export type MemberProfile = {
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Sorted, each once. */
  readonly topicNames: readonly string[]
  /** '' for none. */
  readonly topicRegex: string
  readonly rebalanceTimeoutMs: number
  readonly serverAssignor: string | null
  /** null for a member that speaks the consumer protocol. */
  readonly classic: ClassicPart | null
}

/** Where a member stands: the content of its current assignment record. */
export type MemberStanding = {
  readonly epoch: number
  readonly previousEpoch: number
  readonly state: number
  readonly assigned: HeldPartitions
  readonly revoking: HeldPartitions
}

export type ConsumerMember = {
  readonly id: string
  profile: MemberProfile
  standing: MemberStanding
  /** Soft: the connection of its last request, '' for a member known only from the journal. */
  connectionId: string
  /** Soft, as the deadlines that follow: monotonic time at which it counts as dead. */
  sessionDeadlineMs: number
  /** By when it must have given up what it is asked to revoke. */
  revokeDeadlineMs: number
  /** By when a member of the classic protocol must have joined anew. */
  joinDeadlineMs: number
  /** By when a member of the classic protocol must have asked for its assignment. */
  syncDeadlineMs: number
}

/** Topics that a regular expression stands for, as of some moment. */
export type ResolvedRegex = {
  readonly topics: readonly string[]
  /** How many topics had ever been created by then: more of them may match by now. */
  readonly version: number
  readonly timestampMs: number
}

export type ConsumerGroup = {
  epoch: number
  /** Of the topics that are subscribed to; another one means that they have changed. */
  metadataHash: bigint
  /** The group epoch that the targets were computed for. */
  targetEpoch: number
  /** Wall time at which they were; 0 where unknown. */
  targetTimestampMs: number
  readonly members: Map<string, ConsumerMember>
  /** Member id by instance id. */
  readonly staticMembers: Map<string, string>
  readonly targets: Map<string, TopicPartitions>
  /** The epoch of the member that holds a partition, or still has to give it up. */
  readonly holderEpochs: Map<TopicIdHex, Map<number, number>>
  readonly regexes: Map<string, ResolvedRegex>
  /** How many members are subscribed to each topic by its name. */
  readonly nameMembers: Map<string, number>
  /** How many members are subscribed to each regular expression. */
  readonly regexMembers: Map<string, number>
  /** Whether the journal holds the record in which Kafka kept topics before 4.1: it goes with the next change. */
  hasPartitionMetadata: boolean
  /** Soft: topics have changed, or were never looked at since the start. */
  isMetadataStale: boolean
  /** Soft: regular expressions are to be matched with all topics as soon as this decision is made. */
  isRefreshWanted: boolean
  /** Soft: they are being matched. */
  isResolving: boolean
  /** Soft: the earliest deadline set since the timer was last armed. */
  wakeMs: number
}

/** A group before its first member, with the epochs that Kafka begins at. */
export function newConsumerGroup(): ConsumerGroup {
  return {
    epoch: 1,
    metadataHash: 0n,
    targetEpoch: 1,
    targetTimestampMs: 0,
    members: new Map(),
    staticMembers: new Map(),
    targets: new Map(),
    holderEpochs: new Map(),
    regexes: new Map(),
    nameMembers: new Map(),
    regexMembers: new Map(),
    hasPartitionMetadata: false,
    isMetadataStale: true,
    isRefreshWanted: false,
    isResolving: false,
    wakeMs: Number.POSITIVE_INFINITY,
  }
}

export const newProfile: MemberProfile = {
  instanceId: null,
  rackId: null,
  clientId: '',
  clientHost: '',
  topicNames: [],
  topicRegex: '',
  rebalanceTimeoutMs: -1,
  serverAssignor: null,
  classic: null,
}

export const newStanding: MemberStanding = {
  epoch: 0,
  previousEpoch: -1,
  state: memberState.stable,
  assigned: nothingHeld,
  revoking: nothingHeld,
}

/** The group's state in Kafka's words; it follows from the members and the epochs. */
export function stateOf(group: ConsumerGroup): ConsumerGroupState {
  if (group.members.size === 0) return 'Empty'
  if (group.epoch > group.targetEpoch) return 'Assigning'
  for (const { standing } of group.members.values()) {
    if (!isReconciled(standing, group.targetEpoch)) return 'Reconciling'
  }
  return 'Stable'
}

/** Whether a member holds exactly the target of that epoch. */
export function isReconciled(standing: MemberStanding, targetEpoch: number): boolean {
  return standing.state === memberState.stable && standing.epoch === targetEpoch
}

/** The member that holds an instance id; undefined where nobody does, or where there is no id. */
export function staticMember(group: ConsumerGroup, instanceId: string | null): ConsumerMember | undefined {
  const memberId = instanceId === null ? undefined : group.staticMembers.get(instanceId)
  return memberId === undefined ? undefined : group.members.get(memberId)
}

export function targetOf(group: ConsumerGroup, memberId: string): TopicPartitions {
  return group.targets.get(memberId) ?? noPartitions
}

/** The epoch at which a partition is held, or undefined where it is free. */
export function holderEpoch(group: ConsumerGroup, topicId: TopicIdHex, partition: number): number | undefined {
  return group.holderEpochs.get(topicId)?.get(partition)
}

/** Names of the topics that a member reads, by name or because its regular expression stands for them. */
export function subscribedNames(group: ConsumerGroup, { topicNames, topicRegex }: MemberProfile): readonly string[] {
  const matched = topicRegex === '' ? undefined : group.regexes.get(topicRegex)?.topics
  if (matched === undefined || matched.length === 0) return topicNames
  return topicNames.length === 0 ? matched : [...new Set([...topicNames, ...matched])]
}

/** Names of the topics that any member reads. */
export function allSubscribedNames(group: ConsumerGroup): Set<string> {
  const names = new Set(group.nameMembers.keys())
  for (const { topics } of group.regexes.values()) for (const name of topics) names.add(name)
  return names
}

/** Whether any member reads a topic. */
export function isSubscribed(group: ConsumerGroup, name: string): boolean {
  if (group.nameMembers.has(name)) return true
  for (const { topics } of group.regexes.values()) if (topics.includes(name)) return true
  return false
}

export function classicMemberCount(group: ConsumerGroup): number {
  let count = 0
  for (const { profile } of group.members.values()) if (profile.classic !== null) count += 1
  return count
}

/** Sets a member's session to end `timeoutMs` from `monotonicMs`. */
export function extendSession(
  group: ConsumerGroup,
  member: ConsumerMember,
  { monotonicMs, timeoutMs }: { readonly monotonicMs: number; readonly timeoutMs: number },
): void {
  member.sessionDeadlineMs = monotonicMs + timeoutMs
  wakeBy(group, member.sessionDeadlineMs)
}

/** Sees to it that the group's timer fires by then. */
export function wakeBy(group: ConsumerGroup, deadlineMs: number): void {
  group.wakeMs = Math.min(group.wakeMs, deadlineMs)
}
