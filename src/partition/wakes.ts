/** Gathers the writers that a duty cycle has to wake, so that each bell rings once a cycle and not once a partition. */

import type { PartitionSlot } from '../base/ids.ts'
import type { Bell } from '../ring/bell.ts'

/**
 * Once this much has been persisted for those who wait, they are rung for at once: answers to large batches then leave while
 * the cycle goes on with other partitions, instead of all at its end. Small batches still share one ring a cycle.
 */
export const earlyRingBytes = 128 * 1024

/** The writers' bells, and who is to be rung for. */
export class Wakes {
  readonly #bells: readonly Bell[]
  #mask = 0
  #persistedBytes = 0

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

  /** Counts what was persisted for those gathered so far; rings for them when that has become much. */
  persisted(bytes: number): void {
    this.#persistedBytes += bytes
    if (this.#persistedBytes >= earlyRingBytes) this.ring()
  }

  /** Rings for everyone gathered since the last time. */
  ring(): void {
    this.#persistedBytes = 0
    for (let rest = this.#mask; rest !== 0; ) {
      const writer = 31 - Math.clz32(rest)
      this.#bells[writer]?.ring()
      rest &= ~(1 << writer)
    }
    this.#mask = 0
  }
}
