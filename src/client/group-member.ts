/** A member of a classic consumer group: joins, assigns where it leads, beats, commits, leaves. */

import type { Timer } from '../base/clock.ts'
import {
  decodeConsumerProtocolAssignment,
  encodeConsumerProtocolAssignment,
} from '../wire/generated/consumer-protocol-assignment.ts'
import {
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolSubscription,
  makeConsumerProtocolSubscription,
} from '../wire/generated/consumer-protocol-subscription.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { makeHeartbeatRequest } from '../wire/generated/heartbeat.ts'
import { type JoinGroupResponse, makeJoinGroupRequest } from '../wire/generated/join-group.ts'
import { makeLeaveGroupRequest } from '../wire/generated/leave-group.ts'
import { makeOffsetCommitRequest } from '../wire/generated/offset-commit.ts'
import { makeOffsetFetchRequest } from '../wire/generated/offset-fetch.ts'
import { makeSyncGroupRequest } from '../wire/generated/sync-group.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import {
  type Call,
  heartbeatCall,
  joinGroupCall,
  leaveGroupCall,
  offsetCommitCall,
  offsetFetchCall,
  syncGroupCall,
} from './calls.ts'
import type { KafkaClient } from './client.ts'
import type { Position } from './consumer.ts'
import { ConnectionError, throwOnError } from './errors.ts'
import { assignRanges, type TopicPartitions } from './range-assignor.ts'

export type GroupMemberOptions = {
  readonly client: KafkaClient
  readonly groupId: string
  readonly topics: readonly string[]
  /** Defaults 30,000, 60,000 and 3,000. */
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly heartbeatMs?: number
}

const protocolType = 'consumer'
const assignorName = 'range'
/** The version of the embedded protocol that is written: 0, which every client reads. */
const embeddedVersion = 0
/** What a join may take beyond the rebalance timeout before its connection counts as dead. */
const joinGraceMs = 10_000

/** These end a membership or a generation; joining again mends them. */
const rejoinCodes: ReadonlySet<number> = new Set([
  ErrorCode.REBALANCE_IN_PROGRESS,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.FENCED_INSTANCE_ID,
  // The broker lost the group: commits of version 9 say so, where older ones call the generation illegal (KIP-848).
  ErrorCode.GROUP_ID_NOT_FOUND,
])

/** One membership. It needs the caller to join again when `needsJoin` says so. */
export class GroupMember {
  readonly #client: KafkaClient
  readonly #groupId: string
  readonly #topics: readonly string[]
  readonly #sessionTimeoutMs: number
  readonly #rebalanceTimeoutMs: number
  readonly #heartbeatMs: number
  #memberId = ''
  #generation = -1
  #needsJoin = true
  #coordinator: number | undefined
  #timer: Timer | undefined

  constructor(options: GroupMemberOptions) {
    this.#client = options.client
    this.#groupId = options.groupId
    this.#topics = options.topics
    this.#sessionTimeoutMs = options.sessionTimeoutMs ?? 30_000
    this.#rebalanceTimeoutMs = options.rebalanceTimeoutMs ?? 60_000
    this.#heartbeatMs = options.heartbeatMs ?? 3_000
  }

  /** Whether the group rebalances, or this member has lost its place. */
  get needsJoin(): boolean {
    return this.#needsJoin
  }

  get memberId(): string {
    return this.#memberId
  }

  /** Joins, for the first time or again, and answers what this member is to read. */
  async join(): Promise<TopicPartitions> {
    this.#timer?.cancel()
    for (;;) {
      const assignment = await this.#client.retrying(() => this.#tryJoin())
      if (assignment === undefined) continue
      this.#needsJoin = false
      this.#beatLater()
      return assignment
    }
  }

