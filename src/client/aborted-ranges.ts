/** Which batches of a fetched range belong to transactions that were aborted. */

import { batchBaseOffset, batchIsControl, batchIsTransactional, batchProducerId } from '../wire/record-batch.ts'

/** A transaction that was aborted, by the first offset that it has in the partition. */
type AbortedStart = { readonly producerId: number; readonly firstOffset: number }

/** Walks along with the batches of one partition's answer, in order, as Kafka's CompletedFetch does. */
export class AbortedRanges {
  /** Those that have not begun yet, the next one last. */
  readonly #coming: AbortedStart[]
  readonly #current = new Set<number>()

  constructor(aborted: readonly AbortedStart[]) {
    this.#coming = [...aborted].sort((one, other) => other.firstOffset - one.firstOffset)
  }

  /** Whether the batch at `at` was aborted. A control batch ends its producer's transaction, and is no data. */
  skips(bytes: Buffer, at: number): boolean {
    const producerId = batchProducerId(bytes, at)
    const offset = batchBaseOffset(bytes, at)
    for (let next = this.#coming.at(-1); next !== undefined && next.firstOffset <= offset; next = this.#coming.at(-1)) {
      this.#current.add(next.producerId)
      this.#coming.pop()
    }
    if (!batchIsControl(bytes, at)) return batchIsTransactional(bytes, at) && this.#current.has(producerId)
    this.#current.delete(producerId)
    return false
  }
}
