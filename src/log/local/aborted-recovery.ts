/** The transaction indexes of a folder at start: whether they can be trusted, and how they are made again. */

import type { Offset } from '../../base/ids.ts'
import { type Disk, readWhole, replaceWhole } from '../disk.ts'
import type { AbortedTransaction } from '../engine.ts'
import { decodeAborted, encodeAborted, isAbortedIndexSound } from './aborted-entries.ts'
import { segmentFile } from './segment-names.ts'

type Place = { readonly disk: Disk; readonly directory: string }
type SegmentRange = { readonly baseOffset: Offset; readonly endOffset: Offset }

/** The first segment whose transaction index can't be right; undefined where all may be. Most segments have none. */
export function firstUnsound(place: Place, segments: readonly SegmentRange[]): Offset | undefined {
  return segments.find((segment) => {
    const bytes = readIndex(place, segment.baseOffset)
    return bytes !== undefined && !isAbortedIndexSound(bytes, segment)
  })?.baseOffset
}

/** Makes the transaction indexes of segments new, from all transactions that were aborted in them. Answers the last one's entries. */
export function writeAbortedIndexes(
  place: Place,
  segments: readonly SegmentRange[],
  aborted: readonly AbortedTransaction[],
): number {
  let entries = 0
  for (const { baseOffset, endOffset } of segments) {
    const own = aborted.filter(({ lastOffset }) => lastOffset >= baseOffset && lastOffset < endOffset)
    const path = pathOf(place, baseOffset)
    entries = own.length
    // A missing entry can't be noticed later, so that these are made durable whatever the policy.
    if (own.length > 0) replaceWhole(place.disk, path, encodeAborted(own), place.disk.isDurable)
    else place.disk.remove(path)
  }
  return entries
}

/** Behind the marker of the last aborted transaction in the indexes; 0 without any. */
export function abortedEndOf(place: Place, segments: readonly SegmentRange[]): Offset {
  for (const { baseOffset } of segments.toReversed()) {
    const last = decodeAborted(readIndex(place, baseOffset) ?? Buffer.alloc(0)).at(-1)
    if (last !== undefined) return last.lastOffset + 1
  }
  return 0
}

function readIndex(place: Place, baseOffset: Offset): Buffer | undefined {
  return readWhole(place.disk, pathOf(place, baseOffset))
}

function pathOf({ directory }: Place, baseOffset: Offset): string {
  return `${directory}/${segmentFile(baseOffset, 'txnindex')}`
}
