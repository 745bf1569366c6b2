/** Main as a writer of rings: publishes entries in order, partition by partition, and settles each once its outcome is known. */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { PartitionSlot } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Bell } from '../ring/bell.ts'
import { ENTRY_TOO_LARGE, RING_FULL, RING_SEALED, slotDistance } from '../ring/cursor.ts'
import type { Ring } from '../ring/ring.ts'
import type { EntryKind } from '../ring/slot.ts'
import { PartitionState, type PartitionTable } from '../ring/table.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import type { KeptPartition, RingKeeper } from './ring-keeper.ts'

/** Main's number among the writers of rings. */
export const mainWriter = 0
/** How long a partition whose ring cannot be had waits before it asks again. */
const ringRetryMs = 20

/** An entry for a partition's ring. `settle` is called exactly once, never before `append` returns. */
export type MainEntry = {
  readonly bytes: Buffer
  readonly kind: EntryKind
  readonly settle: (errorCode: number) => void
}

type InFlight = { readonly ring: Ring; readonly slotNumber: number; readonly entry: MainEntry }

type Line = {
  readonly slot: PartitionSlot
  /** Not yet in a ring. */
  readonly backlog: MainEntry[]
  /** In a ring but not yet readable, oldest first. */
  readonly inFlight: InFlight[]
  isAskingForRing: boolean
}

/** Bounded by its users: the journal stops the desk when too much waits, and each transaction writes one entry a partition. */
export class RingWriter {
  readonly #lines = new Map<PartitionSlot, Line>()
  readonly #unpublished = new Set<Line>()
  readonly #keeper: RingKeeper
  readonly #find: (slot: PartitionSlot) => KeptPartition | undefined
  readonly #table: PartitionTable
  readonly #ownerBells: readonly Bell[]
  readonly #bell: Bell
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(options: {
    keeper: RingKeeper
    find: (slot: PartitionSlot) => KeptPartition | undefined
    table: PartitionTable
    ownerBells: readonly Bell[]
    bell: Bell
    clock: Clock
    logger: Logger
  }) {
    this.#keeper = options.keeper
    this.#find = options.find
    this.#table = options.table
    this.#ownerBells = options.ownerBells
    this.#bell = options.bell
    this.#clock = options.clock
    this.#logger = options.logger
  }

  /** Takes an entry; it is published by the next `doWork`. The outcome of a partition that is gone is UNKNOWN_TOPIC_OR_PARTITION. */
  append(slot: PartitionSlot, entry: MainEntry): void {
    const line = this.#lineOf(slot)
    line.backlog.push(entry)
    this.#unpublished.add(line)
    this.#bell.ring()
  }

  /** A step of main's duty cycle; answers how much was done. */
  doWork(): number {
    let work = 0
    for (const line of [...this.#unpublished]) work += this.#publish(line)
    return work
  }

  /** A partition's readable cursor moved, or room was made in its ring. */
  progress(slot: PartitionSlot): number {
    const line = this.#lines.get(slot)
    if (line === undefined) return 0
    const work = this.#settleReadable(line) + this.#publish(line)
    if (line.backlog.length + line.inFlight.length === 0 && !line.isAskingForRing) this.#lines.delete(slot)
    return work
  }

  #lineOf(slot: PartitionSlot): Line {
    let line = this.#lines.get(slot)
    if (line === undefined) {
      line = { slot, backlog: [], inFlight: [], isAskingForRing: false }
      this.#lines.set(slot, line)
    }
    return line
  }

  #publish(line: Line): number {
    let published = 0
    while (!line.isAskingForRing) {
      const entry = line.backlog[0]
      if (entry === undefined) break
      const refusal = this.#refusalOf(line.slot)
      if (refusal !== ErrorCode.NONE) {
        line.backlog.shift()
        entry.settle(refusal)
        continue
      }
      if (!this.#tryPublish(line, entry)) break
      line.backlog.shift()
      published++
    }
    if (line.backlog.length === 0) this.#unpublished.delete(line)
    if (published > 0) this.#watch(line)
    return published
  }

  /** What a partition that takes no more entries owes those that wait: its ring stays sealed, and it gets no other. */
  #refusalOf(slot: PartitionSlot): number {
    if (this.#find(slot) === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    switch (this.#table.state(slot)) {
      case PartitionState.failed:
        return ErrorCode.KAFKA_STORAGE_ERROR
      case PartitionState.removed:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      default:
        return ErrorCode.NONE
    }
  }

  #tryPublish(line: Line, entry: MainEntry): boolean {
    const { bytes, kind } = entry
    const ring = this.#keeper.ringOf(line.slot)
    const slotNumber = ring === undefined ? RING_SEALED : ring.append(bytes, 0, bytes.length, mainWriter, kind)
    if (ring === undefined || slotNumber === RING_SEALED || slotNumber === ENTRY_TOO_LARGE) {
      this.#askForRing(line, bytes.length, false)
      return false
    }
    if (slotNumber === RING_FULL) {
      this.#table.addRoomInterest(line.slot, mainWriter)
      this.#askForRing(line, bytes.length, true)
      this.#ringOwner(line)
      return false
    }
    line.inFlight.push({ ring, slotNumber, entry })
    return true
  }

  #settleReadable(line: Line): number {
    const settled: { readonly entry: MainEntry; readonly errorCode: number }[] = []
    for (const { ring, slotNumber, entry } of line.inFlight) {
      if (slotDistance(slotNumber, ring.readable()) < 1) break
      settled.push({ entry, errorCode: ring.outcome(slotNumber) })
      ring.markAnswered(slotNumber)
    }
    line.inFlight.splice(0, settled.length)
    const hasFailed = settled.some(({ errorCode }) => errorCode === ErrorCode.KAFKA_STORAGE_ERROR)
    // The partition may be back already: what comes after something that was refused must not get there without it.
    const refused = hasFailed ? line.backlog.splice(0) : []
    for (const { entry, errorCode } of settled) entry.settle(errorCode)
    for (const entry of refused) entry.settle(ErrorCode.KAFKA_STORAGE_ERROR)
    if (line.inFlight.length > 0) this.#watch(line)
    return settled.length
  }

  /** Owners take interest each time they ring: it is shown anew for what still waits, and then looked at once more. */
  #watch(line: Line): void {
    this.#table.addInterest(line.slot, mainWriter)
    this.#ringOwner(line)
    const first = line.inFlight[0]
    if (first !== undefined && slotDistance(first.slotNumber, first.ring.readable()) >= 1) {
      this.#bell.markAndRing(line.slot)
    }
  }

  #askForRing(line: Line, entryBytes: number, isFull: boolean): void {
    line.isAskingForRing = true
    const before = this.#keeper.ringOf(line.slot)
    const again = (): void => {
      line.isAskingForRing = false
      this.#bell.markAndRing(line.slot)
    }
    const later = (): void => void this.#clock.startTimer(ringRetryMs, again)
    this.#keeper.ensure(line.slot, entryBytes, isFull, true).then(
      // An unchanged ring that was full is still full: asking again at once would spin.
      (isThere) => (isThere && this.#keeper.ringOf(line.slot) !== before ? again() : later()),
      (thrown: unknown) => {
        this.#logger.error(`no ring for partition ${line.slot}: ${messageOf(thrown)}`)
        later()
      },
    )
  }

  #ringOwner(line: Line): void {
    const owner = this.#find(line.slot)?.owner
    if (owner !== undefined) this.#ownerBells[owner]?.markAndRing(line.slot)
  }
}
