/** An engine whose progress and failures a test decides, and that keeps what it was given. */

import type { Offset } from '../../src/base/ids.ts'
import type { PartitionSettings } from '../../src/base/topology.ts'
import type {
  AbortedTransaction,
  CleanedSegment,
  DirtyLog,
  DirtyLogQuestion,
  Engine,
  EngineChange,
  EngineProgress,
  ProducerSnapshot,
  RewriteEdges,
} from '../../src/log/engine.ts'
import { batchBaseOffset, batchLastOffsetDelta } from '../../src/wire/record-batch.ts'

export class FakeEngine implements Engine {
  startOffset: Offset = 0
  endOffset: Offset = 0
  segmentsVersion = 0
  segments = 0
  abortedEnd: Offset = 0
  readonly aborted: AbortedTransaction[] = []
  failure: Error | undefined
  /** Whether submitted batches are written and synced at once, as far as the next poll. */
  isWriting = true
  isSyncing = true
  /** The bytes of each batch as they were when they were written. */
  readonly written: Buffer[] = []
  readonly snapshots: ProducerSnapshot[] = []
  readonly calls: string[] = []
  /** What dirtyLog answers, and what it and replaceSegments were given. */
  dirty: () => DirtyLog | undefined = () => undefined
  readonly questions: DirtyLogQuestion[] = []
  readonly replaced: CleanedSegment[] = []
  settings: PartitionSettings | undefined
  readonly #waiting: Buffer[] = []
  readonly #progress: EngineProgress = { writtenEnd: 0, syncedEnd: 0 }

  submit(batches: readonly Buffer[]): void {
    for (const batch of batches) {
      if (batchBaseOffset(batch, 0) !== this.endOffset) throw new Error('offsets must follow each other')
      this.endOffset += batchLastOffsetDelta(batch, 0) + 1
      this.#waiting.push(batch)
    }
  }

  submitAborted(aborted: readonly AbortedTransaction[]): void {
    for (const one of aborted) {
      this.aborted.push(one)
      this.abortedEnd = one.lastOffset + 1
    }
  }

  poll(): EngineProgress {
    if (this.failure !== undefined) return this.#progress
    if (this.isWriting) {
      for (const batch of this.#waiting) {
        this.written.push(Buffer.from(batch))
        this.#progress.writtenEnd = batchBaseOffset(batch, 0) + batchLastOffsetDelta(batch, 0) + 1
      }
      this.#waiting.length = 0
    }
    if (this.isSyncing) this.#progress.syncedEnd = this.#progress.writtenEnd
    return this.#progress
  }

  maintain(): EngineChange {
    this.calls.push('maintain')
    return { startOffset: this.startOffset, segmentsChanged: false }
  }

  configure(settings: PartitionSettings): void {
    this.settings = settings
  }

  deleteRecordsBefore(offset: Offset): void {
    this.startOffset = Math.max(this.startOffset, offset)
  }

  saveProducerSnapshot(offset: Offset, bytes: Buffer): void {
    this.snapshots.push({ offset, bytes })
  }

  loadProducerSnapshot(): ProducerSnapshot | undefined {
    return this.snapshots.at(-1)
  }

  dirtyLog(question: DirtyLogQuestion): DirtyLog | undefined {
    this.questions.push(question)
    return this.dirty()
  }

  async replaceSegments(cleaned: CleanedSegment, edges: RewriteEdges): Promise<boolean> {
    if (!edges.begin()) return false
    this.replaced.push(cleaned)
    this.segmentsVersion++
    edges.end()
    return true
  }

  sizeBytes(): number {
    return this.written.reduce((sum, batch) => sum + batch.length, 0)
  }

  segmentCount(): number {
    return this.segments
  }

  sync(): void {
    this.calls.push('sync')
    this.isWriting = true
    this.isSyncing = true
  }

  close(): void {
    this.calls.push('close')
  }

  removeFiles(): void {
    this.calls.push('removeFiles')
  }
}
