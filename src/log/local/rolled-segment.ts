/** A segment that is written no more, as its owner remembers it. */

import type { Clock } from '../../base/clock.ts'
import type { Offset } from '../../base/ids.ts'
import { batchHeaderBytes, batchMaxTimestamp } from '../../wire/record-batch.ts'
import type { Disk } from '../disk.ts'
import { entryTimestamp, timeEntryBytes } from './index-entries.ts'
import { indexKinds, segmentFile } from './segment-names.ts'

export type RolledSegment = {
  readonly baseOffset: Offset
  /** Where the next segment begins. */
  readonly endOffset: Offset
  readonly sizeBytes: number
  /** undefined until it is asked for; -1 where no record has one. */
  maxTimestampMs: number | undefined
  /** The largest timestamp of the first batch, likewise. */
  firstTimestampMs?: number
}

/** Kafka's ending of a log that is on its way out. */
export const deletedEnding = '.deleted'

/** When files go that have lost their name: Kafka's `file.delete.delay.ms`. */
export type Departure = { readonly clock: Clock; readonly delayMs: number }

/**
 * Removes a segment. On a real disk its log only loses its name here, as a large file takes long to go; the rest happens in the
 * background, after the delay or at once, or at the next start.
 */
export function removeSegmentFiles(disk: Disk, directory: string, baseOffset: Offset, departure?: Departure): void {
  for (const kind of indexKinds) disk.remove(`${directory}/${segmentFile(baseOffset, kind)}`)
  const path = `${directory}/${segmentFile(baseOffset, 'log')}`
  if (!disk.isDurable) {
    disk.remove(path)
    return
  }
  disk.rename(path, `${path}${deletedEnding}`)
  removeLater(disk, `${path}${deletedEnding}`, departure)
}

/** Removes a partition's whole folder, likewise. `unique` makes its last name one of its own. */
export function removeFolder(disk: Disk, directory: string, unique: Buffer, departure?: Departure): void {
  if (!disk.exists(directory)) return
  if (!disk.isDurable) {
    disk.remove(directory)
    return
  }
  // Kafka's form for folders to be deleted, short enough for the longest topic name.
  const doomed = `removed-0.${unique.toString('hex')}${doomedEnding}`
  disk.rename(directory, doomed)
  removeLater(disk, doomed, departure)
}

/** What cannot be removed, or not before the process ends, is left to the next start. */
function removeLater(disk: Disk, path: string, departure: Departure | undefined): void {
  const remove = (): void => void disk.removeAsync(path).catch(() => undefined)
  if (departure === undefined || departure.delayMs === 0) remove()
  else departure.clock.startTimer(departure.delayMs, remove)
}

/** How the names of folders end that are on their way out. */
export const doomedEnding = '-delete'

/**
 * What a segment's age counts from: the largest timestamp, which is the last entry of its time index; where no record has one, when
 * its log was last written, as in Kafka (LogSegment.largestTimestamp). -1 where that is not known.
 */
export function largestTimestampOf(disk: Disk, directory: string, segment: RolledSegment): number {
  segment.maxTimestampMs ??= lastTimestamp(disk, `${directory}/${segmentFile(segment.baseOffset, 'timeindex')}`)
  if (segment.maxTimestampMs >= 0) return segment.maxTimestampMs
  return disk.modifiedMs(`${directory}/${segmentFile(segment.baseOffset, 'log')}`) ?? -1
}

/** The largest timestamp of a rolled segment's first batch; -1 where there is none. */
export function firstTimestampOf(disk: Disk, directory: string, segment: RolledSegment): number {
  segment.firstTimestampMs ??= firstTimestamp(disk, `${directory}/${segmentFile(segment.baseOffset, 'log')}`)
  return segment.firstTimestampMs
}

function firstTimestamp(disk: Disk, path: string): number {
  const file = disk.open(path, 'read')
  try {
    const header = Buffer.allocUnsafe(batchHeaderBytes)
    return file.read(header, 0) < batchHeaderBytes ? -1 : batchMaxTimestamp(header, 0)
  } finally {
    file.close()
  }
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
