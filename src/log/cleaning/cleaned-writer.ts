/** Writes the segment that a cleaning makes of others: a log and its indexes, under names that count for nothing yet. */

import type { Offset } from '../../base/ids.ts'
import { type Disk, type DiskFile, writeAll } from '../disk.ts'
import type { AbortedTransaction, CleanableSegment, CleanedSegment } from '../engine.ts'
import { emptySummary, SegmentIndexes } from '../local/segment-indexes.ts'
import { segmentFile } from '../local/segment-names.ts'
import { cleanedEnding, removeSegmentCopies } from './swap.ts'

export type CleanedPlace = { readonly disk: Disk; readonly directory: string; readonly indexIntervalBytes: number }

/** Methods throw the disk's errors. */
export class CleanedWriter {
  readonly #place: CleanedPlace
  readonly #group: readonly CleanableSegment[]
  readonly #baseOffset: Offset
  readonly #log: DiskFile
  readonly #indexes: SegmentIndexes
  #writtenBytes = 0

  /** Begins a new segment for those of `group`; what an earlier cleaning may have left under its names is thrown away. */
  constructor(place: CleanedPlace, group: readonly CleanableSegment[]) {
    const { disk, directory } = place
    this.#place = place
    this.#group = group
    this.#baseOffset = group[0]?.baseOffset ?? 0
    removeSegmentCopies(disk, directory, this.#baseOffset, cleanedEnding)
    this.#log = disk.open(`${directory}/${segmentFile(this.#baseOffset, 'log')}${cleanedEnding}`, 'write')
    const summary = emptySummary(this.#baseOffset)
    this.#indexes = new SegmentIndexes({
      disk,
      directory,
      baseOffset: this.#baseOffset,
      summary,
      ending: cleanedEnding,
    })
  }

  /** Appends runs of whole batches, each of which account() is told of as well; answers how many bytes they have. */
  append(runs: readonly Buffer[]): number {
    let bytes = 0
    for (const run of runs) bytes += run.length
    if (bytes > 0) writeAll(this.#log, runs, this.#writtenBytes)
    this.#writtenBytes += bytes
    return bytes
  }

  /** Counts a batch that follows the ones before. */
  account(bytes: Buffer, at: number, sizeBytes: number): void {
    this.#indexes.account(bytes, at, sizeBytes, this.#place.indexIntervalBytes)
  }

  abort(transaction: AbortedTransaction): void {
    this.#indexes.abort(transaction)
  }

  /** Ends the segment and makes it durable, names and all. */
  finish(): CleanedSegment {
    const { disk, directory } = this.#place
    this.#indexes.flushAborted()
    this.#indexes.finish()
    if (disk.isDurable) {
      this.#log.sync()
      this.#indexes.sync()
      disk.syncDirectory(directory)
    }
    const { sizeBytes, maxTimestampMs } = this.#indexes.summary
    this.close()
    return {
      baseOffset: this.#baseOffset,
      endOffset: this.#group.at(-1)?.endOffset ?? this.#baseOffset,
      replaced: this.#group.map(({ baseOffset }) => baseOffset),
      sizeBytes,
      maxTimestampMs,
    }
  }

  close(): void {
    this.#log.close()
    this.#indexes.close()
  }

  /** Removes what was written. */
  discard(): void {
    this.close()
    removeSegmentCopies(this.#place.disk, this.#place.directory, this.#baseOffset, cleanedEnding)
  }
}
