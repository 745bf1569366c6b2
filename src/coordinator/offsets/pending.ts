/** Offsets that a group's members committed within transactions: they count once the transaction's commit is in the log. */

import type { CommittedOffset } from './state.ts'

type Place = { readonly topic: string; readonly partition: number }

/** An offset, and whether a later commit for its partition counts in its stead. */
type PendingOffset = Place & { readonly committed: CommittedOffset; readonly order: number; isOutdated: boolean }

/** One group's. The order of calls is that of the log. */
export class PendingOffsets {
  /** By producer id, then place. A producer without offsets has no entry. */
  readonly #byProducer = new Map<number, Map<string, PendingOffset>>()
  #order = 0

  get isEmpty(): boolean {
    return this.#byProducer.size === 0
  }

  /** Takes an offset of a producer's open transaction; an earlier one of it for the same partition is forgotten. */
  add(producerId: number, { topic, partition }: Place, committed: CommittedOffset): void {
    this.#order += 1
    const pending = { topic, partition, committed, order: this.#order, isOutdated: false }
    const offsets = this.#byProducer.get(producerId)
    if (offsets === undefined) this.#byProducer.set(producerId, new Map([[placeKey(pending), pending]]))
    else offsets.set(placeKey(pending), pending)
  }

  /** An offset was committed outside of transactions: those before it will not count. */
  outdate(place: Place): void {
    this.#outdate(place, this.#order)
  }

  /** Forgets what is pending for a partition. */
  remove(place: Place): void {
    const key = placeKey(place)
    for (const [producerId, offsets] of this.#byProducer) {
      offsets.delete(key)
      if (offsets.size === 0) this.#byProducer.delete(producerId)
    }
  }

  /** Ends a producer's transaction; answers with the offsets that count from here on. */
  end(producerId: number, isCommit: boolean): (Place & { readonly committed: CommittedOffset })[] {
    const offsets = this.#byProducer.get(producerId)
    this.#byProducer.delete(producerId)
    if (offsets === undefined || !isCommit) return []
    const counting = [...offsets.values()].filter(({ isOutdated }) => !isOutdated)
    for (const pending of counting) this.#outdate(pending, pending.order)
    return counting
  }

  /** Whether an open transaction may change the partition's offset. */
  has(place: Place): boolean {
    const key = placeKey(place)
    for (const offsets of this.#byProducer.values()) if (offsets.has(key)) return true
    return false
  }

  /** Every partition that an open transaction may change, once; only those of `topic` where it is given. */
  places(topic?: string): Place[] {
    const places = new Map<string, Place>()
    for (const offsets of this.#byProducer.values()) {
      for (const [key, pending] of offsets) {
        if (topic === undefined || pending.topic === topic) places.set(key, pending)
      }
    }
    return [...places.values()]
  }

  #outdate(place: Place, order: number): void {
    const key = placeKey(place)
    for (const offsets of this.#byProducer.values()) {
      const pending = offsets.get(key)
      if (pending !== undefined && pending.order <= order) pending.isOutdated = true
    }
  }
}

function placeKey({ topic, partition }: Place): string {
  return `${topic}/${partition}`
}
