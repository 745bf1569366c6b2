/** Batches that were claimed and wait to be readable: settles them in order, and marks their slots answered in any case. */

import type { Settlement } from '../api/ports.ts'
import type { PartitionSlot } from '../base/ids.ts'
import { slotDistance } from '../ring/cursor.ts'
import type { Ring } from '../ring/ring.ts'
import type { PartitionTable } from '../ring/table.ts'
import { ErrorCode } from '../wire/generated/errors.ts'

type Waiting = {
  readonly ring: Ring
  readonly ringSlot: number
  readonly settlement: Settlement
  readonly index: number
}

/** A first-in-first-out queue a partition. What waits here is bounded by the slots of the rings. */
export class Pending {
  readonly #table: PartitionTable
  readonly #writer: number
  readonly #queues = new Map<PartitionSlot, { items: Waiting[]; first: number }>()
  #count = 0

  constructor(table: PartitionTable, writer: number) {
    this.#table = table
    this.#writer = writer
  }

  get count(): number {
    return this.#count
  }

  add(slot: PartitionSlot, waiting: Waiting): void {
    let queue = this.#queues.get(slot)
    if (queue === undefined) {
      queue = { items: [], first: 0 }
      this.#queues.set(slot, queue)
    }
    queue.items.push(waiting)
    this.#count += 1
  }

  /** Settles what has become readable and asks for a bell for the rest; answers how many were settled. */
  check(slot: PartitionSlot): number {
    const queue = this.#queues.get(slot)
    if (queue === undefined) return 0
    let settled = this.#settle(queue)
    if (queue.first < queue.items.length) {
      this.#table.addInterest(slot, this.#writer)
      // Once more: it may have become readable before the owner could see that somebody waits.
      settled += this.#settle(queue)
    }
    if (queue.first === queue.items.length) this.#queues.delete(slot)
    return settled
  }

  #settle(queue: { items: Waiting[]; first: number }): number {
    const before = queue.first
    for (;;) {
      const waiting = queue.items[queue.first]
      if (waiting === undefined) break
      const { ring, ringSlot } = waiting
      if (slotDistance(ringSlot, ring.readable()) <= 0) break
      queue.first += 1
      const errorCode = ring.outcome(ringSlot)
      const baseOffset = ring.baseOffset(ringSlot)
      const timeMs = ring.logAppendTime(ringSlot)
      const refused = isFaultOfRecords(errorCode) ? Buffer.from(ring.view(ringSlot)) : undefined
      // After this the slot's memory may be another's at any moment.
      ring.markAnswered(ringSlot)
      waiting.settlement.settled(waiting.index, errorCode, baseOffset, timeMs, refused)
    }
    const settled = queue.first - before
    this.#count -= settled
    if (queue.first > 1_024 && queue.first * 2 > queue.items.length) {
      queue.items.splice(0, queue.first)
      queue.first = 0
    }
    return settled
  }
}

/** Producers are told which records caused these. */
function isFaultOfRecords(errorCode: number): boolean {
  return errorCode === ErrorCode.INVALID_TIMESTAMP || errorCode === ErrorCode.INVALID_RECORD
}
