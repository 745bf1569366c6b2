/** Reads batches from a ring by offset, beside the writers: copies first, then makes sure that nobody wrote over it. */

import { assert } from '../base/assert.ts'
import { slotAfter, slotDistance } from './cursor.ts'
import type { Ring } from './ring.ts'

/**
 * What a read found. `bytes` are whole batches in a buffer of their own, and `nextOffset` follows the last of them.
 * 'gone': the offset lies before what the ring still holds: ask the log. 'beyond': nothing to read there yet.
 */
export type RingRead = { readonly bytes: Buffer; readonly nextOffset: number } | 'gone' | 'beyond'

/** Each try fails only where the owner retired what was being read; a reader that slow is better served by the log. */
const triesMax = 4

const noBytes = Buffer.alloc(0)

/**
 * Reads whole batches from the one that holds `offset` on: up to `bytesMax` bytes, and only batches that end before
 * `isolationEnd`. With `minOneMessage` the first batch comes even where it is longer than `bytesMax`.
 * Load `isolationEnd` before this call. `allocate` answers a buffer of just the bytes asked for: fresh memory costs more than
 * the copy into it, so who knows when bytes have been sent may use theirs again. A try that was overtaken forgets its buffer.
 */
export function readFrom(
  ring: Ring,
  offset: number,
  bytesMax: number,
  isolationEnd: number,
  minOneMessage: boolean,
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafe,
): RingRead {
  if (offset >= isolationEnd) return 'beyond'
  for (let tries = 0; tries < triesMax; tries++) {
    const found = find(ring, offset)
    if (found === 'again') continue
    if (found === 'gone' || found === 'beyond') return found
    const read = copyBatches(ring, { first: found, offset, bytesMax, isolationEnd, minOneMessage, allocate })
    // Until this passes, nothing that was read means anything.
    if (slotDistance(ring.recheckRetired(), found) < 0) continue
    assert(read !== undefined, 'a readable slot must make sense')
    return read
  }
  return 'gone'
}

/** The slot whose batch holds `offset`. What it answers besides 'again' has been re-checked, but for the slot itself. */
function find(ring: Ring, offset: number): number | 'gone' | 'beyond' | 'again' {
  // Low to high, so that the range is never inside out.
  const retired = ring.retired()
  const startOffset = ring.startOffset()
  const readable = ring.readable()
  if (retired === readable) {
    // Readers wait for what is stamped but not yet shown; what came before this ring, or left it, is in the log.
    return startOffset < 0 || offset < startOffset ? 'gone' : 'beyond'
  }
  const last = slotAfter(readable, -1)
  const lastOffset = ring.lastOffset(last)
  if (slotDistance(ring.recheckRetired(), last) < 0) return 'again'
  if (offset > lastOffset) return startOffset < 0 || offset < startOffset ? 'gone' : 'beyond'

  const slot = firstEndingAtOrAfter(ring, offset, retired, last)
  const isThere = ring.isInLog(slot) && ring.baseOffset(slot) <= offset && offset <= ring.lastOffset(slot)
  if (isThere) return slot
  // The search may have been misled by slots that were reused meanwhile; only a search that was not is an answer.
  return ring.recheckRetired() === retired ? 'gone' : 'again'
}

/** Binary search over the slots from `low` to `high`, both included, by last offset. */
function firstEndingAtOrAfter(ring: Ring, offset: number, low: number, high: number): number {
  let from = low
  let distance = slotDistance(low, high)
  while (distance > 0) {
    const half = distance >>> 1
    const middle = slotAfter(from, half)
    if (ring.lastOffset(middle) >= offset) {
      distance = half
    } else {
      from = slotAfter(middle)
      distance -= half + 1
    }
  }
  return from
}

type Range = {
  readonly first: number
  readonly offset: number
  readonly bytesMax: number
  readonly isolationEnd: number
  readonly minOneMessage: boolean
  readonly allocate: (bytes: number) => Buffer
}

/** Undefined where the slots make no sense, because they are being reused. */
function copyBatches(ring: Ring, range: Range): { bytes: Buffer; nextOffset: number } | undefined {
  const readable = ring.readable()
  let end = range.first
  let total = 0
  for (let slot = range.first; slot !== readable; slot = slotAfter(slot)) {
    if (!ring.isInLog(slot)) continue
    if (ring.lastOffset(slot) >= range.isolationEnd) break
    const length = ring.length(slot)
    const isTaken = total + length <= range.bytesMax || (total === 0 && range.minOneMessage)
    if (!isTaken) break
    total += length
    // More than the ring can hold is nonsense, which must not become an allocation.
    if (length <= 0 || total > ring.dataBytes) return undefined
    end = slotAfter(slot)
  }
  if (total === 0) return { bytes: noBytes, nextOffset: range.offset }

  const bytes = range.allocate(total)
  let nextOffset = range.offset
  let at = 0
  for (let slot = range.first; slot !== end; slot = slotAfter(slot)) {
    if (!ring.isInLog(slot)) continue
    const copied = ring.copyOut(slot, bytes, at)
    if (copied === 0) return undefined
    at += copied
    nextOffset = ring.lastOffset(slot) + 1
  }
  return at === total ? { bytes, nextOffset } : undefined
}