  /** Commits the next offsets to be read. */
  async commit(positions: readonly Position[]): Promise<void> {
    if (positions.length === 0) return
    const topics = [...new Set(positions.map(({ topic }) => topic))].map((name) => ({
      name,
      topicId: Buffer.alloc(16),
      partitions: positions
        .filter(({ topic }) => topic === name)
        .map(({ partition, offset }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: -1,
          committedMetadata: '',
        })),
    }))
    await this.#client.retrying(async () => {
      const request = makeOffsetCommitRequest({
        groupId: this.#groupId,
        generationIdOrMemberEpoch: this.#generation,
        memberId: this.#memberId,
        groupInstanceId: null,
        retentionTimeMs: -1,
        topics,
      })
      const response = await this.#callCoordinator(offsetCommitCall, request)
      for (const { partitions } of response.topics) {
        for (const { errorCode } of partitions) this.#check(errorCode, 'committing offsets')
      }
    })
  }

  /** The committed offsets of some partitions; those without one are left out. */
  committed(assignment: TopicPartitions): Promise<Position[]> {
    return fetchCommitted(this.#client, this.#groupId, assignment)
  }

  /** Leaves the group, so that others take over at once. Errors do not matter any more. */
  async leave(): Promise<void> {
    this.#timer?.cancel()
    this.#needsJoin = true
    if (this.#memberId === '') return
    const member = { memberId: this.#memberId, groupInstanceId: null, reason: null }
    try {
      const connection = await this.#client.connectionTo(await this.#findCoordinator())
      // Old versions name one member, new ones a list.
      const isList = connection.versionOf(leaveGroupCall) >= 3
      const request = makeLeaveGroupRequest({
        groupId: this.#groupId,
        memberId: isList ? '' : this.#memberId,
        members: isList ? [member] : [],
      })
      await connection.send(leaveGroupCall, request)
    } catch {
      // The session timeout frees the place.
    }
    this.#memberId = ''
  }

  /** One try to join; undefined: the group has moved on meanwhile, or wants the member id to be used. */
  async #tryJoin(): Promise<TopicPartitions | undefined> {
    const request = makeJoinGroupRequest({
      groupId: this.#groupId,
      sessionTimeoutMs: this.#sessionTimeoutMs,
      rebalanceTimeoutMs: this.#rebalanceTimeoutMs,
      memberId: this.#memberId,
      groupInstanceId: null,
      protocolType,
      protocols: [{ name: assignorName, metadata: encodeSubscription(this.#topics) }],
    })
    const timeoutMs = this.#rebalanceTimeoutMs + joinGraceMs
    const response = await this.#callCoordinator(joinGroupCall, request, timeoutMs)
    if (response.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
      this.#memberId = response.memberId
      return undefined
    }
    if (!this.#mayGoOn(response.errorCode, `joining group '${this.#groupId}'`)) return undefined
    this.#memberId = response.memberId
    this.#generation = response.generationId
    return this.#sync(response)
  }

  async #sync(joined: JoinGroupResponse): Promise<TopicPartitions | undefined> {
    const isLeader = joined.leader === joined.memberId && !joined.skipAssignment
    const request = makeSyncGroupRequest({
      groupId: this.#groupId,
      generationId: this.#generation,
      memberId: this.#memberId,
      groupInstanceId: null,
      protocolType,
      protocolName: joined.protocolName ?? assignorName,
      assignments: isLeader ? await this.#assignments(joined) : [],
    })
    const response = await this.#callCoordinator(syncGroupCall, request, this.#rebalanceTimeoutMs + joinGraceMs)
    if (!this.#mayGoOn(response.errorCode, `syncing with group '${this.#groupId}'`)) return undefined
    return decodeAssignment(response.assignment)
  }

  async #assignments(joined: JoinGroupResponse): Promise<{ memberId: string; assignment: Buffer }[]> {
    const subscribers = joined.members.map(({ memberId, metadata }) => ({
      memberId,
      topics: decodeSubscription(metadata),
    }))
    const names = [...new Set(subscribers.flatMap(({ topics }) => topics))]
    const counts = new Map<string, number>()
    for (const topic of (await this.#client.metadata(names)).topics) {
      if (topic.name !== null && topic.errorCode === ErrorCode.NONE) counts.set(topic.name, topic.partitions.length)
    }
    const assigned = assignRanges(subscribers, counts)
    return [...assigned].map(([memberId, partitions]) => ({ memberId, assignment: encodeAssignment(partitions) }))
  }

  #beatLater(): void {
    this.#timer = this.#client.clock.startTimer(this.#heartbeatMs, () => void this.#beat())
  }

  async #beat(): Promise<void> {
    try {
      const request = makeHeartbeatRequest({
        groupId: this.#groupId,
        generationId: this.#generation,
        memberId: this.#memberId,
        groupInstanceId: null,
      })
      const { errorCode } = await this.#callCoordinator(heartbeatCall, request)
      this.#check(errorCode, 'beating')
    } catch {
      // Where it matters, `needsJoin` says so by now; else the next beat tries again.
    }
    if (!this.#needsJoin) this.#beatLater()
  }

  /** Throws for an error code, and notes those that end the generation. */
  #check(errorCode: number, what: string): void {
    if (rejoinCodes.has(errorCode)) this.#needsJoin = true
    if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID || errorCode === ErrorCode.GROUP_ID_NOT_FOUND) this.#memberId = ''
    if (isCoordinatorMove(errorCode)) this.#coordinator = undefined
    throwOnError(errorCode, what)
  }

  /** False where joining again is the answer; throws for every other error. */
  #mayGoOn(errorCode: number, what: string): boolean {
    if (errorCode === ErrorCode.NONE) return true
    if (rejoinCodes.has(errorCode)) {
      if (errorCode !== ErrorCode.REBALANCE_IN_PROGRESS) this.#memberId = ''
      return false
    }
    if (isCoordinatorMove(errorCode)) this.#coordinator = undefined
    throwOnError(errorCode, what)
    return false
  }

  async #callCoordinator<Request, Response>(
    call: Call<Request, Response>,
    request: Request,
    timeoutMs?: number,
  ): Promise<Response> {
    try {
      const node = await this.#findCoordinator()
      return await this.#client.callNode(node, call, request, timeoutMs === undefined ? {} : { timeoutMs })
    } catch (thrown) {
      if (thrown instanceof ConnectionError) this.#coordinator = undefined
      throw thrown
    }
  }

  async #findCoordinator(): Promise<number> {
    this.#coordinator ??= await this.#client.findCoordinator(this.#groupId)
    return this.#coordinator
  }
}

