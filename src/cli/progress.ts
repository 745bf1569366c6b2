/** A line on standard error that tells how far the work is. */

import type { Clock } from '../base/clock.ts'
import type { Terminal } from './command.ts'

const redrawMs = 200

/** Counts records and bytes, and shows them now and then where it is switched on. */
export class Progress {
  readonly #terminal: Terminal
  readonly #clock: Clock
  readonly #isOn: boolean
  readonly #verb: string
  readonly #startMs: number
  #drawnMs: number
  #records = 0
  #bytes = 0

  constructor(options: { terminal: Terminal; clock: Clock; isOn: boolean; verb: string }) {
    this.#terminal = options.terminal
    this.#clock = options.clock
    this.#isOn = options.isOn
    this.#verb = options.verb
    this.#startMs = options.clock.monotonicMs()
    this.#drawnMs = this.#startMs
  }

  get records(): number {
    return this.#records
  }

  add(bytes: number): void {
    this.#records++
    this.#bytes += bytes
    if (!this.#isOn) return
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#drawnMs < redrawMs) return
    this.#drawnMs = nowMs
    this.#terminal.warn(`\r${this.#text(nowMs)}`)
  }

  /** Draws the final state and ends the line. */
  end(): void {
    if (this.#isOn) this.#terminal.warn(`\r${this.#text(this.#clock.monotonicMs())}\n`)
  }

  #text(nowMs: number): string {
    const seconds = Math.max(0.001, (nowMs - this.#startMs) / 1_000)
    const rate = Math.round(this.#records / seconds)
    const megabytes = (this.#bytes / 1e6).toFixed(1)
    const records = this.#records.toLocaleString('en-US')
    return `${this.#verb} ${records} records, ${megabytes} MB in ${seconds.toFixed(1)} s (${rate.toLocaleString('en-US')}/s)`
  }
}
