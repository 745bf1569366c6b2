/** Walks a segment's batches forward with asynchronous reads: for searches by time, and for replay. */

import { SafkaError } from '../../base/errors.ts'
import type { Offset } from '../../base/ids.ts'
import { batchHeaderBytes, batchLastOffset, batchSizeBytes } from '../../wire/record-batch.ts'
import type { DiskFile } from '../disk.ts'

/** One read's bytes. */
const chunkBytes = 256 * 1024

/**
 * Visits whole batches from `position` on, as long as their last offset lies before `endOffset` and `visit` answers true.
 * Answers false where `visit` ended the walk. The bytes are valid within the visit only.
 */
export async function walkBatches(
  file: DiskFile,
  from: { readonly position: number; readonly endOffset: Offset },
  visit: (bytes: Buffer, at: number, sizeBytes: number) => boolean,
): Promise<boolean> {
  let { position } = from
  let bytes = Buffer.allocUnsafeSlow(Math.min(chunkBytes, Math.max(file.size() - position, batchHeaderBytes)))
  for (;;) {
    const filled = bytes.subarray(0, await file.readAsync(bytes, position))
    let at = 0
    let sizeBytes = 0
    while (filled.length - at >= batchHeaderBytes) {
      sizeBytes = soundSize(filled, at)
      if (batchLastOffset(filled, at) >= from.endOffset) return true
      if (sizeBytes > filled.length - at) break
      if (!visit(filled, at, sizeBytes)) return false
      at += sizeBytes
    }
    position += at
    if (at > 0) continue
    // Not one batch was whole: the file ends here, or the batch is larger than the buffer.
    if (filled.length < batchHeaderBytes || sizeBytes <= bytes.length) return true
    bytes = Buffer.allocUnsafeSlow(sizeBytes)
  }
}

/** A batch's size. Throws where it is none that a batch can have: reading on would make no sense. */
export function soundSize(bytes: Buffer, at: number): number {
  const sizeBytes = batchSizeBytes(bytes, at)
  if (sizeBytes >= batchHeaderBytes) return sizeBytes
  throw new SafkaError('SAFKA_LOG_CORRUPT', `a batch in a segment claims a size of ${sizeBytes} bytes`)
}
