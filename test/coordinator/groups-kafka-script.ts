/** Requests about groups in an order that walks through the rules, as Apache Kafka was asked them and as the coordinator is. */

import { ApiKey } from '../../src/wire/generated/api-keys.ts'
import { makeDeleteGroupsRequest } from '../../src/wire/generated/delete-groups.ts'
import { makeDescribeGroupsRequest } from '../../src/wire/generated/describe-groups.ts'
import { makeHeartbeatRequest } from '../../src/wire/generated/heartbeat.ts'
import { type JoinGroupRequest, makeJoinGroupRequest } from '../../src/wire/generated/join-group.ts'
import { makeLeaveGroupRequest } from '../../src/wire/generated/leave-group.ts'
import { makeListGroupsRequest } from '../../src/wire/generated/list-groups.ts'
import { makeOffsetCommitRequest } from '../../src/wire/generated/offset-commit.ts'
import { makeOffsetDeleteRequest } from '../../src/wire/generated/offset-delete.ts'
import { makeOffsetFetchRequest } from '../../src/wire/generated/offset-fetch.ts'
import { makeSyncGroupRequest } from '../../src/wire/generated/sync-group.ts'
import { Writer } from '../../src/wire/writer.ts'

/** A topic with four partitions. */
export const topic = 'safka-groups'

/** What a step may use of the run it is in. */
export type Run = {
  /** Before every group id, so that runs do not meet. */
  readonly prefix: string
  /** The member id that the step of this label was answered with. */
  member(label: string): string
}
export type Step = {
  readonly label: string
  readonly api: number
  readonly version: number
  readonly request: (run: Run) => unknown
}

type Who = {
  readonly member?: string
  readonly instance?: string
  readonly generation?: number
  readonly version?: number
}

/** 'x' stands for itself, '@label' for the member id of that step. */
function memberOf(run: Run, name = ''): string {
  return name.startsWith('@') ? run.member(name.slice(1)) : name
}

function groupOf(run: Run, name: string): string {
  return name === '' ? '' : `${run.prefix}${name}`
}

/** Protocols of these names. What a member says must be a consumer's: Kafka hangs over what it cannot read. */
function named(...names: string[]): JoinGroupRequest['protocols'] {
  return names.map((name) => {
    const writer = new Writer()
    writer.writeInt16(0)
    writer.writeInt32(1)
    writer.writeString(topic)
    writer.writeBytes(Buffer.from(`${name} metadata`))
    return { name, metadata: writer.finishJoined() }
  })
}

function join(label: string, group: string, who: Who & Partial<JoinGroupRequest> = {}): Step {
  const { member, instance = null, version = 9, generation: _, ...rest } = who
  const request = (run: Run) =>
    makeJoinGroupRequest({
      groupId: groupOf(run, group),
      memberId: memberOf(run, member),
      groupInstanceId: instance,
      sessionTimeoutMs: 60_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: 'consumer',
      protocols: named('range'),
      ...rest,
    })
  return { label, api: ApiKey.JoinGroup, version, request }
}

function sync(label: string, group: string, who: Who & { gives?: readonly string[]; protocol?: string | null }): Step {
  const { member, instance = null, generation = 1, version = 5, gives = [], protocol = 'range' } = who
  const request = (run: Run) =>
    makeSyncGroupRequest({
      groupId: groupOf(run, group),
      memberId: memberOf(run, member),
      groupInstanceId: instance,
      generationId: generation,
      protocolType: 'consumer',
      protocolName: protocol,
      assignments: gives.map((to) => ({ memberId: memberOf(run, to), assignment: Buffer.from(`share of ${to}`) })),
    })
  return { label, api: ApiKey.SyncGroup, version, request }
}

function heartbeat(label: string, group: string, who: Who): Step {
  const { member, instance = null, generation = 1, version = 4 } = who
  const request = (run: Run) =>
    makeHeartbeatRequest({
      groupId: groupOf(run, group),
      memberId: memberOf(run, member),
      groupInstanceId: instance,
      generationId: generation,
    })
  return { label, api: ApiKey.Heartbeat, version, request }
}

function leave(label: string, group: string, members: readonly Who[], version = 5): Step {
  const request = (run: Run) => {
    const groupId = groupOf(run, group)
    if (version < 3) return makeLeaveGroupRequest({ groupId, memberId: memberOf(run, members[0]?.member) })
    const leaving = members.map(({ member, instance = null }) => ({
      memberId: memberOf(run, member),
      groupInstanceId: instance,
      reason: null,
    }))
    return makeLeaveGroupRequest({ groupId, members: leaving })
  }
  return { label, api: ApiKey.LeaveGroup, version, request }
}

