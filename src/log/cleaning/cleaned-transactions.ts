/** Which transactions a cleaning is amidst, and what may go of them: Kafka's CleanedTransactionMetadata. */

import {
  batchIsControl,
  batchIsTransactional,
  batchLastOffset,
  batchProducerId,
  batchRecordCount,
} from '../../wire/record-batch.ts'
import { readMarker } from '../../wire/transaction-marker.ts'
import type { AbortedTransaction } from '../engine.ts'

type OngoingAborted = { readonly transaction: AbortedTransaction; hasData: boolean }

/** Is shown every batch of a log in order, from the log's beginning or from any place that it knows all aborted transactions of. */
export class CleanedTransactions {
  /** Those aborted from here on, by their first offset. */
  readonly #aborted: readonly AbortedTransaction[]
  #next = 0
  readonly #ongoingAborted = new Map<number, OngoingAborted>()
  /** Producers whose data of a transaction that was not aborted has been seen, and its marker not yet. */
  readonly #ongoingCommitted = new Set<number>()
  /** Called with aborted transactions whose marker stays: they belong into the new transaction index. */
  readonly #keepAborted: (transaction: AbortedTransaction) => void

  constructor(aborted: readonly AbortedTransaction[], keepAborted: (transaction: AbortedTransaction) => void) {
    this.#aborted = aborted.toSorted((first, second) => first.firstOffset - second.firstOffset)
    this.#keepAborted = keepAborted
  }

  /**
   * Takes note of a batch. Answers whether its content is of no more use: data that was aborted, or a marker of which no data is
   * left. Throws DecodeError where a marker is damaged.
   */
  isSpent(bytes: Buffer, at: number): boolean {
    this.#beginAborted(batchLastOffset(bytes, at))
    const producerId = batchProducerId(bytes, at)
    if (batchIsControl(bytes, at)) return this.#isMarkerSpent(bytes, at, producerId)
    if (!batchIsTransactional(bytes, at)) return false
    const aborted = this.#ongoingAborted.get(producerId)
    if (aborted === undefined) {
      this.#ongoingCommitted.add(producerId)
      return false
    }
    aborted.hasData = true
    return true
  }

  #beginAborted(offset: number): void {
    for (;;) {
      const transaction = this.#aborted[this.#next]
      if (transaction === undefined || transaction.firstOffset > offset) return
      this.#next++
      if (!this.#ongoingAborted.has(transaction.producerId)) {
        this.#ongoingAborted.set(transaction.producerId, { transaction, hasData: false })
      }
    }
  }

  #isMarkerSpent(bytes: Buffer, at: number, producerId: number): boolean {
    // Of a marker without a record, all that counted has gone before.
    if (batchRecordCount(bytes, at) === 0) return true
    const marker = readMarker(bytes, at)
    if (marker === undefined) return false
    if (marker.isCommit) return !this.#ongoingCommitted.delete(producerId)
    const aborted = this.#ongoingAborted.get(producerId)
    this.#ongoingAborted.delete(producerId)
    if (aborted === undefined || !aborted.hasData) return true
    this.#keepAborted(aborted.transaction)
    return false
  }
}
