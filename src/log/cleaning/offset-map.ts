/** Which offset is the latest of each key: a hash table of fixed size, as Kafka's SkimpyOffsetMap. */

import { SafkaError } from '../../base/errors.ts'
import type { Offset } from '../../base/ids.ts'
import { hashWords, type KeyHash } from './key-hash.ts'

/** An entry: the key's hash, and one more than the offset (0 marks an empty place). */
export const offsetMapEntryBytes = 24
const entryWords = offsetMapEntryBytes / 4
const entryDoubles = offsetMapEntryBytes / 8

/** Kafka uses no more for one cleaner either. */
const mapBytesMax = 2 ** 31 - 1

/** Keys are told apart by their hash alone. Touches only the memory that its entries take. */
export class OffsetMap {
  /** The offset up to which the log has been looked through; -1 before anything was. */
  latestOffset: Offset = -1
  readonly #hash: KeyHash
  readonly #places: number
  readonly #entriesMax: number
  readonly #words: Int32Array
  readonly #doubles: Float64Array
  #entries = 0

  /**
   * At most `bytesMax` bytes, of which `loadFactor` (0 to 1) may be filled; smaller where there will be no more than
   * `keysMax` keys.
   */
  constructor(options: { hash: KeyHash; bytesMax: number; loadFactor: number; keysMax: number }) {
    const { hash, bytesMax, loadFactor, keysMax } = options
    const placesMax = Math.floor(Math.min(bytesMax, mapBytesMax) / offsetMapEntryBytes)
    this.#hash = hash
    this.#places = primeUpTo(Math.min(placesMax, Math.ceil(keysMax / loadFactor) + primeGapMax))
    // One place stays empty, so that every search ends.
    this.#entriesMax = Math.min(Math.floor(this.#places * loadFactor), this.#places - 1)
    const memory = new ArrayBuffer(this.#places * offsetMapEntryBytes)
    this.#words = new Int32Array(memory)
    this.#doubles = new Float64Array(memory)
  }

  get entries(): number {
    return this.#entries
  }

  /** Notes the key at bytes [start, end); false where there is no room for another one. */
  put(bytes: Uint8Array, start: number, end: number, offset: Offset): boolean {
    if (this.#entries >= this.#entriesMax) return false
    const place = this.#find(bytes, start, end)
    const double = place * entryDoubles + 2
    if (this.#doubles[double] === 0) {
      this.#words.set(this.#hash.words, place * entryWords)
      this.#entries++
    }
    this.#doubles[double] = offset + 1
    this.latestOffset = offset
    return true
  }

  /** The latest offset of a key; -1 where it was not noted. */
  offsetOf(bytes: Uint8Array, start: number, end: number): Offset {
    const place = this.#find(bytes, start, end)
    return (this.#doubles[place * entryDoubles + 2] ?? 0) - 1
  }

  /** The place of a key, or the empty one where it belongs. */
  #find(bytes: Uint8Array, start: number, end: number): number {
    const hash = this.#hash
    hash.hash(bytes, start, end)
    let place = ((hash.words[0] ?? 0) >>> 0) % this.#places
    // The number of places is a prime, so that any step visits all of them.
    const step = 1 + (((hash.words[1] ?? 0) >>> 0) % (this.#places - 1))
    for (let looks = 0; looks < this.#places; looks++) {
      if (this.#doubles[place * entryDoubles + 2] === 0 || this.#isAt(place * entryWords)) return place
      place += step
      if (place >= this.#places) place -= this.#places
    }
    throw new SafkaError('SAFKA_ASSERTION_FAILED', 'an offset map always has an empty place')
  }

  #isAt(word: number): boolean {
    for (let index = 0; index < hashWords; index++) {
      if (this.#words[word + index] !== this.#hash.words[index]) return false
    }
    return true
  }
}

/** The next prime below a number is never farther away, up to the most places that there may be. */
const primeGapMax = 320

/** The largest prime at or below a number (at least 2). */
function primeUpTo(number: number): number {
  for (let candidate = Math.max(3, number); ; candidate--) if (isPrime(candidate)) return candidate
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
  return true
}
