/** The segment that a partition appends to: its log file, its indexes, and when it is full. */

import { SafkaError } from '../../base/errors.ts'
import type { Offset } from '../../base/ids.ts'
import type { PartitionSettings } from '../../base/topology.ts'
import { batchLastOffset, batchMaxTimestamp } from '../../wire/record-batch.ts'
import { type Disk, type DiskFile, writeAll } from '../disk.ts'
import { offsetEntryBytes, timeEntryBytes } from './index-entries.ts'
import { SegmentIndexes, type SegmentSummary } from './segment-indexes.ts'
import { segmentFile } from './segment-names.ts'

/** Index entries and time index entries hold offsets relative to the segment's base in 31 bits. */
const relativeOffsetMax = 2 ** 31 - 1

/** When a segment is full. */
export type RollLimits = Pick<PartitionSettings, 'segmentMs' | 'segmentIndexBytes'> & { readonly segmentBytes: number }

/** What is about to be written in one go, ahead of the batch in question. */
export type Run = { bytes: number; batches: number }

/** Methods throw the disk's errors. */
export class ActiveSegment {
  readonly indexes: SegmentIndexes
  /** Each segment is shortened by its own jitter, so that many partitions do not roll at once. */
  readonly #jitterMs: number
  readonly #createdMs: number
  readonly #disk: Disk
  readonly #path: string
  #file: DiskFile | undefined

  constructor(options: {
    readonly disk: Disk
    readonly directory: string
    readonly baseOffset: Offset
    readonly summary: SegmentSummary
    readonly createdMs: number
    readonly jitterMs: number
  }) {
    this.indexes = new SegmentIndexes(options)
    this.#disk = options.disk
    this.#path = `${options.directory}/${segmentFile(options.baseOffset, 'log')}`
    this.#createdMs = options.createdMs
    this.#jitterMs = options.jitterMs
  }

  get baseOffset(): Offset {
    return this.indexes.baseOffset
  }

  get summary(): SegmentSummary {
    return this.indexes.summary
  }

  /** Whether a batch fits behind what is there and behind `run`: Kafka's LogSegment.shouldRoll, turned round. */
  fits(batch: Buffer, run: Run, limits: RollLimits, nowMs: number): boolean {
    const { summary } = this
    // An empty segment takes any batch, and nothing else in the same write: the segment's age counts from its first batch.
    if (summary.sizeBytes === 0) return run.batches === 0
    if (summary.sizeBytes + run.bytes + batch.length > limits.segmentBytes) return false
    if (summary.offsetEntries + run.batches >= Math.floor(limits.segmentIndexBytes / offsetEntryBytes)) return false
    if (summary.timeEntries + run.batches >= Math.floor(limits.segmentIndexBytes / timeEntryBytes) - 1) return false
    if (batchLastOffset(batch, 0) - this.baseOffset > relativeOffsetMax) return false
    const ageMs =
      summary.firstTimestampMs >= 0 ? batchMaxTimestamp(batch, 0) - summary.firstTimestampMs : nowMs - this.#createdMs
    return ageMs <= limits.segmentMs - Math.min(this.#jitterMs, limits.segmentMs)
  }

  /** Writes whole batches behind the last one; they count only once account() was told of them. */
  write(batches: readonly Buffer[]): void {
    writeAll(this.log, batches, this.summary.sizeBytes)
  }

  /** The log file, created where it is missing. */
  get log(): DiskFile {
    this.#file ??= this.#disk.open(this.#path, 'write')
    return this.#file
  }

  /** A file that has lost its name can still be written, and all that is written to it is lost. */
  failWhereGone(): void {
    if (!this.#disk.isDurable || this.#disk.exists(this.#path)) return
    throw new SafkaError('SAFKA_STORAGE_FAILED', `${this.#path} has gone`)
  }

  sync(): void {
    this.#unsynced()?.sync()
  }

  async syncAsync(): Promise<void> {
    await this.#unsynced()?.syncAsync()
  }

  /** Batches may have been written before the last start, and not be durable: they are synced too. */
  #unsynced(): DiskFile | undefined {
    return this.#file ?? (this.summary.sizeBytes > 0 ? this.log : undefined)
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
    this.indexes.close()
  }
}
