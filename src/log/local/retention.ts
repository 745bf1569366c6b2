/** How many of a partition's oldest segments are to go, by age and by size: Kafka's rules, as plain decisions. */

import type { Offset } from '../../base/ids.ts'
import type { PartitionSettings } from '../../base/topology.ts'

/** A segment as retention sees it. */
export type RetainedSegment = { readonly endOffset: Offset; readonly sizeBytes: number }

/**
 * Counts the segments, oldest first, that retention takes. `maxTimestampOf` is asked only as far as it matters. Segments that
 * reach beyond `revealedEnd` stay, and so does the last one while it is empty (others are where Kafka compacted). Segments whose time is not known (negative) never expire by age.
 */
export function expiredCount<Segment extends RetainedSegment>(
  segments: readonly Segment[],
  maxTimestampOf: (segment: Segment) => number,
  bounds: {
    readonly settings: Pick<PartitionSettings, 'retentionMs' | 'retentionBytes' | 'isDeleted'>
    readonly startOffset: Offset
    readonly revealedEnd: Offset
    readonly nowMs: number
  },
): number {
  const { settings, startOffset, revealedEnd, nowMs } = bounds
  let excessBytes = -settings.retentionBytes
  for (const segment of segments) excessBytes += segment.sizeBytes
  let count = 0
  for (const segment of segments) {
    const isEmptyEnd = segment.sizeBytes === 0 && segment === segments.at(-1)
    if (segment.endOffset > revealedEnd || isEmptyEnd) break
    const isExpired = settings.isDeleted && isOld(maxTimestampOf(segment), settings.retentionMs, nowMs)
    const isExcess = settings.isDeleted && settings.retentionBytes >= 0 && excessBytes >= segment.sizeBytes
    if (!isExpired && !isExcess && segment.endOffset > startOffset) break
    excessBytes -= segment.sizeBytes
    count++
  }
  return count
}

function isOld(maxTimestampMs: number, retentionMs: number, nowMs: number): boolean {
  return retentionMs >= 0 && maxTimestampMs >= 0 && nowMs - maxTimestampMs > retentionMs
}
