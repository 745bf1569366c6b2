/** Members of classic consumer groups: they join, share partitions out, read, commit, fall silent, leave and come back. */

import {
  heartbeatCall,
  joinGroupCall,
  leaveGroupCall,
  offsetCommitCall,
  offsetFetchCall,
  syncGroupCall,
} from '../../src/client/calls.ts'
import { ConnectionError } from '../../src/client/errors.ts'
import { ErrorCode, isRetriable } from '../../src/wire/generated/errors.ts'
import { makeHeartbeatRequest } from '../../src/wire/generated/heartbeat.ts'
import { type JoinGroupResponse, makeJoinGroupRequest } from '../../src/wire/generated/join-group.ts'
import { makeLeaveGroupRequest } from '../../src/wire/generated/leave-group.ts'
import { makeOffsetCommitRequest } from '../../src/wire/generated/offset-commit.ts'
import { makeOffsetFetchRequest } from '../../src/wire/generated/offset-fetch.ts'
import { makeSyncGroupRequest } from '../../src/wire/generated/sync-group.ts'
import { noOffset, noTransaction, type Outcome } from '../history/history.ts'
import { Reader } from './readers.ts'
import type { Referee } from './referee.ts'
import { groupName } from './transactions.ts'
import { Violation, type World } from './world.ts'

const sessionMs = 6_000
const rebalanceMs = 8_000
const heartbeatMs = 1_500
const silentMs = 9_000
const protocolType = 'simulation'

/** The membership or its generation is over: join again; `isUnknown`: under a new id. */
class MustRejoin extends Error {
  readonly isUnknown: boolean

  constructor(isUnknown: boolean) {
    super('')
    this.isUnknown = isUnknown
  }
}

export type MemberOptions = {
  readonly group: number
  readonly referee: Referee
  readonly isStatic: boolean
  readonly isCommitted: boolean
}

export class Member extends Reader {
  readonly #options: MemberOptions
  readonly #groupId: string
  readonly #instanceId: string | null
  #memberId = ''
  #generation = -1
  #beatMs = 0
  /** What the group has committed as far as this member knows: it never commits less, even where records were lost. */
  readonly #floors = new Map<number, number>()

  constructor(world: World, name: string, options: MemberOptions) {
    super(world, name, options)
    this.#options = options
    this.#groupId = groupName(options.group)
    this.#instanceId = options.isStatic ? `instance ${name}` : null
  }

  async run(): Promise<void> {
    while (!this.world.isWindingDown) {
      try {
        await this.#join()
        await this.#start()
        while (!this.world.isWindingDown) await this.#work()
      } catch (thrown) {
        if (thrown instanceof MustRejoin) {
          if (thrown.isUnknown) this.#memberId = ''
        } else if (thrown instanceof ConnectionError) await this.pauseBeforeRetry()
        else throw thrown
      }
    }
    await this.#leave()
    this.disconnect()
  }

