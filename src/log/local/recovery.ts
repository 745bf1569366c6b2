/** What happens to a partition's folder at start: trusts what was closed cleanly, checks and repairs the rest, and says so. */

import type { Offset } from '../../base/ids.ts'
import { nothingRecovered, type Recovery } from '../../base/topology.ts'
import { recoverSwaps } from '../cleaning/swap.ts'
import { abortedEntryBytes } from './aborted-entries.ts'
import { firstUnsound } from './aborted-recovery.ts'
import type { Checkpoint } from './checkpoint.ts'
import { offsetEntryBytes, timeEntryBytes } from './index-entries.ts'
import { type Folder, indexPastDamage, indexToFault, repairIndexes, syncFile, syncIndexes } from './index-recovery.ts'
import { type Repairs, repairsText } from './repairs.ts'
import { deletedEnding, type RolledSegment, removeSegmentFiles } from './rolled-segment.ts'
import { type ScanResult, scanBatches } from './scan.ts'
import type { SegmentSummary } from './segment-indexes.ts'
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
  readonly recovery: Recovery
}

/**
 * Brings the segments of a folder into order. Batches at `endOffsetMax` and beyond were refused when they came, and are cut off.
 * Throws the disk's errors.
 */
export function recoverSegments(
  folder: Folder,
  checkpoint: Checkpoint,
  endOffsetMax = Number.POSITIVE_INFINITY,
): RecoveredSegments {
  const swaps = recoverSwaps(folder.disk, folder.directory)
  const names = folder.disk.list(folder.directory)
  const bases = offsetsNamed(names, 'log')
  removeOrphans(folder, names, new Set(bases))
  const lastBase = bases.at(-1)
  if (lastBase === undefined) {
    return { rolled: [], active: undefined, abortedFrom: undefined, isChanged: false, recovery: nothingRecovered }
  }
  const { closed } = checkpoint
  const isClosed = closed?.baseOffset === lastBase && closed.summary.sizeBytes === sizeOf(folder, lastBase, 'log')
  const found =
    isClosed && closed.summary.endOffset <= endOffsetMax
      ? trustSegments(folder, bases, closed.summary)
      : checkSegments(folder, bases, { recoveryPoint: checkpoint.recoveryPoint, endOffsetMax })
  if (swaps === 0) return found
  const { checkedBytes, repairs } = found.recovery
  const finished = `finished ${swaps} cleanings that were cut short`
  return { ...found, recovery: { checkedBytes, repairs: repairs === '' ? finished : `${repairs}, ${finished}` } }
}

/** All was closed in order: only indexes that went missing are made again. */
function trustSegments(folder: Folder, bases: readonly Offset[], summary: SegmentSummary): RecoveredSegments {
  const lastBase = bases[bases.length - 1] ?? 0
  const rolled = rolledSegments(folder, bases)
  const repairs = repairAll(folder, rolled, false)
  const areIndexesWhole =
    (sizeOf(folder, lastBase, 'index') ?? 0) === summary.offsetEntries * offsetEntryBytes &&
    (sizeOf(folder, lastBase, 'timeindex') ?? 0) === summary.timeEntries * timeEntryBytes
  const areAbortedWhole = (sizeOf(folder, lastBase, 'txnindex') ?? 0) === summary.abortedEntries * abortedEntryBytes
  const abortedFrom = firstUnsound(folder, rolled) ?? (areAbortedWhole ? undefined : lastBase)
  const active = { baseOffset: lastBase, summary }
  if (!areIndexesWhole) {
    const remade = indexPastDamage(folder, lastBase, summary.endOffset)
    repairs.indexes++
    repairs.damages.push(...remade.damages.map((damage) => ({ baseOffset: lastBase, damage })))
    active.summary = { ...remade.summary, abortedEntries: summary.abortedEntries }
  }
  const isChanged = repairs.indexes > 0 || abortedFrom !== undefined
  return { rolled, active, abortedFrom, isChanged, recovery: { checkedBytes: 0, repairs: repairsText(repairs) } }
}

/** The last stop was no clean one: segments that may not be whole on disk are read, and the log is cut where they stop making sense. */
function checkSegments(
  folder: Folder,
  bases: readonly Offset[],
  { recoveryPoint, endOffsetMax }: { readonly recoveryPoint: Offset; readonly endOffsetMax: Offset },
): RecoveredSegments {
  const segments = rolledSegments(folder, bases)
  const rolled = segments.filter(({ endOffset }) => endOffset <= recoveryPoint)
  const abortedFrom = firstUnsound(folder, rolled) ?? bases[rolled.length]
  const repairs = repairAll(folder, rolled, true)
  let checkedBytes = 0
  for (let place = rolled.length; ; place++) {
    const baseOffset = bases[place] ?? 0
    const { summary, result } = indexToFault(folder, baseOffset, endOffsetMax)
    checkedBytes += summary.sizeBytes
    const segment = segments[place]
    const later = bases.slice(place + 1)
    if (segment === undefined || isEnd(folder, segment, result, later)) {
      for (const base of later) removeSegmentFiles(folder.disk, folder.directory, base)
      repairs.removed = later.length
      repairs.cut = cut(folder, baseOffset, result)
      const recovery = { checkedBytes, repairs: repairsText(repairs) }
      return { rolled, active: { baseOffset, summary }, abortedFrom, isChanged: true, recovery }
    }
    // From now on it lies below the recovery point, where its indexes are trusted too.
    syncIndexes(folder, baseOffset)
    syncFile(folder.disk, `${folder.directory}/${segmentFile(baseOffset, 'log')}`)
    rolled.push({ ...segment, maxTimestampMs: summary.maxTimestampMs })
  }
}

/** Makes indexes again that cannot be right, of segments that are known to have been whole on disk. */
function repairAll(folder: Folder, rolled: readonly RolledSegment[], isThorough: boolean): Repairs {
  const repairs: Repairs = { indexes: 0, cut: '', removed: 0, damages: [] }
  for (const segment of rolled) {
    const damages = repairIndexes(folder, segment, isThorough)
    if (damages === undefined) continue
    repairs.indexes++
    for (const damage of damages) repairs.damages.push({ baseOffset: segment.baseOffset, damage })
  }
  return repairs
}

/** Whether the log ends in a segment although there are later ones. */
function isEnd(folder: Folder, segment: RolledSegment, result: ScanResult, later: readonly Offset[]): boolean {
  return result.damage !== '' || result.endOffset > segment.endOffset || isLast(folder, result.endOffset, later)
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

/** Cuts a segment's log behind its last sound batch, and says what was cut; '' where nothing is. */
function cut(folder: Folder, baseOffset: Offset, result: ScanResult): string {
  if (result.damage === '') return ''
  const file = folder.disk.open(`${folder.directory}/${segmentFile(baseOffset, 'log')}`, 'write')
  try {
    const cutBytes = file.size() - result.position
    file.truncate(result.position)
    return `cut ${cutBytes} bytes off at offset ${result.endOffset}, where a batch ${result.damage}`
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
