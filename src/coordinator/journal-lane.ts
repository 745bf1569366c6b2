/** One journal partition's line of appends: gathers records into batches and lets answers out once their records are readable. */

import { assert } from '../base/assert.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { coordinatorError } from './journal-error.ts'
import type { Journal, JournalRecord, JournalTopic, TransactionalProducer } from './ports.ts'
import type { Waiter } from './waiter.ts'

/** A batch that has grown to this goes out even while another is on its way: more gathering would only add delay. */
export const gatherBytesMax = 256 * 1024
/** Records of one batch; below Kafka's `max.message.bytes` default (1,048,588), so that the log takes every batch. */
export const batchBytesMax = 960 * 1024
/** Records taken but not yet readable; beyond this the lane is full, since main's journal queue stands still. */
export const laneBytesMax = 8 * 1024 * 1024
/** Answers that wait; more than fronts let through at once, so that only a stalled journal gets there. */
export const heldAnswersMax = 50_000

/** What a record costs beside key and value: lengths, deltas, header count. */
const recordOverheadBytes = 24

type Batch = {
  records: JournalRecord[]
  /** The one transaction that all records belong to, where there is one. */
  transaction: TransactionalProducer | undefined
  bytes: number
  /** The last append that is complete once this batch is readable. */
  lastSequence: number
  held: { release(): void; refuse(errorCode: number): void }[]
}

/**
 * Appends are numbered from 1 upwards. At most one batch is on its way at a time (more only when they are large), so a busy
 * lane writes few large batches and an idle one writes at once.
 */
export class JournalLane {
  readonly #journal: Journal
  readonly #topic: JournalTopic
  readonly #partition: number
  readonly #onFailure: (errorCode: number) => void
  readonly #onDrained: () => void
  #gathering: Batch = emptyBatch(0)
  #inFlight: Batch[] = []
  #sequence = 0
  #settledSequence = 0
  #unsettledBytes = 0
  #heldCount = 0
  /** Counts failures, so that what was sent before one no longer counts. */
  #epoch = 0
  /** Appends that the journal has not settled, also those from before a failure. */
  #outstanding = 0
  #isDraining = false

  /**
   * `onFailure` is called once per failure, before the answers that waited are refused. `onDrained` follows when the journal
   * has settled all that was on its way: only then is what it holds final, and worth reading.
   */
  constructor(options: {
    readonly journal: Journal
    readonly topic: JournalTopic
    readonly partition: number
    readonly onFailure: (errorCode: number) => void
    readonly onDrained: () => void
  }) {
    this.#journal = options.journal
    this.#topic = options.topic
    this.#partition = options.partition
    this.#onFailure = options.onFailure
    this.#onDrained = options.onDrained
  }

  /** The number of the last append: what an answer depends on that may depend on anything in this lane. */
  get lastSequence(): number {
    return this.#sequence
  }

  /** True while no more work should be taken on for this lane. */
  get isFull(): boolean {
    return this.#unsettledBytes > laneBytesMax || this.#heldCount > heldAnswersMax
  }

  /**
   * Takes records as one append (in one batch where they fit into one) and answers with its number. Records of a transaction are
   * gathered only with others of it.
   */
  append(records: readonly JournalRecord[], transaction?: TransactionalProducer): number {
    assert(records.length > 0, 'an append without records')
    if (!isSameProducer(this.#gathering.transaction, transaction)) {
      this.#flush()
      this.#gathering.transaction = transaction
    }
    const previous = this.#sequence
    this.#sequence += 1
    let bytes = 0
    for (const record of records) bytes += recordBytes(record)
    this.#unsettledBytes += bytes
    if (this.#gathering.bytes + bytes > batchBytesMax) this.#flush()
    for (const record of records) {
      const size = recordBytes(record)
      // Only an append that is larger than a batch gets here; its last part completes it.
      if (this.#gathering.records.length > 0 && this.#gathering.bytes + size > batchBytesMax) this.#flush()
      if (this.#gathering.records.length === 0) this.#gathering.lastSequence = previous
      this.#gathering.records.push(record)
      this.#gathering.bytes += size
    }
    this.#gathering.lastSequence = this.#sequence
    if (this.#inFlight.length === 0 || this.#gathering.bytes >= gatherBytesMax) this.#flush()
    return this.#sequence
  }

  /** Answers `waiter` as soon as append `sequence` is readable: now, or later; or refuses it when that append fails. */
  answerAfter<Response>(sequence: number, waiter: Waiter<Response>, response: Response): void {
    if (sequence <= this.#settledSequence) {
      waiter.answer(response)
      return
    }
    const batch = this.#inFlight.find((candidate) => candidate.lastSequence >= sequence) ?? this.#gathering
    this.#heldCount += 1
    batch.held.push({
      release: () => waiter.answer(response),
      refuse: (errorCode) => waiter.refuse(errorCode),
    })
  }

  #flush(): void {
    const batch = this.#gathering
    if (batch.records.length === 0) return
    this.#gathering = emptyBatch(this.#sequence, batch.transaction)
    this.#inFlight.push(batch)
    const epoch = this.#epoch
    this.#outstanding += 1
    const settle = (errorCode: number): void => {
      this.#outstanding -= 1
      if (epoch === this.#epoch) {
        if (errorCode === ErrorCode.NONE) this.#settle(batch)
        else this.#fail(errorCode)
      }
      if (!this.#isDraining || this.#outstanding > 0) return
      this.#isDraining = false
      this.#onDrained()
    }
    this.#journal.append(this.#topic, this.#partition, batch.records, settle, batch.transaction)
  }

  #settle(batch: Batch): void {
    assert(this.#inFlight[0] === batch, 'journal appends settled out of order')
    this.#inFlight.shift()
    this.#settledSequence = batch.lastSequence
    this.#unsettledBytes -= batch.bytes
    this.#heldCount -= batch.held.length
    // What gathered meanwhile goes out first: its way is the longer one.
    if (this.#inFlight.length === 0) this.#flush()
    for (const held of batch.held) held.release()
  }

  #fail(errorCode: number): void {
    const lost = [...this.#inFlight, this.#gathering]
    this.#epoch += 1
    this.#inFlight = []
    this.#gathering = emptyBatch(this.#sequence)
    this.#settledSequence = this.#sequence
    this.#unsettledBytes = 0
    this.#heldCount = 0
    this.#isDraining = true
    this.#onFailure(errorCode)
    for (const batch of lost) for (const held of batch.held) held.refuse(coordinatorError(errorCode))
  }
}

function emptyBatch(lastSequence: number, transaction?: TransactionalProducer): Batch {
  return { records: [], transaction, bytes: 0, lastSequence, held: [] }
}

function isSameProducer(one: TransactionalProducer | undefined, other: TransactionalProducer | undefined): boolean {
  return one?.producerId === other?.producerId && one?.producerEpoch === other?.producerEpoch
}

function recordBytes(record: JournalRecord): number {
  return recordOverheadBytes + (record.key?.length ?? 0) + (record.value?.length ?? 0)
}
