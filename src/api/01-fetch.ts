/**
 * Fetch (key 1), versions 4-18: reads batches, waiting until there are enough of them or the time is up.
 *
 * Behaviour: hot batches come from memory, cold ones from segment files, both as whole batches. `maxBytes` is capped by the broker;
 * the first batch of a response comes whole whatever the limits. A fetch with an error in any partition is answered at once.
 * Records that the disk has damaged get CORRUPT_MESSAGE, as where Kafka notices it; those before and behind them can be read.
 * With isolation level 1 (read_committed) records end below the last stable offset, and aborted transactions among them are named.
 * Rack, cluster id, replica state and directory ids are ignored; a fetch by a replica is refused, since there are no followers.
 * Versions: 7 brought sessions, 9 leader epochs, 12 the diverging epoch, 13 topic ids, 16 node endpoints (never needed), 17-18 matter
 * to replicas only.
 */

import { SafkaError } from '../base/errors.ts'
import { topicIdBytes } from '../base/ids.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import {
  decodeFetchRequest,
  encodeFetchResponse,
  type FetchRequest,
  type FetchResponse,
  type FetchResponseFetchableTopicResponse,
  type FetchResponsePartitionData,
  makeFetchResponse,
  makeFetchResponseFetchableTopicResponse,
  makeFetchResponsePartitionData,
} from '../wire/generated/fetch.ts'
import { type Call, defineApi } from './api.ts'
import { errorOfLeaderEpoch } from './leader-epoch.ts'
import type { AbortedTransaction, FetchContext, FetchItem, FetchResult, Place, ReadWish } from './ports.ts'

export const fetch = defineApi({
  place: 'front',
  key: 1,
  versions: [4, 18],
  decode: decodeFetchRequest,
  encode: encodeFetchResponse,
  handle: (request, call) => new Fetching(request, call).start(),
})

const noRecords = Buffer.alloc(0)
const readCommitted = 1

type Aim = { readonly item: FetchItem; readonly place: Place | undefined; seenEnd: number; seenBytes: number }

/** One fetch request until it is answered. */
class Fetching {
  readonly #call: Call<FetchResponse>
  readonly #context: FetchContext
  readonly #isCommittedOnly: boolean
  readonly #isById: boolean
  readonly #isByReplica: boolean
  /** What client and broker allow, whatever there is of memory. */
  readonly #bytesLimit: number
  readonly #bytesMin: number
  readonly #waitMs: number
  #aims: Aim[] = []
  #results: FetchResult[] = []
  #bytes = 0
  #bytesMax = 0
  #hasError = false

  constructor(request: FetchRequest, call: Call<FetchResponse>) {
    this.#call = call
    this.#isById = call.apiVersion >= 13
    this.#context = call.ports.fetchSessions.begin(request, this.#isById)
    this.#isCommittedOnly = request.isolationLevel === readCommitted
    this.#isByReplica = (call.apiVersion >= 15 ? request.replicaState.replicaId : request.replicaId) >= 0
    const { cluster, quotas } = call.ports
    const quotaBytesMax = quotas.isOn ? quotas.fetchBytesMax(call.clientId) : Number.MAX_SAFE_INTEGER
    this.#bytesLimit = Math.min(request.maxBytes, cluster.fetchBytesMax, quotaBytesMax)
    this.#bytesMin = Math.min(request.minBytes, this.#bytesLimit)
    this.#waitMs = request.maxWaitMs
  }

  start(): void | Promise<void> {
    const { errorCode, items } = this.#context
    if (errorCode !== ErrorCode.NONE) {
      this.#call.reply(makeFetchResponse({ errorCode }))
      return
    }
    this.#aims = items.map((item) => ({ item, place: this.#placeOf(item), seenEnd: 0, seenBytes: 0 }))
    return this.#readAll(() => this.#answerOrPark())
  }

  #answerOrPark(): void {
    const isDone = this.#waitMs <= 0 || this.#aims.length === 0 || this.#bytes >= this.#bytesMin || this.#hasError
    if (isDone) this.#answer()
    else if (!this.#park()) this.#readAndAnswer()
  }

