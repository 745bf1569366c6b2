/** Finds the aborted transactions of a `ring` topic in the ring itself, which is all that such a topic has. */

import type { AbortedTransaction } from '../api/ports.ts'
import type { Offset } from '../base/ids.ts'
import { readFrom } from '../ring/read.ts'
import type { Ring } from '../ring/ring.ts'
import {
  batchBaseOffset,
  batchIsControl,
  batchIsTransactional,
  batchProducerId,
  eachBatch,
} from '../wire/record-batch.ts'
import { readMarker } from '../wire/transaction-marker.ts'

/** Batches are looked through in pieces of about this size. */
const pieceBytes = 262_144

/**
 * The aborted transactions with data in [startOffset, endOffset). All from `logStart` to `abortedEnd` is looked through, so this is
 * for readers that lag behind an abort only. undefined where the ring was overtaken meanwhile.
 */
export function ringAborted(
  ring: Ring,
  log: { readonly logStart: Offset; readonly abortedEnd: Offset },
  range: { readonly startOffset: Offset; readonly endOffset: Offset },
): AbortedTransaction[] | undefined {
  const found: AbortedTransaction[] = []
  const ongoing = new Map<number, Offset>()
  const visit = (bytes: Buffer, at: number): void => {
    const producerId = batchProducerId(bytes, at)
    const offset = batchBaseOffset(bytes, at)
    if (!batchIsTransactional(bytes, at)) return
    if (!batchIsControl(bytes, at)) {
      if (!ongoing.has(producerId)) ongoing.set(producerId, offset)
      return
    }
    const firstOffset = ongoing.get(producerId)
    ongoing.delete(producerId)
    // What is left of a transaction may be its marker alone.
    if (firstOffset === undefined || offset < range.startOffset || firstOffset >= range.endOffset) return
    if (readMarker(bytes, at)?.isCommit === false) found.push({ producerId, firstOffset })
  }
  for (let offset = log.logStart; offset < log.abortedEnd; ) {
    const read = readFrom(ring, offset, pieceBytes, log.abortedEnd, true)
    if (read === 'gone') {
      // The owner took the oldest away meanwhile: what matters is only whether the range is still there.
      const start = ring.startOffset()
      if (start <= offset || start > range.startOffset) return undefined
      offset = start
      continue
    }
    if (read === 'beyond' || read.bytes.length === 0) break
    const { bytes } = read
    eachBatch(bytes, (at) => visit(bytes, at))
    offset = read.nextOffset
  }
  return found
}
