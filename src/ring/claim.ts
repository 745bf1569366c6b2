/** Claims: one 64-bit exchange hands out a slot number and room for the bytes at once, and a bit of the word closes the ring. */

import { RING_FULL, RING_SEALED, slotAfter, slotDistance } from './cursor.ts'
import { headerLong, headerWord, positionWrapUnits, unitBytes } from './layout.ts'
import { EntryKind, packTag } from './slot.ts'
import type { Slots } from './slots.ts'

const sealedBit = 0x8000_0000n
const positionMask = 0x7fff_ffff

/** The claim word of a ring, as one thread sees it. */
export class Claims {
  readonly #slots: Slots
  readonly #dataUnits: number
  readonly #wrapUnits: number
  readonly #header: Int32Array
  readonly #longs: BigInt64Array
  // Two Int32 halves become one BigInt through private memory: shifting BigInts would allocate three more of them.
  readonly #scratchLong = new BigInt64Array(1)
  readonly #scratchWords = new Int32Array(this.#scratchLong.buffer)

  constructor(memory: SharedArrayBuffer, dataBytes: number, slots: Slots) {
    this.#slots = slots
    this.#dataUnits = dataBytes / unitBytes
    this.#wrapUnits = positionWrapUnits(dataBytes)
    this.#header = new Int32Array(memory)
    this.#longs = new BigInt64Array(memory)
  }

  /**
   * Takes a slot and `room` units of contiguous data, and fills the slot but for its lap. Where the room would cross the end
   * of the data, a padding slot before it takes what is left there, in the same exchange.
   */
  claim(room: number, length: number, kind: EntryKind, skew: number, writer: number): number {
    for (;;) {
      // Low to high: what is retired never lies after what is claimed. Older values make the ring look fuller, never emptier.
      const retiredPosition = Atomics.load(this.#header, headerWord.retiredPosition)
      const retired = Atomics.load(this.#header, headerWord.retired)
      // The halves, loaded one by one, may be an older low half with a newer high one: no such pair survives the exchange.
      const position = Atomics.load(this.#header, headerWord.claimLow)
      const slot = Atomics.load(this.#header, headerWord.claimHigh)
      if (position < 0) return RING_SEALED
      const untilEnd = this.#dataUnits - (position % this.#dataUnits)
      const padding = room > untilEnd ? untilEnd : 0
      const slotCount = padding === 0 ? 1 : 2
      if (slotDistance(retired, slot) + slotCount > this.#slots.count) return RING_FULL
      if (this.unitsBetween(retiredPosition, position) + padding + room > this.#dataUnits) return RING_FULL
      const positionNext = (position + padding + room) % this.#wrapUnits
      // A failed exchange means that another writer claimed, or sealed: someone always gets on.
      if (!this.#tryExchange(slot, position, slotAfter(slot, slotCount), positionNext)) continue
      const last = slotAfter(slot, slotCount - 1)
      this.#slots.describe(last, packTag(kind, skew, writer), (position + padding) % this.#wrapUnits, length)
      if (padding > 0) this.#pad(slot, position, padding, writer)
      return last
    }
  }

  /** From here on no exchange succeeds: each expects the word without the bit. */
  seal(): void {
    Atomics.or(this.#longs, headerLong.claim, sealedBit)
  }

  isSealed(): boolean {
    return Atomics.load(this.#header, headerWord.claimLow) < 0
  }

  /** The next slot number to be claimed. */
  claimed(): number {
    return Atomics.load(this.#header, headerWord.claimHigh)
  }

  /** The next position to be claimed, in units. */
  claimedPosition(): number {
    return Atomics.load(this.#header, headerWord.claimLow) & positionMask
  }

  unitsBetween(from: number, to: number): number {
    return to >= from ? to - from : to - from + this.#wrapUnits
  }

  #pad(slot: number, position: number, units: number, writer: number): void {
    this.#slots.describe(slot, packTag(EntryKind.padding, 0, writer), position, units * unitBytes)
    this.#slots.markAnswered(slot)
    this.#slots.publish(slot)
  }

  /** Puts the second pair in the place of the first; false where the word held something else. */
  #tryExchange(high: number, low: number, highNext: number, lowNext: number): boolean {
    const expected = this.#joined(high, low)
    return (
      Atomics.compareExchange(this.#longs, headerLong.claim, expected, this.#joined(highNext, lowNext)) === expected
    )
  }

  #joined(high: number, low: number): bigint {
    this.#scratchWords[0] = low
    this.#scratchWords[1] = high
    return this.#scratchLong[0] ?? 0n
  }
}
