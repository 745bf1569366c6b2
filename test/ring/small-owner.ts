/** The least that an owner does, for tests of the ring: accepts everything, and gives each entry as many offsets as asked. */

import { slotAfter, slotDistance } from '../../src/ring/cursor.ts'
import type { Ring } from '../../src/ring/ring.ts'
import { EntryKind, Verdict } from '../../src/ring/slot.ts'

export class SmallOwner {
  nextOffset = 0
  readonly #ring: Ring

  constructor(ring: Ring) {
    this.#ring = ring
  }

  /** Stamps, writes and reveals all that is published. */
  reveal(verdict: Verdict = Verdict.accepted, records = 1): void {
    const ring = this.#ring
    let slot = ring.stamped()
    while (slot !== ring.claimed() && ring.isPublished(slot)) {
      if (ring.kind(slot) !== EntryKind.padding) this.#stamp(slot, verdict, records)
      slot = slotAfter(slot)
    }
    ring.setStamped(slot)
    ring.setWritten(slot)
    ring.setSynced(slot)
    ring.setReadable(slot)
    ring.assertOrder()
  }

  /** Answers and retires all readable slots but the last `keep`, if there are that many. */
  retire(keep = 0): void {
    const ring = this.#ring
    const end = slotAfter(ring.readable(), -keep)
    if (slotDistance(ring.retired(), end) <= 0) return
    for (let slot = ring.retired(); slot !== end; slot = slotAfter(slot)) ring.markAnswered(slot)
    ring.retire(end)
    ring.assertOrder()
  }

  #stamp(slot: number, verdict: Verdict, records: number): void {
    this.#ring.setVerdict(slot, verdict)
    if (verdict !== Verdict.accepted) return
    this.#ring.setBaseOffset(slot, this.nextOffset)
    this.nextOffset += records
    this.#ring.setLastOffset(slot, this.nextOffset - 1)
  }
}

/** `length` bytes of which each depends on `seed` and its place. */
export function content(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; at++) bytes[at] = seed * 31 + at * 7
  return bytes
}