  #park(): boolean {
    // What was read is read again when it is sent: a waiting fetch holds no memory but its wishes.
    this.#results = []
    return this.#call.ports.parking.park({
      connectionId: this.#call.caller.connectionId,
      slots: this.#aims.flatMap(({ place }) => (place === undefined ? [] : [place.partition.slot])),
      waitMs: this.#waitMs,
      isSatisfied: () => this.#isSatisfied(),
      wake: () => this.#readAndAnswer(),
    })
  }

  #readAndAnswer(): void {
    void this.#readAll(() => this.#answer())
  }

  /** Reads all partitions, then calls `done`; both with memory reserved for what is read. */
  #readAll(done: () => void): void | Promise<void> {
    this.#results = []
    this.#bytes = 0
    const wanted = this.#aims.reduce((bytes, { item }) => bytes + Math.max(0, item.bytesMax), 0)
    const { fetchBudget } = this.#call.ports
    const reserved = fetchBudget.reserve(Math.min(this.#bytesLimit, wanted))
    this.#bytesMax = reserved
    const reading = this.#read(0, done)
    if (reading === undefined) fetchBudget.release(reserved)
    else return reading.finally(() => fetchBudget.release(reserved))
  }

  #isSatisfied(): boolean {
    const { partitions } = this.#call.ports
    let bytes = 0
    for (const { place, seenEnd, seenBytes } of this.#aims) {
      if (place === undefined || this.#isGone(place)) return true
      const { slot } = place.partition
      if (partitions.errorOf(slot) !== ErrorCode.NONE) return true
      bytes += seenBytes
      const end = this.#endOf(slot)
      if (end > seenEnd) bytes += partitions.bytesFrom(slot, seenEnd, end)
      if (bytes >= this.#bytesMin && bytes > 0) return true
    }
    return false
  }

  #placeOf(item: FetchItem): Place | undefined {
    const { catalog } = this.#call.ports
    const topic = this.#isById ? catalog.byId(item.topicId) : catalog.byName(item.topic)
    const partition = topic?.partitions[item.index]
    return topic === undefined || partition === undefined ? undefined : { topic, partition }
  }

  /** Its topic has been deleted since: the place may be another partition's by now. */
  #isGone(place: Place): boolean {
    return this.#call.ports.catalog.byId(place.topic.id) === undefined
  }

  #endOf(slot: number): number {
    const { partitions } = this.#call.ports
    return this.#isCommittedOnly ? partitions.lastStableOffset(slot) : partitions.highWatermark(slot)
  }

  /** Reads the partitions from `first` on, without a pause as long as they are hot; then calls `done`. */
  #read(first: number, done: () => void): void | Promise<void> {
    for (let index = first; index < this.#aims.length; index += 1) {
      const aim = this.#aims[index]
      if (aim === undefined) break
      const later = this.#readOne(aim)
      if (later !== undefined) return later.then(() => this.#read(index + 1, done))
    }
    done()
  }

  async #readCold(aim: Aim, place: Place, wish: ReadWish): Promise<void> {
    let bytes: Buffer | undefined
    let isDamaged = false
    try {
      bytes = await this.#call.ports.partitions.readCold(place, wish)
    } catch (thrown) {
      isDamaged = thrown instanceof SafkaError && thrown.code === 'SAFKA_LOG_CORRUPT'
    }
    if (isDamaged) this.#refuse(aim, ErrorCode.CORRUPT_MESSAGE)
    else if (bytes === undefined) this.#refuse(aim, this.#errorOfMissing(place, wish.offset))
    else await this.#deliverRead(aim, place, bytes)
  }

  /** Reads one partition; answers a promise where that takes storage. */
  #readOne(aim: Aim): Promise<void> | undefined {
    const { item, place } = aim
    if (place === undefined || this.#isGone(place)) {
      const isIdUnknown = this.#isById && this.#call.ports.catalog.byId(item.topicId) === undefined
      this.#refuse(aim, isIdUnknown ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      return undefined
    }
    const { slot } = place.partition
    const { partitions } = this.#call.ports
    const errorCode = this.#errorOf(item, place)
    if (errorCode !== ErrorCode.NONE) {
      this.#refuse(aim, errorCode)
      return undefined
    }
    const wish = this.#wishOf(item, this.#endOf(slot))
    if (wish === undefined) {
      this.#deliver(aim, place, noRecords, [])
      return undefined
    }
    const bytes = partitions.read(place, wish)
    if (bytes === 'cold') return this.#readCold(aim, place, wish)
    if (bytes === 'gone') this.#refuse(aim, ErrorCode.OFFSET_OUT_OF_RANGE)
    else return this.#deliverRead(aim, place, bytes)
    return undefined
  }

  /** Delivers records, to careful readers with what was aborted among them; that seldom takes storage. */
  #deliverRead(aim: Aim, place: Place, records: Buffer): Promise<void> | undefined {
    const isAsked = this.#isCommittedOnly && records.length > 0
    const aborted = isAsked ? this.#call.ports.partitions.abortedAmong(place, aim.item.fetchOffset, records) : []
    if (aborted instanceof Promise) return this.#deliverOnceKnown(aim, place, records, aborted)
    this.#deliver(aim, place, records, aborted)
    return undefined
  }

  async #deliverOnceKnown(
    aim: Aim,
    place: Place,
    records: Buffer,
    knowing: Promise<readonly AbortedTransaction[] | undefined>,
  ): Promise<void> {
    let aborted: readonly AbortedTransaction[] | undefined
    try {
      aborted = await knowing
    } catch {
      // Told below: it is not there either.
    }
    if (aborted === undefined) this.#refuse(aim, this.#errorOfMissing(place, aim.item.fetchOffset))
    else this.#deliver(aim, place, records, aborted)
  }

  /** Whether records are gone by design, or by a fault: a consumer that is told of the first starts elsewhere. */
  #errorOfMissing({ partition }: Place, offset: number): number {
    const isDeleted = offset < this.#call.ports.partitions.logStartOffset(partition.slot)
    return isDeleted ? ErrorCode.OFFSET_OUT_OF_RANGE : ErrorCode.KAFKA_STORAGE_ERROR
  }

  /** Undefined where there is nothing to read, or no room left in the response. */
  #wishOf(item: FetchItem, endOffset: number): ReadWish | undefined {
    if (item.fetchOffset >= endOffset) return undefined
    const isFirstWhole = this.#bytes === 0
    const bytesMax = Math.max(0, Math.min(item.bytesMax, this.#bytesMax - this.#bytes))
    if (bytesMax === 0 && !isFirstWhole) return undefined
    return { offset: item.fetchOffset, bytesMax, endOffset, isFirstWhole }
  }

  #errorOf(item: FetchItem, place: Place): number {
    const { partitions } = this.#call.ports
    const { slot, leaderEpoch } = place.partition
    if (this.#isByReplica) return ErrorCode.NOT_LEADER_OR_FOLLOWER
    const errorCode = partitions.errorOf(slot)
    if (errorCode !== ErrorCode.NONE) return errorCode
    // Kafka takes any negative epoch for none here, though not in ListOffsets.
    const current = item.currentLeaderEpoch
    const epochError = current < 0 ? ErrorCode.NONE : errorOfLeaderEpoch(current, leaderEpoch)
    if (epochError !== ErrorCode.NONE) return epochError
    // KIP-595: nobody else leads, so no history can diverge; a later epoch is unknown, which Kafka calls out of range.
    if (item.lastFetchedEpoch > leaderEpoch) return ErrorCode.OFFSET_OUT_OF_RANGE
    const isWithin =
      item.fetchOffset >= partitions.logStartOffset(slot) && item.fetchOffset <= partitions.highWatermark(slot)
    return isWithin ? ErrorCode.NONE : ErrorCode.OFFSET_OUT_OF_RANGE
  }

  #refuse(aim: Aim, errorCode: number): void {
    this.#hasError = true
    const data = makeFetchResponsePartitionData({
      partitionIndex: aim.item.index,
      errorCode,
      highWatermark: -1,
      // Kafka has an empty list where it did not come as far as the log.
      abortedTransactions: aim.place === undefined ? [] : null,
      records: noRecords,
    })
    this.#results.push({ item: aim.item, data })
  }

  #deliver(aim: Aim, place: Place, records: Buffer, aborted: readonly AbortedTransaction[]): void {
    const { partitions } = this.#call.ports
    const { slot } = place.partition
    this.#bytes += records.length
    aim.seenBytes = records.length
    aim.seenEnd = Math.max(aim.item.fetchOffset, this.#endOf(slot))
    const data: FetchResponsePartitionData = makeFetchResponsePartitionData({
      partitionIndex: aim.item.index,
      highWatermark: partitions.highWatermark(slot),
      lastStableOffset: partitions.lastStableOffset(slot),
      logStartOffset: partitions.logStartOffset(slot),
      abortedTransactions: this.#isCommittedOnly ? [...aborted] : null,
      records,
    })
    this.#results.push({ item: aim.item, data })
  }

  #answer(): void {
    if (this.#call.ports.quotas.isOn && this.#isThrottled()) return
    const { errorCode, sessionId, results } = this.#context.finish(this.#results)
    this.#call.replyThrottled(makeFetchResponse({ errorCode, sessionId, responses: byTopic(results) }), 0)
  }

  /** As Kafka, answers a client that has had too much with nothing at all, and leaves its session as it is. */
  #isThrottled(): boolean {
    const bytes = this.#call.sizeOf(makeFetchResponse({ responses: byTopic(this.#results) }))
    const throttleTimeMs = this.#call.throttle({ key: 'consumer_byte_rate', bytes })
    if (throttleTimeMs === 0) return false
    this.#call.replyThrottled(makeFetchResponse({ sessionId: this.#context.sessionId }), throttleTimeMs)
    return true
  }
}

/** Joins neighbours of one topic. */
function byTopic(results: readonly FetchResult[]): FetchResponseFetchableTopicResponse[] {
  const responses: FetchResponseFetchableTopicResponse[] = []
  let last: FetchItem | undefined
  for (const { item, data } of results) {
    if (last === undefined || last.topic !== item.topic || last.topicId !== item.topicId) {
      responses.push(
        makeFetchResponseFetchableTopicResponse({
          topic: item.topic,
          topicId: topicIdBytes(item.topicId),
          partitions: [],
        }),
      )
      last = item
    }
    responses.at(-1)?.partitions.push(data)
  }
  return responses
}
