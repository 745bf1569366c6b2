/** How a cleaned segment takes the place of others, so that a crash at any step leaves either all of the old or all of the new. */

import { SafkaError } from '../../base/errors.ts'
import type { Offset } from '../../base/ids.ts'
import type { Disk } from '../disk.ts'
import type { CleanedSegment } from '../engine.ts'
import { type Departure, removeSegmentFiles } from '../local/rolled-segment.ts'
import { scanBatches } from '../local/scan.ts'
import { indexKinds, offsetsNamed, type SegmentFileKind, segmentFile } from '../local/segment-names.ts'

/*
 * The steps, with Kafka's endings, so that either broker finishes what the other began:
 *   1. the cleaning writes and syncs <base>.log.cleaned and its indexes
 *   2. commitSwap    indexes, then the log, from .cleaned to .swap: from the log's new name on, the swap counts
 *   3. finishSwap    the old segments go, then the log and its indexes lose the ending
 * At start: while there is a log with .cleaned, nothing of that base counts and all of it goes. A log with .swap: the old
 * segments that it covers go, and it takes their place. Indexes with .swap alone: their log was there already.
 */

export const cleanedEnding = '.cleaned'
export const swapEnding = '.swap'

/** Lets a cleaned segment count. */
export function commitSwap(disk: Disk, directory: string, baseOffset: Offset): void {
  renameIndexes(disk, directory, baseOffset, cleanedEnding, swapEnding)
  renameOne(disk, pathOf(directory, baseOffset, 'log'), cleanedEnding, swapEnding)
}

/** Takes a commit back, also one that was cut short by an error, and throws the cleaned segment away. */
export function discardSwap(disk: Disk, directory: string, baseOffset: Offset): void {
  const path = pathOf(directory, baseOffset, 'log')
  if (disk.exists(`${path}${swapEnding}`)) renameOne(disk, path, swapEnding, cleanedEnding)
  for (const ending of [swapEnding, cleanedEnding]) removeSegmentCopies(disk, directory, baseOffset, ending)
}

/** Removes the old segments and puts the cleaned one in their place. */
export function finishSwap(disk: Disk, directory: string, cleaned: CleanedSegment, departure: Departure): void {
  for (const baseOffset of cleaned.replaced) removeSegmentFiles(disk, directory, baseOffset, departure)
  nameSwapped(disk, directory, cleaned.baseOffset)
}

/** Removes a segment's files of one ending, its log last. */
export function removeSegmentCopies(disk: Disk, directory: string, baseOffset: Offset, ending: string): void {
  for (const kind of [...indexKinds, 'log'] as const) disk.remove(`${pathOf(directory, baseOffset, kind)}${ending}`)
}

/**
 * Finishes, or throws away, what a crash left of cleanings; answers how many swaps were finished. Only for a folder that nobody
 * cleans: what is not durable has not outlived a crash, and is left alone.
 */
export function recoverSwaps(disk: Disk, directory: string): number {
  if (!disk.isDurable) return 0
  const names = disk.list(directory)
  const found = (kind: SegmentFileKind, ending: string): Offset[] => basesWith(names, kind, ending)
  const unfinished = found('log', cleanedEnding)
  for (const baseOffset of unfinished) {
    for (const ending of [swapEnding, cleanedEnding]) removeSegmentCopies(disk, directory, baseOffset, ending)
  }
  for (const kind of indexKinds) {
    for (const baseOffset of found(kind, cleanedEnding))
      disk.remove(`${pathOf(directory, baseOffset, kind)}${cleanedEnding}`)
  }
  const committed = found('log', swapEnding).filter((baseOffset) => !unfinished.includes(baseOffset))
  for (const baseOffset of committed) completeSwap(disk, directory, baseOffset)
  const named = new Set(indexKinds.flatMap((kind) => found(kind, swapEnding)))
  for (const baseOffset of named) renameIndexes(disk, directory, baseOffset, swapEnding, '')
  if (committed.length > 0) disk.syncDirectory(directory)
  return committed.length
}

function completeSwap(disk: Disk, directory: string, baseOffset: Offset): void {
  const path = `${pathOf(directory, baseOffset, 'log')}${swapEnding}`
  const file = disk.open(path, 'read')
  let end: ReturnType<typeof scanBatches>
  try {
    end = scanBatches(file, { position: 0, endOffset: baseOffset, isChecked: true }, () => undefined)
  } finally {
    file.close()
  }
  const old = offsetsNamed(disk.list(directory), 'log')
  if (end.damage !== '') {
    // The segment of the same base goes first: while it is there, all others are.
    if (old.includes(baseOffset)) {
      discardSwap(disk, directory, baseOffset)
      return
    }
    throw new SafkaError('SAFKA_LOG_CORRUPT', `${path} at byte ${end.position}: a batch ${end.damage}`)
  }
  for (const base of old) {
    if (base === baseOffset || (base > baseOffset && base < end.endOffset)) removeSegmentFiles(disk, directory, base)
  }
  nameSwapped(disk, directory, baseOffset)
}

/** Gives a swapped segment its names. An index of the old segment may be there without its log. */
function nameSwapped(disk: Disk, directory: string, baseOffset: Offset): void {
  for (const kind of indexKinds) disk.remove(pathOf(directory, baseOffset, kind))
  renameOne(disk, pathOf(directory, baseOffset, 'log'), swapEnding, '')
  renameIndexes(disk, directory, baseOffset, swapEnding, '')
}

function renameIndexes(disk: Disk, directory: string, baseOffset: Offset, from: string, to: string): void {
  for (const kind of indexKinds) {
    const path = pathOf(directory, baseOffset, kind)
    if (disk.exists(`${path}${from}`)) renameOne(disk, path, from, to)
  }
}

function renameOne(disk: Disk, path: string, from: string, to: string): void {
  disk.rename(`${path}${from}`, `${path}${to}`)
}

function pathOf(directory: string, baseOffset: Offset, kind: SegmentFileKind): string {
  return `${directory}/${segmentFile(baseOffset, kind)}`
}

/** The offsets in the names of files of one kind that have an ending. */
function basesWith(names: readonly string[], kind: SegmentFileKind, ending: string): Offset[] {
  const whole = names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length))
  return offsetsNamed(whole, kind)
}
