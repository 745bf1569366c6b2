/** A classic group in memory: what its journal record says, and beside it the joins, syncs and sessions of the moment. */

import { ErrorCode } from '../../../wire/generated/errors.ts'
import type { JoinGroupResponse } from '../../../wire/generated/join-group.ts'
import type { SyncGroupResponse } from '../../../wire/generated/sync-group.ts'
import type { Waiter } from '../../waiter.ts'

/** Kafka's words for a group's state, as DescribeGroups prints them. */
export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

/** One assignment strategy that a member offers, with what it says under it. The bytes are the coordinator's own copy. */
export type MemberProtocol = { readonly name: string; readonly metadata: Buffer }

/** A member of a group. */
export type ClassicMember = {
  readonly id: string
  /** `group.instance.id` of a static member, else null. */
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  /** In the member's order of preference. */
  protocols: readonly MemberProtocol[]
  assignment: Buffer
  /** Soft: the connection of its last join, '' for a member known only from the journal. */
  connectionId: string
  /** Soft: its JoinGroup that waits for the others. */
  joinWaiter: Waiter<JoinGroupResponse> | undefined
  /** Soft: its SyncGroup that waits for the leader. */
  syncWaiter: Waiter<SyncGroupResponse> | undefined
  /** Soft: it has not heard its member id yet, so that it cannot heartbeat. */
  isNew: boolean
  /** Soft: monotonic time at which it counts as dead; Infinity while it is owed an answer. */
  sessionDeadlineMs: number
}

/** A member id that was handed out and has not joined yet. */
export type PendingJoin = { sessionDeadlineMs: number; readonly connectionId: string }

/** A group. `isRecorded` and what belongs to the last generation's outcome change in replay only; the rest is soft. */
export type ClassicGroup = {
  /** Whether the journal holds a metadata record; false for a group that only has offsets. */
  isRecorded: boolean
  state: ClassicState
  previousState: ClassicState | 'Dead'
  generation: number
  /** null for a group that never had members. */
  protocolType: string | null
  protocol: string | null
  leader: string | null
  /** Wall time of the last recorded change of state, -1 where unknown: offsets expire from it. */
  stateTimestampMs: number
  readonly members: Map<string, ClassicMember>
  /** Member id by instance id. */
  readonly staticMembers: Map<string, string>
  readonly pendingJoins: Map<string, PendingJoin>
  /** Members of this generation that have not sent SyncGroup. */
  readonly pendingSyncs: Set<string>
  /** How many members offer each protocol. */
  readonly protocolCounts: Map<string, number>
  /** What all members' protocols take together. */
  protocolBytes: number
  waitingJoinCount: number
  /** A member came during the initial delay, so that it may be extended. */
  hasNewMember: boolean
  /** What is left of the initial rebalance's time after the present delay; undefined in any other rebalance. */
  initialRemainingMs: number | undefined
  /** Monotonic; Infinity where no rebalance waits. */
  joinDeadlineMs: number
  /** Monotonic; Infinity where no SyncGroup is missing. */
  syncDeadlineMs: number
  /** The earliest deadline set since the timer was last armed; see timers.ts. */
  wakeMs: number
}

export const noAssignment: Buffer = Buffer.alloc(0)

/** A group without members. */
export function newClassicGroup(): ClassicGroup {
  return {
    isRecorded: false,
    state: 'Empty',
    previousState: 'Dead',
    generation: 0,
    protocolType: null,
    protocol: null,
    leader: null,
    stateTimestampMs: -1,
    members: new Map(),
    staticMembers: new Map(),
    pendingJoins: new Map(),
    pendingSyncs: new Set(),
    protocolCounts: new Map(),
    protocolBytes: 0,
    waitingJoinCount: 0,
    hasNewMember: false,
    initialRemainingMs: undefined,
    joinDeadlineMs: Number.POSITIVE_INFINITY,
    syncDeadlineMs: Number.POSITIVE_INFINITY,
    wakeMs: Number.POSITIVE_INFINITY,
  }
}

export function setState(group: ClassicGroup, state: ClassicState): void {
  group.previousState = group.state
  group.state = state
}

/** Adds a member; the first one decides the protocol type and leads. */
export function addMember(group: ClassicGroup, member: ClassicMember, protocolType: string): void {
  if (group.members.size === 0) group.protocolType = protocolType
  if (member.instanceId !== null) group.staticMembers.set(member.instanceId, member.id)
  group.leader ??= member.id
  group.members.set(member.id, member)
  countProtocols(group, member, 1)
  if (member.joinWaiter !== undefined) group.waitingJoinCount += 1
  group.pendingJoins.delete(member.id)
}

