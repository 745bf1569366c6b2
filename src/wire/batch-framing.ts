/** Cuts the records field of a Produce request into batches, with Kafka's rules (ByteBufferLogInputStream). */

import { batchOverheadBytes, batchSizeBytes } from './batch-header.ts'

/** What the bytes are: one batch of magic 2 (with at most a part of another behind it), something else, or damaged. */
export const Framing = { oneBatch: 0, notOneBatch: 1, corrupt: 2 } as const
export type Framing = (typeof Framing)[keyof typeof Framing]

const magicAt = 16
const headerUpToMagicBytes = 17
const magicMax = 2
/** The least that the size field may say: the header of the oldest format. */
const sizeFieldMin = 14

const whole = 0
const incomplete = 1
const corrupt = 2

/**
 * Looks at no more than sizes and magics: the batch itself may still be anything, also shorter than a header. What lies
 * behind it and is no whole batch, Kafka cuts off; the batch ends at batchSizeBytes(bytes, 0).
 */
export function framingOf(bytes: Buffer): Framing {
  const first = nextBatch(bytes, 0)
  if (first === corrupt) return Framing.corrupt
  if (first === incomplete || bytes[magicAt] !== magicMax) return Framing.notOneBatch
  const second = nextBatch(bytes, batchSizeBytes(bytes, 0))
  if (second === corrupt) return Framing.corrupt
  return second === whole ? Framing.notOneBatch : Framing.oneBatch
}

function nextBatch(bytes: Buffer, at: number): number {
  const remaining = bytes.length - at
  if (remaining < batchOverheadBytes) return incomplete
  const sizeBytes = batchSizeBytes(bytes, at)
  if (sizeBytes < sizeFieldMin + batchOverheadBytes) return corrupt
  if (remaining < headerUpToMagicBytes) return incomplete
  if ((bytes[at + magicAt] ?? 0) > magicMax) return corrupt
  return remaining < sizeBytes ? incomplete : whole
}
