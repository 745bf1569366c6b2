/** Finds which aborted transactions have data in a range of offsets, from the transaction indexes of the segments. */

import type { Offset } from '../../base/ids.ts'
import type { AbortedTransaction } from '../engine.ts'
import { abortedEntryBytes, decodeAborted } from './aborted-entries.ts'
import type { SegmentView } from './segment-list.ts'

/** An aborted transaction as a Fetch response tells of it. */
export type AbortedStart = { readonly producerId: number; readonly firstOffset: Offset }

/** What is asked. `abortedEnd` is the partition table's, read after `endOffset`: while it stays, no index grew. */
export type AbortedRange = {
  readonly startOffset: Offset
  /** Exclusive. */
  readonly endOffset: Offset
  readonly abortedEnd: Offset
}

type Known = { readonly entries: readonly AbortedTransaction[]; readonly abortedEnd: Offset }

/** Entries that a reader keeps in memory; a segment with more is read anew each time. About 1 MiB. */
export const abortedEntriesKeptMax = 16_384

export class AbortedReader {
  /** By base offset, in order of last reading. */
  readonly #known = new Map<Offset, Known>()
  #keptEntries = 0

  /** Looks through the segments `views`, the first of which holds `startOffset`. Rejects with the disk's errors. */
  async find(views: readonly SegmentView[], range: AbortedRange): Promise<AbortedStart[]> {
    const { startOffset, endOffset, abortedEnd } = range
    const found: AbortedStart[] = []
    for (const view of views) {
      if (view.baseOffset >= abortedEnd) break
      const entries = await this.#entriesOf(view, abortedEnd)
      for (let place = firstEndingAt(entries, startOffset); place < entries.length; place++) {
        const entry = entries[place]
        if (entry === undefined) break
        const { producerId, firstOffset, lastStableOffset } = entry
        if (firstOffset < endOffset) found.push({ producerId, firstOffset })
        // What is aborted later begins beyond the range.
        if (lastStableOffset >= endOffset) return found
      }
    }
    return found
  }

  clear(): void {
    this.#known.clear()
    this.#keptEntries = 0
  }

  async #entriesOf(view: SegmentView, abortedEnd: Offset): Promise<readonly AbortedTransaction[]> {
    const known = this.#known.get(view.baseOffset)
    if (known?.abortedEnd === abortedEnd) return known.entries
    const old = known?.entries ?? []
    const bytes = await view.abortedBytes(old.length * abortedEntryBytes)
    const entries = bytes.length === 0 ? old : [...old, ...decodeAborted(bytes)]
    this.#keep(view.baseOffset, { entries, abortedEnd })
    return entries
  }

  #keep(baseOffset: Offset, known: Known): void {
    this.#forget(baseOffset)
    this.#known.set(baseOffset, known)
    this.#keptEntries += known.entries.length
    for (const oldest of this.#known.keys()) {
      if (this.#keptEntries <= abortedEntriesKeptMax) break
      this.#forget(oldest)
    }
  }

  #forget(baseOffset: Offset): void {
    this.#keptEntries -= this.#known.get(baseOffset)?.entries.length ?? 0
    this.#known.delete(baseOffset)
  }
}

/** The place of the first entry whose marker is at or behind an offset; entries are in the order of their markers. */
function firstEndingAt(entries: readonly AbortedTransaction[], offset: Offset): number {
  let first = 0
  let end = entries.length
  while (first < end) {
    const middle = (first + end) >>> 1
    if ((entries[middle]?.lastOffset ?? 0) < offset) first = middle + 1
    else end = middle
  }
  return first
}
