/** Answers that are made of several parts, each of which waits for something of its own. */

import type { Waiter } from '../waiter.ts'

/** Calls `complete` with all parts, in the order of `waiterAt`, as soon as the last one is there (at once for none). */
export class Gather<Part> {
  readonly #parts: (Part | undefined)[]
  readonly #complete: (parts: Part[]) => void
  #missing: number

  constructor(count: number, complete: (parts: Part[]) => void) {
    this.#parts = new Array<Part | undefined>(count).fill(undefined)
    this.#complete = complete
    this.#missing = count
    if (count === 0) complete([])
  }

  /** The waiter for one part; `refused` makes the part that stands for a refusal. */
  waiterAt(index: number, refused: (errorCode: number) => Part): Waiter<Part> {
    return {
      answer: (part) => this.#put(index, part),
      refuse: (errorCode) => this.#put(index, refused(errorCode)),
    }
  }

  #put(index: number, part: Part): void {
    this.#parts[index] = part
    this.#missing -= 1
    if (this.#missing > 0) return
    this.#complete(this.#parts.filter((present) => present !== undefined))
  }
}
