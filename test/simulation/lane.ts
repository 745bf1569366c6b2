/** A line of messages that arrive one after the other, each when the scheduler lets it. */

import type { Runnable, Scheduler } from './scheduler.ts'

/** First in, first out; lanes overtake one another. */
export class Lane implements Runnable {
  readonly name: string
  readonly #scheduler: Scheduler
  #waiting: (() => void)[] = []
  #isEnded = false

  constructor(scheduler: Scheduler, name: string) {
    this.#scheduler = scheduler
    this.name = name
  }

  post(arrive: () => void): void {
    if (this.#isEnded) return
    this.#waiting.push(arrive)
    this.#scheduler.add(this)
  }

  run(): void {
    const arrive = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#scheduler.remove(this)
    arrive?.()
  }

  /** Nothing arrives any more, now or later. */
  end(): void {
    this.#isEnded = true
    this.#waiting = []
    this.#scheduler.remove(this)
  }
}

/** Lets something happen some time later, in no order with other things; answers how to call it off. */
export function postAlone(scheduler: Scheduler, name: string, arrive: () => void): () => void {
  const runnable: Runnable = {
    name,
    run: () => {
      scheduler.remove(runnable)
      arrive()
    },
  }
  scheduler.add(runnable)
  return () => scheduler.remove(runnable)
}
