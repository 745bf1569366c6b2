/** The indexes of one segment while it is written: by offset, by time, and of aborted transactions, with Kafka's rules of what gets an entry. */

import type { Offset } from '../../base/ids.ts'
import { batchLastOffset, batchMaxTimestamp } from '../../wire/record-batch.ts'
import type { Disk } from '../disk.ts'
import type { AbortedTransaction } from '../engine.ts'
import { abortedEntryBytes, writeAbortedEntry } from './aborted-entries.ts'
import { offsetEntryBytes, timeEntryBytes, writeTimeEntry } from './index-entries.ts'
import { IndexFile } from './index-file.ts'
import { segmentFile } from './segment-names.ts'

/** What is known of a segment's batches, beside its indexes: enough to go on with it after a restart. */
export type SegmentSummary = {
  /** Bytes of batches. */
  sizeBytes: number
  endOffset: Offset
  /** The largest timestamp of the first batch, from which the segment's age counts; -1 without one. */
  firstTimestampMs: number
  maxTimestampMs: number
  /** The last offset of the first batch that has maxTimestampMs. */
  maxTimestampOffset: Offset
  offsetEntries: number
  timeEntries: number
  /** The timestamp of the last entry of the time index, -1 where there is none. */
  lastTimeEntryMs: number
  bytesSinceEntry: number
  /** Aborted transactions whose markers are in the segment. */
  abortedEntries: number
}

/** The summary of a segment without batches. */
export function emptySummary(baseOffset: Offset): SegmentSummary {
  return {
    sizeBytes: 0,
    endOffset: baseOffset,
    firstTimestampMs: -1,
    maxTimestampMs: -1,
    maxTimestampOffset: baseOffset,
    offsetEntries: 0,
    timeEntries: 0,
    lastTimeEntryMs: -1,
    bytesSinceEntry: 0,
    abortedEntries: 0,
  }
}

/** Batch bytes after which index entries are written, so that a reader in another thread never scans far behind the last one. */
const flushBytes = 1024 * 1024

/** Follows a segment's batches, and writes its index files. Methods throw the disk's errors. */
export class SegmentIndexes {
  readonly baseOffset: Offset
  readonly summary: SegmentSummary
  readonly #offsets: IndexFile
  readonly #times: IndexFile
  readonly #aborted: IndexFile
  #hasUnflushedAborted = false
  #unflushedBytes = 0

  /** `ending` is put behind the files' names. */
  constructor(options: {
    disk: Disk
    directory: string
    baseOffset: Offset
    summary: SegmentSummary
    ending?: string
  }) {
    const { disk, directory, baseOffset, summary, ending = '' } = options
    this.baseOffset = baseOffset
    this.summary = summary
    this.#offsets = new IndexFile({
      disk,
      path: `${directory}/${segmentFile(baseOffset, 'index')}${ending}`,
      entryBytes: offsetEntryBytes,
      entries: summary.offsetEntries,
    })
    this.#times = new IndexFile({
      disk,
      path: `${directory}/${segmentFile(baseOffset, 'timeindex')}${ending}`,
      entryBytes: timeEntryBytes,
      entries: summary.timeEntries,
    })
    this.#aborted = new IndexFile({
      disk,
      path: `${directory}/${segmentFile(baseOffset, 'txnindex')}${ending}`,
      entryBytes: abortedEntryBytes,
      entries: summary.abortedEntries,
    })
  }

  /** Whether enough came since the last flush that readers would have to scan far. */
  get isFlushDue(): boolean {
    return this.#unflushedBytes >= flushBytes
  }

  /** Counts a batch that follows the ones before, and gives it entries where more than `intervalBytes` lie since the last. */
  account(bytes: Buffer, at: number, sizeBytes: number, intervalBytes: number): void {
    const { summary } = this
    const lastOffset = batchLastOffset(bytes, at)
    const timestampMs = batchMaxTimestamp(bytes, at)
    if (summary.sizeBytes === 0) summary.firstTimestampMs = timestampMs
    if (timestampMs > summary.maxTimestampMs) {
      summary.maxTimestampMs = timestampMs
      summary.maxTimestampOffset = lastOffset
    }
    if (summary.bytesSinceEntry > intervalBytes) {
      const entryAt = this.#offsets.reserve()
      this.#offsets.pending.writeInt32BE(lastOffset - this.baseOffset, entryAt)
      this.#offsets.pending.writeInt32BE(summary.sizeBytes, entryAt + 4)
      summary.offsetEntries++
      this.#addTimeEntry()
      summary.bytesSinceEntry = 0
    }
    summary.sizeBytes += sizeBytes
    summary.bytesSinceEntry += sizeBytes
    summary.endOffset = lastOffset + 1
    this.#unflushedBytes += sizeBytes
  }

  /** Counts bytes that are no batches. What follows gets an entry, so that readers find the way around them. */
  pass(bytes: number): void {
    this.summary.sizeBytes += bytes
    this.summary.bytesSinceEntry = Number.MAX_SAFE_INTEGER
  }

  /** Notes a transaction whose abort marker is in the segment. */
  abort(aborted: AbortedTransaction): void {
    const at = this.#aborted.reserve()
    writeAbortedEntry(this.#aborted.pending, at, aborted)
    this.summary.abortedEntries++
    this.#hasUnflushedAborted = true
  }

  /** Shows the aborted transactions to readers, who must not see a marker before. */
  flushAborted(): void {
    if (!this.#hasUnflushedAborted) return
    this.#aborted.flush()
    this.#hasUnflushedAborted = false
  }

  flush(): void {
    this.#offsets.flush()
    this.#times.flush()
    this.#unflushedBytes = 0
  }

  /** Ends the segment: the time index gets the largest timestamp as its last entry, and it and the offset index exist. */
  finish(): void {
    this.#addTimeEntry()
    this.#offsets.finish()
    this.#times.finish()
  }

  sync(): void {
    this.#offsets.sync()
    this.#times.sync()
    this.#aborted.sync()
  }

  async syncAsync(): Promise<void> {
    await Promise.all([this.#offsets.syncAsync(), this.#times.syncAsync(), this.#aborted.syncAsync()])
  }

  close(): void {
    this.#offsets.close()
    this.#times.close()
    this.#aborted.close()
  }

  /** Kafka's time index only goes up, in timestamp and in offset. */
  #addTimeEntry(): void {
    const { summary } = this
    if (summary.maxTimestampMs <= summary.lastTimeEntryMs) return
    const at = this.#times.reserve()
    writeTimeEntry(this.#times.pending, at, {
      timestampMs: summary.maxTimestampMs,
      relativeOffset: summary.maxTimestampOffset - this.baseOffset,
    })
    summary.lastTimeEntryMs = summary.maxTimestampMs
    summary.timeEntries++
  }
}
