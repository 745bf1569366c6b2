/** Fetches that wait for data: woken by their partitions' progress, by the clock, or by the end. */

import type { Parked, Parking } from '../api/ports.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { PartitionSlot } from '../base/ids.ts'
import type { PartitionTable } from '../ring/table.ts'

type Entry = { readonly parked: Parked; timer: Timer | undefined }

export class FetchParking implements Parking {
  readonly #table: PartitionTable
  readonly #writer: number
  readonly #clock: Clock
  readonly #parkedMax: number
  readonly #within: (work: () => void) => void
  readonly #bySlot = new Map<PartitionSlot, Set<Entry>>()
  readonly #byConnection = new Map<string, Set<Entry>>()
  readonly #entries = new Set<Entry>()

  constructor(options: {
    readonly table: PartitionTable
    readonly writer: number
    readonly clock: Clock
    readonly parkedMax: number
    /** Wraps what a timer does. */
    readonly within: (work: () => void) => void
  }) {
    this.#table = options.table
    this.#writer = options.writer
    this.#clock = options.clock
    this.#parkedMax = options.parkedMax
    this.#within = options.within
  }

  get count(): number {
    return this.#entries.size
  }

  park(parked: Parked): boolean {
    if (this.#entries.size >= this.#parkedMax) return false
    const entry: Entry = { parked, timer: undefined }
    this.#entries.add(entry)
    entriesAt(this.#byConnection, parked.connectionId).add(entry)
    for (const slot of parked.slots) {
      entriesAt(this.#bySlot, slot).add(entry)
      this.#table.addInterest(slot, this.#writer)
    }
    // Only now: what came before the interest was seen must not be slept through.
    if (parked.isSatisfied()) this.#wake(entry)
    else entry.timer = this.#clock.startTimer(parked.waitMs, () => this.#within(() => this.#wake(entry)))
    return true
  }

  /** The partition has moved. */
  check(slot: PartitionSlot): number {
    const entries = this.#bySlot.get(slot)
    if (entries === undefined) return 0
    this.#table.addInterest(slot, this.#writer)
    let woken = 0
    for (const entry of entries) {
      if (!entry.parked.isSatisfied()) continue
      this.#wake(entry)
      woken += 1
    }
    return woken
  }

  wakeAll(): void {
    for (const entry of this.#entries) this.#wake(entry)
  }

  /** Wakes the fetches of a connection whose client has no more to say. */
  connectionEnded(connectionId: string): void {
    for (const entry of this.#byConnection.get(connectionId) ?? []) this.#wake(entry)
  }

  /** Forgets the fetches of a connection that is gone. */
  connectionClosed(connectionId: string): void {
    for (const entry of this.#byConnection.get(connectionId) ?? []) this.#forget(entry)
  }

  #wake(entry: Entry): void {
    if (this.#forget(entry)) entry.parked.wake()
  }

  #forget(entry: Entry): boolean {
    if (!this.#entries.delete(entry)) return false
    entry.timer?.cancel()
    deleteAt(this.#byConnection, entry.parked.connectionId, entry)
    for (const slot of entry.parked.slots) deleteAt(this.#bySlot, slot, entry)
    return true
  }
}

function entriesAt<Key>(map: Map<Key, Set<Entry>>, key: Key): Set<Entry> {
  let entries = map.get(key)
  if (entries === undefined) {
    entries = new Set()
    map.set(key, entries)
  }
  return entries
}

function deleteAt<Key>(map: Map<Key, Set<Entry>>, key: Key, entry: Entry): void {
  const entries = map.get(key)
  entries?.delete(entry)
  if (entries?.size === 0) map.delete(key)
}