/** Forgets a member or a pending join. A leader that goes is succeeded by any other member. */
export function removeMember(group: ClassicGroup, memberId: string): void {
  const member = group.members.get(memberId)
  if (member !== undefined) {
    group.members.delete(memberId)
    countProtocols(group, member, -1)
    if (member.joinWaiter !== undefined) group.waitingJoinCount -= 1
    if (member.instanceId !== null) group.staticMembers.delete(member.instanceId)
    if (group.leader === memberId) group.leader = group.members.keys().next().value ?? null
  }
  group.pendingJoins.delete(memberId)
  group.pendingSyncs.delete(memberId)
}

/** Replaces what a member offers. */
export function setProtocols(group: ClassicGroup, member: ClassicMember, protocols: readonly MemberProtocol[]): void {
  countProtocols(group, member, -1)
  member.protocols = protocols
  countProtocols(group, member, 1)
}

/** Parks, or with undefined lets go of, a member's JoinGroup. */
export function setJoinWaiter(
  group: ClassicGroup,
  member: ClassicMember,
  waiter: Waiter<JoinGroupResponse> | undefined,
): void {
  if (waiter !== undefined && member.joinWaiter === undefined) group.waitingJoinCount += 1
  if (waiter === undefined && member.joinWaiter !== undefined) group.waitingJoinCount -= 1
  member.joinWaiter = waiter
}

export function hasAllMembersJoined(group: ClassicGroup): boolean {
  return group.members.size === group.waitingJoinCount && group.pendingJoins.size === 0
}

/** The longest time that a member asks for to rejoin. */
export function rebalanceTimeoutMs(group: ClassicGroup): number {
  let longestMs = 0
  for (const member of group.members.values()) longestMs = Math.max(longestMs, member.rebalanceTimeoutMs)
  return longestMs
}

/** Whether a member that offers `names` under `protocolType` can be in this group. */
export function supportsProtocols(group: ClassicGroup, protocolType: string, names: readonly string[]): boolean {
  if (group.state === 'Empty') return protocolType !== '' && names.length > 0
  if (group.protocolType !== protocolType) return false
  return names.some((name) => (group.protocolCounts.get(name) ?? 0) === group.members.size)
}

/** The protocol with the most votes among those that all members offer; each votes for the first such that it lists. */
export function selectProtocol(group: ClassicGroup): string | null {
  const votes = new Map<string, number>()
  for (const member of group.members.values()) {
    const choice = member.protocols.find(({ name }) => group.protocolCounts.get(name) === group.members.size)
    if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
  }
  let winner: string | null = null
  for (const [name, count] of votes) if (winner === null || count > (votes.get(winner) ?? 0)) winner = name
  return winner
}

/** What a member says under a protocol; empty where it does not offer it. */
export function metadataFor(member: ClassicMember, protocol: string | null): Buffer {
  return member.protocols.find(({ name }) => name === protocol)?.metadata ?? noAssignment
}

/** Whether the request comes from a present member: NONE, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID. */
export function checkMember(group: ClassicGroup, memberId: string, instanceId: string | null): number {
  if (instanceId !== null) {
    const holder = group.staticMembers.get(instanceId)
    if (holder === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    if (holder !== memberId) return ErrorCode.FENCED_INSTANCE_ID
  }
  return group.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
}

/** Sets a member's session to end `timeoutMs` from `monotonicMs`. */
export function extendSession(
  group: ClassicGroup,
  member: ClassicMember,
  { monotonicMs, timeoutMs }: { readonly monotonicMs: number; readonly timeoutMs: number },
): void {
  member.sessionDeadlineMs = monotonicMs + timeoutMs
  group.wakeMs = Math.min(group.wakeMs, member.sessionDeadlineMs)
}

/** What protocols take in memory, about. */
export function protocolBytes(protocols: readonly MemberProtocol[]): number {
  let bytes = 0
  for (const { name, metadata } of protocols) bytes += name.length + metadata.length
  return bytes
}

function countProtocols(group: ClassicGroup, member: ClassicMember, step: 1 | -1): void {
  group.protocolBytes += step * protocolBytes(member.protocols)
  for (const { name } of member.protocols) {
    const count = (group.protocolCounts.get(name) ?? 0) + step
    if (count === 0) group.protocolCounts.delete(name)
    else group.protocolCounts.set(name, count)
  }
}
