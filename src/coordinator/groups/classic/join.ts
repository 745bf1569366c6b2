/** JoinGroup: who comes in, under which member id, and whether that calls for a rebalance. */

import { ErrorCode } from '../../../wire/generated/errors.ts'
import {
  type JoinGroupRequest,
  type JoinGroupResponse,
  makeJoinGroupResponse,
} from '../../../wire/generated/join-group.ts'
import type { Waiter } from '../../waiter.ts'
import type { Decision, Requester } from '../decision.ts'
import type { Group } from '../group.ts'
import {
  groupProtocolBytesMax,
  groupRecordBytesMax,
  membersMax,
  newMemberJoinTimeoutMs,
  pendingJoinsMax,
  protocolBytesMax,
} from '../limits.ts'
import {
  completeJoinIfReady,
  dismissMember,
  generationResponse,
  prepareRebalance,
  rebalanceOrCompleteJoin,
} from './rebalance.ts'
import { groupRecord, groupRecordBytes, newGroupRecord } from './records.ts'
import { ownBytes } from './replay.ts'
import {
  addMember,
  type ClassicMember,
  checkMember,
  extendSession,
  type MemberProtocol,
  noAssignment,
  protocolBytes,
  removeMember,
  selectProtocol,
  setJoinWaiter,
  setProtocols,
  supportsProtocols,
} from './state.ts'

/** A member id holds the client's id up to this length, so that it fits into Kafka's strings with the rest. */
const clientIdInMemberIdMax = 8_000

type Join = {
  readonly decision: Decision
  readonly group: Group
  readonly request: JoinGroupRequest
  readonly requester: Requester
  readonly waiter: Waiter<JoinGroupResponse>
}

/** The error that makes a join hopeless whatever the group's state; NONE if there is none. */
export function checkJoin(request: JoinGroupRequest, settings: Decision['ports']['settings']): number {
  if (request.groupId === '') return ErrorCode.INVALID_GROUP_ID
  const { sessionTimeoutMs } = request
  if (sessionTimeoutMs < settings.sessionTimeoutMinMs || sessionTimeoutMs > settings.sessionTimeoutMaxMs) {
    return ErrorCode.INVALID_SESSION_TIMEOUT
  }
  return protocolBytes(request.protocols) > protocolBytesMax ? ErrorCode.INVALID_REQUEST : ErrorCode.NONE
}

/** The first join of a group that the journal does not know makes it. */
export function decideNewGroup(decision: Decision, groupId: string): void {
  decision.write(newGroupRecord(groupId, decision.nowMs))
}

