/** What happens to a partition's folder at start: trusts what was closed cleanly, checks and repairs the rest, and says so. */

import { SafkaError } from '../../base/errors.ts'
import type { Offset } from '../../base/ids.ts'
import { recoverSwaps } from '../cleaning/swap.ts'
import type { Disk } from '../disk.ts'
import { abortedEntryBytes } from './aborted-entries.ts'
import { firstUnsound } from './aborted-recovery.ts'
import type { Checkpoint } from './checkpoint.ts'
import { entryRelativeOffset, offsetEntryBytes, timeEntryBytes } from './index-entries.ts'
import { deletedEnding, type RolledSegment, removeSegmentFiles } from './rolled-segment.ts'
import { type ScanResult, scanBatches } from './scan.ts'
import { emptySummary, SegmentIndexes, type SegmentSummary } from './segment-indexes.ts'
import { indexKinds, offsetsNamed, type SegmentFileKind, segmentFile } from './segment-names.ts'

/** A folder after recovery. */
export type RecoveredSegments = {
  readonly rolled: RolledSegment[]
  /** undefined where there is no segment at all. */
  readonly active: { readonly baseOffset: Offset; readonly summary: SegmentSummary } | undefined
  /** The first segment whose transaction index must be made again, with all behind it; undefined where none must. */
  readonly abortedFrom: Offset | undefined
  /** Whether anything was checked or repaired, so that the checkpoint is out of date. */
  readonly isChanged: boolean
  readonly sentence: string
}

export type Folder = { readonly disk: Disk; readonly directory: string; readonly indexIntervalBytes: number }

/** Brings the segments of a folder into order. Throws the disk's errors. */
export function recoverSegments(folder: Folder, checkpoint: Checkpoint): RecoveredSegments {
  const swaps = recoverSwaps(folder.disk, folder.directory)
  const names = folder.disk.list(folder.directory)
  const bases = offsetsNamed(names, 'log')
  removeOrphans(folder, names, new Set(bases))
  const lastBase = bases.at(-1)
  if (lastBase === undefined) {
    return { rolled: [], active: undefined, abortedFrom: undefined, isChanged: false, sentence: '' }
  }
  const { closed } = checkpoint
  const isClean = closed?.baseOffset === lastBase && closed.summary.sizeBytes === sizeOf(folder, lastBase, 'log')
  const found = isClean
    ? trustSegments(folder, bases, closed.summary)
    : checkSegments(folder, bases, checkpoint.recoveryPoint)
  if (swaps === 0) return found
  const sentence = `finished ${swaps} cleanings that were cut short`
  return { ...found, sentence: found.sentence === '' ? sentence : `${found.sentence}; ${sentence}` }
}

/** All was closed in order: only indexes that went missing are made again. */
function trustSegments(folder: Folder, bases: readonly Offset[], summary: SegmentSummary): RecoveredSegments {
  const lastBase = bases[bases.length - 1] ?? 0
  const rolled = rolledSegments(folder, bases)
  const repaired = rolled.filter((segment) => repairIndexes(folder, segment)).length
  const isActiveIndexed =
    (sizeOf(folder, lastBase, 'index') ?? 0) === summary.offsetEntries * offsetEntryBytes &&
    (sizeOf(folder, lastBase, 'timeindex') ?? 0) === summary.timeEntries * timeEntryBytes
  const active = { baseOffset: lastBase, summary }
  const areAbortedWhole = (sizeOf(folder, lastBase, 'txnindex') ?? 0) === summary.abortedEntries * abortedEntryBytes
  const abortedFrom = firstUnsound(folder, rolled) ?? (areAbortedWhole ? undefined : lastBase)
  const isChanged = repaired > 0 || abortedFrom !== undefined
  if (isActiveIndexed) return { rolled, active, abortedFrom, isChanged, sentence: repairSentence(repaired) }
  const rebuilt = rebuild(folder, lastBase, false)
  failOnDamage(folder, lastBase, rebuilt.result)
  return {
    rolled,
    active: { baseOffset: lastBase, summary: { ...rebuilt.summary, abortedEntries: summary.abortedEntries } },
    abortedFrom,
    isChanged: true,
    sentence: repairSentence(repaired + 1),
  }
}

