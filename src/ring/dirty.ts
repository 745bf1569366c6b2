/** A bitmap of partitions that moved: others set bits, one thread takes them; looking at an empty one costs little. */

import { assert } from '../base/assert.ts'

/*
 *   Int32 summary words   a bit says that one of 32 partition words may hold something
 *   Int32 partition words a bit a partition
 *
 * Setting goes from partition word to summary, taking from summary to partition word: so a bit set while it is being
 * taken is either taken, or its summary bit stands for the next time. At worst a summary bit points to an empty word.
 */

/** Sets of partition slots in shared memory. */
export class DirtyBitmap {
  readonly #summary: Int32Array
  readonly #words: Int32Array

  /** Int32 words that a bitmap of `capacity` partitions takes. */
  static wordsFor(capacity: number): number {
    assert(Number.isInteger(capacity) && capacity > 0, 'a bitmap needs room for a partition')
    const words = Math.ceil(capacity / 32)
    return Math.ceil(words / 32) + words
  }

  /** Views a bitmap that starts at word `firstWord` of `memory`. */
  constructor(memory: SharedArrayBuffer, firstWord: number, capacity: number) {
    const words = Math.ceil(capacity / 32)
    const summaryWords = Math.ceil(words / 32)
    this.#summary = new Int32Array(memory, firstWord * 4, summaryWords)
    this.#words = new Int32Array(memory, (firstWord + summaryWords) * 4, words)
  }

  /** Sets a partition's bit. What the taker is to see must have been written before. */
  mark(slot: number): void {
    assert(slot >= 0 && slot >>> 5 < this.#words.length, 'the partition is outside of the bitmap')
    const word = slot >>> 5
    Atomics.or(this.#words, word, 1 << (slot & 31))
    Atomics.or(this.#summary, word >>> 5, 1 << (word & 31))
  }

  /** Takes all bits that are set and calls `visit` for each, lowest first; answers how many there were. */
  drain(visit: (slot: number) => void): number {
    let visited = 0
    for (let group = 0; group < this.#summary.length; group++) {
      if (Atomics.load(this.#summary, group) === 0) continue
      let words = Atomics.exchange(this.#summary, group, 0)
      while (words !== 0) {
        const word = group * 32 + lowestBit(words)
        words &= words - 1
        visited += this.#drainWord(word, visit)
      }
    }
    return visited
  }

  #drainWord(word: number, visit: (slot: number) => void): number {
    let bits = Atomics.exchange(this.#words, word, 0)
    let visited = 0
    while (bits !== 0) {
      visit(word * 32 + lowestBit(bits))
      bits &= bits - 1
      visited++
    }
    return visited
  }
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}
