/** Reads a partition's segments from any thread: the path of all catch-up reads. */

import { errnoOf, SafkaError } from '../../base/errors.ts'
import type { Offset } from '../../base/ids.ts'
import {
  batchBaseOffset,
  batchHeaderBytes,
  batchIsControl,
  batchLastOffset,
  readRecords,
} from '../../wire/record-batch.ts'
import type { Disk } from '../disk.ts'
import { type AbortedRange, AbortedReader, type AbortedStart } from './aborted-reader.ts'
import { cutWhole } from './cut-batches.ts'
import { endOfEpoch, readEpochsAsync } from './leader-epochs.ts'
import { SegmentList, type SegmentView } from './segment-list.ts'
import { segmentFile } from './segment-names.ts'
import { firstAtOrAfter, type LogPoint, largestTime, recordOf } from './time-search.ts'
import { walkBatches } from './walk-batches.ts'

export type { AbortedStart } from './aborted-reader.ts'
export type { LogPoint } from './time-search.ts'

/** Where to read, and what may be seen. */
export type LogRange = {
  readonly startOffset: Offset
  /** Exclusive: nothing at or beyond it is returned. */
  readonly endOffset: Offset
  /** The partition table's segments generation, read before this call: a new one makes the reader list segments again. */
  readonly generation: number
}

export type LogRead = {
  readonly offset: Offset
  readonly bytesMax: number
  readonly endOffset: Offset
  readonly generation: number
  /** Makes the buffer that is read into; by default a new one. What is returned is a view of it. */
  readonly allocate?: (bytes: number) => Buffer
}

/** Consumers of one partition whose next place is remembered; others pay for an index lookup. */
const placesMax = 64
/** A first read that must look for its batch reads this much more than asked: Kafka's default space between index entries, twice. */
const searchBytes = 8 * 1024
/** Reads are never smaller, so that a small batch and its successors come whole. */
const readBytesMin = 4 * 1024

/** A segment may vanish under a reader, and its successor while that is looked for; a third time would be no coincidence. */
const looksMax = 3

const noBytes = Buffer.alloc(0)

/** Where a batch begins. */
type Place = { readonly baseOffset: Offset; readonly position: number }

/** Several calls may be under way at once. */
export class LogReader {
  readonly #segments: SegmentList
  /** By the offset that a consumer will ask for next: each read ends where the next one begins. */
  readonly #places = new Map<Offset, Place>()
  /** The largest timestamps of segments that are written no more, by base offset. */
  readonly #largestTimes = new Map<Offset, number>()
  readonly #aborted = new AbortedReader()
  readonly #disk: Disk
  readonly #directory: string

  constructor(options: { readonly disk: Disk; readonly directory: string }) {
    this.#disk = options.disk
    this.#directory = options.directory
    this.#segments = new SegmentList(options.disk, options.directory)
  }

  /**
   * Whole batches as they are on disk, the first of which contains `offset`; at least one, even when it is larger than
   * `bytesMax`; none with an offset at or beyond `endOffset`, so that none at all may be left. undefined: `offset` is not in the segments. Rejects with the disk's
   * errors, and with SAFKA_LOG_CORRUPT where a file makes no sense.
   */
  read(options: LogRead): Promise<Buffer | undefined> {
    if (options.offset >= options.endOffset) return Promise.resolve(undefined)
    return this.#retrying(options.generation, () => this.#readOnce(options))
  }

