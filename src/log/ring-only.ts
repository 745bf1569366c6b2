/** The engine of `ring` topics: the origin's circular queue, where the ring is all the storage there is. */

import { assert } from '../base/assert.ts'
import type { Offset } from '../base/ids.ts'
import { batchBaseOffset, batchLastOffsetDelta } from '../wire/record-batch.ts'
import type { AbortedTransaction, Engine, EngineChange, EngineProgress } from './engine.ts'

/** Keeps only offsets. A batch is written as soon as it is submitted; the owner moves the start as it retires entries. */
export class RingOnlyEngine implements Engine {
  readonly failure = undefined
  readonly segmentsVersion = 0
  /** What was aborted, readers find in the ring itself. */
  abortedEnd: Offset = 0
  readonly #progress: EngineProgress = { writtenEnd: 0, syncedEnd: 0 }
  readonly #change: EngineChange = { startOffset: 0, segmentsChanged: false }

  get startOffset(): Offset {
    return this.#change.startOffset
  }

  get endOffset(): Offset {
    return this.#progress.writtenEnd
  }

  submit(batches: readonly Buffer[]): void {
    for (const batch of batches) {
      const baseOffset = batchBaseOffset(batch, 0)
      assert(baseOffset >= this.#progress.writtenEnd, 'submitted batches go up in offset')
      this.#progress.writtenEnd = baseOffset + batchLastOffsetDelta(batch, 0) + 1
    }
    this.#progress.syncedEnd = this.#progress.writtenEnd
  }

  submitAborted(aborted: readonly AbortedTransaction[]): void {
    for (const { lastOffset } of aborted) this.abortedEnd = lastOffset + 1
  }

  poll(): EngineProgress {
    return this.#progress
  }

  maintain(): EngineChange {
    return this.#change
  }

  configure(): void {}

  /** Called when entries retire, and for DeleteRecords. */
  deleteRecordsBefore(offset: Offset): void {
    this.#change.startOffset = Math.max(this.startOffset, Math.min(offset, this.endOffset))
  }

  saveProducerSnapshot(): void {}

  loadProducerSnapshot(): undefined {
    return undefined
  }

  dirtyLog(): undefined {
    return undefined
  }

  async replaceSegments(): Promise<boolean> {
    return false
  }

  sizeBytes(): number {
    return 0
  }

  segmentCount(): number {
    return 0
  }

  sync(): void {}

  close(): void {}

  removeFiles(): void {}
}
