/** Gives partitions their place: an index in the partition table and an owner thread. */

import type { PartitionSlot } from '../base/ids.ts'

/** Where a partition lives while this broker runs. */
export type Place = { readonly slot: PartitionSlot; readonly owner: number }

/** Hands out places; those given back are used again only when no fresh one is left, so that stale marks find nobody. */
export class Placement {
  readonly #capacity: number
  readonly #load: number[]
  readonly #free: PartitionSlot[] = []
  #next = 0

  /** `capacity` is the partition table's; `owners` is how many owner threads there are, at least 1. */
  constructor({ capacity, owners }: { capacity: number; owners: number }) {
    this.#capacity = capacity
    this.#load = new Array<number>(owners).fill(0)
  }

  /** How many more partitions fit. */
  get room(): number {
    return this.#capacity - this.#next + this.#free.length
  }

  /** A place at the owner that has the fewest partitions; undefined when the table is full. */
  take(): Place | undefined {
    const slot = this.#next < this.#capacity ? this.#next++ : this.#free.shift()
    if (slot === undefined) return undefined
    let owner = 0
    for (let candidate = 1; candidate < this.#load.length; candidate++) {
      if ((this.#load[candidate] ?? 0) < (this.#load[owner] ?? 0)) owner = candidate
    }
    this.#load[owner] = (this.#load[owner] ?? 0) + 1
    return { slot, owner }
  }

  /** Takes a place back once every thread has let go of it. */
  giveBack(place: Place): void {
    this.#load[place.owner] = (this.#load[place.owner] ?? 0) - 1
    this.#free.push(place.slot)
  }
}