  /** The first record at or after startOffset whose timestamp is at or after `timestampMs`. */
  offsetForTimestamp(options: LogRange & { readonly timestampMs: number }): Promise<LogPoint | undefined> {
    const { startOffset, timestampMs } = options
    return this.#retrying(options.generation, async () => {
      const { views } = this.#segments
      for (let place = Math.max(0, this.#segments.placeOf(startOffset)); place < views.length; place++) {
        const view = views[place]
        if (view === undefined) break
        const isLast = place === views.length - 1
        if (!isLast && (await this.#largestTimeOf(view)) < timestampMs) continue
        const found = await firstAtOrAfter(view, timestampMs, options)
        if (found !== undefined) return found
      }
      return undefined
    })
  }

  /** The earliest record that has the greatest timestamp; undefined where no record has one. */
  maxTimestamp(options: LogRange): Promise<LogPoint | undefined> {
    const { startOffset, endOffset } = options
    return this.#retrying(options.generation, async () => {
      const { views } = this.#segments
      let best: { readonly view: SegmentView; readonly timestampMs: number; readonly offset: Offset } | undefined
      for (let place = Math.max(0, this.#segments.placeOf(startOffset)); place < views.length; place++) {
        const view = views[place]
        if (view === undefined) break
        if (view.baseOffset >= endOffset) break
        const isWhole = (views[place + 1]?.baseOffset ?? Number.POSITIVE_INFINITY) <= endOffset
        const largest = await largestTime(view, isWhole, endOffset)
        if (largest !== undefined && largest.timestampMs > (best?.timestampMs ?? -1)) best = { view, ...largest }
      }
      return best === undefined ? undefined : recordOf(best.view, best, endOffset)
    })
  }