/** The last stop was no clean one: segments that may not be whole on disk are read, and the log is cut where they stop making sense. */
function checkSegments(folder: Folder, bases: readonly Offset[], recoveryPoint: Offset): RecoveredSegments {
  const rolled: RolledSegment[] = []
  let scannedBytes = 0
  let repaired = 0
  const whole = rolledSegments(folder, bases).filter(({ endOffset }) => endOffset <= recoveryPoint)
  const abortedFrom = firstUnsound(folder, whole) ?? bases[whole.length]
  for (const [place, segment] of rolledSegments(folder, bases).entries()) {
    if (segment.endOffset <= recoveryPoint) {
      if (repairIndexes(folder, segment)) repaired++
      rolled.push(segment)
      continue
    }
    const { summary, result } = rebuild(folder, segment.baseOffset, true)
    scannedBytes += summary.sizeBytes
    const later = bases.slice(place + 1)
    if (result.damage !== '' || result.endOffset > segment.endOffset || isLast(folder, result.endOffset, later)) {
      for (const base of later) removeSegmentFiles(folder.disk, folder.directory, base)
      const cut = cutSentence(folder, segment.baseOffset, result)
      const removed = `, and removed the ${later.length} segments behind it`
      const sentence = `${scanned(scannedBytes)}${cut}${removed}`
      return { rolled, active: { baseOffset: segment.baseOffset, summary }, abortedFrom, isChanged: true, sentence }
    }
    // From now on it lies below the recovery point, where its indexes are trusted too.
    syncIndexes(folder, segment.baseOffset)
    syncFile(folder.disk, `${folder.directory}/${segmentFile(segment.baseOffset, 'log')}`)
    rolled.push({ ...segment, maxTimestampMs: summary.maxTimestampMs })
  }
  const lastBase = bases[bases.length - 1] ?? 0
  const { summary, result } = rebuild(folder, lastBase, true)
  const cut = cutSentence(folder, lastBase, result)
  const indexes = repaired === 0 ? '' : `; ${repairSentence(repaired)}`
  const sentence = `${scanned(scannedBytes + summary.sizeBytes)}${cut}${indexes}`
  return { rolled, active: { baseOffset: lastBase, summary }, abortedFrom, isChanged: true, sentence }
}

/** Makes a segment's indexes durable: from then on they are trusted. */
export function syncIndexes({ disk, directory }: Folder, baseOffset: Offset): void {
  for (const kind of ['index', 'timeindex'] as const) syncFile(disk, `${directory}/${segmentFile(baseOffset, kind)}`)
}

/**
 * Whether a segment is the last that holds anything: its end may be lost while the names of those behind it are there. A hole
 * before batches is passed over by readers; before nothing, they would find offsets without a batch.
 */
