/** The only place that touches time: every other room is handed a Clock, so that tests and simulations can own it. */

/** A timer that can be called off; calling it off twice, or after it fired, does nothing. */
export type Timer = { cancel(): void }

/** Wall-clock time and timers. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC, a whole number. */
  nowMs(): number
  /** Milliseconds of a clock that never goes back, with a fraction; only differences mean something. */
  monotonicMs(): number
  /** Calls `fire` once, `delayMs` (≥ 0) from now. A pending timer does not keep the process alive. */
  startTimer(delayMs: number, fire: () => void): Timer
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  startTimer(delayMs, fire) {
    // Node fires at once for delays above 2^31 - 1 ms; 24 days is for ever here, and the timer's user looks again.
    const handle = setTimeout(fire, Math.min(delayMs, 2_147_483_647))
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** A clock that moves only when told to: sessions and retention expire at once in tests. */
export class VirtualClock implements Clock {
  #nowMs: number
  #sequence = 0
  readonly #timers = new Set<{ dueMs: number; sequence: number; fire: () => void }>()

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  startTimer(delayMs: number, fire: () => void): Timer {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, fire }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  /** Moves time forward and fires, in order of due time, each timer on its way (also those that fired timers start). */
  advance(byMs: number): void {
    const targetMs = this.#nowMs + byMs
    for (;;) {
      const timer = this.#firstDueBy(targetMs)
      if (timer === undefined) break
      this.#timers.delete(timer)
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      timer.fire()
    }
    this.#nowMs = targetMs
  }

  #firstDueBy(targetMs: number): { dueMs: number; sequence: number; fire: () => void } | undefined {
    let first: { dueMs: number; sequence: number; fire: () => void } | undefined
    for (const timer of this.#timers) {
      if (timer.dueMs > targetMs) continue
      if (
        first === undefined ||
        timer.dueMs < first.dueMs ||
        (timer.dueMs === first.dueMs && timer.sequence < first.sequence)
      ) {
        first = timer
      }
    }
    return first
  }
}
