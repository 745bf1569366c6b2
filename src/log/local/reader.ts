/** Reads a partition's segments from any thread: the path of all catch-up reads. */

import type { Offset } from '../../base/ids.ts'
import type { Disk } from '../disk.ts'

/** Where to read, and what may be seen. */
export type LogRange = {
  readonly startOffset: Offset
  /** Exclusive: nothing at or beyond it is returned. */
  readonly endOffset: Offset
  /** The partition table's segments generation, read before this call: a new one makes the reader list segments again. */
  readonly generation: number
}

export type LogPoint = { readonly offset: Offset; readonly timestampMs: number }

export class LogReader {
  constructor(_options: { readonly disk: Disk; readonly directory: string }) {}

  /**
   * Whole batches as they are on disk, the first of which contains `offset`; at least one, even when it is larger than
   * `bytesMax`; none with an offset at or beyond `endOffset`. undefined: `offset` is not in the segments.
   */
  async read(_options: {
    readonly offset: Offset
    readonly bytesMax: number
    readonly endOffset: Offset
    readonly generation: number
  }): Promise<Buffer | undefined> {
    return undefined
  }

  /** The first record at or after startOffset whose timestamp is at or after `timestampMs`. */
  async offsetForTimestamp(_options: LogRange & { readonly timestampMs: number }): Promise<LogPoint | undefined> {
    return undefined
  }

  /** The earliest record that has the greatest timestamp. */
  async maxTimestamp(_options: LogRange): Promise<LogPoint | undefined> {
    return undefined
  }

  /** Visits every record of the range in order (control batches excepted), for replay. */
  async readAllRecords(
    _options: LogRange,
    _visit: (record: { readonly key: Buffer | null; readonly value: Buffer | null }, offset: Offset) => void,
  ): Promise<void> {}

  /** Lets go of all files. */
  close(): void {}
}
