/** Gathers the writers that a duty cycle has to wake, so that each bell rings once a cycle and not once a partition. */

import type { PartitionSlot } from '../base/ids.ts'
import type { Bell } from '../ring/bell.ts'

/** The writers' bells, and who is to be rung for. */
export class Wakes {
  readonly #bells: readonly Bell[]
  #mask = 0

  constructor(bells: readonly Bell[]) {
    this.#bells = bells
  }

  /** Marks a partition for each writer of `mask`; their bells ring with the next `ring()`. */
  add(slot: PartitionSlot, mask: number): void {
    this.#mask |= mask
    for (let rest = mask; rest !== 0; ) {
      const writer = 31 - Math.clz32(rest)
      this.#bells[writer]?.mark(slot)
      rest &= ~(1 << writer)
    }
  }

  /** Rings for everyone gathered since the last time. */
  ring(): void {
    for (let rest = this.#mask; rest !== 0; ) {
      const writer = 31 - Math.clz32(rest)
      this.#bells[writer]?.ring()
      rest &= ~(1 << writer)
    }
    this.#mask = 0
  }
}
