/** The claim word: one 64-bit exchange hands out a slot number and a position at once, and a bit of it closes the ring. */

import { headerLong, headerWord } from './layout.ts'

const sealedBit = 0x8000_0000n

/** The word that all writers of a ring exchange. */
export class ClaimWord {
  readonly #words: Int32Array
  readonly #longs: BigInt64Array
  // Two Int32 halves become one BigInt through private memory: shifting BigInts would allocate three more of them.
  readonly #scratchLong = new BigInt64Array(1)
  readonly #scratchWords = new Int32Array(this.#scratchLong.buffer)

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
    this.#longs = new BigInt64Array(memory)
  }

  /**
   * The low half: sealed where negative, else the next position in units. The halves are loaded one by one, which may pair
   * an older low half with a newer high one: such a pair never survives the exchange, and the sealed bit never goes away.
   */
  low(): number {
    return Atomics.load(this.#words, headerWord.claimLow)
  }

  /** The high half: the next slot number. */
  high(): number {
    return Atomics.load(this.#words, headerWord.claimHigh)
  }

  /** Puts the second pair in the place of the first; false where the word held something else. */
  tryExchange(high: number, low: number, highNext: number, lowNext: number): boolean {
    const expected = this.#joined(high, low)
    return (
      Atomics.compareExchange(this.#longs, headerLong.claim, expected, this.#joined(highNext, lowNext)) === expected
    )
  }

  /** From here on every exchange with an unsealed word fails. */
  seal(): void {
    Atomics.or(this.#longs, headerLong.claim, sealedBit)
  }

  #joined(high: number, low: number): bigint {
    this.#scratchWords[0] = low
    this.#scratchWords[1] = high
    return this.#scratchLong[0] ?? 0n
  }
}
