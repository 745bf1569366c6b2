/** What lies where in one partition, learned from acknowledgements and reads, through power cuts that take the tail away. */

import type { Findings } from './anomalies.ts'

/** A power cut, and how far the log that was there before it has shown itself again since. */
type Cut = { readonly at: number; readonly kept: number; survivedTo: number }

/** From before a cut: perhaps gone, perhaps still there. */
type Doubtful = { readonly value: number; readonly seenAt: number }

export type PartitionLogOptions = {
  readonly partition: number
  readonly findings: Findings
  /** Whether a value may well be there twice. */
  readonly mayRepeat: (value: number) => boolean
}

export class PartitionLog {
  readonly #partition: number
  readonly #findings: Findings
  readonly #mayRepeat: (value: number) => boolean
  readonly #valueAt = new Map<number, number>()
  readonly #offsetOf = new Map<number, number>()
  /** When what lies at an offset was last seen there, as a place in the history. Only kept where it matters: see `cut`. */
  readonly #doubtfulAt = new Map<number, Doubtful>()
  readonly #cuts: Cut[] = []
  #end = 0

  constructor({ partition, findings, mayRepeat }: PartitionLogOptions) {
    this.#partition = partition
    this.#findings = findings
    this.#mayRepeat = mayRepeat
  }

  /** The value that lies at an offset since the last cut; undefined: none that anyone has seen. */
  valueAt(offset: number): number | undefined {
    return this.#valueAt.get(offset)
  }

  /** The end of what was ever seen. */
  get end(): number {
    return this.#end
  }

  /** A value was acknowledged at, or read from, an offset. */
  observe(offset: number, value: number): void {
    const known = this.#valueAt.get(offset)
    if (known === value) return
    if (known !== undefined) {
      this.#findings.add(
        'inconsistent-offsets',
        () => `partition ${this.#partition}, offset ${offset}: value ${known} and value ${value}`,
      )
      return
    }
    const doubtful = this.#doubtfulAt.get(offset)
    this.#doubtfulAt.delete(offset)
    if (doubtful?.value === value) this.#survive(offset, doubtful.seenAt)
    const place = this.#offsetOf.get(value)
    if (place !== undefined && place !== offset && !this.#mayRepeat(value)) {
      this.#findings.add(
        'duplicate',
        () => `partition ${this.#partition}: value ${value} at offset ${place} and at offset ${offset}`,
      )
    }
    this.#valueAt.set(offset, value)
    this.#offsetOf.set(value, offset)
    this.#end = Math.max(this.#end, offset + 1)
  }

  /** What lies at or behind `kept` may be gone from now on. */
  cut(kept: number, at: number): void {
    for (let offset = kept; offset < this.#end; offset++) {
      const value = this.#valueAt.get(offset)
      if (value === undefined) continue
      this.#valueAt.delete(offset)
      if (this.#offsetOf.get(value) === offset) this.#offsetOf.delete(value)
      this.#doubtfulAt.set(offset, { value, seenAt: at })
    }
    this.#cuts.push({ at, kept, survivedTo: kept })
  }

  /**
   * Whether a cut excuses that what was there at `since` is gone: it lay behind what was kept, and nothing that lay behind it
   * then is still there, since only whole tails may go.
   */
  mayHaveLost(offset: number, since: number): boolean {
    return this.#cuts.some(({ at, survivedTo }) => since < at && offset >= survivedTo)
  }

  #survive(offset: number, seenAt: number): void {
    for (const cut of this.#cuts) {
      if (cut.at >= seenAt && offset >= cut.survivedTo) cut.survivedTo = offset + 1
    }
  }
}
