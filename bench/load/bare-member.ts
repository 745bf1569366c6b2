/** A member of a classic group as bare as it can be: joins, syncs, heartbeats and commits over a connection of its own. */

import {
  decodeHeartbeatResponse,
  encodeHeartbeatRequest,
  makeHeartbeatRequest,
} from '../../src/wire/generated/heartbeat.ts'
import {
  decodeJoinGroupResponse,
  encodeJoinGroupRequest,
  type JoinGroupResponse,
  makeJoinGroupRequest,
  makeJoinGroupRequestJoinGroupRequestProtocol,
} from '../../src/wire/generated/join-group.ts'
import {
  decodeOffsetCommitResponse,
  encodeOffsetCommitRequest,
  makeOffsetCommitRequest,
  makeOffsetCommitRequestOffsetCommitRequestPartition,
  makeOffsetCommitRequestOffsetCommitRequestTopic,
} from '../../src/wire/generated/offset-commit.ts'
import {
  decodeSyncGroupResponse,
  encodeSyncGroupRequest,
  makeSyncGroupRequest,
  makeSyncGroupRequestSyncGroupRequestAssignment,
} from '../../src/wire/generated/sync-group.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import { LoadConnection } from './connection.ts'

/** The newest versions without compact fields, the same for Safka and Apache Kafka. */
const join = { apiKey: 11, version: 5 } as const
const sync = { apiKey: 14, version: 3 } as const
const heartbeat = { apiKey: 12, version: 3 } as const
const commit = { apiKey: 8, version: 7 } as const

/** Kafka's error codes that a member must act on. */
const errors = {
  none: 0,
  coordinatorNotReady: [14, 15, 16],
  illegalGeneration: 22,
  rebalance: 27,
  memberIdRequired: 79,
} as const
const retryMs = 50

/** What the members of a load tell. */
export type MemberEvents = {
  settled(member: BareMember): void
  committed(latencyMs: number): void
  failed(message: string): void
}

export type MemberOptions = {
  readonly host: string
  readonly port: number
  readonly groupId: string
  readonly topic: string
  readonly events: MemberEvents
}

/** Requests that wait for their answers are told apart by their order alone: so does the protocol. */
type Waiting = { readonly kind: 'join' | 'sync' | 'heartbeat' | 'commit'; readonly sentMs: number }

export class BareMember {
  readonly groupId: string
  readonly #topic: string
  readonly #events: MemberEvents
  readonly #waiting: Waiting[] = []
  #connection: LoadConnection | undefined
  #memberId = ''
  #generation = -1
  #correlationId = 0
  #commitBody: Buffer | undefined
  #isSettled = false

  private constructor({ groupId, topic, events }: MemberOptions) {
    this.groupId = groupId
    this.#topic = topic
    this.#events = events
  }

