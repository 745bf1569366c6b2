/** A consumer as clients of Kafka behave: joins, assigns if it leads, heartbeats, commits, and comes back after every error. */

import { assertDefined } from '../../src/base/assert.ts'
import { topicIdBytes } from '../../src/base/ids.ts'
import type { Random } from '../../src/base/random.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { type HeartbeatResponse, heartbeatApi, makeHeartbeatRequest } from '../../src/wire/generated/heartbeat.ts'
import type { JoinGroupResponse } from '../../src/wire/generated/join-group.ts'
import type { OffsetCommitResponse } from '../../src/wire/generated/offset-commit.ts'
import {
  makeOffsetFetchRequest,
  type OffsetFetchResponse,
  offsetFetchApi,
} from '../../src/wire/generated/offset-fetch.ts'
import type { SyncGroupResponse } from '../../src/wire/generated/sync-group.ts'
import type { Call, GroupFixture } from './group-fixture.ts'

export const partitionCount = 8

/** What consumers tell the referee, who knows what must never happen. */
export interface Referee {
  assigned(fact: {
    readonly consumer: string
    readonly generation: number
    readonly partitions: readonly number[]
  }): void
  /** The highest offset acknowledged so far: what is asked from here on must not fall behind it. */
  floor(partition: number): number
  /** `floor` is what it was when the commit was sent. */
  committed(fact: { readonly partition: number; readonly offset: number; readonly floor: number }): void
  read(fact: { readonly partition: number; readonly offset: number; readonly floor: number }): void
}

type Step = 'join' | 'joining' | 'sync' | 'syncing' | 'fetch' | 'fetching' | 'consume' | 'committing' | 'heartbeating'

export class SimulatedConsumer {
  readonly name: string
  readonly instanceId: string | null
  readonly #random: Random
  readonly #referee: Referee
  #step: Step = 'join'
  #memberId = ''
  #generation = -1
  #stalledUntilMs = 0
  #call: Call<unknown> | undefined
  #onAnswer: (response: unknown) => void = () => {}
  #joined: JoinGroupResponse | undefined
  #partitions: number[] = []
  #positions = new Map<number, number>()

  constructor(options: { name: string; isStatic: boolean; random: Random; referee: Referee }) {
    this.name = options.name
    this.instanceId = options.isStatic ? `instance-${options.name}` : null
    this.#random = options.random
    this.#referee = options.referee
  }

  /** Whether it works on its share of the given generation. */
  isSettledIn(generation: number): boolean {
    const isWorking = this.#step === 'consume' || this.#step === 'committing' || this.#step === 'heartbeating'
    return isWorking && this.#generation === generation
  }

  get generation(): number {
    return this.#generation
  }

  get partitions(): readonly number[] {
    return this.#partitions
  }

  get step(): string {
    return this.#step
  }