  /**
   * The aborted transactions with data in a range, in the order of their markers. undefined: the range begins before the
   * segments. Rejects with the disk's errors.
   */
  abortedTransactions(options: AbortedRange & { readonly generation: number }): Promise<AbortedStart[] | undefined> {
    return this.#retrying(options.generation, async () => {
      const place = this.#segments.placeOf(options.startOffset)
      return place < 0 ? undefined : this.#aborted.find(this.#segments.views.slice(place), options)
    })
  }

  /** Where a leader epoch ended that another one followed; undefined where nothing is known of it. */
  async endOfEpoch(epoch: number): Promise<{ readonly epoch: number; readonly endOffset: Offset } | undefined> {
    return endOfEpoch(await readEpochsAsync(this.#disk, this.#directory), epoch)
  }

  /** Visits every record of the range in order (control batches excepted), for replay. */
  async readAllRecords(
    options: LogRange,
    visit: (record: { readonly key: Buffer | null; readonly value: Buffer | null }, offset: Offset) => void,
  ): Promise<void> {
    const { startOffset, endOffset, generation } = options
    this.#refresh(generation)
    const views = this.#segments.views.slice(Math.max(0, this.#segments.placeOf(startOffset)))
    for (const [place, view] of views.entries()) {
      if (view.baseOffset >= endOffset) break
      const position = place === 0 ? await view.positionOf(startOffset) : 0
      await walkBatches(view.log, { position, endOffset }, (bytes, at) => {
        if (batchLastOffset(bytes, at) < startOffset || batchIsControl(bytes, at)) return true
        // Records are views of the walk's buffer, which is read into again; replay keeps keys and values.
        for (const { key, value, offset } of readRecords(bytes, at)) {
          if (offset < startOffset) continue
          visit(
            { key: key === null ? null : Buffer.from(key), value: value === null ? null : Buffer.from(value) },
            offset,
          )
        }
        return true
      })
    }
  }

  /** Lets go of all files. The reader may be used again. */
  close(): void {
    this.#segments.close()
    this.#places.clear()
    this.#largestTimes.clear()
    this.#aborted.clear()
  }

  #refresh(generation: number): void {
    if (!this.#segments.refresh(generation)) return
    this.#largestTimes.clear()
    this.#aborted.clear()
  }

  /** Segments come and go while a reader looks: what was not found, or has vanished, is looked for again in a new list. */
  async #retrying<Found>(generation: number, look: () => Promise<Found | undefined>): Promise<Found | undefined> {
    this.#refresh(generation)
    for (let looks = 1; ; looks++) {
      let hasVanished = false
      try {
        const found = await look()
        if (found !== undefined) return found
      } catch (thrown) {
        if (errnoOf(thrown) !== 'ENOENT') throw thrown
        hasVanished = true
      }
      if (looks === looksMax || (looks > 1 && !hasVanished)) return undefined
      // What is open may be a file that was removed and made again, if a new list alone did not help.
      if (looks > 1) this.#segments.reset()
      else if (!this.#segments.relist() && !hasVanished) return undefined
    }
  }

  async #readOnce({
    offset,
    bytesMax,
    endOffset,
    allocate = Buffer.allocUnsafeSlow,
  }: LogRead): Promise<Buffer | undefined> {
    // Other calls may list the segments again while this one waits.
    const { views } = this.#segments
    let segment = this.#segments.placeOf(offset)
    let view = views[segment]
    if (view === undefined) return undefined
    const known = this.#places.get(offset)
    const isKnown = known !== undefined && known.baseOffset === view.baseOffset
    let position = isKnown ? known.position : await view.positionOf(offset)
    let wantedBytes = Math.max(readBytesMin, isKnown ? bytesMax : bytesMax + searchBytes)
    while (view !== undefined) {
      const leftBytes = view.log.size() - position
      if (leftBytes < batchHeaderBytes) {
        // Offsets may be missing between segments: the next one begins with the first that is there.
        view = views[++segment]
        position = 0
        continue
      }
      const bytes = allocate(Math.min(leftBytes, wantedBytes))
      // Of the file that is read from: it may be replaced meanwhile.
      const ranges = view.checked
      const filled = bytes.subarray(0, await view.log.readAsync(bytes, position))
      const range = ranges.around({ start: position, end: position + filled.length })
      const checked = { start: range.start - position, end: range.end - position }
      const cut = cutWhole(filled, { offset, bytesMax, endOffset, leftBytes, checked })
      if (cut.end > cut.start) {
        ranges.add({ start: position + cut.start, end: position + cut.end })
        this.#places.delete(offset)
        this.#remember(cut.nextOffset, { baseOffset: view.baseOffset, position: position + cut.end })
        return filled.subarray(cut.start, cut.end)
      }
      if (cut.damage !== '') {
        const damage = { position: position + cut.end, reason: cut.damage, offset }
        // Behind the header of the batch that was asked for there is nothing to look for.
        if (cut.batchBytes > 0) throw damaged(view.baseOffset, damage)
        position = await positionBehind(view, damage)
        continue
      }
      // Compaction leaves holes: between the offset and the end there may be nothing.
      if (cut.isBeyond) return noBytes
      if (filled.length < batchHeaderBytes) return undefined
      position += cut.start
      if (cut.batchBytes > view.log.size() - position) return undefined
      wantedBytes = Math.max(readBytesMin, cut.batchBytes, cut.batchBytes === 0 ? bytesMax : 0)
    }
    return undefined
  }

  #remember(offset: Offset, place: Place): void {
    this.#places.set(offset, place)
    if (this.#places.size <= placesMax) return
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest)
      return
    }
  }

  async #largestTimeOf(view: SegmentView): Promise<number> {
    const known = this.#largestTimes.get(view.baseOffset)
    if (known !== undefined) return known
    const timestampMs = (await view.lastTime())?.timestampMs ?? -1
    this.#largestTimes.set(view.baseOffset, timestampMs)
    return timestampMs
  }
}

/**
 * A batch on the way to `offset` has lost its header, so that nobody can say where the next one begins but the index. Throws where
 * that knows of none, or where `offset` lies in what is passed over.
 */
async function positionBehind(
  view: SegmentView,
  damage: { readonly position: number; readonly reason: string; readonly offset: Offset },
): Promise<number> {
  const position = await view.positionAfter(damage.position)
  if (position !== undefined) {
    const header = Buffer.alloc(batchHeaderBytes)
    const length = await view.log.readAsync(header, position)
    if (length === batchHeaderBytes && batchBaseOffset(header, 0) <= damage.offset) return position
  }
  throw damaged(view.baseOffset, damage)
}

function damaged(baseOffset: Offset, { position, reason }: { position: number; reason: string }): SafkaError {
  const place = `${segmentFile(baseOffset, 'log')} at byte ${position}`
  return new SafkaError('SAFKA_LOG_CORRUPT', `${place}: a batch ${reason}`)
}
