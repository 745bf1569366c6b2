/** The segments of a partition as a reader knows them: names from the folder, and files that open when they are needed. */

import { errnoOf } from '../../base/errors.ts'
import type { Offset } from '../../base/ids.ts'
import type { Disk, DiskFile } from '../disk.ts'
import { CheckedRanges } from './checked-ranges.ts'
import {
  entryPosition,
  entryRelativeOffset,
  entryTimestamp,
  floorEntry,
  offsetEntryBytes,
  readTimeEntry,
  timeEntryBytes,
} from './index-entries.ts'
import { offsetsNamed, type SegmentFileKind, segmentFile } from './segment-names.ts'

/** Index bytes read at a time: a page. */
const indexPageBytes = 4096

/** A batch's timestamp and its last offset. */
export type TimedOffset = { readonly timestampMs: number; readonly offset: Offset }

/** One segment's files. Index files appear late and grow: what is missing reads as empty. */
export class SegmentView {
  readonly baseOffset: Offset
  readonly #disk: Disk
  readonly #directory: string
  readonly #files = new Map<SegmentFileKind, DiskFile>()
  /** What was read of the log and found sound, since the files were opened. */
  checked = new CheckedRanges()

  constructor(disk: Disk, directory: string, baseOffset: Offset) {
    this.#disk = disk
    this.#directory = directory
    this.baseOffset = baseOffset
  }

  /** The log file. Throws ENOENT where the segment has been removed. */
  get log(): DiskFile {
    return this.#file('log')
  }

  /** A position at or before the batch that holds `offset`, as near as the offset index knows. */
  async positionOf(offset: Offset): Promise<number> {
    const found = await this.#floor('index', offsetEntryBytes, offset - this.baseOffset, entryRelativeOffset)
    return found === undefined ? 0 : found.readInt32BE(4)
  }

  /** The first position behind another one that the offset index knows to be a batch's; undefined where it knows none. */
  async positionAfter(position: number): Promise<number | undefined> {
    const file = this.#indexFile('index')
    const bytes = Buffer.allocUnsafe(file?.size() ?? 0)
    const entries = file === undefined ? bytes : bytes.subarray(0, await file.readAsync(bytes, 0))
    const floor = floorEntry(entries, offsetEntryBytes, position, entryPosition)
    const next = floor < 0 ? 0 : floor + offsetEntryBytes
    return next + offsetEntryBytes <= entries.length ? entryPosition(entries, next) : undefined
  }

  /** The time index's last entry at or below a timestamp. */
  async timeFloor(timestampMs: number): Promise<TimedOffset | undefined> {
    return this.#timed(await this.#floor('timeindex', timeEntryBytes, timestampMs, entryTimestamp))
  }

  /** The time index's last entry: of a rolled segment, its largest timestamp. */
  lastTime(): Promise<TimedOffset | undefined> {
    return this.timeFloor(Number.POSITIVE_INFINITY)
  }

  /** The transaction index from a position on; empty where there is no such file yet. */
  async abortedBytes(position: number): Promise<Buffer> {
    const file = this.#indexFile('txnindex')
    const bytes = Buffer.allocUnsafe(Math.max(0, (file?.size() ?? 0) - position))
    return file === undefined ? bytes : bytes.subarray(0, await file.readAsync(bytes, position))
  }

  close(): void {
    for (const file of this.#files.values()) file.close()
    this.#files.clear()
    this.checked = new CheckedRanges()
  }

  #timed(entry: Buffer | undefined): TimedOffset | undefined {
    if (entry === undefined) return undefined
    const { timestampMs, relativeOffset } = readTimeEntry(entry, 0)
    return { timestampMs, offset: this.baseOffset + relativeOffset }
  }

  /** The last entry whose key is at or below `target`: finds its page by the pages' first entries, so that reads stay few. */
  async #floor(
    kind: SegmentFileKind,
    entryBytes: number,
    target: number,
    keyOf: (bytes: Buffer, at: number) => number,
  ): Promise<Buffer | undefined> {
    const file = this.#indexFile(kind)
    if (file === undefined) return undefined
    const pageBytes = indexPageBytes - (indexPageBytes % entryBytes)
    const size = file.size()
    let first = 0
    let end = Math.ceil(size / pageBytes)
    const page = Buffer.allocUnsafe(pageBytes)
    while (end - first > 1) {
      const middle = (first + end) >>> 1
      await file.readAsync(page.subarray(0, entryBytes), middle * pageBytes)
      if (keyOf(page, 0) <= target) first = middle
      else end = middle
    }
    const filled = page.subarray(0, await file.readAsync(page, first * pageBytes))
    const at = floorEntry(filled, entryBytes, target, keyOf)
    return at < 0 ? undefined : filled.subarray(at, at + entryBytes)
  }

  #indexFile(kind: SegmentFileKind): DiskFile | undefined {
    try {
      return this.#file(kind)
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return undefined
      throw thrown
    }
  }

  #file(kind: SegmentFileKind): DiskFile {
    const known = this.#files.get(kind)
    if (known !== undefined) return known
    const file = this.#disk.open(`${this.#directory}/${segmentFile(this.baseOffset, kind)}`, 'read')
    this.#files.set(kind, file)
    return file
  }
}

/** All segments, in order. */
export class SegmentList {
  readonly #disk: Disk
  readonly #directory: string
  #views: SegmentView[] = []
  #generation: number | undefined

  constructor(disk: Disk, directory: string) {
    this.#disk = disk
    this.#directory = directory
  }

  get views(): readonly SegmentView[] {
    return this.#views
  }

  /** Where the generation is a new one, lists the folder again and opens all files anew; answers whether it is. */
  refresh(generation: number): boolean {
    if (generation === this.#generation) return false
    // Recovery may have replaced files of the same name.
    for (const view of this.#views) view.close()
    this.relist()
    this.#generation = generation
    return true
  }

  /** Lists the folder; files that have gone are closed, all others stay open. Answers whether any came or went. */
  relist(): boolean {
    const known = new Map(this.#views.map((view) => [view.baseOffset, view]))
    const countBefore = known.size
    this.#views = offsetsNamed(this.#disk.list(this.#directory), 'log').map((baseOffset) => {
      const view = known.get(baseOffset) ?? new SegmentView(this.#disk, this.#directory, baseOffset)
      known.delete(baseOffset)
      return view
    })
    for (const view of known.values()) view.close()
    return known.size > 0 || this.#views.length !== countBefore
  }

  /** Opens all files anew: what is open may be of files that were removed and made again. */
  reset(): void {
    this.close()
    this.relist()
  }

  /** The place in `views` of the segment that an offset belongs to; -1 where it lies before all of them. */
  placeOf(offset: Offset): number {
    let first = 0
    let end = this.#views.length
    while (first < end) {
      const middle = (first + end) >>> 1
      if ((this.#views[middle]?.baseOffset ?? 0) <= offset) first = middle + 1
      else end = middle
    }
    return first - 1
  }

  close(): void {
    for (const view of this.#views) view.close()
    this.#views = []
    this.#generation = undefined
  }
}
