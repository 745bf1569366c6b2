/** Incremental fetch sessions (KIP-227): clients send and get only what changed since their last fetch. */

import type { FetchContext, FetchItem, FetchResult, FetchSessions } from '../api/ports.ts'
import type { Clock } from '../base/clock.ts'
import { noTopicId, topicIdHex } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import type { FetchRequest } from '../wire/generated/fetch.ts'

const noSessionId = 0
const firstEpoch = 0
const lastEpoch = -1
const epochMax = 2_147_483_647
/** Kafka's `min.incremental.fetch.session.eviction.ms`: a session that was used since then is not taken away. */
const idleMsBeforeEviction = 120_000
/** Partitions that all sessions of a front remember: each takes some hundred bytes. Without room there is no session. */
export const sessionPartitionsMax = 500_000

/** What the session remembers of a partition: what was asked last, and what was answered last. */
type Cached = { item: FetchItem; highWatermark: number; logStartOffset: number }

type Session = {
  readonly id: number
  readonly usesTopicIds: boolean
  epoch: number
  usedMs: number
  /** In the order in which partitions are read; those that got data move to the end, so that none starves. */
  readonly partitions: Map<string, Cached>
}

/** The sessions of one front, bounded; without room clients go on without a session. */
export class FetchSessionCache implements FetchSessions {
  readonly #clock: Clock
  readonly #random: Random
  readonly #sessionsMax: number
  readonly #partitionsMax: number
  /** In order of last use. */
  readonly #sessions = new Map<number, Session>()
  #partitionCount = 0

  constructor(options: {
    readonly clock: Clock
    readonly random: Random
    readonly sessionsMax: number
    readonly partitionsMax?: number
  }) {
    this.#clock = options.clock
    this.#random = options.random
    this.#sessionsMax = options.sessionsMax
    this.#partitionsMax = options.partitionsMax ?? sessionPartitionsMax
  }

  get count(): number {
    return this.#sessions.size
  }

  /** Partitions that the sessions remember, together. */
  get partitionCount(): number {
    return this.#partitionCount
  }

