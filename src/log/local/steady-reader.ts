/** Reads a partition's segments while they may be compacted: what is answered is of one state of the files. */

import type { Disk } from '../disk.ts'
import type { AbortedRange, AbortedStart } from './aborted-reader.ts'
import { type LogPoint, type LogRange, type LogRead, LogReader } from './reader.ts'

/**
 * Segments are replaced in a few milliseconds, and seldom. Whoever meets that so often reads from a disk on which nothing
 * ends, and is better told so.
 */
const looksMax = 10_000

export type SteadyReaderOptions = {
  readonly disk: Disk
  readonly directory: string
  /** The partition table's count of rewrites: odd while files are replaced. */
  readonly rewrites: () => number
}

/**
 * A LogReader for each state of the files. As with any lock that readers do not take: a look counts only if the count of rewrites
 * was even before it and is the same after it; else it is done again, over newly opened files. Methods answer as LogReader's.
 */
export class SteadyReader {
  readonly #options: SteadyReaderOptions
  #reader: LogReader
  #rewrites: number

  constructor(options: SteadyReaderOptions) {
    this.#options = options
    this.#reader = new LogReader(options)
    this.#rewrites = options.rewrites()
  }

  read(options: LogRead): Promise<Buffer | undefined> {
    return this.#steadily((reader) => reader.read(options))
  }

  offsetForTimestamp(options: LogRange & { readonly timestampMs: number }): Promise<LogPoint | undefined> {
    return this.#steadily((reader) => reader.offsetForTimestamp(options))
  }

  maxTimestamp(options: LogRange): Promise<LogPoint | undefined> {
    return this.#steadily((reader) => reader.maxTimestamp(options))
  }

  abortedTransactions(options: AbortedRange & { readonly generation: number }): Promise<AbortedStart[] | undefined> {
    return this.#steadily((reader) => reader.abortedTransactions(options))
  }

  endOfEpoch(epoch: number): ReturnType<LogReader['endOfEpoch']> {
    return this.#reader.endOfEpoch(epoch)
  }

  /** Lets go of all files. The reader may be used again. */
  close(): void {
    this.#reader.close()
  }

  async #steadily<Found>(look: (reader: LogReader) => Promise<Found>): Promise<Found> {
    for (let looks = 1; ; looks++) {
      const before = this.#options.rewrites()
      const reader = this.#readerAt(before)
      const isSteady = (): boolean => before % 2 === 0 && this.#options.rewrites() === before
      try {
        const found = await look(reader)
        if (isSteady() || looks === looksMax) return found
      } catch (thrown) {
        if (isSteady() || looks === looksMax) throw thrown
      }
      // A turn of the event loop, so that others get theirs.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** What is open, and what is remembered, is of the files that were there before. */
  #readerAt(rewrites: number): LogReader {
    if (rewrites === this.#rewrites) return this.#reader
    this.#reader.close()
    this.#reader = new LogReader(this.#options)
    this.#rewrites = rewrites
    return this.#reader
  }
}
