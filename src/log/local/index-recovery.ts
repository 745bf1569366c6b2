/** The indexes of a segment at start: whether they can be trusted, and how they are made again from its batches. */

import type { Offset } from '../../base/ids.ts'
import { type Disk, type DiskFile, readWhole } from '../disk.ts'
import { entryPosition, entryRelativeOffset, offsetEntryBytes, timeEntryBytes } from './index-entries.ts'
import type { RolledSegment } from './rolled-segment.ts'
import { type ScanResult, scanBatches } from './scan.ts'
import { type Damage, scanPast } from './scan-past.ts'
import { emptySummary, SegmentIndexes, type SegmentSummary } from './segment-indexes.ts'
import { segmentFile } from './segment-names.ts'

/** A partition's folder, and how dense its indexes are. */
export type Folder = { readonly disk: Disk; readonly directory: string; readonly indexIntervalBytes: number }

type Visit = (bytes: Buffer, at: number, sizeBytes: number) => void

/** Of a segment that may be torn: indexes of what is sound up to the first fault, where the log is to be cut. */
export function indexToFault(
  folder: Folder,
  baseOffset: Offset,
  endOffsetMax: Offset,
): { readonly summary: SegmentSummary; readonly result: ScanResult } {
  const start = { position: 0, endOffset: baseOffset, isChecked: true, endOffsetMax }
  let result: ScanResult = { position: 0, endOffset: baseOffset, damage: '' }
  const summary = remake(folder, baseOffset, (file, visit) => {
    result = scanBatches(file, start, visit)
  })
  return { summary, result }
}

/** Of a segment that was once whole on disk, up to `segmentEnd`: what was damaged since is passed over, and told. */
export function indexPastDamage(
  folder: Folder,
  baseOffset: Offset,
  segmentEnd: Offset,
): { readonly summary: SegmentSummary; readonly damages: readonly Damage[] } {
  const start = { position: 0, endOffset: baseOffset, isChecked: true }
  const damages: Damage[] = []
  const summary = remake(folder, baseOffset, (file, visit, indexes) => {
    const pass = (damage: Damage): void => {
      damages.push(damage)
      indexes.pass(damage.bytes)
    }
    scanPast(file, start, segmentEnd, { visit, pass })
  })
  return { summary: { ...summary, endOffset: segmentEnd }, damages }
}

/**
 * Makes a rolled segment's indexes again where they are missing or can't be right; undefined where they are. `isThorough` looks at
 * every entry, and not just at the last.
 */
export function repairIndexes(
  folder: Folder,
  segment: RolledSegment,
  isThorough: boolean,
): readonly Damage[] | undefined {
  if (isIndexSound(folder, segment, isThorough)) return undefined
  const { damages } = indexPastDamage(folder, segment.baseOffset, segment.endOffset)
  syncIndexes(folder, segment.baseOffset)
  return damages
}

/** Makes a segment's indexes durable: from then on they are trusted. */
export function syncIndexes({ disk, directory }: Folder, baseOffset: Offset): void {
  for (const kind of ['index', 'timeindex'] as const) syncFile(disk, `${directory}/${segmentFile(baseOffset, kind)}`)
}

/** Makes a file durable. */
export function syncFile(disk: Disk, path: string): void {
  const file = disk.open(path, 'write')
  try {
    file.sync()
  } finally {
    file.close()
  }
}

function isIndexSound({ disk, directory }: Folder, segment: RolledSegment, isThorough: boolean): boolean {
  const timeBytes = disk.sizeOf(`${directory}/${segmentFile(segment.baseOffset, 'timeindex')}`)
  const path = `${directory}/${segmentFile(segment.baseOffset, 'index')}`
  const sizeBytes = disk.sizeOf(path)
  if (timeBytes === undefined || sizeBytes === undefined) return false
  if (timeBytes % timeEntryBytes !== 0 || sizeBytes % offsetEntryBytes !== 0) return false
  if (sizeBytes === 0) return true
  const entries = isThorough ? (readWhole(disk, path) ?? Buffer.alloc(0)) : lastEntry(disk, path, sizeBytes)
  return areRising(entries, segment)
}

function lastEntry(disk: Disk, path: string, sizeBytes: number): Buffer {
  const file = disk.open(path, 'read')
  try {
    const entry = Buffer.alloc(offsetEntryBytes)
    file.read(entry, sizeBytes - offsetEntryBytes)
    return entry
  } finally {
    file.close()
  }
}

function areRising(entries: Buffer, segment: RolledSegment): boolean {
  let relativeOffset = 0
  let position = 0
  for (let at = 0; at < entries.length; at += offsetEntryBytes) {
    if (entryRelativeOffset(entries, at) <= relativeOffset || entryPosition(entries, at) <= position) return false
    relativeOffset = entryRelativeOffset(entries, at)
    position = entryPosition(entries, at)
  }
  return relativeOffset < segment.endOffset - segment.baseOffset && position < segment.sizeBytes
}

/** Walks a segment's batches and writes its indexes new. */
function remake(
  { disk, directory, indexIntervalBytes }: Folder,
  baseOffset: Offset,
  walk: (file: DiskFile, visit: Visit, indexes: SegmentIndexes) => void,
): SegmentSummary {
  for (const kind of ['index', 'timeindex'] as const) disk.remove(`${directory}/${segmentFile(baseOffset, kind)}`)
  const indexes = new SegmentIndexes({ disk, directory, baseOffset, summary: emptySummary(baseOffset) })
  const file = disk.open(`${directory}/${segmentFile(baseOffset, 'log')}`, 'read')
  try {
    walk(file, (bytes, at, sizeBytes) => indexes.account(bytes, at, sizeBytes, indexIntervalBytes), indexes)
    indexes.finish()
    return indexes.summary
  } finally {
    file.close()
    indexes.close()
  }
}
