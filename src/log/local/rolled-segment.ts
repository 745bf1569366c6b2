/** A segment that is written no more, as its owner remembers it. */

import type { Offset } from '../../base/ids.ts'
import type { Disk } from '../disk.ts'
import { entryTimestamp, timeEntryBytes } from './index-entries.ts'
import { type SegmentFileKind, segmentFile } from './segment-names.ts'

export type RolledSegment = {
  readonly baseOffset: Offset
  /** Where the next segment begins. */
  readonly endOffset: Offset
  readonly sizeBytes: number
  /** undefined until it is asked for; -1 where no record has one. */
  maxTimestampMs: number | undefined
}

const segmentKinds: readonly SegmentFileKind[] = ['index', 'timeindex', 'log']

/** Removes a segment's files: the log last, as a log without indexes is repaired at start, but not the reverse. */
export function removeSegmentFiles(disk: Disk, directory: string, baseOffset: Offset): void {
  for (const kind of segmentKinds) disk.remove(`${directory}/${segmentFile(baseOffset, kind)}`)
}

/** The largest timestamp of a rolled segment: the last entry of its time index. */
export function maxTimestampOf(disk: Disk, directory: string, segment: RolledSegment): number {
  segment.maxTimestampMs ??= lastTimestamp(disk, `${directory}/${segmentFile(segment.baseOffset, 'timeindex')}`)
  return segment.maxTimestampMs
}

function lastTimestamp(disk: Disk, path: string): number {
  const size = disk.sizeOf(path) ?? 0
  if (size < timeEntryBytes) return -1
  const file = disk.open(path, 'read')
  try {
    const entry = Buffer.allocUnsafe(timeEntryBytes)
    file.read(entry, size - timeEntryBytes)
    return entryTimestamp(entry, 0)
  } finally {
    file.close()
  }
}
