/** A consumer of either protocol as clients behave: joins, gives up and takes partitions, commits, and comes back after every error. */

import { topicIdBytes } from '../../src/base/ids.ts'
import type { Random } from '../../src/base/random.ts'
import {
  type ConsumerGroupHeartbeatResponse,
  consumerGroupHeartbeatApi,
  makeConsumerGroupHeartbeatRequest,
} from '../../src/wire/generated/consumer-group-heartbeat.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { type HeartbeatResponse, heartbeatApi, makeHeartbeatRequest } from '../../src/wire/generated/heartbeat.ts'
import type { JoinGroupResponse } from '../../src/wire/generated/join-group.ts'
import {
  makeOffsetCommitRequest,
  type OffsetCommitResponse,
  offsetCommitApi,
} from '../../src/wire/generated/offset-commit.ts'
import {
  makeOffsetFetchRequest,
  type OffsetFetchResponse,
  offsetFetchApi,
} from '../../src/wire/generated/offset-fetch.ts'
import { readShare, share, subscriptionBytes } from './embedded-consumer.ts'
import type { Call, FakeTopics, GroupFixture } from './group-fixture.ts'

/** A partition as text: the topic's id, which a topic of the same name does not share, and the number. */
export type Place = string

/** Who knows what must never happen. */
export interface Referee {
  /** The highest offset acknowledged so far. */
  floor(place: Place): number
  /** `floor` is what it was when the commit was sent. */
  committed(place: Place, offset: number, floor: number): void
  read(place: Place, offset: number, floor: number): void
}

type MemberOptions = {
  readonly name: string
  readonly isStatic: boolean
  readonly isClassic: boolean
  readonly names: readonly string[]
  /** In the stead of names, for members of the consumer protocol. */
  readonly regex: string | null
  readonly random: Random
  readonly referee: Referee
}

export class SimulatedMember {
  readonly name: string
  readonly isClassic: boolean
  readonly names: readonly string[]
  readonly instanceId: string | null
  readonly #options: MemberOptions
  readonly #random: Random
  readonly #referee: Referee
  #memberId: string
  #epoch = 0
  #owned = new Set<Place>()
  /** What it was told to own, and has not yet come to. */
  #told: Set<Place> | undefined
  #saysAll = true
  #saysOwned = false
  #positions = new Map<Place, number>()
  /** Of the classic protocol: what comes next. */
  #next: 'join' | 'sync' | 'work' = 'join'
  #joined: JoinGroupResponse | undefined
  /** Of the classic protocol: the topics as they were when it joined. */
  #topicsSeen = ''
  #stalledUntilMs = 0
  #call: Call<unknown> | undefined
  #onAnswer: (response: unknown) => void = () => {}

  constructor(options: MemberOptions) {
    this.name = options.name
    this.isClassic = options.isClassic
    this.names = options.names
    this.#options = options
    this.#random = options.random
    this.#referee = options.referee
    this.instanceId = options.isStatic ? `instance-${options.name}` : null
    this.#memberId = options.isClassic ? '' : this.#newId()
  }

  get owned(): ReadonlySet<Place> {
    return this.#owned
  }

  get text(): string {
    return `${this.name} ${this.isClassic ? this.#next : ''} ${this.#epoch} owns ${[...this.#owned].map((place) => place.slice(28)).join(' ')}`
  }