  /** Connects and begins to join. */
  static async open(options: MemberOptions): Promise<BareMember> {
    const member = new BareMember(options)
    member.#connection = await LoadConnection.open({
      ...options,
      onAnswer: (answer) => member.#answered(answer),
      onError: (error) => options.events.failed(error.message),
    })
    member.#join()
    return member
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  get generation(): number {
    return this.#generation
  }

  /** While the member waits to join there is nothing to say. */
  heartbeat(): void {
    if (!this.#isSettled) return
    const request = makeHeartbeatRequest({
      groupId: this.groupId,
      memberId: this.#memberId,
      generationId: this.#generation,
    })
    this.#send('heartbeat', heartbeat, (writer) => encodeHeartbeatRequest(writer, request, heartbeat.version))
  }

  /** Commits one offset of one partition; answers false where the member is not in a settled group. */
  commit(): boolean {
    if (!this.#isSettled) return false
    const partition = makeOffsetCommitRequestOffsetCommitRequestPartition({ partitionIndex: 0, committedOffset: 1 })
    const topic = makeOffsetCommitRequestOffsetCommitRequestTopic({ name: this.#topic, partitions: [partition] })
    this.#commitBody ??= bodyOf((writer) => {
      const member = { memberId: this.#memberId, generationIdOrMemberEpoch: this.#generation }
      const request = makeOffsetCommitRequest({ groupId: this.groupId, ...member, topics: [topic] })
      encodeOffsetCommitRequest(writer, request, commit.version)
    })
    this.#sendBody('commit', commit, this.#commitBody)
    return true
  }

  /** Joins again, as a member does whose subscription has changed. */
  rejoin(): void {
    this.#isSettled = false
    this.#join()
  }

  close(): void {
    this.#connection?.close()
  }

  #join(): void {
    this.#commitBody = undefined
    const protocol = makeJoinGroupRequestJoinGroupRequestProtocol({ name: 'range', metadata: Buffer.alloc(32) })
    const request = makeJoinGroupRequest({
      groupId: this.groupId,
      memberId: this.#memberId,
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: 'consumer',
      protocols: [protocol],
    })
    this.#send('join', join, (writer) => encodeJoinGroupRequest(writer, request, join.version))
  }

  #sync(joined: JoinGroupResponse): void {
    const isLeader = joined.leader === joined.memberId
    const assignments = isLeader
      ? joined.members.map(({ memberId }) =>
          makeSyncGroupRequestSyncGroupRequestAssignment({ memberId, assignment: Buffer.alloc(32) }),
        )
      : []
    const request = makeSyncGroupRequest({
      groupId: this.groupId,
      memberId: this.#memberId,
      generationId: this.#generation,
      assignments,
    })
    this.#send('sync', sync, (writer) => encodeSyncGroupRequest(writer, request, sync.version))
  }

  #answered(answer: Buffer): void {
    const waiting = this.#waiting.shift()
    const reader = new Reader(answer, 4)
    switch (waiting?.kind) {
      case 'join':
        this.#joined(decodeJoinGroupResponse(reader, join.version))
        break
      case 'sync':
        this.#act('sync', decodeSyncGroupResponse(reader, sync.version).errorCode, () => {
          this.#isSettled = true
          this.#events.settled(this)
        })
        break
      case 'heartbeat':
        this.#act('heartbeat', decodeHeartbeatResponse(reader, heartbeat.version).errorCode, () => undefined)
        break
      case 'commit': {
        const { topics } = decodeOffsetCommitResponse(reader, commit.version)
        const { sentMs } = waiting
        const errorCode = topics[0]?.partitions[0]?.errorCode ?? -1
        this.#act('commit', errorCode, () => this.#events.committed(performance.now() - sentMs))
        break
      }
      default:
        this.#events.failed('an answer that nobody waits for')
    }
  }

  #joined(joined: JoinGroupResponse): void {
    if (joined.errorCode === errors.memberIdRequired) {
      this.#memberId = joined.memberId
      this.#join()
      return
    }
    this.#act('join', joined.errorCode, () => {
      this.#memberId = joined.memberId
      this.#generation = joined.generationId
      this.#sync(joined)
    })
  }

  #act(kind: string, errorCode: number, next: () => void): void {
    if (errorCode === errors.none) {
      next()
    } else if (errorCode === errors.rebalance) {
      // Several answers may say so; the first one counts.
      if (this.#isSettled || kind === 'sync') this.rejoin()
    } else if (errorCode === errors.illegalGeneration && !this.#isSettled) {
      // What was under way when the group moved on; the member is joining already.
    } else if (errors.coordinatorNotReady.some((code) => code === errorCode)) {
      setTimeout(() => this.rejoin(), retryMs)
    } else {
      this.#events.failed(`${kind} of ${this.groupId} was answered with error ${errorCode}`)
    }
  }

  #send(kind: Waiting['kind'], api: { apiKey: number; version: number }, encode: (writer: Writer) => void): void {
    this.#sendBody(kind, api, bodyOf(encode))
  }

  #sendBody(kind: Waiting['kind'], api: { apiKey: number; version: number }, body: Buffer): void {
    this.#waiting.push({ kind, sentMs: performance.now() })
    this.#connection?.send({ ...api, correlationId: this.#correlationId++, body })
  }
}

/** What follows the correlation id in a request header of version 1: the client id, then the request. */
function bodyOf(encode: (writer: Writer) => void): Buffer {
  const writer = new Writer()
  writer.writeString('safka-load')
  encode(writer)
  return writer.finishJoined()
}
