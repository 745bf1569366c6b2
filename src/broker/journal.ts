/** The coordinator's door to its internal logs: appends go through the same rings as everyone's, as writer 0. */

import { assertDefined } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Offset, PartitionSlot } from '../base/ids.ts'
import { partitionKey } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Journal, JournalRecord, JournalTopic } from '../coordinator/ports.ts'
import type { LogReader } from '../log/local/reader.ts'
import type { Bell } from '../ring/bell.ts'
import { ENTRY_TOO_LARGE, RING_FULL, RING_SEALED, slotDistance } from '../ring/cursor.ts'
import type { Ring } from '../ring/ring.ts'
import type { PartitionTable } from '../ring/table.ts'
import { ErrorCode, errorName } from '../wire/generated/errors.ts'
import { batchIsControl, buildBatch, eachBatch, readRecords } from '../wire/record-batch.ts'
import type { RingKeeper } from './ring-keeper.ts'

/** Main's number among the writers of rings. */
export const mainWriter = 0
/** Records that wait for the owners, over all internal logs; beyond that no new request is taken on. */
export const journalRecordsMax = 50_000
/** How long a partition whose ring cannot be had waits before it asks again. */
const ringRetryMs = 20

type Waiting = {
  readonly batch: Buffer
  readonly recordCount: number
  readonly settle: (errorCode: number) => void
}
type InFlight = { readonly ring: Ring; readonly slotNumber: number; readonly waiting: Waiting }

type JournalPartition = {
  readonly name: string
  readonly slot: PartitionSlot
  readonly owner: number
  readonly reader: LogReader
  /** Appended but not yet in a ring. */
  backlog: Waiting[]
  /** In a ring but not yet readable, oldest first. */
  inFlight: InFlight[]
  /** The error that every append gets until the partition was loaded again. */
  failedWith: number
  isAskingForRing: boolean
}

/** The journal over rings. `doWork` belongs to main's duty cycle: it publishes what was appended and settles what is readable. */
export class RingJournal implements Journal {
  readonly #partitions = new Map<string, JournalPartition>()
  readonly #bySlot = new Map<PartitionSlot, JournalPartition>()
  readonly #unpublished = new Set<JournalPartition>()
  readonly #keeper: RingKeeper
  readonly #table: PartitionTable
  readonly #ownerBells: readonly Bell[]
  readonly #bell: Bell
  readonly #clock: Clock
  readonly #logger: Logger
  #recordCount = 0

  constructor(options: {
    keeper: RingKeeper
    table: PartitionTable
    ownerBells: readonly Bell[]
    bell: Bell
    clock: Clock
    logger: Logger
  }) {
    this.#keeper = options.keeper
    this.#table = options.table
    this.#ownerBells = options.ownerBells
    this.#bell = options.bell
    this.#clock = options.clock
    this.#logger = options.logger
  }

  /** Makes an internal partition known, once its owner has opened it. */
  add(options: {
    topic: JournalTopic
    partition: number
    slot: PartitionSlot
    owner: number
    reader: LogReader
  }): void {
    const partition: JournalPartition = {
      name: partitionKey(options.topic, options.partition),
      slot: options.slot,
      owner: options.owner,
      reader: options.reader,
      backlog: [],
      inFlight: [],
      failedWith: ErrorCode.NONE,
      isAskingForRing: false,
    }
    this.#partitions.set(partition.name, partition)
    this.#bySlot.set(partition.slot, partition)
  }

  append(
    topic: JournalTopic,
    index: number,
    records: readonly JournalRecord[],
    settle: (errorCode: number) => void,
  ): void {
    const partition = this.#partitions.get(partitionKey(topic, index))
    const errorCode = partition === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : partition.failedWith
    if (partition === undefined || errorCode !== ErrorCode.NONE) {
      queueMicrotask(() => settle(errorCode))
      return
    }
    const timestampMs = this.#clock.nowMs()
    const batch = buildBatch({ records: records.map((record) => ({ ...record, headers: [], timestampMs })) })
    partition.backlog.push({ batch, recordCount: records.length, settle })
    this.#recordCount += records.length
    this.#unpublished.add(partition)
    this.#bell.ring()
  }

  isFull(): boolean {
    return this.#recordCount >= journalRecordsMax
  }

