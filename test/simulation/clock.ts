/** Time that moves only when the scheduler says so, in scopes: what a broker's life has started ends with it. */

import type { Clock, Timer } from '../../src/base/clock.ts'

type Entry = { readonly dueMs: number; readonly order: number; readonly scope: Scope; fire: (() => void) | undefined }
type Scope = { isEnded: boolean }

const startMs = 1_700_000_000_000

/** A clock of many timers: the next one is found in logarithmic time. */
export class SimulationClock {
  #elapsedMs = 0
  #order = 0
  /** A binary heap by due time, then by order. */
  readonly #heap: Entry[] = []

  /** Milliseconds since the simulation began, with a fraction. */
  get elapsedMs(): number {
    return this.#elapsedMs
  }

  /** A view of the clock for one life: `end` forgets its timers. */
  scope(): Clock & { end(): void } {
    const scope: Scope = { isEnded: false }
    return {
      nowMs: () => Math.floor(startMs + this.#elapsedMs),
      monotonicMs: () => this.#elapsedMs,
      startTimer: (delayMs, fire) => this.#start(scope, delayMs, fire),
      end: () => {
        scope.isEnded = true
      },
    }
  }

  /** Moves time on without firing anything. */
  pass(ms: number): void {
    this.#elapsedMs += ms
  }

  /** When the next timer is due, in milliseconds since the start; undefined where there is none. */
  nextDueMs(): number | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.fire !== undefined && !first.scope.isEnded) return first.dueMs
      this.#pop()
    }
    return undefined
  }

  /** Fires the next timer if it is due; answers whether one was. */
  fireDue(): boolean {
    const dueMs = this.nextDueMs()
    if (dueMs === undefined || dueMs > this.#elapsedMs) return false
    const entry = this.#pop()
    const fire = entry?.fire
    if (entry !== undefined) entry.fire = undefined
    fire?.()
    return true
  }

  #start(scope: Scope, delayMs: number, fire: () => void): Timer {
    const entry: Entry = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, scope, fire }
    if (!scope.isEnded) this.#push(entry)
    return {
      cancel: () => {
        entry.fire = undefined
      },
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || isBefore(parent, entry)) break
      heap[at] = parent
      at = above
    }
    heap[at] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      const left = heap[below]
      const right = heap[below + 1]
      if (left === undefined) break
      const child = right !== undefined && isBefore(right, left) ? right : left
      if (child === right) below++
      if (isBefore(last, child)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
    return first
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order)
}
