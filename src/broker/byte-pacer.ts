/** Holds work back so that it moves no more than so many bytes a second. */

import type { Clock } from '../base/clock.ts'

export class BytePacer {
  readonly #clock: Clock
  /** When what was let through is paid for. */
  #paidAtMs = 0
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when `bytes`, which have been moved, are paid for at a rate; at once for an infinite one. */
  async pass(bytes: number, bytesPerSecondMax: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs()
    this.#paidAtMs = Math.max(this.#paidAtMs, nowMs) + (bytes / bytesPerSecondMax) * 1000
    const waitMs = this.#paidAtMs - nowMs
    if (waitMs < 1) return
    await new Promise<void>((resolve) => {
      const go = (): void => {
        timer.cancel()
        this.#waiting.delete(go)
        resolve()
      }
      const timer = this.#clock.startTimer(waitMs, go)
      this.#waiting.add(go)
    })
  }

  /** Lets everything pass that waits now. */
  release(): void {
    for (const go of [...this.#waiting]) go()
  }
}
