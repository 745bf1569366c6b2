/** The shared word that a thread sleeps on, with the set of partitions that it was rung for. */

import { DirtyBitmap } from './dirty.ts'

/*
 *   Int32 0   value: grows with every ring
 *   Int32 1   1 while a thread sleeps on the value, or is about to
 *   Int32 32  capacity in partitions
 *   Int32 64  dirty bitmap
 */
const valueWord = 0
const sleeperWord = 1
const capacityWord = 32
const bitmapWord = 64

/** Anyone rings; one thread sleeps and drains. Write first, then mark, then ring: the sleeper then sees what was written. */
export class Bell {
  readonly #words: Int32Array
  readonly #dirty: DirtyBitmap

  /** Shared memory for a bell over `partitionsMax` partitions. */
  static create(partitionsMax: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer((bitmapWord + DirtyBitmap.wordsFor(partitionsMax)) * 4)
    new Int32Array(memory)[capacityWord] = partitionsMax
    return memory
  }

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
    this.#dirty = new DirtyBitmap(memory, bitmapWord, this.#words[capacityWord] ?? 0)
  }

  /** Notes that a partition moved, without waking: for many marks before one ring. */
  mark(slot: number): void {
    this.#dirty.mark(slot)
  }

  /** Wakes the sleeper, or keeps it from falling asleep. */
  ring(): void {
    Atomics.add(this.#words, valueWord, 1)
    // Waking costs some 20 µs: only where somebody sleeps. A sleeper shows itself before it compares the value, so one that
    // is not seen here finds the value changed.
    if (Atomics.load(this.#words, sleeperWord) === 0) return
    if (Atomics.exchange(this.#words, sleeperWord, 0) === 1) Atomics.notify(this.#words, valueWord)
  }

  markAndRing(slot: number): void {
    this.mark(slot)
    this.ring()
  }

  /** Read this before looking for work, and sleep on it after having found none. */
  value(): number {
    return Atomics.load(this.#words, valueWord)
  }

  /**
   * Sleeps until the bell rings. Answers undefined where it has rung since `value` was read: look for work again.
   * A pending wait does not keep the thread alive.
   */
  waitFor(value: number): Promise<void> | undefined {
    Atomics.store(this.#words, sleeperWord, 1)
    // Without a timeout: timeouts of waits that were notified early pile up.
    const waiting = Atomics.waitAsync(this.#words, valueWord, value)
    if (waiting.async) return waiting.value.then(nothing)
    Atomics.store(this.#words, sleeperWord, 0)
    return undefined
  }

  /** Takes the partitions marked so far and calls `visit` for each once; answers how many there were. */
  drain(visit: (slot: number) => void): number {
    return this.#dirty.drain(visit)
  }
}

function nothing(): void {}