/** Decides a join that passed checkJoin. `waiter` is answered now or when the rebalance is complete. */
export function decideJoin(join: Join): void {
  const { group, request } = join
  const { classic } = group
  const { memberId } = request
  if (!acceptsMember(join)) {
    const member = classic.members.get(memberId)
    if (member === undefined) removeMember(classic, memberId)
    else {
      dismissMember(join.decision, classic, member)
      // A rebalance that has begun goes on, and looks for who is left.
      if (classic.state !== 'PreparingRebalance') prepareRebalance(join.decision, group)
    }
    refuseJoin(join, '', ErrorCode.GROUP_MAX_SIZE_REACHED)
    return
  }
  const names = request.protocols.map(({ name }) => name)
  if (!supportsProtocols(classic, request.protocolType, names)) {
    refuseJoin(join, memberId, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    return
  }
  if (memberId === '') joinAsNewMember(join)
  else if (classic.pendingJoins.has(memberId) && request.groupInstanceId === null) addAndRebalance(join, memberId)
  else joinAsPresentMember(join)
}

function joinAsNewMember(join: Join): void {
  const { decision, group, request, requester } = join
  const { classic } = group
  const { groupInstanceId } = request
  const prefix = groupInstanceId ?? requester.clientId
  const newId = `${prefix.slice(0, clientIdInMemberIdMax)}-${uuidText(decision.ports.random.uuid())}`
  if (groupInstanceId !== null) {
    const presentId = classic.staticMembers.get(groupInstanceId)
    const present = presentId === undefined ? undefined : classic.members.get(presentId)
    if (present === undefined) addAndRebalance(join, newId)
    else replaceStaticMember(join, present, newId)
    return
  }
  // KIP-394: from version 4 a client first learns its id, so that one that times out and retries is not taken for two.
  if (requester.apiVersion < 4) {
    addAndRebalance(join, newId)
    return
  }
  if (classic.pendingJoins.size >= pendingJoinsMax) {
    refuseJoin(join, '', ErrorCode.GROUP_MAX_SIZE_REACHED)
    return
  }
  const sessionDeadlineMs = decision.monotonicMs + request.sessionTimeoutMs
  classic.pendingJoins.set(newId, { sessionDeadlineMs, connectionId: requester.connectionId })
  classic.wakeMs = Math.min(classic.wakeMs, sessionDeadlineMs)
  refuseJoin(join, newId, ErrorCode.MEMBER_ID_REQUIRED)
}

function joinAsPresentMember(join: Join): void {
  const { decision, group, request, waiter } = join
  const { classic } = group
  const { memberId } = request
  const errorCode = checkMember(classic, memberId, request.groupInstanceId)
  const member = classic.members.get(memberId)
  if (errorCode !== ErrorCode.NONE || member === undefined || classic.state === 'Empty') {
    refuseJoin(join, memberId, errorCode === ErrorCode.NONE ? ErrorCode.UNKNOWN_MEMBER_ID : errorCode)
    return
  }
  const isLeader = classic.leader === memberId
  const isSame = hasSameProtocols(member, request)
  // A join that changes nothing (its answer may have been lost) gets the present generation. But a leader of a stable group
  // joins because what it assigns by has changed: that is for a new generation.
  const isAnswered =
    (classic.state === 'CompletingRebalance' && isSame) || (classic.state === 'Stable' && isSame && !isLeader)
  if (isAnswered) {
    const listsMembers = isLeader && classic.state === 'CompletingRebalance'
    decision.answer(waiter, generationResponse(classic, memberId, { listsMembers }))
    return
  }
  updateMember(join, member)
  rebalanceOrCompleteJoin(decision, group)
}

function addAndRebalance(join: Join, memberId: string): void {
  const { decision, group, request, requester, waiter } = join
  const { classic } = group
  const member: ClassicMember = {
    id: memberId,
    instanceId: request.groupInstanceId,
    clientId: requester.clientId,
    clientHost: requester.clientHost,
    rebalanceTimeoutMs: rebalanceTimeoutOf(join),
    sessionTimeoutMs: request.sessionTimeoutMs,
    protocols: ownProtocols(request),
    assignment: noAssignment,
    connectionId: requester.connectionId,
    joinWaiter: waiter,
    syncWaiter: undefined,
    isNew: true,
    sessionDeadlineMs: Number.POSITIVE_INFINITY,
  }
  if (classic.state === 'PreparingRebalance' && classic.previousState === 'Empty') classic.hasNewMember = true
  addMember(classic, member, request.protocolType)
  extendSession(classic, member, { monotonicMs: decision.monotonicMs, timeoutMs: newMemberJoinTimeoutMs })
  rebalanceOrCompleteJoin(decision, group)
}

/** KIP-345: a static member that comes back, under a new member id, takes the place of its former self. */
function replaceStaticMember(join: Join, former: ClassicMember, newId: string): void {
  const { decision, group, request, requester, waiter } = join
  const { classic } = group
  const formerLeader = classic.leader
  fence(join, former)
  // The place in the map goes to the end; which member leads must not depend on that.
  removeMember(classic, former.id)
  const member: ClassicMember = { ...former, id: newId, connectionId: requester.connectionId, joinWaiter: undefined }
  addMember(classic, member, request.protocolType)
  classic.leader = formerLeader === former.id ? newId : formerLeader
  updateMember(join, member)
  extendSession(classic, member, { monotonicMs: decision.monotonicMs, timeoutMs: member.sessionTimeoutMs })
  if (classic.state === 'PreparingRebalance') {
    completeJoinIfReady(decision, group)
    return
  }
  if (classic.state !== 'Stable' || selectProtocol(classic) !== classic.protocol) {
    prepareRebalance(decision, group)
    return
  }
  const assignmentOf = (memberId: string) => classic.members.get(memberId)?.assignment ?? noAssignment
  const record = groupRecord(group.id, classic, { nowMs: decision.nowMs, assignmentOf })
  if (groupRecordBytes(record) > groupRecordBytesMax) {
    prepareRebalance(decision, group)
    return
  }
  // Nothing changes for the others: the new id is recorded, and the member keeps its assignment without a rebalance.
  setJoinWaiter(classic, member, undefined)
  decision.write(record)
  const isLeader = classic.leader === newId
  if (requester.apiVersion >= 9) {
    const response = generationResponse(classic, newId, { listsMembers: isLeader })
    decision.answer(waiter, { ...response, skipAssignment: isLeader })
  } else {
    // Older clients cannot be told to skip assigning: with the former leader's id they take themselves for a follower.
    const response = generationResponse(classic, newId, { listsMembers: false })
    decision.answer(waiter, { ...response, leader: formerLeader ?? '' })
  }
}

function fence(join: Join, former: ClassicMember): void {
  const { decision, group } = join
  if (former.joinWaiter !== undefined) {
    const errorCode = ErrorCode.FENCED_INSTANCE_ID
    decision.answer(former.joinWaiter, makeJoinGroupResponse({ memberId: former.id, errorCode }))
    setJoinWaiter(group.classic, former, undefined)
  }
  if (former.syncWaiter !== undefined) {
    former.syncWaiter.refuse(ErrorCode.FENCED_INSTANCE_ID)
    former.syncWaiter = undefined
  }
}

/** Takes over what a present member says now, and parks its join. */
function updateMember(join: Join, member: ClassicMember): void {
  const { group, request, requester, waiter } = join
  setProtocols(group.classic, member, ownProtocols(request))
  member.rebalanceTimeoutMs = rebalanceTimeoutOf(join)
  member.sessionTimeoutMs = request.sessionTimeoutMs
  member.connectionId = requester.connectionId
  // A second join on the same id takes the first one's place: the client has given that up.
  member.joinWaiter?.refuse(ErrorCode.REBALANCE_IN_PROGRESS)
  setJoinWaiter(group.classic, member, waiter)
}

/** Whether there is room: while members rejoin, those count that have, so that the last to come are the ones left out. */
function acceptsMember({ decision, group, request }: Join): boolean {
  const { classic } = group
  const limit = Math.min(decision.ports.settings.groupMembersMax, membersMax)
  const member = classic.members.get(request.memberId)
  const ownBytesNow = member === undefined ? 0 : protocolBytes(member.protocols)
  const bytes = classic.protocolBytes - ownBytesNow + protocolBytes(request.protocols)
  if (bytes > groupProtocolBytesMax) return false
  switch (classic.state) {
    case 'Empty':
      return true
    case 'PreparingRebalance':
      return member?.joinWaiter !== undefined || classic.waitingJoinCount < limit
    default:
      return member !== undefined || classic.members.size < limit
  }
}

function refuseJoin({ decision, waiter }: Join, memberId: string, errorCode: number): void {
  decision.answer(waiter, makeJoinGroupResponse({ memberId, errorCode }))
}

/** Version 0 has one timeout for both. */
function rebalanceTimeoutOf({ request, requester }: Join): number {
  return requester.apiVersion === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs
}

/** A name that comes twice counts once, or the group would look for a protocol that more members offer than there are. */
function offeredProtocols(request: JoinGroupRequest): JoinGroupRequest['protocols'] {
  const names = new Set<string>()
  return request.protocols.filter(({ name }) => names.size < names.add(name).size)
}

function ownProtocols(request: JoinGroupRequest): MemberProtocol[] {
  return offeredProtocols(request).map(({ name, metadata }) => ({ name, metadata: ownBytes(metadata) }))
}

function hasSameProtocols(member: ClassicMember, request: JoinGroupRequest): boolean {
  const protocols = offeredProtocols(request)
  if (member.protocols.length !== protocols.length) return false
  return member.protocols.every((own, index) => {
    const other = protocols[index]
    return other !== undefined && own.name === other.name && own.metadata.equals(other.metadata)
  })
}

function uuidText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Whether a join can make a group: a member id must come from one that is there. NONE if so. */
export function checkFirstJoin(request: JoinGroupRequest): number {
  if (request.memberId !== '') return ErrorCode.UNKNOWN_MEMBER_ID
  const isSupported = request.protocolType !== '' && request.protocols.length > 0
  return isSupported ? ErrorCode.NONE : ErrorCode.INCONSISTENT_GROUP_PROTOCOL
}