function isLast(folder: Folder, endOffset: Offset, later: readonly Offset[]): boolean {
  if (endOffset === later[0]) return false
  return later.every((baseOffset) => {
    const file = folder.disk.open(`${folder.directory}/${segmentFile(baseOffset, 'log')}`, 'read')
    try {
      const from = { position: 0, endOffset: baseOffset, isChecked: true }
      return scanBatches(file, from, () => undefined).position === 0
    } finally {
      file.close()
    }
  })
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

function scanned(bytes: number): string {
  return `checked ${bytes} bytes after an unclean stop`
}

function repairSentence(segments: number): string {
  return segments === 0 ? '' : `rebuilt the indexes of ${segments} segments`
}

/** Cuts a segment's log behind its last sound batch, and says what was cut; '' where nothing is. */
function cutSentence(folder: Folder, baseOffset: Offset, result: ScanResult): string {
  if (result.damage === '') return ''
  const file = folder.disk.open(`${folder.directory}/${segmentFile(baseOffset, 'log')}`, 'write')
  try {
    const cutBytes = file.size() - result.position
    file.truncate(result.position)
    return `, cut ${cutBytes} bytes off at offset ${result.endOffset}, where a batch ${result.damage}`
  } finally {
    file.close()
  }
}

/** Every segment but the last. */
function rolledSegments(folder: Folder, bases: readonly Offset[]): RolledSegment[] {
  return bases.slice(0, -1).map((baseOffset, place) => ({
    baseOffset,
    endOffset: bases[place + 1] ?? baseOffset,
    sizeBytes: sizeOf(folder, baseOffset, 'log') ?? 0,
    maxTimestampMs: undefined,
  }))
}

function sizeOf(folder: Folder, baseOffset: Offset, kind: SegmentFileKind): number | undefined {
  return folder.disk.sizeOf(`${folder.directory}/${segmentFile(baseOffset, kind)}`)
}

/** Makes a rolled segment's indexes again where they are missing or can't be right; true if it did. */
function repairIndexes(folder: Folder, segment: RolledSegment): boolean {
  if (isIndexSound(folder, segment)) return false
  const { result } = rebuild(folder, segment.baseOffset, false)
  failOnDamage(folder, segment.baseOffset, result)
  syncIndexes(folder, segment.baseOffset)
  return true
}

function isIndexSound(folder: Folder, segment: RolledSegment): boolean {
  const { disk, directory } = folder
  const timeBytes = sizeOf(folder, segment.baseOffset, 'timeindex')
  const path = `${directory}/${segmentFile(segment.baseOffset, 'index')}`
  const bytes = disk.sizeOf(path)
  if (timeBytes === undefined || bytes === undefined) return false
  if (timeBytes % timeEntryBytes !== 0 || bytes % offsetEntryBytes !== 0) return false
  if (bytes === 0) return true
  const file = disk.open(path, 'read')
  try {
    const entry = Buffer.alloc(offsetEntryBytes)
    file.read(entry, bytes - offsetEntryBytes)
    const relativeOffset = entryRelativeOffset(entry, 0)
    const position = entry.readInt32BE(4)
    const isInside = relativeOffset < segment.endOffset - segment.baseOffset && position < segment.sizeBytes
    return relativeOffset > 0 && position > 0 && isInside
  } finally {
    file.close()
  }
}

/** Reads a segment's batches and writes its indexes new. */
function rebuild(
  folder: Folder,
  baseOffset: Offset,
  isChecked: boolean,
): { summary: SegmentSummary; result: ScanResult } {
  const { disk, directory, indexIntervalBytes } = folder
  for (const kind of ['index', 'timeindex'] as const) disk.remove(`${directory}/${segmentFile(baseOffset, kind)}`)
  const indexes = new SegmentIndexes({ disk, directory, baseOffset, summary: emptySummary(baseOffset) })
  const file = disk.open(`${directory}/${segmentFile(baseOffset, 'log')}`, 'read')
  try {
    const result = scanBatches(file, { position: 0, endOffset: baseOffset, isChecked }, (bytes, at, sizeBytes) => {
      indexes.account(bytes, at, sizeBytes, indexIntervalBytes)
    })
    indexes.finish()
    return { summary: indexes.summary, result }
  } finally {
    file.close()
    indexes.close()
  }
}

/** Indexes, and half-written small files, that belong to nothing. */
function removeOrphans(folder: Folder, names: readonly string[], bases: ReadonlySet<Offset>): void {
  for (const kind of indexKinds) {
    for (const offset of offsetsNamed(names, kind)) {
      if (!bases.has(offset)) folder.disk.remove(`${folder.directory}/${segmentFile(offset, kind)}`)
    }
  }
  const isLeftOver = (name: string): boolean => name.endsWith('.tmp') || name.endsWith(deletedEnding)
  for (const name of names) if (isLeftOver(name)) folder.disk.remove(`${folder.directory}/${name}`)
}

/** Throws where a part of a log that should be sound is not. */
export function failOnDamage(folder: Folder, baseOffset: Offset, result: ScanResult): void {
  if (result.damage === '') return
  const place = `${folder.directory}/${segmentFile(baseOffset, 'log')} at byte ${result.position}`
  throw new SafkaError('SAFKA_LOG_CORRUPT', `${place}: a batch ${result.damage}, in a part that was known to be sound`)
}
