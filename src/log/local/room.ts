/** How partitions share a bounded disk: when one must give its oldest segments, and how small segments must be for that. */

import { SafkaError } from '../../base/errors.ts'
import type { DiskSpace } from '../disk.ts'

/** Above this part of the disk, whoever holds more than a fair share gives: a rest stays free for those who are just starting. */
const fullShare = 7 / 8
/** A partition's fair share holds this many segments, so that giving the oldest leaves most. */
const segmentsPerShare = 4
/** Below this, segments would be nothing but file entries. */
const segmentBytesMin = 16 * 1024
/** No single segment takes more than this part of the disk. */
const segmentsPerDiskMin = 32
/** Blocks of a partition beside its segments: checkpoint, snapshot. */
const smallFileBlocks = 3
/** Blocks of a segment's two indexes beyond their exact size. */
const indexBlocks = 2

/** The size at which segments roll on this disk. */
export function boundedSegmentBytes(space: DiskSpace | undefined, segmentBytes: number): number {
  if (space === undefined) return segmentBytes
  const shareBytes = fairShareBytes(space) / segmentsPerShare
  return Math.min(segmentBytes, Math.max(segmentBytesMin, Math.min(shareBytes, space.bytesMax / segmentsPerDiskMin)))
}

/** Throws where batches will never fit the disk, whoever gives how much. */
export function failIfNeverFitting(space: DiskSpace | undefined, run: readonly Buffer[]): void {
  let bytes = 0
  for (const batch of run) bytes += batch.length
  if (bytes <= (space?.bytesMax ?? Number.POSITIVE_INFINITY) / 2) return
  throw new SafkaError('SAFKA_DISK_TOO_SMALL', `${bytes} bytes do not fit the memory disk beside other partitions`)
}

/** Whether those who hold more than a fair share must give. */
export function isFilling(space: DiskSpace): boolean {
  return space.usedBytes() > space.bytesMax * fullShare
}

/**
 * Whether a partition holds more than its fair share. What it holds is rounded up, so that on a full disk there is always one
 * that does.
 */
export function holdsMoreThanShare(space: DiskSpace, sizesBytes: readonly number[]): boolean {
  let blocks = smallFileBlocks
  for (const sizeBytes of sizesBytes) blocks += Math.ceil(sizeBytes / space.blockBytes) + indexBlocks
  return blocks * space.blockBytes > fairShareBytes(space)
}

function fairShareBytes(space: DiskSpace): number {
  return (space.bytesMax * fullShare) / Math.max(1, space.directoryCount())
}