  async load(
    topic: JournalTopic,
    index: number,
    visit: (record: JournalRecord, offset: Offset) => void,
  ): Promise<void> {
    const partition = assertDefined(this.#partitions.get(partitionKey(topic, index)), 'a journal partition is known')
    let offset = this.#table.logStartOffset(partition.slot)
    const endOffset = this.#table.highWatermark(partition.slot)
    while (offset < endOffset) {
      const generation = this.#table.segmentsGeneration(partition.slot)
      const bytes = await partition.reader.read({ offset, bytesMax: 1024 * 1024, endOffset, generation })
      if (bytes === undefined || bytes.length === 0) break
      eachBatch(bytes, (at) => {
        for (const record of readRecords(bytes, at)) {
          if (record.offset < offset) continue
          if (!batchIsControl(bytes, at)) visit({ key: record.key, value: record.value }, record.offset)
          offset = record.offset + 1
        }
      })
    }
    partition.failedWith = ErrorCode.NONE
  }

  /** A step of main's duty cycle; answers how much was done. */
  doWork(): number {
    let work = 0
    for (const partition of [...this.#unpublished]) work += this.#publish(partition)
    return work
  }

  /** A partition's readable cursor moved, or room was made in its ring. */
  progress(slot: PartitionSlot): number {
    const partition = this.#bySlot.get(slot)
    if (partition === undefined) return 0
    const settled = this.#settleReadable(partition)
    return settled + this.#publish(partition)
  }

  #publish(partition: JournalPartition): number {
    let published = 0
    while (!partition.isAskingForRing) {
      const waiting = partition.backlog[0]
      if (waiting === undefined) break
      const { batch } = waiting
      const ring = this.#keeper.ringOf(partition.slot)
      const slotNumber = ring === undefined ? RING_SEALED : ring.append(batch, 0, batch.length, mainWriter)
      if (ring === undefined || slotNumber === RING_SEALED || slotNumber === ENTRY_TOO_LARGE) {
        this.#askForRing(partition, batch.length, false)
      } else if (slotNumber === RING_FULL) {
        this.#table.addRoomInterest(partition.slot, mainWriter)
        this.#askForRing(partition, batch.length, true)
        this.#ringOwner(partition)
      } else {
        partition.inFlight.push({ ring, slotNumber, waiting })
        partition.backlog.shift()
        published++
      }
    }
    if (partition.backlog.length === 0) this.#unpublished.delete(partition)
    if (published > 0) {
      this.#table.addInterest(partition.slot, mainWriter)
      this.#ringOwner(partition)
    }
    return published
  }

  #settleReadable(partition: JournalPartition): number {
    let settled = 0
    for (const entry of partition.inFlight) {
      if (slotDistance(entry.slotNumber, entry.ring.readable()) < 1) break
      const errorCode = entry.ring.outcome(entry.slotNumber)
      entry.ring.markAnswered(entry.slotNumber)
      settled++
      if (errorCode !== ErrorCode.NONE) partition.failedWith = errorCode
      this.#settle([entry.waiting], errorCode)
    }
    partition.inFlight.splice(0, settled)
    if (partition.failedWith !== ErrorCode.NONE) this.#failBacklog(partition)
    if (partition.inFlight.length > 0) this.#rearm(partition)
    return settled
  }

  /** Interest is taken by the owner each time it rings: it has to be shown again, and then looked at again. */
  #rearm(partition: JournalPartition): void {
    this.#table.addInterest(partition.slot, mainWriter)
    const first = partition.inFlight[0]
    if (first !== undefined && slotDistance(first.slotNumber, first.ring.readable()) >= 1) {
      this.#bell.markAndRing(partition.slot)
    }
  }

  #failBacklog(partition: JournalPartition): void {
    this.#logger.error(`the internal log ${partition.name} refused an append; its state will be loaded again`, {
      error: errorName(partition.failedWith),
    })
    const backlog = partition.backlog
    partition.backlog = []
    this.#unpublished.delete(partition)
    this.#settle(backlog, partition.failedWith)
  }

  #settle(waiting: readonly Waiting[], errorCode: number): void {
    for (const one of waiting) {
      this.#recordCount -= one.recordCount
      one.settle(errorCode)
    }
  }

  #askForRing(partition: JournalPartition, entryBytes: number, isFull: boolean): void {
    if (partition.isAskingForRing) return
    partition.isAskingForRing = true
    const before = this.#keeper.ringOf(partition.slot)
    const again = (): void => {
      partition.isAskingForRing = false
      this.#bell.markAndRing(partition.slot)
    }
    const later = (): void => void this.#clock.startTimer(ringRetryMs, again)
    this.#keeper.ensure(partition.slot, entryBytes, isFull).then(
      // An unchanged ring that was full is still full: asking again at once would spin.
      (isThere) => (isThere && this.#keeper.ringOf(partition.slot) !== before ? again() : later()),
      (thrown: unknown) => {
        this.#logger.error(`no ring for the internal log ${partition.name}: ${messageOf(thrown)}`)
        later()
      },
    )
  }

  #ringOwner(partition: JournalPartition): void {
    this.#ownerBells[partition.owner]?.markAndRing(partition.slot)
  }
}
