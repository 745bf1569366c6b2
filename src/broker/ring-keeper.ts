/** Makes, grows and takes back rings, so that all of them together stay within one budget of memory. */

import { assertDefined } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { PartitionSlot } from '../base/ids.ts'
import type { PartitionSettings } from '../base/topology.ts'
import { slotDistance } from '../ring/cursor.ts'
import { powerOfTwoFrom } from '../ring/layout.ts'
import { RingReclaim } from '../ring/reclaim.ts'
import { Ring } from '../ring/ring.ts'
import type { FrontControl, OwnerControl } from './remotes.ts'

/** Data bytes of a partition's first ring: small, since most partitions carry little. */
export const ringBytesFirst = 256 * 1024
/** A ring that proves too small grows by this factor: few steps from the first size to the largest. */
const growthFactor = 4
/** How many idle rings are taken back at once when the budget is spent, so that the search for them pays. */
const reclaimedAtOnce = 32

/** What the keeper must know of a partition. */
export type KeptPartition = {
  readonly slot: PartitionSlot
  readonly owner: number
  readonly settings: PartitionSettings
}

type Kept = {
  readonly ring: Ring
  readonly memory: SharedArrayBuffer
  readonly partition: KeptPartition
  /** The claim cursor when it was last looked at, and when it was last seen to have moved. */
  lastClaimed: number
  lastMovedMs: number
}

/** The one that decides about rings. Main's own handles to the rings of internal topics come from `ringOf`. */
export class RingKeeper {
  readonly #owners: readonly OwnerControl[]
  readonly #fronts: readonly FrontControl[]
  readonly #clock: Clock
  readonly #ringBytesMax: number
  readonly #memoryBytesMax: number
  readonly #find: (slot: PartitionSlot) => KeptPartition | undefined
  readonly #kept = new Map<PartitionSlot, Kept>()
  /** The change in progress of a partition's ring: the next one waits for it. */
  readonly #changes = new Map<PartitionSlot, Promise<boolean>>()
  readonly #reclaim: RingReclaim
  #bytes = 0

  constructor(options: {
    owners: readonly OwnerControl[]
    fronts: readonly FrontControl[]
    clock: Clock
    ringBytesMax: number
    memoryBytesMax: number
    find: (slot: PartitionSlot) => KeptPartition | undefined
  }) {
    this.#owners = options.owners
    this.#fronts = options.fronts
    this.#clock = options.clock
    this.#reclaim = new RingReclaim(options.clock)
    this.#ringBytesMax = options.ringBytesMax
    this.#memoryBytesMax = options.memoryBytesMax
    this.#find = options.find
  }

  /** Bytes of all rings that are in use now. */
  get bytes(): number {
    return this.#bytes
  }

  /** The ring of a partition, if it has one. */
  ringOf(slot: PartitionSlot): Ring | undefined {
    return this.#kept.get(slot)?.ring
  }

  /**
   * Sees to it that the partition has a ring that takes an entry of `entryBytes`; `isFull` asks for a larger one. False:
   * the partition is gone, the entry can never fit, or the budget is spent on rings that are all busy. What main writes
   * itself (`isMains`) gets a ring beyond the budget too: without its logs nothing could be deleted to make room.
   */
  async ensure(slot: PartitionSlot, entryBytes: number, isFull: boolean, isMains = false): Promise<boolean> {
    const running = this.#changes.get(slot)
    if (running !== undefined) {
      await running.catch(() => false)
      return this.#fits(slot, entryBytes) || this.ensure(slot, entryBytes, false, isMains)
    }
    if (this.#fits(slot, entryBytes) && !isFull) return true
    const change = this.#change(slot, entryBytes, isFull, isMains).finally(() => this.#changes.delete(slot))
    this.#changes.set(slot, change)
    return change
  }

  /** Seals a ring for good and forgets it, for a partition that is being removed. */
  async drop(slot: PartitionSlot): Promise<void> {
    await this.#changes.get(slot)?.catch(() => false)
    const kept = this.#kept.get(slot)
    if (kept === undefined) return
    this.#forget(slot, kept)
    kept.ring.seal()
  }

  /** A sealed ring fits nothing: its owner closed it after an error of the storage, which is over where someone asks again. */
  #fits(slot: PartitionSlot, entryBytes: number): boolean {
    const kept = this.#kept.get(slot)
    return kept !== undefined && !kept.ring.isSealed() && kept.ring.entryBytesMax >= entryBytes
  }