  /** The connection is lost, and with it the answer to what was asked. */
  disconnected(): void {
    if (this.#call === undefined) return
    this.#call = undefined
    this.#saysAll = true
    if (this.#next === 'sync') this.#next = 'join'
  }

  /** It begins anew as another process: nothing of what it knew is left but its instance id. */
  crash(): void {
    this.#call = undefined
    this.#memberId = this.isClassic ? '' : this.#newId()
    this.#reset()
  }

  /** Leaves in good order: for a while, where it is static and of the consumer protocol and the dice say so. */
  leave(fixture: GroupFixture): void {
    const { instanceId } = this
    if (this.isClassic && this.#memberId !== '') {
      fixture.leave({ members: [{ memberId: this.#memberId, groupInstanceId: instanceId, reason: null }] })
    } else if (!this.isClassic && this.#epoch > 0) {
      const memberEpoch = instanceId !== null && this.#random.below(2) === 0 ? -2 : -1
      const message = makeConsumerGroupHeartbeatRequest({
        groupId: 'g',
        memberId: this.#memberId,
        instanceId,
        memberEpoch,
      })
      fixture.send(consumerGroupHeartbeatApi.key, message, { version: 1 })
    }
    this.crash()
  }

  stallUntil(timeMs: number): void {
    this.#stalledUntilMs = timeMs
  }

  /** One turn: takes an answer if there is one, else does what comes next. */
  act(fixture: GroupFixture): void {
    if (fixture.clock.nowMs() < this.#stalledUntilMs) return
    if (this.#call !== undefined) {
      if (this.#call.answerCount > 1) throw new Error(`${this.name}: answered ${this.#call.answerCount} times`)
      if (this.#call.response === undefined) return
      const { response } = this.#call
      this.#call = undefined
      this.#onAnswer(response)
      return
    }
    if (this.isClassic && this.#next === 'join') this.#join(fixture)
    else if (this.isClassic && this.#next === 'sync') this.#sync(fixture)
    else if (this.#random.below(3) > 0 && this.#epoch > 0 && this.#owned.size > 0) this.#workOnOffsets(fixture)
    else if (this.isClassic) this.#classicHeartbeat(fixture)
    else this.#heartbeat(fixture)
  }

  #heartbeat(fixture: GroupFixture): void {
    // Giving up partitions may take a while: only then does it say so.
    if (this.#told !== undefined && this.#random.below(3) > 0) this.#reconcile(this.#told)
    const { regex, names } = this.#options
    const isJoining = this.#epoch === 0
    const saysAll = isJoining || this.#saysAll
    const message = makeConsumerGroupHeartbeatRequest({
      groupId: 'g',
      memberId: this.#memberId,
      memberEpoch: this.#epoch,
      instanceId: this.instanceId,
      rebalanceTimeoutMs: saysAll ? 20_000 : -1,
      subscribedTopicNames: saysAll && regex === null ? [...names] : null,
      subscribedTopicRegex: saysAll ? regex : null,
      topicPartitions: saysAll || this.#saysOwned ? wire(this.#owned) : null,
    })
    this.#saysAll = false
    this.#saysOwned = false
    const call = fixture.send<ConsumerGroupHeartbeatResponse>(consumerGroupHeartbeatApi.key, message, {
      version: 1,
      clientId: this.name,
    })
    this.#ask(call, (response) => {
      if (response.errorCode !== ErrorCode.NONE) {
        this.#failed(response.errorCode)
        return
      }
      this.#epoch = response.memberEpoch
      if (response.assignment === null) return
      this.#told = new Set(
        response.assignment.topicPartitions.flatMap(({ topicId, partitions }) =>
          partitions.map((partition) => `${topicId.toString('hex')}/${partition}`),
        ),
      )
    })
  }

  #reconcile(told: Set<Place>): void {
    for (const place of this.#owned) if (!told.has(place)) this.#positions.delete(place)
    this.#owned = told
    this.#told = undefined
    this.#saysOwned = true
  }

  #join(fixture: GroupFixture): void {
    // An eager consumer gives up everything before it joins.
    this.#owned = new Set()
    this.#positions.clear()
    this.#topicsSeen = topicsText(fixture.topics)
    const protocols = [{ name: 'range', metadata: subscriptionBytes(this.names) }]
    const request = { memberId: this.#memberId, groupInstanceId: this.instanceId, protocols }
    this.#ask(fixture.join(request, { clientId: this.name }), (response: JoinGroupResponse) => {
      if (response.errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.#memberId = response.memberId
      else if (response.errorCode !== ErrorCode.NONE) this.#failed(response.errorCode)
      else {
        this.#memberId = response.memberId
        this.#epoch = response.generationId
        this.#joined = response
        this.#next = 'sync'
      }
    })
  }

  #sync(fixture: GroupFixture): void {
    const joined = this.#joined
    if (joined === undefined) throw new Error('a sync without a join')
    const isLeader = joined.leader === this.#memberId && !joined.skipAssignment
    const assignments = isLeader ? share(joined.members, fixture.topics) : []
    const identity = { memberId: this.#memberId, groupInstanceId: this.instanceId, generationId: this.#epoch }
    this.#ask(fixture.sync({ ...identity, assignments }), (response) => {
      if (response.errorCode !== ErrorCode.NONE) {
        if (this.#next === 'sync') this.#next = 'join'
        this.#failed(response.errorCode)
        return
      }
      this.#owned = placesOf(readShare(response.assignment), fixture.topics)
      this.#next = 'work'
    })
  }

  #classicHeartbeat(fixture: GroupFixture): void {
    // Consumers of the classic protocol look at topics themselves, and join anew where they have changed.
    if (this.#topicsSeen !== topicsText(fixture.topics)) {
      this.#join(fixture)
      return
    }
    const identity = { memberId: this.#memberId, groupInstanceId: this.instanceId, generationId: this.#epoch }
    const message = makeHeartbeatRequest({ groupId: 'g', ...identity })
    const call = fixture.send<HeartbeatResponse>(heartbeatApi.key, message, { version: 4 })
    this.#ask(call, ({ errorCode }) => {
      if (errorCode !== ErrorCode.NONE) this.#failed(errorCode)
    })
  }

  /** Learns where to go on, for partitions that are new to it, or commits where it is. */
  #workOnOffsets(fixture: GroupFixture): void {
    const unknown = [...this.#owned].filter((place) => !this.#positions.has(place))
    const places = unknown.length > 0 ? unknown : [...this.#owned]
    const floors = new Map(places.map((place) => [place, this.#referee.floor(place)]))
    if (unknown.length > 0) this.#fetch(fixture, floors)
    else this.#commit(fixture, floors)
  }

  #fetch(fixture: GroupFixture, floors: ReadonlyMap<Place, number>): void {
    const topics = wire(floors.keys()).map(({ topicId, partitions }) => ({
      name: '',
      topicId,
      partitionIndexes: partitions,
    }))
    const identity = this.isClassic
      ? { memberId: null, memberEpoch: -1 }
      : { memberId: this.#memberId, memberEpoch: this.#epoch }
    const message = makeOffsetFetchRequest({ groups: [{ groupId: 'g', ...identity, topics }] })
    const call = fixture.send<OffsetFetchResponse>(offsetFetchApi.key, message, { version: 10 })
    this.#ask(call, ({ groups: [group] }) => {
      if (group === undefined || group.errorCode !== ErrorCode.NONE) {
        this.#failed(group?.errorCode ?? ErrorCode.NONE)
        return
      }
      for (const { topicId, partitions } of group.topics) {
        for (const { partitionIndex, committedOffset, errorCode } of partitions) {
          const place = `${topicId.toString('hex')}/${partitionIndex}`
          if (errorCode !== ErrorCode.NONE || !this.#owned.has(place)) continue
          this.#referee.read(place, committedOffset, floors.get(place) ?? -1)
          this.#positions.set(place, Math.max(0, committedOffset))
        }
      }
    })
  }

  #commit(fixture: GroupFixture, floors: ReadonlyMap<Place, number>): void {
    const offsets = new Map<Place, number>()
    for (const place of floors.keys()) offsets.set(place, (this.#positions.get(place) ?? 0) + this.#random.below(10))
    for (const [place, offset] of offsets) this.#positions.set(place, offset)
    const topics = wire(offsets.keys()).map(({ topicId, partitions }) => ({
      name: '',
      topicId,
      partitions: partitions.map((partitionIndex) => ({
        partitionIndex,
        committedOffset: offsets.get(`${topicId.toString('hex')}/${partitionIndex}`) ?? 0,
        committedLeaderEpoch: -1,
        committedMetadata: '',
      })),
    }))
    const message = makeOffsetCommitRequest({
      groupId: 'g',
      memberId: this.#memberId,
      groupInstanceId: this.instanceId,
      generationIdOrMemberEpoch: this.#epoch,
      topics,
    })
    const call = fixture.send<OffsetCommitResponse>(offsetCommitApi.key, message, { version: 10 })
    this.#ask(call, (response) => {
      for (const { topicId, partitions } of response.topics) {
        for (const { partitionIndex, errorCode } of partitions) {
          const place = `${topicId.toString('hex')}/${partitionIndex}`
          if (errorCode !== ErrorCode.NONE) this.#failed(errorCode)
          else this.#referee.committed(place, offsets.get(place) ?? -1, floors.get(place) ?? -1)
        }
      }
    })
  }

  #ask<Response>(call: Call<Response>, onAnswer: (response: Response) => void): void {
    this.#call = call
    this.#onAnswer = (response) => onAnswer(response as Response)
  }

  #failed(errorCode: number): void {
    switch (errorCode) {
      case ErrorCode.UNKNOWN_MEMBER_ID:
      case ErrorCode.FENCED_MEMBER_EPOCH:
      case ErrorCode.FENCED_INSTANCE_ID:
      case ErrorCode.ILLEGAL_GENERATION:
      case ErrorCode.GROUP_ID_NOT_FOUND:
        if (this.isClassic) this.#memberId = ''
        this.#reset()
        break
      case ErrorCode.REBALANCE_IN_PROGRESS:
        this.#next = 'join'
        break
      case ErrorCode.NOT_COORDINATOR:
      case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
      case ErrorCode.COORDINATOR_NOT_AVAILABLE:
        this.#saysAll = true
        if (this.#next === 'sync') this.#next = 'join'
        break
      // The former self's place is not free yet; a newer epoch is on its way; a topic is gone.
      case ErrorCode.UNRELEASED_INSTANCE_ID:
      case ErrorCode.STALE_MEMBER_EPOCH:
      case ErrorCode.UNKNOWN_TOPIC_ID:
      case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
      case ErrorCode.NONE:
        break
      default:
        throw new Error(`${this.name}: error ${errorCode}`)
    }
  }

  #reset(): void {
    this.#epoch = 0
    this.#owned = new Set()
    this.#told = undefined
    this.#positions.clear()
    this.#saysAll = true
    this.#next = 'join'
  }

  #newId(): string {
    return this.#random.uuid().toString('base64url')
  }
}

function topicsText({ topics }: FakeTopics): string {
  return JSON.stringify([...topics])
}

/** Places of a share that is told by name. */
function placesOf(named: readonly { topic: string; partitions: readonly number[] }[], topics: FakeTopics): Set<Place> {
  const places = new Set<Place>()
  for (const { topic, partitions } of named) {
    const id = topics.idOf(topic)
    if (id !== undefined) for (const partition of partitions) places.add(`${id}/${partition}`)
  }
  return places
}

function wire(places: Iterable<Place>): { topicId: Buffer; partitions: number[] }[] {
  const topics = new Map<string, number[]>()
  for (const place of places) {
    const [id = '', partition] = place.split('/')
    topics.set(id, [...(topics.get(id) ?? []), Number(partition)])
  }
  return Array.from(topics, ([id, partitions]) => ({ topicId: topicIdBytes(id), partitions }))
}