type Commits = Who & {
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
  readonly metadata?: string | null
}

function commit(label: string, group: string, who: Commits = {}): Step {
  const { member, instance = null, generation = -1, version = 9, partition = 0, offset = 5, metadata = 'm' } = who
  const partitions = [
    { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: metadata },
    { partitionIndex: 3, committedOffset: offset, committedLeaderEpoch: 0, committedMetadata: '' },
  ]
  const topics = [{ name: who.topic ?? topic, topicId: Buffer.alloc(16, 7), partitions }]
  const request = (run: Run) =>
    makeOffsetCommitRequest({
      groupId: groupOf(run, group),
      memberId: memberOf(run, member),
      groupInstanceId: instance,
      generationIdOrMemberEpoch: generation,
      topics,
    })
  return { label, api: ApiKey.OffsetCommit, version, request }
}

function fetch(
  label: string,
  group: string,
  { version = 9, all = false }: { version?: number; all?: boolean } = {},
): Step {
  const partitionIndexes = [0, 1, 9]
  const request = (run: Run) => {
    const groupId = groupOf(run, group)
    if (version < 8)
      return makeOffsetFetchRequest({ groupId, topics: all ? null : [{ name: topic, partitionIndexes }] })
    const topics = all ? null : [{ name: topic, topicId: Buffer.alloc(16, 7), partitionIndexes }]
    return makeOffsetFetchRequest({ groups: [{ groupId, memberId: null, memberEpoch: -1, topics }] })
  }
  return { label, api: ApiKey.OffsetFetch, version, request }
}

function describe(label: string, group: string, version = 6): Step {
  const includeAuthorizedOperations = version >= 3
  const request = (run: Run) =>
    makeDescribeGroupsRequest({ groups: [groupOf(run, group)], includeAuthorizedOperations })
  return { label, api: ApiKey.DescribeGroups, version, request }
}

function list(label: string, filters: { statesFilter?: string[]; typesFilter?: string[] } = {}): Step {
  return { label, api: ApiKey.ListGroups, version: 5, request: () => makeListGroupsRequest(filters) }
}

function remove(label: string, ...groups: string[]): Step {
  const request = (run: Run) => makeDeleteGroupsRequest({ groupsNames: groups.map((name) => groupOf(run, name)) })
  return { label, api: ApiKey.DeleteGroups, version: 2, request }
}

function removeOffsets(label: string, group: string): Step {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0 }, { partitionIndex: 9 }] }]
  const request = (run: Run) => makeOffsetDeleteRequest({ groupId: groupOf(run, group), topics })
  return { label, api: ApiKey.OffsetDelete, version: 0, request }
}

const nothingThere: readonly Step[] = [
  join('join without a group id', ''),
  join('join with a short session', 'none', { sessionTimeoutMs: 100 }),
  join('join with a long session', 'none', { sessionTimeoutMs: 1_800_001 }),
  join('join a missing group with an id', 'none', { member: 'x' }),
  sync('sync with a missing group', 'none', { member: 'x' }),
  sync('sync without a group id', '', { member: 'x' }),
  heartbeat('heartbeat to a missing group', 'none', { member: 'x' }),
  heartbeat('heartbeat without a group id', '', { member: 'x' }),
  leave('leave a missing group', 'none', [{ member: 'x' }, { instance: 'i' }]),
  leave('leave a missing group, old', 'none', [{ member: 'x' }], 2),
  leave('leave without a group id', '', [{ member: 'x' }]),
  commit('commit to a missing group with a generation', 'none', { member: 'x', generation: 1 }),
  commit('commit to a missing group with a generation, old', 'none', { member: 'x', generation: 1, version: 8 }),
  commit('commit to an unknown topic only', 'none', { topic: 'safka-no-such-topic' }),
  commit('commit by an unknown topic id', 'none', { version: 10 }),
  fetch('fetch from a missing group', 'none'),
  fetch('fetch from a missing group, old', 'none', { version: 1 }),
  fetch('fetch all from a missing group', 'none', { all: true }),
  fetch('fetch by an unknown topic id', 'none', { version: 10 }),
  describe('describe a missing group', 'none'),
  describe('describe a missing group, old', 'none', 5),
  describe('describe without a group id', ''),
  remove('delete a missing group', 'none'),
  removeOffsets('delete offsets of a missing group', 'none'),
  removeOffsets('delete offsets without a group id', ''),
]

