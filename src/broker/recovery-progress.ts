/** Tells the console how far the recovery of many folders is, without a line for each of them. */

import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { type Recovery, recoveryText } from '../base/topology.ts'

/** There is no more than one line of progress in this time. */
export const progressEveryMs = 2_000

/** So many partitions get a line each; of more, only so many that were repaired: somebody has to read it. */
export const partitionsNamedMax = 20

const mebibyte = 1024 * 1024

export class RecoveryProgress {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #partitions: number
  readonly #bytes: number
  readonly #startMs: number
  #saidMs: number
  #partitionsDone = 0
  #bytesDone = 0
  #checkedBytes = 0
  #repaired = 0

  /** `reason` is why they are checked; `bytes` is what all together have to check, as far as is known. */
  constructor(options: { reason: string; clock: Clock; logger: Logger; partitions: number; bytes: number }) {
    this.#clock = options.clock
    this.#logger = options.logger
    this.#partitions = options.partitions
    this.#bytes = options.bytes
    this.#startMs = this.#clock.monotonicMs()
    this.#saidMs = this.#startMs
    this.#logger.info(`${options.reason}: checking ${this.#partitions} partitions, ${sizeText(this.#bytes)}`)
  }

  /** A partition with `bytes` to check is done. */
  finished(name: string, bytes: number, recovery: Recovery): void {
    this.#partitionsDone++
    this.#bytesDone += bytes
    this.#checkedBytes += recovery.checkedBytes
    this.#name(name, recovery)
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#saidMs < progressEveryMs || this.#partitionsDone === this.#partitions) return
    this.#saidMs = nowMs
    const left = secondsText(this.#msLeft(nowMs))
    const done = `${this.#partitionsDone} of ${this.#partitions} partitions`
    this.#logger.info(`checked ${done}, ${sizeText(this.#bytesDone)} of ${sizeText(this.#bytes)}, about ${left} left`)
  }

  /** All are done. */
  end(): void {
    const took = secondsText(this.#clock.monotonicMs() - this.#startMs)
    const repaired = this.#repaired === 0 ? 'none had to be repaired' : `${this.#repaired} were repaired`
    this.#logger.info(
      `checked all ${this.#partitions} partitions, ${sizeText(this.#checkedBytes)}, in ${took}: ${repaired}`,
    )
  }

  #name(name: string, recovery: Recovery): void {
    const line = `${name}: ${recoveryText(recovery)}`
    const isRepaired = recovery.repairs !== ''
    if (isRepaired) this.#repaired++
    const isNamed = isRepaired
      ? this.#repaired <= partitionsNamedMax
      : this.#partitions <= partitionsNamedMax && recovery.checkedBytes > 0
    if (isNamed) this.#logger.info(line)
    else this.#logger.debug(line)
    if (isRepaired && this.#repaired === partitionsNamedMax) {
      this.#logger.info('what else is repaired is told with --log-level debug')
    }
  }

  /** Bytes tell best what is left; where there are none, partitions do. */
  #msLeft(nowMs: number): number {
    const share = this.#bytes > 0 ? this.#bytesDone / this.#bytes : this.#partitionsDone / this.#partitions
    return share === 0 ? 0 : ((nowMs - this.#startMs) * (1 - share)) / share
  }
}

function sizeText(bytes: number): string {
  return bytes < 10 * mebibyte ? `${(bytes / 1024).toFixed(0)} KiB` : `${(bytes / mebibyte).toFixed(0)} MiB`
}

function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