  /** The connection is lost, and with it the answer to what was asked; what was, still is for a static member's successor. */
  disconnected(): void {
    if (this.#call === undefined) return
    this.#call = undefined
    this.#step = 'join'
  }

  /** Leaves in good order, where it is in. */
  leave(fixture: GroupFixture): void {
    if (this.#memberId !== '') {
      fixture.leave({ members: [{ memberId: this.#memberId, groupInstanceId: this.instanceId, reason: null }] })
    }
    this.#reset()
    this.#call = undefined
  }

  /** It stands still, as in a long garbage collection: it neither asks nor sees answers. */
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
    if (this.#step === 'join') this.#join(fixture)
    else if (this.#step === 'sync') this.#sync(fixture)
    else if (this.#step === 'fetch') this.#fetch(fixture)
    else if (this.#step === 'consume') this.#consume(fixture)
  }

  #ask<Response>(step: Step, call: Call<Response>, onAnswer: (response: Response) => void): void {
    this.#step = step
    this.#call = call
    this.#onAnswer = (response) => onAnswer(response as Response)
  }

  #join(fixture: GroupFixture): void {
    const call = fixture.join({ memberId: this.#memberId, groupInstanceId: this.instanceId }, { clientId: this.name })
    this.#ask('joining', call, (response) => {
      if (response.errorCode === ErrorCode.NONE) {
        this.#memberId = response.memberId
        this.#generation = response.generationId
        this.#joined = response
        this.#step = 'sync'
        return
      }
      this.#step = 'join'
      if (response.errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.#memberId = response.memberId
      else this.#failed(response.errorCode)
    })
  }

  #sync(fixture: GroupFixture): void {
    const joined = assertDefined(this.#joined, 'a sync without a join')
    const isLeader = joined.leader === this.#memberId && !joined.skipAssignment
    const assignments = isLeader ? share(joined.members.map(({ memberId }) => memberId)) : []
    const { groupInstanceId, memberId, generationId } = this.#identity()
    const call = fixture.sync({ memberId, groupInstanceId, generationId, assignments })
    this.#ask('syncing', call, (response: SyncGroupResponse) => {
      if (response.errorCode !== ErrorCode.NONE) {
        this.#failed(response.errorCode)
        return
      }
      this.#partitions = [...response.assignment]
      this.#referee.assigned({ consumer: this.name, generation: this.#generation, partitions: this.#partitions })
      this.#step = 'fetch'
    })
  }

  #fetch(fixture: GroupFixture): void {
    const topics = [{ name: 't', topicId: topicIdBytes('aa'.repeat(16)), partitionIndexes: this.#partitions }]
    const message = makeOffsetFetchRequest({ groups: [{ groupId: 'g', memberId: null, memberEpoch: -1, topics }] })
    const floors = this.#floors()
    const call = fixture.send<OffsetFetchResponse>(offsetFetchApi.key, message, { version: 9 })
    this.#ask('fetching', call, (response) => {
      const [group] = response.groups
      this.#step = 'fetch'
      if (group === undefined || group.errorCode !== ErrorCode.NONE) return
      this.#positions = new Map()
      for (const { partitionIndex, committedOffset } of group.topics[0]?.partitions ?? []) {
        const floor = floors.get(partitionIndex) ?? -1
        this.#referee.read({ partition: partitionIndex, offset: committedOffset, floor })
        this.#positions.set(partitionIndex, Math.max(0, committedOffset))
      }
      this.#step = 'consume'
    })
  }

  #consume(fixture: GroupFixture): void {
    const { memberId, groupInstanceId, generationId } = this.#identity()
    if (this.#partitions.length === 0 || this.#random.below(2) === 0) {
      const message = makeHeartbeatRequest({ groupId: 'g', memberId, groupInstanceId, generationId })
      const call = fixture.send<HeartbeatResponse>(heartbeatApi.key, message, { version: 4 })
      this.#ask('heartbeating', call, ({ errorCode }) => {
        this.#step = 'consume'
        if (errorCode !== ErrorCode.NONE) this.#failed(errorCode)
      })
      return
    }
    const offsets: Record<number, number> = {}
    for (const partition of this.#partitions) {
      const position = (this.#positions.get(partition) ?? 0) + this.#random.below(10)
      this.#positions.set(partition, position)
      offsets[partition] = position
    }
    const floors = this.#floors()
    const member = { memberId, groupInstanceId, generationIdOrMemberEpoch: generationId }
    this.#ask('committing', fixture.commit(offsets, member), (response: OffsetCommitResponse) => {
      this.#step = 'consume'
      for (const { partitionIndex, errorCode } of response.topics[0]?.partitions ?? []) {
        const offset = offsets[partitionIndex] ?? -1
        const floor = floors.get(partitionIndex) ?? -1
        if (errorCode !== ErrorCode.NONE) this.#failed(errorCode)
        else this.#referee.committed({ partition: partitionIndex, offset, floor })
      }
    })
  }

  #floors(): Map<number, number> {
    return new Map(this.#partitions.map((partition) => [partition, this.#referee.floor(partition)]))
  }

  #failed(errorCode: number): void {
    switch (errorCode) {
      case ErrorCode.UNKNOWN_MEMBER_ID:
      case ErrorCode.ILLEGAL_GENERATION:
      case ErrorCode.FENCED_INSTANCE_ID:
        this.#reset()
        break
      case ErrorCode.REBALANCE_IN_PROGRESS:
        this.#step = 'join'
        break
      case ErrorCode.NOT_COORDINATOR:
      case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
      case ErrorCode.COORDINATOR_NOT_AVAILABLE:
        // Looks the coordinator up again, and goes on where it was.
        if (this.#step === 'syncing') this.#step = 'join'
        break
      default:
        throw new Error(`${this.name}: error ${errorCode} while it was ${this.#step}`)
    }
  }

  #identity(): { memberId: string; groupInstanceId: string | null; generationId: number } {
    return { memberId: this.#memberId, groupInstanceId: this.instanceId, generationId: this.#generation }
  }

  #reset(): void {
    this.#memberId = ''
    this.#generation = -1
    this.#partitions = []
    this.#step = 'join'
  }
}

/** Partitions in turn; a byte each. */
function share(memberIds: readonly string[]): { memberId: string; assignment: Buffer }[] {
  return memberIds.map((memberId, index) => {
    const partitions = Array.from({ length: partitionCount }, (_, partition) => partition)
    return {
      memberId,
      assignment: Buffer.from(partitions.filter((partition) => partition % memberIds.length === index)),
    }
  })
}
