/** The partitions' logs as a front reaches them: their rings, their entries in the table, and their segment files. */

import {
  type AbortedTransaction,
  type EpochEnd,
  mustWait,
  type Partitions,
  type Place,
  type ReadWish,
  type Settlement,
  type TimedOffset,
} from '../api/ports.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Offset, PartitionSlot, TopicIdHex } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import { type DiskSpec, partitionDirectory, type StorageKind, type Topology } from '../base/topology.ts'
import type { Disk } from '../log/disk.ts'
import { SteadyReader } from '../log/local/steady-reader.ts'
import { ENTRY_TOO_LARGE, isSlot, slotAfter, slotDistance } from '../ring/cursor.ts'
import { dataBytesMax } from '../ring/layout.ts'
import { readFrom } from '../ring/read.ts'
import { RingReclaim } from '../ring/reclaim.ts'
import { Ring } from '../ring/ring.ts'
import { EntryKind } from '../ring/slot.ts'
import { PartitionState, type PartitionTable } from '../ring/table.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { batchLastOffset, batchSizeBytes, eachBatch, isCrcRight } from '../wire/record-batch.ts'
import type { BytePool } from './byte-pool.ts'
import type { Pending } from './pending.ts'
import { ringAborted } from './ring-aborted.ts'
import type { Room } from './room.ts'
import { ringMaxTimestamp, ringOffsetForTimestamp } from './timestamps.ts'

/** Partitions whose segment files a front keeps open for reading; each reader holds a few descriptors. */
export const logReadersMax = 256

const noBytes = Buffer.alloc(0)
const noneAborted: readonly AbortedTransaction[] = []

export class FrontPartitions implements Partitions {
  readonly #topology: Topology
  readonly #table: PartitionTable
  readonly #writer: number
  readonly #pending: Pending
  readonly #room: Room
  readonly #pool: BytePool
  readonly #allocate = (bytes: number): Buffer => this.#pool.take(bytes)
  readonly #partitionMoved: (slot: PartitionSlot) => void
  readonly #rings = new Map<PartitionSlot, Ring>()
  readonly #reclaim: RingReclaim
  /** In order of last use. */
  readonly #readers = new Map<PartitionSlot, { readonly topicId: TopicIdHex; readonly reader: SteadyReader }>()
  /** The last offset of each partition that could not be read. */
  readonly #unreadable = new Map<PartitionSlot, Offset>()
  readonly #logger: Logger
  readonly #openDisk: (spec: DiskSpec) => Disk
  readonly #disks = new Map<'local' | 'memory', Disk>()

  constructor(options: {
    readonly topology: Topology
    readonly table: PartitionTable
    readonly writer: number
    readonly clock: Clock
    readonly pending: Pending
    readonly room: Room
    /** What is read for responses lies in its buffers. */
    readonly pool: BytePool
    readonly openDisk: (spec: DiskSpec) => Disk
    readonly logger: Logger
    /** Called when an entry was claimed: its owner is to be woken at the turn's end. */
    readonly partitionMoved: (slot: PartitionSlot) => void
  }) {
    this.#topology = options.topology
    this.#table = options.table
    this.#writer = options.writer
    this.#reclaim = new RingReclaim(options.clock)
    this.#pending = options.pending
    this.#room = options.room
    this.#pool = options.pool
    this.#openDisk = options.openDisk
    this.#logger = options.logger
    this.#partitionMoved = options.partitionMoved
  }

  /** What was claimed in an older ring is still settled there. */
  attachRing(slot: PartitionSlot, memory: SharedArrayBuffer | undefined): void {
    this.#reclaim.dropped(this.#rings.get(slot))
    if (memory === undefined) this.#rings.delete(slot)
    else this.#rings.set(slot, new Ring(memory))
    this.#room.check(slot)
  }

  /** The partition is gone. */
  forget(slot: PartitionSlot): void {
    this.#reclaim.dropped(this.#rings.get(slot))
    this.#rings.delete(slot)
    this.#readers.get(slot)?.reader.close()
    this.#readers.delete(slot)
    this.#unreadable.delete(slot)
    this.#room.forget(slot)
  }