  async #change(slot: PartitionSlot, entryBytes: number, isFull: boolean, isMains: boolean): Promise<boolean> {
    const partition = this.#find(slot)
    if (partition === undefined) return false
    const present = this.#kept.get(slot)
    const dataBytes = this.#dataBytesFor(partition, present, entryBytes, isFull)
    if (dataBytes === undefined) return this.#fits(slot, entryBytes)
    const moreBytes = dataBytes - (present?.ring.dataBytes ?? 0)
    await this.#makeRoom(moreBytes, slot)
    // Looked at only now: another change that waited for the same room may have taken it.
    const fits = this.#fits(slot, entryBytes)
    if (this.#bytes + moreBytes > this.#memoryBytesMax && (fits || !isMains)) return fits
    await this.#replace(partition, present, dataBytes)
    return true
  }

  /** The size of the next ring, or undefined where none larger is to be had. */
  #dataBytesFor(partition: KeptPartition, present: Kept | undefined, entryBytes: number, isFull: boolean) {
    // Twice the entry is what a ring of that size admits; the spare covers alignment.
    const needed = powerOfTwoFrom(2 * entryBytes + 64)
    if (partition.settings.storage === 'ring') {
      const fixed = powerOfTwoFrom(partition.settings.ringBytes)
      return present === undefined && needed <= fixed ? fixed : undefined
    }
    if (present === undefined) return Math.max(Math.min(ringBytesFirst, this.#ringBytesMax), needed)
    if (present.ring.entryBytesMax < entryBytes) return needed
    if (present.ring.isSealed()) return present.ring.dataBytes
    const grown = Math.min(present.ring.dataBytes * growthFactor, this.#ringBytesMax)
    return isFull && grown > present.ring.dataBytes ? grown : undefined
  }

  async #replace(partition: KeptPartition, present: Kept | undefined, dataBytes: number): Promise<void> {
    const memory = Ring.create({ dataBytes })
    const ring = new Ring(memory)
    const kept = { ring, memory, partition, lastClaimed: ring.claimed(), lastMovedMs: this.#clock.nowMs() }
    if (present !== undefined) {
      present.ring.seal()
      this.#forget(partition.slot, present)
    }
    this.#kept.set(partition.slot, kept)
    this.#bytes += memory.byteLength
    await this.#ownerOf(partition).attachRing(partition.slot, memory)
    await Promise.all(this.#fronts.map((front) => front.attachRing(partition.slot, memory)))
  }

  /** Takes back the rings that were idle longest until `bytes` more fit, or no idle one is left. */
  async #makeRoom(bytes: number, except: PartitionSlot): Promise<void> {
    if (this.#bytes + bytes <= this.#memoryBytesMax) return
    const idle = this.#idleRings(except)
    while (this.#bytes + bytes > this.#memoryBytesMax && idle.length > 0) {
      await Promise.all(idle.splice(0, reclaimedAtOnce).map((kept) => this.#takeBack(kept)))
    }
  }

  /** Rings that may be taken back, the one longest unused first. */
  #idleRings(except: PartitionSlot): Kept[] {
    const nowMs = this.#clock.nowMs()
    const idle: Kept[] = []
    for (const [slot, kept] of this.#kept) {
      const claimed = kept.ring.claimed()
      if (claimed !== kept.lastClaimed) {
        kept.lastClaimed = claimed
        kept.lastMovedMs = nowMs
      }
      const isDrained = slotDistance(kept.ring.readable(), claimed) === 0
      if (slot !== except && isDrained && kept.partition.settings.storage !== 'ring' && !this.#changes.has(slot))
        idle.push(kept)
    }
    return idle.sort((a, b) => a.lastMovedMs - b.lastMovedMs)
  }

  async #takeBack(kept: Kept): Promise<void> {
    const { slot } = kept.partition
    // It was found idle before others were taken back: meanwhile it may have been replaced, or be gone already.
    if (this.#kept.get(slot) !== kept || this.#changes.has(slot)) return
    const change = this.#detach(kept).finally(() => this.#changes.delete(slot))
    this.#changes.set(slot, change)
    await change
  }

  async #detach(kept: Kept): Promise<boolean> {
    kept.ring.seal()
    this.#forget(kept.partition.slot, kept)
    await this.#ownerOf(kept.partition).detachRing(kept.partition.slot)
    await Promise.all(this.#fronts.map((front) => front.attachRing(kept.partition.slot, undefined)))
    return false
  }

  #forget(slot: PartitionSlot, kept: Kept): void {
    this.#kept.delete(slot)
    this.#bytes -= kept.memory.byteLength
    this.#reclaim.dropped(kept.ring)
  }

  #ownerOf(partition: KeptPartition): OwnerControl {
    return assertDefined(this.#owners[partition.owner], 'a partition has an owner')
  }
}
