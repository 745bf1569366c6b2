/** The slots of a ring as words: where they lie, and how the lap number publishes them. */

import { assert } from '../base/assert.ts'
import { slotFloats, slotsStart, slotWord, slotWords, unitBytes } from './layout.ts'
import { tagSkew, Verdict } from './slot.ts'

/** Views the slots. Slot numbers are taken modulo the slot count; whether a number is still that slot's is not checked. */
export class Slots {
  readonly count: number
  readonly #words: Int32Array
  readonly #floats: Float64Array
  readonly #mask: number
  readonly #lapShift: number

  constructor(memory: SharedArrayBuffer, count: number) {
    this.count = count
    this.#words = new Int32Array(memory, slotsStart, count * slotWords)
    this.#floats = new Float64Array(memory, slotsStart, count * slotFloats)
    this.#mask = count - 1
    this.#lapShift = 31 - Math.clz32(count)
    assert(1 << this.#lapShift === count, 'the slot count must be a power of two')
  }

  get(slot: number, word: number): number {
    return this.#words[(slot & this.#mask) * slotWords + word] ?? 0
  }

  set(slot: number, word: number, value: number): void {
    this.#words[(slot & this.#mask) * slotWords + word] = value
  }

  getFloat(slot: number, float: number): number {
    return this.#floats[(slot & this.#mask) * slotFloats + float] ?? 0
  }

  setFloat(slot: number, float: number, value: number): void {
    this.#floats[(slot & this.#mask) * slotFloats + float] = value
  }

  /** Fills a claimed slot, also with what the owner and the writer will change, so that nothing of the last lap is left. */
  describe(slot: number, tag: number, position: number, length: number): void {
    const word = (slot & this.#mask) * slotWords
    this.#words[word + slotWord.tag] = tag
    this.#words[word + slotWord.position] = position
    this.#words[word + slotWord.length] = length
    this.#words[word + slotWord.verdict] = Verdict.pending
    this.#words[word + slotWord.outcome] = 0
    this.#words[word + slotWord.answered] = 0
  }

  /** Sets bits of a claimed slot's tag before it is published. */
  addToTag(slot: number, bits: number): void {
    const word = (slot & this.#mask) * slotWords + slotWord.tag
    this.#words[word] = (this.#words[word] ?? 0) | bits
  }

  /** Shows a filled slot to the owner: everything written before is seen by whoever sees the lap number. */
  publish(slot: number): void {
    Atomics.store(this.#words, (slot & this.#mask) * slotWords + slotWord.lap, this.#lap(slot))
  }

  isPublished(slot: number): boolean {
    return Atomics.load(this.#words, (slot & this.#mask) * slotWords + slotWord.lap) === this.#lap(slot)
  }

  isAnswered(slot: number): boolean {
    return Atomics.load(this.#words, (slot & this.#mask) * slotWords + slotWord.answered) === 1
  }

  markAnswered(slot: number): void {
    Atomics.store(this.#words, (slot & this.#mask) * slotWords + slotWord.answered, 1)
  }

  /** Units from the slot's position to the next slot's. */
  roomUnits(slot: number): number {
    const skew = tagSkew(this.get(slot, slotWord.tag))
    return Math.ceil((skew + this.get(slot, slotWord.length)) / unitBytes)
  }

  // Never 0, which is what fresh memory holds, and never what the slot's place held one round ago.
  #lap(slot: number): number {
    return ((slot >>> this.#lapShift) + 1) | 0
  }
}
