/** Watches what all threads can see of the partitions: cursors in order, offsets that never go back, and who has which ring. */

import { assert } from '../../src/base/assert.ts'
import type { OpenPartition, Topology } from '../../src/base/topology.ts'
import type { OwnerControl } from '../../src/broker/remotes.ts'
import { Ring } from '../../src/ring/ring.ts'
import { PartitionTable } from '../../src/ring/table.ts'

type Watched = {
  readonly open: OpenPartition
  ring: Ring | undefined
  highWatermark: number
  lastStableOffset: number
  startOffset: number
}

/** Looks at one life. */
export class RingWatch {
  readonly #table: PartitionTable
  readonly #watched = new Map<number, Watched>()

  constructor(topology: Topology) {
    this.#table = new PartitionTable(topology.table)
  }

  /** Listens to what an owner is told, to know its partitions and rings. */
  owner(owner: OwnerControl): OwnerControl {
    return {
      ...owner,
      open: async (partitions) => {
        const opened = await owner.open(partitions)
        for (const open of partitions) {
          this.#watched.set(open.slot, { open, ring: undefined, highWatermark: 0, lastStableOffset: 0, startOffset: 0 })
        }
        return opened
      },
      attachRing: (slot, memory) => {
        const watched = this.#watched.get(slot)
        if (watched !== undefined) watched.ring = new Ring(memory)
        return owner.attachRing(slot, memory)
      },
      detachRing: (slot) => {
        const watched = this.#watched.get(slot)
        if (watched !== undefined) watched.ring = undefined
        return owner.detachRing(slot)
      },
      remove: (slots) => {
        for (const slot of slots) this.#watched.delete(slot)
        return owner.remove(slots)
      },
    }
  }

  /** The newest ring of a partition. */
  ringOf(topic: string, partition: number): { readonly slot: number; readonly ring: Ring } | undefined {
    for (const [slot, { open, ring }] of this.#watched) {
      if (open.topic === topic && open.partition === partition && ring !== undefined) return { slot, ring }
    }
    return undefined
  }

  /** How far a partition can be read; 0 where it is not known. */
  highWatermarkOf(topic: string, partition: number): number {
    for (const [slot, { open }] of this.#watched) {
      if (open.topic === topic && open.partition === partition) return this.#table.highWatermark(slot)
    }
    return 0
  }

  /** Throws where something is out of order. */
  check(): void {
    for (const [slot, watched] of this.#watched) {
      const { open } = watched
      watched.ring?.assertOrder()
      const highWatermark = this.#table.highWatermark(slot)
      const lastStableOffset = this.#table.lastStableOffset(slot)
      const startOffset = this.#table.logStartOffset(slot)
      const where = `${open.topic}-${open.partition}`
      assert(highWatermark >= watched.highWatermark, `the high watermark of ${where} went back to ${highWatermark}`)
      assert(lastStableOffset >= watched.lastStableOffset, `the last stable offset of ${where} went back`)
      assert(lastStableOffset <= highWatermark, `the last stable offset of ${where} passed its high watermark`)
      const before = watched.startOffset
      assert(startOffset >= before, `the log start of ${where} went back from ${before} to ${startOffset}`)
      assert(startOffset <= highWatermark, `the log start of ${where} passed its high watermark`)
      watched.highWatermark = highWatermark
      watched.lastStableOffset = lastStableOffset
      watched.startOffset = startOffset
    }
  }
}