const dynamicMembers: readonly Step[] = [
  join('a asks', 'd'),
  describe('a group with a pending member', 'd'),
  join('a', 'd', { member: '@a asks' }),
  describe('a group that completes', 'd'),
  commit('a commits too early', 'd', { member: '@a', generation: 1 }),
  heartbeat('a heartbeats early', 'd', { member: '@a' }),
  join('a repeats its join', 'd', { member: '@a' }),
  sync('a syncs another generation', 'd', { member: '@a', generation: 2 }),
  sync('a syncs another protocol', 'd', { member: '@a', protocol: 'sticky' }),
  sync('a syncs no protocol', 'd', { member: '@a', protocol: null }),
  sync('a stranger syncs', 'd', { member: 'x' }),
  sync('a syncs', 'd', { member: '@a', gives: ['@a', 'x'] }),
  sync('a syncs again', 'd', { member: '@a' }),
  describe('a stable group', 'd'),
  describe('a stable group, old', 'd', 2),
  list('stable groups', { statesFilter: ['Stable'] }),
  list('stable groups, in small letters, of a type', { statesFilter: ['stable'], typesFilter: ['Classic'] }),
  list('groups of another type', { typesFilter: ['consumer'] }),
  list('groups in no state', { statesFilter: ['nonsense'] }),
  heartbeat('a heartbeats', 'd', { member: '@a' }),
  heartbeat('a heartbeats for another generation', 'd', { member: '@a', generation: 0 }),
  heartbeat('a stranger heartbeats', 'd', { member: 'x' }),
  heartbeat('an unknown instance heartbeats', 'd', { member: '@a', instance: 'i' }),
  commit('a commits', 'd', { member: '@a', generation: 1, offset: 11 }),
  commit('a commits without metadata', 'd', { member: '@a', generation: 1, offset: 12, metadata: null }),
  commit('a commits too much metadata', 'd', { member: '@a', generation: 1, metadata: 'm'.repeat(4_097) }),
  commit('a commits to a partition that is not there', 'd', { member: '@a', generation: 1, partition: 9 }),
  commit('a commits for another generation', 'd', { member: '@a', generation: 2 }),
  commit('nobody commits', 'd'),
  commit('a stranger commits', 'd', { member: 'x', generation: 1 }),
  fetch('fetch', 'd'),
  fetch('fetch, old', 'd', { version: 5 }),
  fetch('fetch all', 'd', { all: true }),
  join('a stranger with another protocol joins', 'd', { protocols: named('sticky') }),
  join('a stranger of another type joins', 'd', { protocolType: 'connect' }),
  join('a stranger with an id joins', 'd', { member: 'x' }),
  join('b', 'd', { version: 3, protocols: named('range', 'sticky') }),
  heartbeat('a is called back', 'd', { member: '@a' }),
  commit('a commits while it is called back', 'd', { member: '@a', generation: 1, offset: 20 }),
  sync('a syncs while it is called back', 'd', { member: '@a' }),
  describe('a group that prepares', 'd'),
  join('a again', 'd', { member: '@a' }),
  sync('b syncs', 'd', { member: '@b', generation: 2 }),
  sync('a syncs for both', 'd', { member: '@a', generation: 2, gives: ['@a', '@b'] }),
  describe('a stable group of two', 'd'),
  join('b repeats its join', 'd', { member: '@b', protocols: named('range', 'sticky') }),
  join('b changes', 'd', { member: '@b', protocols: named('range') }),
  join('a for the third time', 'd', { member: '@a' }),
  sync('b waits', 'd', { member: '@b', generation: 3 }),
  join('c asks', 'd'),
  join('c', 'd', { member: '@c asks' }),
  leave('a stranger and c leave', 'd', [{ member: 'x' }, { member: '@c asks' }]),
  join('b comes back', 'd', { member: '@b' }),
  join('a comes back', 'd', { member: '@a' }),
  remove('delete a group with members', 'd'),
  removeOffsets('delete offsets of a group with members', 'd'),
  sync('a syncs at last', 'd', { member: '@a', generation: 4, gives: ['@a', '@b'] }),
  leave('b leaves, old', 'd', [{ member: '@b' }], 1),
  leave('b leaves again, old', 'd', [{ member: '@b' }], 1),
  leave('a leaves', 'd', [{ member: '@a' }]),
  describe('an empty group', 'd'),
  join('a joins the empty group with its id', 'd', { member: '@a' }),
  heartbeat('a heartbeats to the empty group', 'd', { member: '@a', generation: 5 }),
  sync('a syncs with the empty group', 'd', { member: '@a', generation: 5 }),
  commit('a commits to the empty group', 'd', { member: '@a', generation: 4 }),
  commit('nobody commits to the empty group', 'd', { offset: 30 }),
  removeOffsets('delete offsets of an empty group', 'd'),
  fetch('fetch all after that', 'd', { all: true }),
  remove('delete an empty group and a missing one', 'd', 'none'),
  fetch('fetch from a deleted group', 'd', { all: true }),
  describe('a deleted group', 'd'),
]

