/** Decides which records of a batch stay when its log is cleaned: Kafka's Cleaner.cleanInto and its record filter. */

import type { Offset } from '../../base/ids.ts'
import { BatchRecords } from '../../wire/batch-records.ts'
import {
  batchBaseOffset,
  batchBaseTimestamp,
  batchHasDeleteHorizon,
  batchIsControl,
  batchLastOffset,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
} from '../../wire/record-batch.ts'
import { emptiedBatch, thinnedBatch } from '../../wire/thinned-batch.ts'
import type { LastOfProducer } from '../engine.ts'
import type { CleanedTransactions } from './cleaned-transactions.ts'
import type { OffsetMap } from './offset-map.ts'

export type BatchFilterOptions = {
  readonly offsets: OffsetMap
  readonly transactions: CleanedTransactions
  readonly producers: ReadonlyMap<number, LastOfProducer>
  readonly nowMs: number
  readonly deleteRetentionMs: number
}

/** Is shown every batch of a log in order. */
export class BatchFilter {
  recordsRead = 0
  recordsKept = 0
  readonly #options: BatchFilterOptions
  readonly #records = new BatchRecords()
  #isKept = new Uint8Array(0)

  constructor(options: BatchFilterOptions) {
    this.#options = options
  }

  /**
   * What is left of the batch at `at`: 'whole' for all of it as it is, undefined for nothing. `isEnd`: it is kept in any case,
   * if only as a batch without records. Throws DecodeError on damage.
   */
  filter(bytes: Buffer, at: number, isEnd: boolean): Buffer | 'whole' | undefined {
    const { transactions, nowMs, deleteRetentionMs } = this.#options
    const isSpent = transactions.isSpent(bytes, at)
    const isControl = batchIsControl(bytes, at)
    const horizonMs = batchHasDeleteHorizon(bytes, at) ? batchBaseTimestamp(bytes, at) : undefined
    const isDiscarded = isSpent && (!isControl || (horizonMs !== undefined && horizonMs <= nowMs))
    this.recordsRead += batchRecordCount(bytes, at)
    const kept = isDiscarded ? 0 : this.#mark(bytes, at, horizonMs, isControl)
    this.recordsKept += kept
    if (kept === 0) return isEnd || this.#isLastOfProducer(bytes, at) ? emptiedBatch(bytes, at) : undefined
    const isHorizonDue = horizonMs === undefined && ((isSpent && isControl) || this.#keepsTombstone())
    if (kept === this.#records.count && !isHorizonDue) return 'whole'
    return thinnedBatch(bytes, at, this.#records, this.#isKept, isHorizonDue ? nowMs + deleteRetentionMs : horizonMs)
  }

  /** Reads the records and marks those that stay; answers how many. */
  #mark(bytes: Buffer, at: number, horizonMs: number | undefined, isControl: boolean): number {
    this.#records.read(bytes, at)
    const { count } = this.#records
    if (this.#isKept.length < count) this.#isKept = new Uint8Array(this.#records.ends.length)
    const keepsTombstones = horizonMs === undefined || this.#options.nowMs < horizonMs
    const baseOffset = batchBaseOffset(bytes, at)
    let kept = 0
    for (let index = 0; index < count; index++) {
      const isKept = isControl || this.#isLatest(index, baseOffset, keepsTombstones)
      this.#isKept[index] = isKept ? 1 : 0
      if (isKept) kept++
    }
    return kept
  }

  #isLatest(index: number, baseOffset: Offset, keepsTombstones: boolean): boolean {
    const { offsets } = this.#options
    const records = this.#records
    const offset = baseOffset + (records.offsetDeltas[index] ?? 0)
    // What has not been looked through may be the latest.
    if (offset > offsets.latestOffset) return true
    const keyStart = records.keyStarts[index] ?? -1
    if (keyStart < 0) return false
    if (records.isTombstone[index] === 1 && !keepsTombstones) return false
    return offset >= offsets.offsetOf(records.bytes, keyStart, records.keyEnds[index] ?? 0)
  }

  #keepsTombstone(): boolean {
    for (let index = 0; index < this.#records.count; index++) {
      if (this.#isKept[index] === 1 && this.#records.isTombstone[index] === 1) return true
    }
    return false
  }

  /**
   * Whether a batch holds the last sequence of a producer that is still known, or the marker that holds its epoch: without it,
   * a producer would be refused, or not be fenced, after a restart that finds no snapshot.
   */
  #isLastOfProducer(bytes: Buffer, at: number): boolean {
    const last = this.#options.producers.get(batchProducerId(bytes, at))
    if (last === undefined) return false
    if (last.lastOffset >= 0) return batchLastOffset(bytes, at) === last.lastOffset
    return batchIsControl(bytes, at) && batchProducerEpoch(bytes, at) === last.epoch
  }
}
