/** Which neighbouring segments are made into one when a log is cleaned, so that what is left does not become ever smaller: as Kafka's Cleaner. */

import type { Offset } from '../../base/ids.ts'
import type { CleanableSegment } from '../engine.ts'

/** An index holds offsets relative to the segment's base in 31 bits. */
const relativeOffsetMax = 2 ** 31 - 1

/** Kafka has no bound here; but the owner removes the old ones in one go, and nobody should wait for that. */
export const segmentsPerGroupMax = 64

/** A segment with the sizes of its indexes. */
export type SizedSegment = CleanableSegment & { readonly indexBytes: number; readonly timeIndexBytes: number }

/** Groups of segments, in order, of which none would become larger than a segment may be if nothing were removed. */
export function groupSegments<Segment extends SizedSegment>(
  segments: readonly Segment[],
  limits: { readonly segmentBytes: number; readonly segmentIndexBytes: number },
): Segment[][] {
  const groups: Segment[][] = []
  let group: Segment[] = []
  let bytes = 0
  let indexBytes = 0
  let timeIndexBytes = 0
  for (const segment of segments) {
    const first = group[0]?.baseOffset ?? segment.baseOffset
    bytes += segment.sizeBytes
    indexBytes += segment.indexBytes
    timeIndexBytes += segment.timeIndexBytes
    const isWithin =
      group.length < segmentsPerGroupMax &&
      bytes <= limits.segmentBytes &&
      indexBytes <= limits.segmentIndexBytes &&
      timeIndexBytes <= limits.segmentIndexBytes &&
      isWithinReach(first, segment)
    if (group.length > 0 && !isWithin) {
      groups.push(group)
      group = []
      bytes = segment.sizeBytes
      indexBytes = segment.indexBytes
      timeIndexBytes = segment.timeIndexBytes
    }
    group.push(segment)
  }
  if (group.length > 0) groups.push(group)
  return groups
}

function isWithinReach(first: Offset, segment: CleanableSegment): boolean {
  return segment.sizeBytes === 0 || segment.endOffset - 1 - first <= relativeOffsetMax
}
