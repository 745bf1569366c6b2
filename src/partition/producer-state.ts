/** What a partition remembers of its idempotent producers, to refuse gaps and to answer repeated batches as the first time. */

import type { ProducerFacts } from '../base/topology.ts'
import { ErrorCode } from '../wire/generated/errors.ts'

/** How many of a producer's last batches can be recognised when they come again, as in Kafka: the most in flight. */
export const batchesPerProducer = 5

/**
 * Producers remembered a partition. Kafka has no bound but time (a day); a client that asks for ids in a loop would
 * fill the memory of a small host. At the bound, those longest silent are forgotten, as if they had expired.
 */
export const producersPerPartitionMax = 65_536

/** Milliseconds after which a silent producer is forgotten: Kafka's producer.id.expiration.ms. */
export const producerExpirationMs = 86_400_000

/** How often silent producers are looked for, as Kafka's producer.id.expiration.check.interval.ms. */
export const producerExpiryCheckMs = 600_000

const sequenceMax = 2_147_483_647
const noEpoch = -1

/** What the last `check` found about a batch that had been appended before. */
export type KnownBatch = { baseOffset: number; lastOffset: number; timestampMs: number }

/** Nothing known: a producer's first batch has yet to come, or its last transaction has ended. */
const none = -1

class ProducerEntry {
  epoch = noEpoch
  seenMs = 0
  coordinatorEpoch = none
  transactionStart = none
  /** How many of the places below are filled, and which is the newest. */
  count = 0
  newest = 0
  readonly firstSequences: number[] = [0, 0, 0, 0, 0]
  readonly lastSequences: number[] = [0, 0, 0, 0, 0]
  readonly baseOffsets: number[] = [0, 0, 0, 0, 0]
  readonly lastOffsets: number[] = [0, 0, 0, 0, 0]
  readonly timestamps: number[] = [0, 0, 0, 0, 0]
}

/** A batch's place among its producer's, and in the log. */
export type ProducerBatch = {
  producerId: number
  epoch: number
  firstSequence: number
  lastSequence: number
  baseOffset: number
  lastOffset: number
  timestampMs: number
  isTransactional: boolean
}

/** The end of a producer's transaction. */
export type ProducerEnd = {
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
}

/** The idempotent producers of one partition. */
export class ProducerStates {
  readonly #entries = new Map<number, ProducerEntry>()
  /** Where the batch lies that the last `check` recognised. */
  readonly known: KnownBatch = { baseOffset: -1, lastOffset: -1, timestampMs: -1 }

  get size(): number {
    return this.#entries.size
  }

