/** Gives the memory of dropped rings back to the system: V8 does not count shared memory, and so would let it lie for long. */

import type { Clock, Timer } from '../base/clock.ts'
import { collectGarbage } from '../base/garbage.ts'
import { ringMemoryBytes } from './layout.ts'
import type { Ring } from './ring.ts'

/**
 * Dropped bytes that start a collection at once. One takes a thread 5 to 10 ms, as long as it takes to write this much: it
 * costs a few percent of a load that does nothing but make rings, and others nothing.
 */
export const droppedBytesMax = 32 * 1024 * 1024
/** What is dropped and is less than that is collected this much later. */
export const collectLaterMs = 1_000
/** Less than this is left to the collections that come anyway. */
export const droppedBytesMin = 2 * 1024 * 1024

/**
 * Counts the rings that a thread has let go of. Their memory goes back once every thread has collected its views of it, so
 * each thread that views rings has one of these.
 */
export class RingReclaim {
  readonly #clock: Clock
  readonly #collect: () => void
  #droppedBytes = 0
  #timer: Timer | undefined

  /** `collect` is the thread's garbage collection, for tests to replace. */
  constructor(clock: Clock, collect: () => void = collectGarbage) {
    this.#clock = clock
    this.#collect = collect
  }

  /** The thread lets go of this ring now. */
  dropped(ring: Ring | undefined): void {
    if (ring === undefined) return
    this.#droppedBytes += ringMemoryBytes(ring.dataBytes, ring.slotCount)
    if (this.#droppedBytes >= droppedBytesMax) this.#collectNow()
    else this.#timer ??= this.#clock.startTimer(collectLaterMs, () => this.#collectLate())
  }

  #collectLate(): void {
    this.#timer = undefined
    if (this.#droppedBytes >= droppedBytesMin) this.#collectNow()
  }

  #collectNow(): void {
    this.#droppedBytes = 0
    this.#timer?.cancel()
    this.#timer = undefined
    // Not in the midst of the work that drops the ring: its frames may still hold on to it.
    setImmediate(this.#collect)
  }
}
