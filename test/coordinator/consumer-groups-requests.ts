/** Short words for the requests of the consumer groups' script, and how answers to them are compared. */

import { ApiKey } from '../../src/wire/generated/api-keys.ts'
import { makeConsumerGroupDescribeRequest } from '../../src/wire/generated/consumer-group-describe.ts'
import { makeConsumerGroupHeartbeatRequest } from '../../src/wire/generated/consumer-group-heartbeat.ts'
import {
  encodeConsumerProtocolSubscription,
  makeConsumerProtocolSubscription,
} from '../../src/wire/generated/consumer-protocol-subscription.ts'
import { makeDeleteGroupsRequest } from '../../src/wire/generated/delete-groups.ts'
import { makeDescribeGroupsRequest } from '../../src/wire/generated/describe-groups.ts'
import { makeHeartbeatRequest } from '../../src/wire/generated/heartbeat.ts'
import { makeJoinGroupRequest } from '../../src/wire/generated/join-group.ts'
import { makeLeaveGroupRequest } from '../../src/wire/generated/leave-group.ts'
import { makeListGroupsRequest } from '../../src/wire/generated/list-groups.ts'
import { makeOffsetCommitRequest } from '../../src/wire/generated/offset-commit.ts'
import { makeOffsetDeleteRequest } from '../../src/wire/generated/offset-delete.ts'
import { makeOffsetFetchRequest } from '../../src/wire/generated/offset-fetch.ts'
import { makeSyncGroupRequest } from '../../src/wire/generated/sync-group.ts'
import { Writer } from '../../src/wire/writer.ts'

/** Two topics, of six and of three partitions. */
export const topics = { six: 'safka-consumer-six', three: 'safka-consumer-three' } as const
export type TopicName = keyof typeof topics

/** What a step may use of the run it is in. */
export type Run = {
  /** Before every group id, so that runs do not meet. */
  readonly prefix: string
  topicId(topic: TopicName): Buffer
  /** The member id that the step of this label was answered with. */
  member(label: string): string
}
export type Step = {
  readonly label: string
  readonly api: number
  readonly version: number
  readonly request: (run: Run) => unknown
  /** Whether expressions are matched with topics before the next step: that happens beside the requests. */
  readonly resolves?: boolean
}

/** Partitions by topic, as members say that they own them. */
type Owned = Partial<Record<TopicName, readonly number[]>>
type Beat = {
  readonly member?: string
  readonly epoch?: number
  readonly instance?: string
  readonly rack?: string
  readonly names?: readonly string[] | null
  readonly regex?: string | null
  readonly assignor?: string
  readonly timeout?: number
  readonly owns?: Owned | null
  readonly version?: number
  readonly resolves?: boolean
}

/** 'x' stands for itself, '@label' for the member id of that step. */
function memberOf(run: Run, name = ''): string {
  return name.startsWith('@') ? run.member(name.slice(1)) : name
}

function groupOf(run: Run, name: string): string {
  return name === '' ? '' : `${run.prefix}${name}`
}

function namesOf(owned: Owned): TopicName[] {
  return owned.six === undefined ? ['three'] : owned.three === undefined ? ['six'] : ['six', 'three']
}

/** A heartbeat; with the epoch 0, which is the default, a member joins, and says everything. */
export function beat(label: string, group: string, who: Beat = {}): Step {
  const { member = '', epoch = 0, version = 1 } = who
  const isJoining = epoch === 0
  const { names = isJoining && who.regex === undefined ? [topics.six] : null } = who
  const { owns = isJoining ? {} : null, timeout = isJoining ? 60_000 : -1, regex = null } = who
  const request = (run: Run) =>
    makeConsumerGroupHeartbeatRequest({
      groupId: groupOf(run, group),
      memberId: memberOf(run, member),
      memberEpoch: epoch,
      instanceId: who.instance ?? null,
      rackId: who.rack ?? null,
      rebalanceTimeoutMs: timeout,
      subscribedTopicNames: names === null ? null : [...names],
      subscribedTopicRegex: regex,
      serverAssignor: who.assignor ?? null,
      topicPartitions: owns === null ? null : wireOf(run, owns),
    })
  return { label, api: ApiKey.ConsumerGroupHeartbeat, version, request, resolves: who.resolves ?? false }
}

function wireOf(run: Run, owned: Owned): { topicId: Buffer; partitions: number[] }[] {
  if (Object.keys(owned).length === 0) return []
  return namesOf(owned).map((topic) => ({ topicId: run.topicId(topic), partitions: [...(owned[topic] ?? [])] }))
}

export function describe(label: string, ...groups: string[]): Step {
  const request = (run: Run) =>
    makeConsumerGroupDescribeRequest({
      groupIds: groups.map((name) => groupOf(run, name)),
      includeAuthorizedOperations: true,
    })
  return { label, api: ApiKey.ConsumerGroupDescribe, version: 1, request }
}

export function describeClassic(label: string, group: string, version = 6): Step {
  const request = (run: Run) => makeDescribeGroupsRequest({ groups: [groupOf(run, group)] })
  return { label, api: ApiKey.DescribeGroups, version, request }
}

export function list(label: string, filters: { statesFilter?: string[]; typesFilter?: string[] }): Step {
  return { label, api: ApiKey.ListGroups, version: 5, request: () => makeListGroupsRequest(filters) }
}

type Committer = {
  readonly member?: string
  readonly epoch?: number
  readonly partition?: number
  readonly offset?: number
  readonly version?: number
}

