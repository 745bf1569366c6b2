/** A group coordinator on a virtual clock and a fake journal, with short words for the requests that tests send. */

import { VirtualClock } from '../../src/base/clock.ts'
import { topicIdBytes } from '../../src/base/ids.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { GroupConfigs } from '../../src/coordinator/group-configs.ts'
import { GroupCoordinator } from '../../src/coordinator/groups/coordinator.ts'
import { defaultGroupSettings, type GroupSettings } from '../../src/coordinator/groups/settings.ts'
import type { TopicView } from '../../src/coordinator/topic-view.ts'
import {
  type DescribeGroupsResponse,
  describeGroupsApi,
  makeDescribeGroupsRequest,
} from '../../src/wire/generated/describe-groups.ts'
import { type HeartbeatResponse, heartbeatApi, makeHeartbeatRequest } from '../../src/wire/generated/heartbeat.ts'
import {
  type JoinGroupRequest,
  type JoinGroupResponse,
  joinGroupApi,
  makeJoinGroupRequest,
} from '../../src/wire/generated/join-group.ts'
import {
  type LeaveGroupRequest,
  type LeaveGroupResponse,
  leaveGroupApi,
  makeLeaveGroupRequest,
} from '../../src/wire/generated/leave-group.ts'
import {
  makeOffsetCommitRequest,
  type OffsetCommitRequest,
  type OffsetCommitResponse,
  offsetCommitApi,
} from '../../src/wire/generated/offset-commit.ts'
import {
  makeOffsetFetchRequest,
  type OffsetFetchResponse,
  offsetFetchApi,
} from '../../src/wire/generated/offset-fetch.ts'
import { messageCodec } from '../../src/wire/generated/registry.ts'
import {
  makeSyncGroupRequest,
  type SyncGroupRequest,
  type SyncGroupResponse,
  syncGroupApi,
} from '../../src/wire/generated/sync-group.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import { FakeJournal } from './fake-journal.ts'

/** One request's fate. */
export type Call<Response> = { response: Response | undefined; answerCount: number }
export type CallOptions = {
  readonly version?: number
  readonly clientId?: string | null
  readonly connectionId?: string
}

/** Topics 't' and 'u' with four partitions each, and whatever a test adds. */
export class FakeTopics implements TopicView {
  readonly topics = new Map([
    ['t', { id: 'aa'.repeat(16), partitions: 4 }],
    ['u', { id: 'bb'.repeat(16), partitions: 4 }],
  ])

  idOf(name: string): string | undefined {
    return this.topics.get(name)?.id
  }

  nameOf(id: string): string | undefined {
    for (const [name, topic] of this.topics) if (topic.id === id) return name
    return undefined
  }

  partitionCount(name: string): number | undefined {
    return this.topics.get(name)?.partitions
  }

  topicNames(): readonly string[] {
    return [...this.topics.keys()]
  }

  /** Topics are not forgotten here: a test that takes one away and brings another counts it itself. */
  createdCount(): number {
    return this.topics.size + this.createdBefore
  }

  createdBefore = 0
}

/** Kafka's defaults, and whatever a test sets for all groups. */
export class FakeGroupConfigs implements GroupConfigs {
  readonly values = new Map([
    ['consumer.assignment.interval.ms', 1_000],
    ['consumer.heartbeat.interval.ms', 5_000],
    ['consumer.session.timeout.ms', 45_000],
  ])

  numberOf(_groupId: string, name: string): number {
    return this.values.get(name) ?? Number.NaN
  }
}

export class GroupFixture {
  readonly clock: VirtualClock
  readonly journal: FakeJournal
  readonly topics: FakeTopics
  readonly groupConfigs: FakeGroupConfigs
  readonly settings: GroupSettings
  readonly coordinator: GroupCoordinator
  #seed: number

  constructor(
    options: {
      readonly settings?: Partial<GroupSettings>
      readonly clock?: VirtualClock
      readonly journal?: FakeJournal
      readonly topics?: FakeTopics
      readonly groupConfigs?: FakeGroupConfigs
      readonly seed?: number
    } = {},
  ) {
    const { clock = new VirtualClock(), journal = new FakeJournal(), topics = new FakeTopics(), seed = 1 } = options
    this.clock = clock
    this.journal = journal
    this.topics = topics
    this.groupConfigs = options.groupConfigs ?? new FakeGroupConfigs()
    this.#seed = seed
    this.settings = { ...defaultGroupSettings, ...options.settings }
    const random = seededRandom(seed)
    const { groupConfigs, settings: groupSettings } = this
    this.coordinator = new GroupCoordinator({ clock, random, journal, topics, groupConfigs, settings: groupSettings })
    for (const { topic, record } of journal.all()) this.coordinator.replay(topic, record)
    this.coordinator.started()
  }