  async #join(): Promise<void> {
    const joined = await this.#askToJoin()
    this.#memberId = joined.memberId
    this.#generation = joined.generationId
    const isLeader = joined.leader === joined.memberId && !joined.skipAssignment
    const request = makeSyncGroupRequest({
      groupId: this.#groupId,
      ...this.#identity(),
      protocolType,
      protocolName: 'turns',
      assignments: isLeader ? this.#share(joined.members.map(({ memberId }) => memberId)) : [],
    })
    const { errorCode, assignment } = await this.ask(syncGroupCall, request, 5)
    this.#check('SyncGroup', errorCode)
    const { group, referee } = this.#options
    const partitions = [...assignment]
    // A static member that comes back under another id takes the place that it had.
    const member = this.#instanceId ?? this.#memberId
    referee.assigned({ group, generation: this.#generation, member, partitions })
    this.positions.clear()
    for (const partition of partitions) this.positions.set(partition, noOffset)
    this.#beatMs = this.nowMs
  }

  async #askToJoin(): Promise<JoinGroupResponse> {
    for (;;) {
      const request = makeJoinGroupRequest({
        groupId: this.#groupId,
        sessionTimeoutMs: sessionMs,
        rebalanceTimeoutMs: rebalanceMs,
        memberId: this.#memberId,
        groupInstanceId: this.#instanceId,
        protocolType,
        protocols: [{ name: 'turns', metadata: Buffer.alloc(0) }],
        reason: null,
      })
      const response = await this.ask(joinGroupCall, request, 9)
      if (response.errorCode === ErrorCode.NONE) return response
      if (response.errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.#memberId = response.memberId
      else this.#check('JoinGroup', response.errorCode)
    }
  }

  /** Goes on where the group is; a commit of a transaction that is still open is waited for. */
  async #start(): Promise<void> {
    const committed = new Map<number, number>()
    for (const partition of this.positions.keys()) committed.set(partition, await this.#committedOffset(partition))
    for (const [partition, offset] of committed) this.#floors.set(partition, offset)
    this.assign([...committed].map(([partition, offset]) => [partition, Math.max(0, offset)] as const))
  }

  async #committedOffset(partition: number): Promise<number> {
    const { topic, index } = this.world.place(partition)
    const topics = [{ name: topic, partitionIndexes: [index] }]
    const request = makeOffsetFetchRequest({ groupId: this.#groupId, topics, requireStable: true })
    const startedAt = this.world.history.now
    const response = await this.askUntil(
      () => this.ask(offsetFetchCall, request, 7),
      ({ errorCode, topics: answered }) => answered[0]?.partitions[0]?.errorCode || errorCode,
    )
    const answer = response.topics[0]?.partitions[0]
    if (answer?.errorCode !== ErrorCode.NONE) this.refuse('OffsetFetch', answer?.errorCode ?? response.errorCode)
    const offset = answer.committedOffset < 0 ? noOffset : answer.committedOffset
    this.world.history.add({ kind: 'committed', group: this.#options.group, partition, offset, startedAt })
    return offset
  }

  async #work(): Promise<void> {
    const { world } = this
    await this.sleep(world.random.below(60))
    if (this.nowMs - this.#beatMs >= heartbeatMs) await this.#beat()
    if (this.positions.size > 0) await this.poll(world.pick([0, 0, 100, 400]))
    else await this.sleep(200)
    if (world.chance(30)) await this.#commit()
    if (world.chance(2)) await this.#commitLate()
    if (world.chance(1)) await this.sleep(silentMs)
    if (world.chance(1)) {
      await this.#leave()
      throw new MustRejoin(this.#instanceId === null)
    }
  }

  /** What was in work under an older generation arrives late: it must not count. */
  async #commitLate(): Promise<void> {
    const [partition] = this.positions.keys()
    if (partition === undefined || this.#generation < 2) return
    const { topic, index } = this.world.place(partition)
    const place = { partitionIndex: index, committedOffset: 0, committedLeaderEpoch: -1, committedMetadata: '' }
    const request = makeOffsetCommitRequest({
      groupId: this.#groupId,
      memberId: this.#memberId,
      groupInstanceId: this.#instanceId,
      generationIdOrMemberEpoch: this.#generation - 1,
      topics: [{ name: topic, topicId: Buffer.alloc(16), partitions: [place] }],
    })
    const response = await this.ask(offsetCommitCall, request, 9)
    if (response.topics[0]?.partitions[0]?.errorCode === ErrorCode.NONE) {
      throw new Violation(`${this.name}: a commit of a generation that is over was taken`)
    }
  }

  async #beat(): Promise<void> {
    this.#beatMs = this.nowMs
    const request = makeHeartbeatRequest({ groupId: this.#groupId, ...this.#identity() })
    const { errorCode } = await this.ask(heartbeatCall, request, 4)
    this.#check('Heartbeat', errorCode)
  }

  async #commit(): Promise<void> {
    const { history, random } = this.world
    const partitions = [...this.positions]
    const chosen = partitions[random.below(Math.max(1, partitions.length))]
    if (chosen === undefined) return
    const [partition, offset] = chosen
    if (offset < (this.#floors.get(partition) ?? 0)) return
    this.#floors.set(partition, offset)
    const { topic, index } = this.world.place(partition)
    const place = { partitionIndex: index, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: '' }
    const { memberId, groupInstanceId, generationId } = this.#identity()
    const request = makeOffsetCommitRequest({
      groupId: this.#groupId,
      memberId,
      groupInstanceId,
      generationIdOrMemberEpoch: generationId,
      topics: [{ name: topic, topicId: Buffer.alloc(16), partitions: [place] }],
    })
    const startedAt = history.now
    const { group } = this.#options
    const note = (outcome: Outcome): void =>
      history.add({ kind: 'commit', group, partition, offset, outcome, transaction: noTransaction, startedAt })
    let errorCode: number
    try {
      const response = await this.ask(offsetCommitCall, request, 9)
      errorCode = response.topics[0]?.partitions[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
    } catch (thrown) {
      note('unknown')
      throw thrown
    }
    note(errorCode === ErrorCode.NONE ? 'ok' : isRetriable(errorCode) ? 'unknown' : 'failed')
    if (!isRetriable(errorCode)) this.#check('OffsetCommit', errorCode)
  }

  async #leave(): Promise<void> {
    if (this.#memberId === '') return
    const member = { memberId: this.#memberId, groupInstanceId: this.#instanceId, reason: null }
    const request = makeLeaveGroupRequest({ groupId: this.#groupId, members: [member] })
    try {
      await this.ask(leaveGroupCall, request, 5)
    } catch (thrown) {
      if (!(thrown instanceof ConnectionError)) throw thrown
    }
  }

  #check(what: string, errorCode: number): void {
    switch (errorCode) {
      case ErrorCode.NONE:
        return
      case ErrorCode.UNKNOWN_MEMBER_ID:
      case ErrorCode.FENCED_INSTANCE_ID:
        throw new MustRejoin(true)
      case ErrorCode.ILLEGAL_GENERATION:
      case ErrorCode.REBALANCE_IN_PROGRESS:
        throw new MustRejoin(false)
    }
    if (!isRetriable(errorCode)) this.refuse(what, errorCode)
    throw new ConnectionError('later')
  }

  #identity(): { memberId: string; groupInstanceId: string | null; generationId: number } {
    return { memberId: this.#memberId, groupInstanceId: this.#instanceId, generationId: this.#generation }
  }

  /** Partitions in turn; a byte each. */
  #share(memberIds: readonly string[]): { memberId: string; assignment: Buffer }[] {
    const partitions = this.world.places.map((_, partition) => partition)
    return memberIds.map((memberId, index) => ({
      memberId,
      assignment: Buffer.from(partitions.filter((partition) => partition % memberIds.length === index)),
    }))
  }
}