export function commit(label: string, group: string, who: Committer = {}): Step {
  const { member, epoch = -1, partition = 0, offset = 5, version = 9 } = who
  const partitions = [
    { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: 'm' },
  ]
  const request = (run: Run) =>
    makeOffsetCommitRequest({
      groupId: groupOf(run, group),
      memberId: memberOf(run, member),
      generationIdOrMemberEpoch: epoch,
      topics: [{ name: topics.six, topicId: run.topicId('six'), partitions }],
    })
  return { label, api: ApiKey.OffsetCommit, version, request }
}

export function fetch(label: string, group: string, who: Committer & { readonly all?: boolean } = {}): Step {
  const { member, epoch = -1, version = 9, all = false } = who
  const asked = (run: Run) =>
    all ? null : [{ name: topics.six, topicId: run.topicId('six'), partitionIndexes: [0, 1] }]
  const request = (run: Run) =>
    makeOffsetFetchRequest({
      groups: [
        {
          groupId: groupOf(run, group),
          memberId: member === undefined ? null : memberOf(run, member),
          memberEpoch: epoch,
          topics: asked(run),
        },
      ],
    })
  return { label, api: ApiKey.OffsetFetch, version, request }
}

export function removeOffsets(label: string, group: string): Step {
  const asked = [{ name: topics.six, partitions: [{ partitionIndex: 0 }] }]
  const request = (run: Run) => makeOffsetDeleteRequest({ groupId: groupOf(run, group), topics: asked })
  return { label, api: ApiKey.OffsetDelete, version: 0, request }
}

export function remove(label: string, ...groups: string[]): Step {
  const request = (run: Run) => makeDeleteGroupsRequest({ groupsNames: groups.map((name) => groupOf(run, name)) })
  return { label, api: ApiKey.DeleteGroups, version: 2, request }
}

/** What a consumer of the classic protocol says of itself. */
function subscription(names: readonly string[], owns: Owned): Buffer {
  const writer = new Writer()
  writer.writeInt16(1)
  const ownedPartitions = Object.entries(owns).map(([topic, partitions]) => ({
    topic: topics[topic as TopicName],
    partitions: [...partitions],
  }))
  const message = makeConsumerProtocolSubscription({ topics: [...names], ownedPartitions })
  encodeConsumerProtocolSubscription(writer, message, 1)
  return writer.finishJoined()
}

type Classic = {
  readonly member?: string
  readonly instance?: string
  readonly generation?: number
  readonly names?: readonly string[]
  readonly owns?: Owned
  readonly protocols?: readonly string[]
  readonly type?: string
  readonly version?: number
}

export function join(label: string, group: string, who: Classic = {}): Step {
  const { member, instance = null, names = [topics.six], owns = {}, protocols = ['cooperative'], version = 9 } = who
  const request = (run: Run) =>
    makeJoinGroupRequest({
      groupId: groupOf(run, group),
      memberId: memberOf(run, member),
      groupInstanceId: instance,
      sessionTimeoutMs: 60_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: who.type ?? 'consumer',
      protocols: protocols.map((name) => ({ name, metadata: subscription(names, owns) })),
    })
  return { label, api: ApiKey.JoinGroup, version, request }
}

export function sync(label: string, group: string, who: Classic): Step {
  const { member, instance = null, generation = 0, protocols = ['cooperative'], version = 5 } = who
  const request = (run: Run) =>
    makeSyncGroupRequest({
      groupId: groupOf(run, group),
      memberId: memberOf(run, member),
      groupInstanceId: instance,
      generationId: generation,
      protocolType: who.type ?? 'consumer',
      protocolName: protocols[0] ?? '',
    })
  return { label, api: ApiKey.SyncGroup, version, request }
}

export function heartbeat(label: string, group: string, who: Classic): Step {
  const { member, instance = null, generation = 0, version = 4 } = who
  const request = (run: Run) =>
    makeHeartbeatRequest({
      groupId: groupOf(run, group),
      memberId: memberOf(run, member),
      groupInstanceId: instance,
      generationId: generation,
    })
  return { label, api: ApiKey.Heartbeat, version, request }
}

export function leave(label: string, group: string, members: readonly Classic[]): Step {
  const request = (run: Run) =>
    makeLeaveGroupRequest({
      groupId: groupOf(run, group),
      members: members.map(({ member, instance = null }) => ({
        memberId: memberOf(run, member),
        groupInstanceId: instance,
        reason: null,
      })),
    })
  return { label, api: ApiKey.LeaveGroup, version: 5, request }
}

/** What an answer is told with: names for what is chance. */
export type Naming = {
  readonly prefix: string
  /** The name of a generated member id; undefined for one that the script chose. */
  nameOf(memberId: string): string | undefined
  topicNameOf(topicId: Buffer): string | undefined
}

/** An answer without what is chance; lists that have no order of their own are sorted. */
export function comparable(value: unknown, naming: Naming): unknown {
  if (Buffer.isBuffer(value)) return naming.topicNameOf(value) ?? value.toString('latin1')
  if (typeof value === 'string') return naming.nameOf(value) ?? value.replaceAll(naming.prefix, '')
  if (Array.isArray(value)) {
    const mine = value.filter((item) => isOfRun(item, naming.prefix)).map((item) => comparable(item, naming))
    return mine.sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, comparable(field, naming)]))
}

/** Listed groups of other runs are none of our business. */
function isOfRun(item: unknown, prefix: string): boolean {
  if (typeof item !== 'object' || item === null || !('groupType' in item) || !('groupId' in item)) return true
  return typeof item.groupId === 'string' && item.groupId.startsWith(prefix)
}
