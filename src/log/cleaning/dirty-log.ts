/** Whether a log is to be cleaned, and which part of it may be: the decisions of Kafka's LogCleanerManager and LogToClean. */

import type { Offset } from '../../base/ids.ts'
import type { PartitionSettings } from '../../base/topology.ts'
import type { Disk } from '../disk.ts'
import type { DirtyLog, DirtyLogQuestion } from '../engine.ts'
import { firstTimestampOf, largestTimestampOf, type RolledSegment } from '../local/rolled-segment.ts'
import { boundedSegmentBytes } from '../local/room.ts'

/** A log as its owner keeps it. */
export type CleanableLog = {
  readonly home: { readonly disk: Disk; readonly directory: string }
  readonly segments: {
    readonly rolled: readonly RolledSegment[]
    readonly active: { readonly baseOffset: Offset } | undefined
  }
  readonly settings: PartitionSettings
}

/** Long.MAX_VALUE: Kafka's "never". */
const never = 2 ** 63

/** How old a segment of a topic may become; compaction may ask for less, as only what has been rolled is compacted. */
export function rollMs(settings: Pick<PartitionSettings, 'isCompacted' | 'segmentMs' | 'compactionLagMaxMs'>): number {
  const { isCompacted, segmentMs, compactionLagMaxMs } = settings
  return isCompacted ? Math.min(segmentMs, compactionLagMaxMs) : segmentMs
}

/** undefined where nothing is to be done. Throws the disk's errors. */
export function dirtyLogOf(
  log: CleanableLog,
  { startOffset, endOffset }: { readonly startOffset: Offset; readonly endOffset: Offset },
  question: DirtyLogQuestion,
): DirtyLog | undefined {
  const { home, settings } = log
  const { rolled, active } = log.segments
  if (!settings.isCompacted || rolled.length === 0 || active === undefined) return undefined
  const { cleanedEnd } = question
  // A log that lost its end, or what was cleaned of it, counts as dirty all through.
  const firstDirtyOffset = cleanedEnd < startOffset || cleanedEnd > endOffset ? startOffset : cleanedEnd
  const count = cleanableCount(log, question, firstDirtyOffset)
  const segments = rolled.slice(0, count)
  const dirtyBytes = bytesOf(segments.filter((segment) => segment.endOffset > firstDirtyOffset))
  if (dirtyBytes === 0) return undefined
  const cleanBytes = bytesOf(segments.filter(({ baseOffset }) => baseOffset < firstDirtyOffset))
  const dirtyRatio = dirtyBytes / (dirtyBytes + cleanBytes)
  const isOverdue = isOverdueAt(log, question.nowMs, firstDirtyOffset)
  if (!isOverdue && dirtyRatio <= settings.dirtyRatioMin) return undefined
  const segmentBytes = boundedSegmentBytes(home.disk.space, settings.segmentBytes)
  const { segmentIndexBytes, indexIntervalBytes, deleteRetentionMs } = settings
  const plan = {
    directory: home.directory,
    segments: segments.map(({ baseOffset, endOffset, sizeBytes }) => ({ baseOffset, endOffset, sizeBytes })),
    laterBases: [...rolled.slice(count).map(({ baseOffset }) => baseOffset), active.baseOffset],
    firstDirtyOffset,
    settings: { segmentBytes, segmentIndexBytes, indexIntervalBytes },
    deleteRetentionMs,
    producers: question.producers(),
  }
  return { dirtyRatio, isOverdue, plan }
}

/** How many segments may be rewritten: those that lie whole below what is stable, and that are old enough. */
function cleanableCount(log: CleanableLog, question: DirtyLogQuestion, firstDirtyOffset: Offset): number {
  const { home, settings, segments } = log
  const newestMs = question.nowMs - settings.compactionLagMinMs
  const place = segments.rolled.findIndex((segment) => {
    if (segment.endOffset > question.stableEnd) return true
    if (settings.compactionLagMinMs <= 0 || segment.endOffset <= firstDirtyOffset) return false
    return largestTimestampOf(home.disk, home.directory, segment) > newestMs
  })
  return place < 0 ? segments.rolled.length : place
}

/** Whether a record that was not cleaned is older than it may become. */
function isOverdueAt({ home, settings, segments }: CleanableLog, nowMs: number, firstDirtyOffset: Offset): boolean {
  if (settings.compactionLagMaxMs >= never) return false
  const oldestMs = nowMs - settings.compactionLagMaxMs
  return segments.rolled.some((segment) => {
    if (segment.endOffset <= firstDirtyOffset) return false
    const firstMs = firstTimestampOf(home.disk, home.directory, segment)
    return firstMs > 0 && firstMs < oldestMs
  })
}

function bytesOf(segments: readonly { readonly sizeBytes: number }[]): number {
  return segments.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0)
}