  /** Another broker on what this one made durable. */
  restarted(): GroupFixture {
    this.coordinator.stop()
    const { clock, journal, topics, groupConfigs, settings } = this
    return new GroupFixture({ clock, journal, topics, groupConfigs, settings, seed: this.#seed + 1 })
  }

  /** Sends a request through its own bytes, so that each test also proves the version's encoding. */
  send<Response>(apiKey: number, message: unknown, options: CallOptions = {}): Call<Response> {
    const { version = 0, clientId = 'client', connectionId = 'c1' } = options
    const codec = messageCodec(apiKey)
    if (codec === undefined) throw new Error(`no codec for ${apiKey}`)
    const writer = new Writer()
    codec.encodeRequest(writer, message, version)
    const request = codec.decodeRequest(new Reader(writer.finishJoined()), version)
    const call: Call<Response> = { response: undefined, answerCount: 0 }
    const context = {
      apiKey,
      apiVersion: version,
      clientId,
      clientHost: '/127.0.0.1',
      connectionId,
      listenerName: 'PLAINTEXT',
      clientPort: 40_000,
      softwareName: null,
      softwareVersion: null,
    }
    this.coordinator.handle(context, request, (response) => {
      call.answerCount += 1
      const out = new Writer()
      codec.encodeResponse(out, response, version)
      call.response = codec.decodeResponse(new Reader(out.finishJoined()), version) as Response
    })
    this.journal.flush()
    return call
  }

  advance(byMs: number): void {
    this.clock.advance(byMs)
    this.journal.flush()
  }

  join(request: Partial<JoinGroupRequest>, options?: CallOptions): Call<JoinGroupResponse> {
    const message = makeJoinGroupRequest({
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 20_000,
      protocolType: 'consumer',
      protocols: protocols('range'),
      ...request,
    })
    return this.send(joinGroupApi.key, message, { version: 9, ...options })
  }

  /** The two steps of a new member: its id, then the join with it. */
  joinNew(
    request: Partial<JoinGroupRequest> = {},
    options?: CallOptions,
  ): { id: string; call: Call<JoinGroupResponse> } {
    const id = this.join(request, options).response?.memberId ?? ''
    return { id, call: this.join({ ...request, memberId: id }, options) }
  }

  sync(request: Partial<SyncGroupRequest>, options?: CallOptions): Call<SyncGroupResponse> {
    const message = makeSyncGroupRequest({ groupId: 'g', protocolType: 'consumer', protocolName: 'range', ...request })
    return this.send(syncGroupApi.key, message, { version: 5, ...options })
  }

  heartbeat(memberId: string, generationId: number, options: CallOptions & { groupInstanceId?: string } = {}): number {
    const { groupInstanceId = null } = options
    const message = makeHeartbeatRequest({ groupId: 'g', memberId, generationId, groupInstanceId })
    return (
      this.send<HeartbeatResponse>(heartbeatApi.key, message, { version: 4, ...options }).response?.errorCode ?? -99
    )
  }

  leave(request: Partial<LeaveGroupRequest>, options?: CallOptions): Call<LeaveGroupResponse> {
    const message = makeLeaveGroupRequest({ groupId: 'g', ...request })
    return this.send(leaveGroupApi.key, message, { version: 5, ...options })
  }

  /** Commits offsets of topic 't', by partition. */
  commit(
    offsets: Readonly<Record<number, number>>,
    request: Partial<OffsetCommitRequest> = {},
    options?: CallOptions,
  ): Call<OffsetCommitResponse> {
    const partitions = Object.entries(offsets).map(([partition, offset]) => ({
      partitionIndex: Number(partition),
      committedOffset: offset,
      committedLeaderEpoch: -1,
      committedMetadata: '',
    }))
    const topics = [{ name: 't', topicId: topicIdBytes('aa'.repeat(16)), partitions }]
    const message = makeOffsetCommitRequest({ groupId: 'g', topics, ...request })
    return this.send(offsetCommitApi.key, message, { version: 9, ...options })
  }

  /** The offset committed for a partition of 't'; undefined while there is no answer. */
  offset(partition: number, groupId = 'g'): number | undefined {
    const topics = [{ name: 't', topicId: topicIdBytes('aa'.repeat(16)), partitionIndexes: [partition] }]
    const message = makeOffsetFetchRequest({ groups: [{ groupId, memberId: null, memberEpoch: -1, topics }] })
    const { response } = this.send<OffsetFetchResponse>(offsetFetchApi.key, message, { version: 9 })
    return response?.groups[0]?.topics[0]?.partitions[0]?.committedOffset
  }

  describe(groupId = 'g', version = 6): DescribeGroupsResponse['groups'][number] | undefined {
    const message = makeDescribeGroupsRequest({ groups: [groupId] })
    return this.send<DescribeGroupsResponse>(describeGroupsApi.key, message, { version }).response?.groups[0]
  }

  /** A stable group of `count` members; the first one leads. */
  stableGroup(count = 1, options?: CallOptions): { readonly ids: string[]; readonly generation: number } {
    const ids: string[] = []
    for (let index = 0; index < count; index++) {
      ids.push(this.joinNew({}, options).id)
      // Members that are in already come back for the newcomer.
      for (const memberId of ids.slice(0, -1)) this.join({ memberId }, options)
    }
    const [leader = ''] = ids
    const generation = this.generation(leader)
    const assignments = ids.map((memberId) => ({ memberId, assignment: Buffer.from(`for ${memberId}`) }))
    for (const memberId of ids) {
      this.sync({ memberId, generationId: generation, assignments: memberId === leader ? assignments : [] })
    }
    return { ids, generation }
  }

  /** The generation that a present member's heartbeat is accepted with. */
  generation(memberId: string): number {
    for (let generation = 0; generation < 1_000; generation++) {
      if (this.heartbeat(memberId, generation) !== 22) return generation
    }
    return -1
  }
}

/** Protocols of these names, in this order. */
export function protocols(...names: string[]): JoinGroupRequest['protocols'] {
  return names.map((name) => ({ name, metadata: Buffer.from(`${name} metadata`) }))
}