  begin(request: FetchRequest, usesTopicIds: boolean): FetchContext {
    const { sessionId, sessionEpoch } = request
    if (sessionEpoch === firstEpoch || sessionEpoch === lastEpoch) {
      if (sessionId !== noSessionId) this.#drop(this.#sessions.get(sessionId))
      const items = itemsOf(request, usesTopicIds)
      return sessionEpoch === lastEpoch ? withoutSession(items) : this.#fullContext(items, usesTopicIds)
    }
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return failed(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    if (session.epoch !== sessionEpoch) return failed(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
    if (session.usesTopicIds !== usesTopicIds) return failed(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
    const countBefore = session.partitions.size
    update(session, request)
    this.#partitionCount += session.partitions.size - countBefore
    if (session.partitions.size === 0) {
      this.#drop(session)
      return withoutSession([])
    }
    if (this.#partitionCount > this.#partitionsMax) {
      this.#drop(session)
      return failed(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    }
    return this.#incrementalContext(session)
  }

  #fullContext(items: readonly FetchItem[], usesTopicIds: boolean): FetchContext {
    return {
      errorCode: ErrorCode.NONE,
      sessionId: noSessionId,
      items,
      finish: (results) => ({
        errorCode: ErrorCode.NONE,
        sessionId: this.#create(items, results, usesTopicIds),
        results,
      }),
    }
  }

  #incrementalContext(session: Session): FetchContext {
    session.epoch = session.epoch === epochMax ? 1 : session.epoch + 1
    const expectedEpoch = session.epoch
    this.#touch(session)
    return {
      errorCode: ErrorCode.NONE,
      sessionId: session.id,
      items: [...session.partitions.values()].map(({ item }) => item),
      finish: (results) => {
        if (session.epoch !== expectedEpoch || this.#sessions.get(session.id) !== session) {
          return { errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH, sessionId: noSessionId, results: [] }
        }
        this.#touch(session)
        return { errorCode: ErrorCode.NONE, sessionId: session.id, results: changedOf(session, results) }
      },
    }
  }

  /** Answers the new session's id, or none where there is no room. */
  #create(items: readonly FetchItem[], results: readonly FetchResult[], usesTopicIds: boolean): number {
    let id = 1 + this.#random.below(epochMax)
    while (this.#sessions.has(id)) id = 1 + this.#random.below(epochMax)
    const partitions = new Map<string, Cached>()
    for (const item of items) partitions.set(keyOf(item), { item, highWatermark: -1, logStartOffset: -1 })
    if (!this.#makeRoom(partitions.size)) return noSessionId
    this.#partitionCount += partitions.size
    for (const result of results) remember(partitions.get(keyOf(result.item)), result)
    this.#sessions.set(id, { id, usesTopicIds, epoch: firstEpoch + 1, usedMs: this.#clock.monotonicMs(), partitions })
    return id
  }

  /** Whether there is room for one more session of that many partitions, if need be in the place of sessions long unused. */
  #makeRoom(partitions: number): boolean {
    while (this.#sessions.size >= this.#sessionsMax || this.#partitionCount + partitions > this.#partitionsMax) {
      const [stalest] = this.#sessions.values()
      if (stalest === undefined) return false
      if (this.#clock.monotonicMs() - stalest.usedMs < idleMsBeforeEviction) return false
      this.#drop(stalest)
    }
    return true
  }

  #drop(session: Session | undefined): void {
    if (session === undefined) return
    this.#sessions.delete(session.id)
    this.#partitionCount -= session.partitions.size
  }

  #touch(session: Session): void {
    session.usedMs = this.#clock.monotonicMs()
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
  }
}

function failed(errorCode: number): FetchContext {
  const sessionId = noSessionId
  return { errorCode, sessionId, items: [], finish: () => ({ errorCode, sessionId, results: [] }) }
}

function withoutSession(items: readonly FetchItem[]): FetchContext {
  return {
    errorCode: ErrorCode.NONE,
    sessionId: noSessionId,
    items,
    finish: (results) => ({ errorCode: ErrorCode.NONE, sessionId: noSessionId, results }),
  }
}

function itemsOf(request: FetchRequest, usesTopicIds: boolean): FetchItem[] {
  const items: FetchItem[] = []
  for (const { topic, topicId, partitions } of request.topics) {
    const id = usesTopicIds ? topicIdHex(topicId) : noTopicId
    for (const partition of partitions) {
      items.push({
        topic: usesTopicIds ? '' : topic,
        topicId: id,
        index: partition.partition,
        fetchOffset: partition.fetchOffset,
        bytesMax: partition.partitionMaxBytes,
        currentLeaderEpoch: partition.currentLeaderEpoch,
        lastFetchedEpoch: partition.lastFetchedEpoch,
      })
    }
  }
  return items
}

function keyOf(item: Pick<FetchItem, 'topic' | 'topicId' | 'index'>): string {
  return `${item.topicId === noTopicId ? item.topic : item.topicId}/${item.index}`
}

function update(session: Session, request: FetchRequest): void {
  for (const item of itemsOf(request, session.usesTopicIds)) {
    const cached = session.partitions.get(keyOf(item))
    if (cached === undefined) session.partitions.set(keyOf(item), { item, highWatermark: -1, logStartOffset: -1 })
    else cached.item = item
  }
  for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
    const id = session.usesTopicIds ? topicIdHex(topicId) : noTopicId
    for (const index of partitions) session.partitions.delete(keyOf({ topic, topicId: id, index }))
  }
}

/** What belongs into an incremental response: data, errors, and partitions whose bounds moved. */
function changedOf(session: Session, results: readonly FetchResult[]): FetchResult[] {
  return results.filter((result) => {
    const key = keyOf(result.item)
    const cached = session.partitions.get(key)
    if (cached === undefined) return true
    const { data } = result
    const hasRecords = data.records !== null && data.records.length > 0
    if (hasRecords) {
      session.partitions.delete(key)
      session.partitions.set(key, cached)
    }
    const hasMoved = data.highWatermark !== cached.highWatermark || data.logStartOffset !== cached.logStartOffset
    remember(cached, result)
    return hasRecords || hasMoved || data.errorCode !== ErrorCode.NONE
  })
}

function remember(cached: Cached | undefined, { data }: FetchResult): void {
  if (cached === undefined) return
  // After an error the next good answer counts as a change.
  const isGood = data.errorCode === ErrorCode.NONE
  cached.highWatermark = isGood ? data.highWatermark : -1
  cached.logStartOffset = isGood ? data.logStartOffset : -1
}
