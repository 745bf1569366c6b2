/** Finds records of a ring by their time: the ring is all that such a topic has. */

import type { TimedOffset } from '../api/ports.ts'
import type { Offset } from '../base/ids.ts'
import { readFrom } from '../ring/read.ts'
import type { Ring } from '../ring/ring.ts'
import { batchMaxTimestamp, batchSizeBytes, readRecords } from '../wire/record-batch.ts'

/** Batches are looked through in pieces of about this size. */
const pieceBytes = 262_144

/** The first record at or after `timestampMs` in [startOffset, endOffset). */
export function ringOffsetForTimestamp(
  ring: Ring,
  timestampMs: number,
  range: { readonly startOffset: Offset; readonly endOffset: Offset },
): TimedOffset | undefined {
  let found: TimedOffset | undefined
  eachReadableBatch(ring, range.startOffset, range.endOffset, (bytes, at) => {
    if (batchMaxTimestamp(bytes, at) < timestampMs) return true
    const record = readRecords(bytes, at).find(
      (candidate) => candidate.timestampMs >= timestampMs && candidate.offset >= range.startOffset,
    )
    if (record !== undefined) found = { offset: record.offset, timestampMs: record.timestampMs }
    return found === undefined
  })
  return found
}

/** The first record that carries the greatest timestamp in [startOffset, endOffset). */
export function ringMaxTimestamp(
  ring: Ring,
  range: { readonly startOffset: Offset; readonly endOffset: Offset },
): TimedOffset | undefined {
  let greatest = Number.NEGATIVE_INFINITY
  let best: TimedOffset | undefined
  eachReadableBatch(ring, range.startOffset, range.endOffset, (bytes, at) => {
    if (batchMaxTimestamp(bytes, at) <= greatest) return true
    greatest = batchMaxTimestamp(bytes, at)
    const record = readRecords(bytes, at).find((candidate) => candidate.timestampMs === greatest)
    if (record !== undefined) best = { offset: record.offset, timestampMs: record.timestampMs }
    return true
  })
  return best
}

/** Visits copies of the batches in order until `visit` answers false. */
function eachReadableBatch(
  ring: Ring,
  startOffset: Offset,
  endOffset: Offset,
  visit: (bytes: Buffer, at: number) => boolean,
): void {
  let offset = startOffset
  while (offset < endOffset) {
    const read = readFrom(ring, offset, pieceBytes, endOffset, true)
    if (read === 'gone') {
      // The owner took the oldest away meanwhile: the search goes on where the ring begins now.
      const start = ring.startOffset()
      if (start <= offset) return
      offset = start
      continue
    }
    if (read === 'beyond' || read.bytes.length === 0) return
    for (let at = 0; at < read.bytes.length; at += batchSizeBytes(read.bytes, at)) {
      if (!visit(read.bytes, at)) return
    }
    offset = read.nextOffset
  }
}
