/** Finds records by timestamp, exactly as Kafka does: the time index leads near, the batches' own records decide. */

import type { Offset } from '../../base/ids.ts'
import { batchLastOffset, batchMaxTimestamp, readRecords } from '../../wire/record-batch.ts'
import type { SegmentView, TimedOffset } from './segment-list.ts'
import { walkBatches } from './walk-batches.ts'

/** A record by its offset. */
export type LogPoint = { readonly offset: Offset; readonly timestampMs: number }

export type SearchBounds = { readonly startOffset: Offset; readonly endOffset: Offset }

/** The first record of a segment at or after startOffset whose timestamp is at or after `timestampMs`. */
export async function firstAtOrAfter(
  view: SegmentView,
  timestampMs: number,
  bounds: SearchBounds,
): Promise<LogPoint | undefined> {
  const { startOffset, endOffset } = bounds
  const nearest = await view.timeFloor(timestampMs)
  const position = await view.positionOf(Math.max(nearest?.offset ?? 0, startOffset))
  let found: LogPoint | undefined
  await walkBatches(view.log, { position, endOffset }, (bytes, at) => {
    if (batchMaxTimestamp(bytes, at) < timestampMs || batchLastOffset(bytes, at) < startOffset) return true
    found = readRecords(bytes, at).find((record) => record.timestampMs >= timestampMs && record.offset >= startOffset)
    return found === undefined
  })
  return found === undefined ? undefined : { offset: found.offset, timestampMs: found.timestampMs }
}

/**
 * The first batch with a segment's largest timestamp. `isWhole`: all of the segment lies below `endOffset` and is written no more,
 * so that its time index tells; of others, batches behind the index are looked at.
 */
export async function largestTime(
  view: SegmentView,
  isWhole: boolean,
  endOffset: Offset,
): Promise<TimedOffset | undefined> {
  const indexed = await view.lastTime()
  if (isWhole) return indexed
  let largest = indexed !== undefined && indexed.offset < endOffset ? indexed : undefined
  const position = largest === undefined ? 0 : await view.positionOf(largest.offset)
  await walkBatches(view.log, { position, endOffset }, (bytes, at) => {
    const timestampMs = batchMaxTimestamp(bytes, at)
    if (timestampMs > (largest?.timestampMs ?? -1)) largest = { timestampMs, offset: batchLastOffset(bytes, at) }
    return true
  })
  return largest
}

/** The first record with the timestamp of the batch that ends at `batch.offset`. */
export async function recordOf(
  view: SegmentView,
  batch: TimedOffset,
  endOffset: Offset,
): Promise<LogPoint | undefined> {
  let found: LogPoint | undefined
  const position = await view.positionOf(batch.offset)
  await walkBatches(view.log, { position, endOffset }, (bytes, at) => {
    if (batchLastOffset(bytes, at) < batch.offset) return true
    found = readRecords(bytes, at).find((record) => record.timestampMs === batch.timestampMs)
    return false
  })
  return found === undefined ? undefined : { offset: found.offset, timestampMs: found.timestampMs }
}