/**
 * A group's committed offsets of some partitions (null: of all that it has); those without one are left out. `requireStable` waits
 * until no open transaction would change them (KIP-447).
 */
export function fetchCommitted(
  client: KafkaClient,
  groupId: string,
  wanted: TopicPartitions | null,
  requireStable = false,
): Promise<Position[]> {
  return client.retrying(async () => {
    const connection = await client.connectionTo(await client.findCoordinator(groupId))
    const isBatched = connection.versionOf(offsetFetchCall) >= 8
    const topics =
      wanted === null
        ? null
        : [...wanted].map(([name, partitions]) => ({
            name,
            topicId: Buffer.alloc(16),
            partitionIndexes: [...partitions],
          }))
    const request = makeOffsetFetchRequest(
      isBatched
        ? { groups: [{ groupId, memberId: null, memberEpoch: -1, topics }], requireStable }
        : { groupId, topics, requireStable },
    )
    const response = await connection.send(offsetFetchCall, request)
    const answer = isBatched ? response.groups[0] : response
    throwOnError(answer?.errorCode ?? ErrorCode.NONE, `the offsets of group '${groupId}'`)
    const positions: Position[] = []
    for (const { name, partitions } of answer?.topics ?? []) {
      for (const { partitionIndex, committedOffset, errorCode } of partitions) {
        throwOnError(errorCode, `the offset of ${name}-${partitionIndex} in group '${groupId}'`)
        if (committedOffset >= 0) positions.push({ topic: name, partition: partitionIndex, offset: committedOffset })
      }
    }
    return positions
  })
}

/** What a member reads, from the bytes of its assignment; a group without any has none. */
export function decodeAssignment(bytes: Buffer): TopicPartitions {
  if (bytes.length === 0) return new Map()
  const reader = new Reader(bytes)
  const version = reader.readInt16()
  const { assignedPartitions } = decodeConsumerProtocolAssignment(reader, Math.min(version, 3))
  return new Map(assignedPartitions.map(({ topic, partitions }) => [topic, partitions]))
}

function encodeAssignment(assignment: TopicPartitions): Buffer {
  const writer = new Writer()
  writer.writeInt16(embeddedVersion)
  const assignedPartitions = [...assignment].map(([topic, partitions]) => ({ topic, partitions: [...partitions] }))
  encodeConsumerProtocolAssignment(writer, { assignedPartitions, userData: null }, embeddedVersion)
  return writer.finishJoined()
}

function encodeSubscription(topics: readonly string[]): Buffer {
  const writer = new Writer()
  writer.writeInt16(embeddedVersion)
  encodeConsumerProtocolSubscription(writer, makeConsumerProtocolSubscription({ topics: [...topics] }), embeddedVersion)
  return writer.finishJoined()
}

function decodeSubscription(bytes: Buffer): string[] {
  const reader = new Reader(bytes)
  const version = reader.readInt16()
  return decodeConsumerProtocolSubscription(reader, Math.min(version, 3)).topics
}

function isCoordinatorMove(errorCode: number): boolean {
  return errorCode === ErrorCode.NOT_COORDINATOR || errorCode === ErrorCode.COORDINATOR_NOT_AVAILABLE
}
