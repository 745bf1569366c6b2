/** The transactions of one partition: whose data it takes, where open ones begin, and what that keeps from careful readers. */

import type { Offset } from '../base/ids.ts'

type Ended = { readonly firstOffset: Offset; readonly markerOffset: Offset }

/** Bounded by the coordinator: a producer has one transaction at a time. */
export class Transactions {
  /** The epoch with which a producer may write; never in the log, as the coordinator says it anew after a restart. */
  readonly #opened = new Map<number, number>()
  /** Where the data of a producer's transaction begins, earliest first. */
  readonly #ongoing = new Map<number, Offset>()
  /** Those whose marker is not readable yet, in the order of their markers. */
  #ended: Ended[] = []

  /** From now on the producer may write with this epoch. */
  open(producerId: number, producerEpoch: number): void {
    this.#opened.set(producerId, producerEpoch)
  }

  /** Those that another one of the same partition has opened are open here too. */
  adopt(other: Transactions): void {
    for (const [producerId, producerEpoch] of other.#opened) this.open(producerId, producerEpoch)
  }

  /** The epoch that a producer's transaction was opened for; -1 where none is. */
  openedEpoch(producerId: number): number {
    return this.#opened.get(producerId) ?? -1
  }

  isOngoing(producerId: number): boolean {
    return this.#ongoing.has(producerId)
  }

  /** Notes a batch of a transaction; only the first one moves anything. Call it in offset order. */
  wrote(producerId: number, baseOffset: Offset): void {
    if (!this.#ongoing.has(producerId)) this.#ongoing.set(producerId, baseOffset)
  }

  /** Ends a producer's transaction; answers where its data began, undefined where it had none. */
  end(producerId: number, markerOffset: Offset): Offset | undefined {
    this.#opened.delete(producerId)
    const firstOffset = this.#ongoing.get(producerId)
    if (firstOffset === undefined) return undefined
    this.#ongoing.delete(producerId)
    this.#ended.push({ firstOffset, markerOffset })
    return firstOffset
  }

  /** Where the earliest open transaction begins; undefined where none has data. */
  firstOngoing(): Offset | undefined {
    for (const firstOffset of this.#ongoing.values()) return firstOffset
    return undefined
  }

  /** The offset before which readers may see all that lies below `highWatermark`, without a transaction that is undecided. */
  lastStableOffset(highWatermark: Offset): Offset {
    let stable = Math.min(highWatermark, this.firstOngoing() ?? highWatermark)
    if (this.#ended.length === 0) return stable
    this.#ended = this.#ended.filter(({ markerOffset }) => markerOffset >= highWatermark)
    for (const { firstOffset } of this.#ended) stable = Math.min(stable, firstOffset)
    return stable
  }
}