const staticMembers: readonly Step[] = [
  join('i', 's', { instance: 'i' }),
  sync('i syncs', 's', { member: '@i', instance: 'i', gives: ['@i'] }),
  join('i comes back', 's', { instance: 'i' }),
  heartbeat('the former i heartbeats', 's', { member: '@i', instance: 'i' }),
  commit('the former i commits', 's', { member: '@i', instance: 'i', generation: 1 }),
  sync('the former i syncs', 's', { member: '@i', instance: 'i' }),
  join('the former i joins', 's', { member: '@i', instance: 'i' }),
  leave('the former i leaves', 's', [{ member: '@i', instance: 'i' }]),
  heartbeat('i heartbeats', 's', { member: '@i comes back', instance: 'i' }),
  sync('i syncs again', 's', { member: '@i comes back', instance: 'i' }),
  join('i comes back, old', 's', { instance: 'i', version: 8 }),
  describe('a group of one static member', 's'),
  join('j', 's', { instance: 'j', version: 5 }),
  join('i joins j', 's', { member: '@i comes back, old', instance: 'i' }),
  sync('j waits', 's', { member: '@j', instance: 'j', generation: 2 }),
  sync('i syncs for both', 's', { member: '@i comes back, old', instance: 'i', generation: 2, gives: ['@j'] }),
  join('j comes back', 's', { instance: 'j', version: 9 }),
  join('j comes back with another protocol', 's', { instance: 'j', protocols: named('sticky', 'range') }),
  leave('an unknown instance, j and i leave', 's', [{ instance: 'k' }, { instance: 'j' }, { instance: 'i' }]),
  describe('a group that static members left', 's'),
]

const withoutMembers: readonly Step[] = [
  commit('a simple commit', 'simple', { version: 2 }),
  describe('a simple group', 'simple'),
  commit('a simple commit with a member id', 'simple', { member: 'x', offset: 7 }),
  commit('a simple commit with an instance', 'simple', { instance: 'i', offset: 8 }),
  commit('a commit with a generation to a simple group', 'simple', { member: 'x', generation: 0 }),
  fetch('fetch from a simple group', 'simple'),
  list('empty groups', { statesFilter: ['Empty'], typesFilter: ['classic'] }),
  join('join a simple group with an id', 'simple', { member: 'x' }),
  removeOffsets('delete offsets of a simple group', 'simple'),
  remove('delete a simple group', 'simple'),
  describe('a deleted simple group', 'simple'),
]

/** All steps, in order; each is sent once the one before has been answered, or has shown that it is not yet. */
export const steps: readonly Step[] = [...nothingThere, ...dynamicMembers, ...staticMembers, ...withoutMembers]

/** An answer without what is chance: member ids by the step that first showed them, group ids without prefix. */
export function comparable(
  value: unknown,
  run: { readonly prefix: string; nameOf(memberId: string): string },
): unknown {
  if (Buffer.isBuffer(value)) return value.equals(Buffer.alloc(16)) ? 'no id' : value.toString('latin1')
  if (typeof value === 'string') {
    if (/-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(value)) return run.nameOf(value)
    return value.replace(run.prefix, '')
  }
  if (Array.isArray(value)) {
    const mine = value.filter((item) => isOfRun(item, run.prefix)).map((item) => comparable(item, run))
    return mine.sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, comparable(field, run)]))
}

/** Listed groups of other runs are none of our business. */
function isOfRun(item: unknown, prefix: string): boolean {
  if (typeof item !== 'object' || item === null || !('groupType' in item) || !('groupId' in item)) return true
  return typeof item.groupId === 'string' && item.groupId.startsWith(prefix)
}