  close(): void {
    for (const { reader } of this.#readers.values()) reader.close()
    this.#readers.clear()
  }

  errorOf(slot: PartitionSlot): number {
    switch (this.#table.state(slot)) {
      case PartitionState.online:
        return ErrorCode.NONE
      case PartitionState.failed:
        return ErrorCode.KAFKA_STORAGE_ERROR
      default:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    }
  }

  highWatermark(slot: PartitionSlot): Offset {
    return this.#table.highWatermark(slot)
  }

  lastStableOffset(slot: PartitionSlot): Offset {
    return this.#table.lastStableOffset(slot)
  }

  logStartOffset(slot: PartitionSlot): Offset {
    return this.#table.logStartOffset(slot)
  }

  claim(place: Place, batch: Buffer, settlement: Settlement, index: number): number {
    const { slot } = place.partition
    const errorCode = this.errorOf(slot)
    if (errorCode !== ErrorCode.NONE) return errorCode
    const ring = this.#rings.get(slot)
    if (ring === undefined) return mustWait
    const ringSlot = ring.append(batch, 0, batch.length, this.#writer, EntryKind.data, isCrcRight)
    if (!isSlot(ringSlot)) {
      const isHopeless = ringSlot === ENTRY_TOO_LARGE && batch.length > this.#entryBytesMax(place)
      return isHopeless ? ErrorCode.MESSAGE_TOO_LARGE : mustWait
    }
    this.#pending.add(slot, { ring, ringSlot, settlement, index })
    this.#partitionMoved(slot)
    return ErrorCode.NONE
  }

  async waitForRoom(place: Place, batchBytes: number, deadlineMs: number): Promise<number> {
    const { slot } = place.partition
    if (batchBytes > this.#entryBytesMax(place)) return ErrorCode.MESSAGE_TOO_LARGE
    const ring = this.#rings.get(slot)
    const isUsable = ring !== undefined && !ring.isSealed() && batchBytes <= ring.entryBytesMax
    if (!isUsable) return this.#room.waitForRing(slot, batchBytes, deadlineMs)
    return this.#room.waitForBell(slot, batchBytes, deadlineMs, place.topic.settings.storage !== 'ring')
  }

  read(place: Place, wish: ReadWish): Buffer | 'cold' | 'gone' {
    const { slot } = place.partition
    const isRingOnly = place.topic.settings.storage === 'ring'
    const ring = this.#rings.get(slot)
    const read =
      ring === undefined
        ? 'gone'
        : readFrom(ring, wish.offset, wish.bytesMax, wish.endOffset, wish.isFirstWhole, this.#allocate)
    if (typeof read !== 'string') return read.bytes
    // 'beyond' below the end: the ring has just been replaced, and what is missing was written before.
    if (!isRingOnly) return 'cold'
    return read === 'gone' ? 'gone' : noBytes
  }

  async readCold(place: Place, wish: ReadWish): Promise<Buffer | undefined> {
    const { slot } = place.partition
    const reader = this.#readerOf(place)
    if (reader === undefined) return undefined
    const generation = this.#table.segmentsGeneration(slot)
    const { offset, bytesMax, endOffset } = wish
    const reading = reader.read({ offset, bytesMax, endOffset, generation, allocate: this.#allocate })
    const bytes = await reading.catch((thrown: unknown) => this.#sayOnce(place, offset, thrown))
    if (bytes === undefined || bytes.length <= bytesMax || wish.isFirstWhole) return bytes
    return bytes.subarray(0, wholeBatchesWithin(bytes, bytesMax))
  }

  /** Consumers ask for the same offset again and again. */
  #sayOnce({ topic, partition }: Place, offset: Offset, thrown: unknown): never {
    if (this.#unreadable.get(partition.slot) !== offset) {
      const fields = { topic: topic.name, partition: partition.index, offset, reason: messageOf(thrown) }
      this.#logger.error('records cannot be read; those before and behind them can', fields)
    }
    this.#unreadable.set(partition.slot, offset)
    throw thrown
  }

  abortedAmong(
    place: Place,
    offset: Offset,
    records: Buffer,
  ): readonly AbortedTransaction[] | Promise<readonly AbortedTransaction[] | undefined> {
    const { slot } = place.partition
    const abortedEnd = this.#table.abortedEnd(slot)
    if (offset >= abortedEnd) return noneAborted
    let endOffset = offset
    eachBatch(records, (at) => {
      endOffset = batchLastOffset(records, at) + 1
    })
    return this.#findAborted(place, { startOffset: offset, endOffset, abortedEnd })
  }

  async #findAborted(
    place: Place,
    range: { readonly startOffset: Offset; readonly endOffset: Offset; readonly abortedEnd: Offset },
  ): Promise<readonly AbortedTransaction[] | undefined> {
    const { slot } = place.partition
    if (place.topic.settings.storage !== 'ring') {
      const generation = this.#table.segmentsGeneration(slot)
      return this.#readerOf(place)?.abortedTransactions({ ...range, generation })
    }
    const ring = this.#rings.get(slot)
    const logStart = this.logStartOffset(slot)
    if (ring === undefined || logStart > range.startOffset) return undefined
    return ringAborted(ring, { logStart, abortedEnd: range.abortedEnd }, range)
  }

  bytesFrom(slot: PartitionSlot, offset: Offset, endOffset: Offset): number {
    const ring = this.#rings.get(slot)
    if (ring === undefined) return Number.POSITIVE_INFINITY
    const retired = ring.retired()
    let bytes = 0
    // From the newest back: a waiting fetch is interested in the last few batches only.
    for (let at = slotAfter(ring.readable(), -1); slotDistance(retired, at) >= 0; at = slotAfter(at, -1)) {
      if (!ring.isInLog(at) || ring.lastOffset(at) >= endOffset) continue
      if (ring.lastOffset(at) < offset) return bytes
      bytes += ring.length(at)
      if (ring.baseOffset(at) <= offset) return bytes
    }
    return Number.POSITIVE_INFINITY
  }

  async offsetForTimestamp(place: Place, timestampMs: number, endOffset: Offset): Promise<TimedOffset | undefined> {
    const { slot } = place.partition
    const startOffset = this.logStartOffset(slot)
    if (startOffset >= endOffset) return undefined
    if (place.topic.settings.storage === 'ring') {
      const ring = this.#rings.get(slot)
      return ring && ringOffsetForTimestamp(ring, timestampMs, { startOffset, endOffset })
    }
    const generation = this.#table.segmentsGeneration(slot)
    return this.#readerOf(place)?.offsetForTimestamp({ timestampMs, startOffset, endOffset, generation })
  }

  async endOfEpoch(place: Place, epoch: number): Promise<EpochEnd | undefined> {
    return this.#readerOf(place)?.endOfEpoch(epoch)
  }

  async maxTimestamp(place: Place, endOffset: Offset): Promise<TimedOffset | undefined> {
    const { slot } = place.partition
    const startOffset = this.logStartOffset(slot)
    if (startOffset >= endOffset) return undefined
    if (place.topic.settings.storage === 'ring') {
      const ring = this.#rings.get(slot)
      return ring && ringMaxTimestamp(ring, { startOffset, endOffset })
    }
    const generation = this.#table.segmentsGeneration(slot)
    return this.#readerOf(place)?.maxTimestamp({ startOffset, endOffset, generation })
  }

  /** The longest entry that a ring of this topic may ever hold. */
  #entryBytesMax({ topic }: Place): number {
    const { storage, ringBytes } = topic.settings
    return (storage === 'ring' ? ringBytes : dataBytesMax) / 2
  }

  #readerOf({ topic, partition }: Place): SteadyReader | undefined {
    const { slot, index } = partition
    const known = this.#readers.get(slot)
    this.#readers.delete(slot)
    // A request that began before its topic was deleted may have left a reader at a place that is another's now.
    const isSame = known?.topicId === topic.id
    if (!isSame) known?.reader.close()
    const fresh = (): SteadyReader | undefined =>
      this.#openReader(slot, topic.settings.storage, partitionDirectory(topic.name, index))
    const reader = isSame ? known.reader : fresh()
    if (reader === undefined) return undefined
    this.#readers.set(slot, { topicId: topic.id, reader })
    if (this.#readers.size > logReadersMax) {
      const [stalest] = this.#readers
      if (stalest !== undefined) {
        this.#readers.delete(stalest[0])
        stalest[1].reader.close()
      }
    }
    return reader
  }

  #openReader(slot: PartitionSlot, storage: StorageKind, directory: string): SteadyReader | undefined {
    if (storage === 'ring') return undefined
    let disk = this.#disks.get(storage)
    if (disk === undefined) {
      const spec = this.#topology.disks[storage]
      if (spec === undefined) return undefined
      disk = this.#openDisk(spec)
      this.#disks.set(storage, disk)
    }
    return new SteadyReader({ disk, directory, rewrites: () => this.#table.rewrites(slot) })
  }
}

function wholeBatchesWithin(bytes: Buffer, bytesMax: number): number {
  let end = 0
  while (end < bytes.length) {
    const next = end + batchSizeBytes(bytes, end)
    if (next > bytesMax) return end
    end = next
  }
  return end
}
