/** Rates of many clients in shared memory: every thread adds to them, and sees what all threads together have added. */

import { assert } from '../base/assert.ts'

/*
 * A place a client, with a lane a thread, so that each word has one writer but for the key, which is exchanged:
 *
 *   BigInt64 0   key: the hash of the client's name, 0 where the place is free
 *   a lane:      a slot for each window and one more: which window it is, what was added in it, when something was added first and last
 *
 * Windows have numbers: time / length. Numbers are written before amounts are added to them: who reads meanwhile misses at most
 * what is just being added. As in Kafka (SampledStat) a window counts while something was added within as many windows.
 */
const wordsPerSlot = 4
const windowWord = 0
const amountWord = 1
const firstWord = 2
const lastWord = 3
const wordBytes = 8

/** Clients whose rates are known at a time; those idle longer than all windows give way. Kafka has no limit. */
export const ratePlacesMax = 4_096
/** All rates together; with more windows or threads there are fewer places. */
const ratesBytesMax = 67_108_864
/** Places that are looked at for a key before the client goes uncounted. */
const probesMax = 16

/** How rates are taken: as Kafka's `quota.window.num` and `quota.window.size.seconds`. */
export type RateWindows = { readonly count: number; readonly lengthMs: number }

/** What was added within the windows, and how long they are as Kafka counts it (Rate.windowSize). */
export type MeasuredRate = { readonly amount: number; readonly elapsedMs: number }

/** One thread's view. */
export class Rates {
  readonly #words: BigInt64Array
  readonly #windows: RateWindows
  readonly #lane: number
  readonly #lanes: number
  readonly #slots: number
  readonly #wordsPerPlace: number
  readonly #places: number

  /** Shared memory for rates that `lanes` threads add to. */
  static create({ lanes, windows }: { readonly lanes: number; readonly windows: RateWindows }): SharedArrayBuffer {
    const placeBytes = wordsPerPlace(lanes, windows) * wordBytes
    const places = Math.max(1, Math.min(ratePlacesMax, Math.floor(ratesBytesMax / placeBytes)))
    return new SharedArrayBuffer(places * placeBytes)
  }

  /** `lane` is this thread's own. */
  constructor(
    memory: SharedArrayBuffer,
    options: { readonly lane: number; readonly lanes: number; readonly windows: RateWindows },
  ) {
    const { lane, lanes, windows } = options
    this.#words = new BigInt64Array(memory)
    this.#windows = windows
    this.#lane = lane
    this.#lanes = lanes
    this.#slots = windows.count + 1
    this.#wordsPerPlace = wordsPerPlace(lanes, windows)
    this.#places = this.#words.length / this.#wordsPerPlace
    assert(lane < lanes && Number.isInteger(this.#places), 'the rates were created for other threads or windows')
  }

  /** The place of a key (not 0), taken if need be; -1 where all that come into question are busy. Ask before each use. */
  placeOf(key: bigint, nowMs: number): number {
    const first = Number(BigInt.asUintN(32, key)) % this.#places
    let idle = -1
    for (let probe = 0; probe < Math.min(probesMax, this.#places); probe++) {
      const place = (first + probe) % this.#places
      const at = place * this.#wordsPerPlace
      const present = Atomics.load(this.#words, at)
      if (present === key) return place
      if (idle === -1 && (present === 0n || this.#isIdle(place, nowMs))) idle = place
      // Keys are only ever exchanged: nothing of this key lies behind a free place.
      if (present === 0n) break
    }
    if (idle === -1) return -1
    const at = idle * this.#wordsPerPlace
    const before = Atomics.load(this.#words, at)
    const found = Atomics.compareExchange(this.#words, at, before, key)
    return found === before || found === key ? idle : -1
  }

  /** Adds a whole number, which may be negative: then what was added before is taken back. */
  add(place: number, amount: number, nowMs: number): void {
    const window = Math.floor(nowMs / this.#windows.lengthMs)
    const at = this.#slotAt(place, this.#lane, window % this.#slots)
    if (Atomics.load(this.#words, at + windowWord) !== BigInt(window)) {
      Atomics.store(this.#words, at + amountWord, 0n)
      Atomics.store(this.#words, at + firstWord, BigInt(nowMs))
      Atomics.store(this.#words, at + windowWord, BigInt(window))
    }
    Atomics.store(this.#words, at + amountWord, Atomics.load(this.#words, at + amountWord) + BigInt(amount))
    Atomics.store(this.#words, at + lastWord, BigInt(nowMs))
  }

  /** What all threads have added. */
  measure(place: number, nowMs: number): MeasuredRate {
    const { count, lengthMs } = this.#windows
    let amount = 0
    let startMs = nowMs
    for (let lane = 0; lane < this.#lanes; lane++) {
      for (let slot = 0; slot < this.#slots; slot++) {
        const at = this.#slotAt(place, lane, slot)
        const lastMs = Number(Atomics.load(this.#words, at + lastWord))
        if (lastMs === 0 || nowMs - lastMs >= count * lengthMs) continue
        amount += Number(Atomics.load(this.#words, at + amountWord))
        startMs = Math.min(startMs, Number(Atomics.load(this.#words, at + firstWord)))
      }
    }
    const elapsedMs = nowMs - startMs
    // With little to go by yet, all windows but the present one count as if they had passed.
    const missing = Math.max(0, count - 1 - Math.floor(elapsedMs / lengthMs))
    return { amount, elapsedMs: Math.max(1, elapsedMs + missing * lengthMs) }
  }

  #isIdle(place: number, nowMs: number): boolean {
    const { count, lengthMs } = this.#windows
    for (let lane = 0; lane < this.#lanes; lane++) {
      for (let slot = 0; slot < this.#slots; slot++) {
        const lastMs = Number(Atomics.load(this.#words, this.#slotAt(place, lane, slot) + lastWord))
        if (nowMs - lastMs < count * lengthMs) return false
      }
    }
    return true
  }

  #slotAt(place: number, lane: number, slot: number): number {
    return place * this.#wordsPerPlace + 1 + (lane * this.#slots + slot) * wordsPerSlot
  }
}

function wordsPerPlace(lanes: number, windows: RateWindows): number {
  return 1 + lanes * (windows.count + 1) * wordsPerSlot
}

/** A key for a name: 64 bits in which each character counts, never 0. Names that share one would share a rate. */
export function rateKey(name: string): bigint {
  let low = 0x811c9dc5
  let high = 0xcbf29ce4
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code ^ (low >>> 16), 0x01000193)
  }
  const key = BigInt.asIntN(64, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0))
  return key === 0n ? 1n : key
}