  /**
   * Whether a batch may follow what its producer appended before: NONE; DUPLICATE_SEQUENCE_NUMBER when it is one of the
   * last five again (`known` says where it lies; a client is answered NONE with that offset); or the refusal.
   */
  check(batch: ProducerBatch): number {
    const entry = this.#entries.get(batch.producerId)
    // Kafka takes any first sequence from a producer that it does not know: its state may have expired.
    if (entry === undefined) return ErrorCode.NONE
    if (batch.epoch === entry.epoch && this.#findKnown(entry, batch)) return ErrorCode.DUPLICATE_SEQUENCE_NUMBER
    if (entry.epoch === noEpoch) return ErrorCode.NONE
    if (batch.epoch < entry.epoch) return ErrorCode.INVALID_PRODUCER_EPOCH
    if (batch.epoch > entry.epoch) {
      return batch.firstSequence === 0 ? ErrorCode.NONE : ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    }
    const last = entry.count === 0 ? -1 : (entry.lastSequences[entry.newest] ?? -1)
    return batch.firstSequence === nextSequence(last) ? ErrorCode.NONE : ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
  }

  /** As `check`, for the coordinator's batches: it never sends one twice, so that their sequences say nothing. */
  checkEpoch(batch: ProducerBatch): number {
    const entry = this.#entries.get(batch.producerId)
    return entry !== undefined && batch.epoch < entry.epoch ? ErrorCode.INVALID_PRODUCER_EPOCH : ErrorCode.NONE
  }

  /** Remembers an appended batch. `nowMs` is when, for expiry. */
  append(batch: ProducerBatch, nowMs: number): void {
    const entry = this.#entryOf(batch.producerId)
    moveToEpoch(entry, batch.epoch)
    const place = entry.count === 0 ? 0 : (entry.newest + 1) % batchesPerProducer
    entry.firstSequences[place] = batch.firstSequence
    entry.lastSequences[place] = batch.lastSequence
    entry.baseOffsets[place] = batch.baseOffset
    entry.lastOffsets[place] = batch.lastOffset
    entry.timestamps[place] = batch.timestampMs
    entry.newest = place
    entry.count = Math.min(entry.count + 1, batchesPerProducer)
    entry.seenMs = nowMs
    if (batch.isTransactional && entry.transactionStart === none) entry.transactionStart = batch.baseOffset
  }

  /** The epoch that a producer was last seen with; -1 where it is not known. */
  epochOf(producerId: number): number {
    return this.#entries.get(producerId)?.epoch ?? noEpoch
  }

  /** Where a producer's open transaction begins; -1 where it has no data. */
  transactionStartOf(producerId: number): number {
    return this.#entries.get(producerId)?.transactionStart ?? none
  }

  /** Whether a transaction may be ended so: NONE, or the refusal of those who come too late. */
  checkEnd(end: ProducerEnd): number {
    const entry = this.#entries.get(end.producerId)
    if (entry === undefined) return ErrorCode.NONE
    if (end.producerEpoch < entry.epoch) return ErrorCode.INVALID_PRODUCER_EPOCH
    return end.coordinatorEpoch < entry.coordinatorEpoch ? ErrorCode.TRANSACTION_COORDINATOR_FENCED : ErrorCode.NONE
  }

  /** Ends the producer's transaction. From now on its older epochs are refused; a newer one begins with sequence 0. */
  end(end: ProducerEnd, nowMs: number): void {
    const entry = this.#entryOf(end.producerId)
    moveToEpoch(entry, end.producerEpoch)
    entry.coordinatorEpoch = end.coordinatorEpoch
    entry.transactionStart = none
    entry.seenMs = nowMs
  }

  /** Forgets producers silent for `producerExpirationMs`; answers how many. */
  expire(nowMs: number): number {
    let forgotten = 0
    for (const [producerId, entry] of this.#entries) {
      if (nowMs - entry.seenMs < producerExpirationMs || entry.transactionStart !== none) continue
      this.#entries.delete(producerId)
      forgotten++
    }
    return forgotten
  }

  /** Every producer with its newest batch, in no particular order. */
  facts(): ProducerFacts[] {
    return [...this.#entries].map(([producerId, entry]) => factsOf(producerId, entry, 0))
  }

  /**
   * What a snapshot keeps: every batch that can be recognised, a producer's newest one last. Kafka writes only that one, and of
   * several entries of a producer its ProducerStateManager takes over the last; but a client whose answers were lost in a
   * crash sends all that it had in flight again.
   */
  snapshotFacts(): ProducerFacts[] {
    const facts: ProducerFacts[] = []
    for (const [producerId, entry] of this.#entries) {
      for (let age = entry.count - 1; age > 0; age--) {
        facts.push({ ...factsOf(producerId, entry, age), transactionStart: none })
      }
      facts.push(factsOf(producerId, entry, 0))
    }
    return facts
  }

  /** Takes over what a snapshot held. */
  restore(facts: readonly ProducerFacts[]): void {
    for (const producer of facts) {
      const { producerId, epoch, lastSequence, lastOffset, offsetDelta, timestampMs } = producer
      const entry = this.#entryOf(producerId)
      moveToEpoch(entry, epoch)
      if (lastOffset >= 0) {
        const firstSequence = wrapSequence(lastSequence - offsetDelta)
        const place = { baseOffset: lastOffset - offsetDelta, lastOffset, timestampMs, isTransactional: false }
        this.append({ producerId, epoch, firstSequence, lastSequence, ...place }, timestampMs)
      }
      entry.seenMs = timestampMs
      entry.coordinatorEpoch = producer.coordinatorEpoch
      entry.transactionStart = producer.transactionStart
    }
  }

  #entryOf(producerId: number): ProducerEntry {
    let entry = this.#entries.get(producerId)
    if (entry !== undefined) return entry
    if (this.#entries.size >= producersPerPartitionMax) this.#forgetLongestSilent()
    entry = new ProducerEntry()
    this.#entries.set(producerId, entry)
    return entry
  }

  #findKnown(entry: ProducerEntry, batch: ProducerBatch): boolean {
    for (let place = 0; place < entry.count; place++) {
      if (entry.firstSequences[place] !== batch.firstSequence) continue
      if (entry.lastSequences[place] !== batch.lastSequence) continue
      this.known.baseOffset = entry.baseOffsets[place] ?? -1
      this.known.lastOffset = entry.lastOffsets[place] ?? -1
      this.known.timestampMs = entry.timestamps[place] ?? -1
      return true
    }
    return false
  }

  /** An eighth at once, so that the search through all of them is rare. */
  #forgetLongestSilent(): void {
    const idle = [...this.#entries].filter(([, entry]) => entry.transactionStart === none)
    const bySilence = idle.sort(([, left], [, right]) => left.seenMs - right.seenMs)
    for (const [producerId] of bySilence.slice(0, producersPerPartitionMax / 8)) this.#entries.delete(producerId)
  }
}

/** A producer with one of its batches: `age` 0 is the newest. */
function factsOf(producerId: number, entry: ProducerEntry, age: number): ProducerFacts {
  const { epoch, seenMs, coordinatorEpoch, transactionStart } = entry
  const place = (entry.newest - age + batchesPerProducer) % batchesPerProducer
  const isEmpty = entry.count === 0
  const lastOffset = isEmpty ? none : (entry.lastOffsets[place] ?? none)
  return {
    producerId,
    epoch,
    lastSequence: isEmpty ? none : (entry.lastSequences[place] ?? none),
    lastOffset,
    offsetDelta: isEmpty ? 0 : lastOffset - (entry.baseOffsets[place] ?? none),
    timestampMs: seenMs,
    coordinatorEpoch,
    transactionStart,
  }
}

/** Batches of an older epoch are no more to be recognised. */
function moveToEpoch(entry: ProducerEntry, epoch: number): void {
  if (entry.epoch === epoch) return
  entry.epoch = epoch
  entry.count = 0
}

/** The sequence after `sequence`: after 2^31 - 1 comes 0. */
export function nextSequence(sequence: number): number {
  return sequence === sequenceMax ? 0 : sequence + 1
}

/** Brings a sequence that was moved by less than 2^31 back into [0, 2^31). */
export function wrapSequence(sequence: number): number {
  if (sequence > sequenceMax) return sequence - sequenceMax - 1
  return sequence < 0 ? sequence + sequenceMax + 1 : sequence
}
