/** The owner agent: the only writer of its partitions' logs. Each duty cycle stamps, persists, reveals and retires. */

import { assertDefined } from '../base/assert.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { Offset, PartitionSlot } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type {
  DiskSpec,
  OpenedPartition,
  OpenPartition,
  PartitionSettings,
  ProducerFacts,
  Topology,
} from '../base/topology.ts'
import type { CleanedEnd, DirtiestLog, OwnerControl, PartitionFacts } from '../broker/remotes.ts'
import type { Disk } from '../log/disk.ts'
import type { CleanedSegment } from '../log/engine.ts'
import type { openEngine } from '../log/open-engine.ts'
import { Bell } from '../ring/bell.ts'
import { RingReclaim } from '../ring/reclaim.ts'
import { Ring } from '../ring/ring.ts'
import { PartitionState, PartitionTable } from '../ring/table.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { dirtiestLog, replaceSegments } from './cleaning.ts'
import { deleteRecords } from './delete-records.ts'
import { describePartition } from './describe.ts'
import { isMaintenanceWorthwhile, maintainEveryMs } from './maintenance.ts'
import type { Partition } from './partition.ts'
import { persist } from './persist.ts'
import { producerExpiryCheckMs } from './producer-state.ts'
import { Reopening } from './reopening.ts'
import { moveStart, retire, roomRetryMs } from './retire.ts'
import { publishOffsets, publishStart, reveal } from './reveal.ts'
import { keepProducers } from './snapshot.ts'
import { stamp } from './stamp.ts'
import { Storage } from './storage.ts'
import { SyncTimers } from './sync-timers.ts'
import { BatchValidator } from './validate-batch.ts'
import { Wakes } from './wakes.ts'

/** What an owner is made of. */
export type OwnerOptions = {
  readonly topology: Topology
  /** Which owner of `Topology.ownerBells` this is. */
  readonly owner: number
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Opens the storage of partitions: simulations put their own in. */
  readonly openEngine?: typeof openEngine
  readonly openDisk?: (spec: DiskSpec) => Disk | undefined
}

/** Serves the partitions that it was told to open. Everything runs in the thread that calls `doWork`. */
export class OwnerAgent implements OwnerControl {
  readonly #table: PartitionTable
  readonly #bell: Bell
  readonly #wakes: Wakes
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #validator = new BatchValidator()
  readonly #reclaim: RingReclaim
  readonly #storage: Storage
  readonly #reopening: Reopening
  readonly #syncTimers: SyncTimers
  readonly #partitions = new Map<PartitionSlot, Partition>()
  /** Partitions with stamped slots that are not readable yet: the engine still works on them. */
  readonly #unfinished = new Set<Partition>()
  #cycleWork = 0
  #nowMs = 0
  #isMaintenanceDue = false
  #maintenance: Timer | undefined
  #expireProducersAtMs = 0
  #isStopped = false
  // Made once, so that no cycle allocates a closure.
  readonly #visitSlot = (slot: number): void => {
    const partition = this.#partitions.get(slot)
    if (partition !== undefined) this.#serve(partition)
  }

  constructor(options: OwnerOptions) {
    const { topology, clock, logger } = options
    this.#table = new PartitionTable(topology.table)
    this.#bell = new Bell(assertDefined(topology.ownerBells[options.owner], 'an owner must have a bell'))
    this.#wakes = new Wakes(topology.writerBells.map((memory) => new Bell(memory)))
    this.#clock = clock
    this.#reclaim = new RingReclaim(clock)
    this.#logger = logger
    this.#storage = new Storage(options, (slot) => this.#bell.markAndRing(slot))
    this.#syncTimers = new SyncTimers(clock, (partition) => {
      this.#nowMs = this.#clock.nowMs()
      if (!this.#isStopped) this.#maintain(partition, false)
    })
    this.#reopening = new Reopening({
      clock,
      logger,
      storage: this.#storage,
      reopened: (failed, fresh) => this.#replace(failed, fresh),
    })
  }

  /** One duty cycle over the partitions that moved; answers how many slots got further, 0 when there was nothing to do. */
  doWork(): number {
    if (this.#isStopped) return 0
    this.#nowMs = this.#clock.nowMs()
    this.#cycleWork = 0
    for (const partition of this.#unfinished) this.#serve(partition)
    this.#bell.drain(this.#visitSlot)
    if (this.#isMaintenanceDue) this.#maintainAll()
    this.#wakes.ring()
    return this.#cycleWork
  }

  async open(partitions: readonly OpenPartition[]): Promise<readonly OpenedPartition[]> {
    this.#scheduleMaintenance()
    return partitions.map((open) => this.#openOne(open))
  }

  attachRing(slot: PartitionSlot, ring: SharedArrayBuffer): Promise<void> {
    return this.#swapRing(slot, new Ring(ring))
  }

  detachRing(slot: PartitionSlot): Promise<void> {
    return this.#swapRing(slot, undefined)
  }

  async configure(slot: PartitionSlot, settings: PartitionSettings): Promise<void> {
    const partition = this.#partitions.get(slot)
    if (partition === undefined) return
    partition.settings = settings
    partition.engine.configure(settings)
    // A looser sync policy may reveal what waited for a sync.
    this.#bell.markAndRing(slot)
  }

  async remove(slots: readonly PartitionSlot[]): Promise<void> {
    const gone: Promise<void>[] = []
    for (const slot of slots) {
      const partition = this.#partitions.get(slot)
      if (partition === undefined) continue
      partition.state = 'removed'
      this.#reopening.forget(slot)
      this.#table.setState(slot, PartitionState.removed)
      partition.engine.removeFiles()
      const reason = partition.engine.failure?.message
      if (reason !== undefined)
        this.#logger.warn('a deleted partition left files behind', { name: partition.name, reason })
      // Without a ring it goes, and everyone who waits for it is woken. The slot may be another partition's after that.
      gone.push(this.#swapRing(slot, undefined))
      this.#serve(partition)
    }
    await Promise.all(gone)
  }

  async deleteRecords(slot: PartitionSlot, beforeOffset: Offset): Promise<{ errorCode: number; startOffset: Offset }> {
    const partition = this.#partitions.get(slot)
    const errorCode = deleteRecords(partition, this.#table, beforeOffset)
    if (partition?.state === 'online') this.#publishOrFail(partition)
    return { errorCode, startOffset: errorCode === ErrorCode.NONE ? (partition?.startOffset ?? -1) : -1 }
  }

  async dirtiestLog(except: readonly PartitionSlot[]): Promise<DirtiestLog> {
    return dirtiestLog(this.#partitions.values(), new Set(except), this.#clock.nowMs())
  }

  async replaceSegments(slot: PartitionSlot, cleaned: CleanedSegment): Promise<boolean> {
    const partition = this.#partitions.get(slot)
    if (partition?.state !== 'online') return false
    const isReplaced = await replaceSegments(partition, this.#table, cleaned)
    if (partition.state === 'online') this.#publishOrFail(partition)
    // The ring may have got room that somebody waits for.
    this.#bell.markAndRing(slot)
    return isReplaced
  }

  async setCleanedEnds(ends: readonly CleanedEnd[]): Promise<void> {
    for (const { slot, cleanedEnd } of ends) {
      const partition = this.#partitions.get(slot)
      if (partition !== undefined) partition.cleanedEnd = cleanedEnd
    }
  }

  async describe(slots: readonly PartitionSlot[]): Promise<readonly PartitionFacts[]> {
    const facts: PartitionFacts[] = []
    for (const slot of slots) {
      const partition = this.#partitions.get(slot)
      if (partition !== undefined) facts.push(describePartition(partition))
    }
    return facts
  }

  async describeProducers(slot: PartitionSlot): Promise<readonly ProducerFacts[]> {
    return this.#partitions.get(slot)?.producers.facts() ?? []
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#maintenance?.cancel()
    this.#reopening.stop()
    this.#nowMs = this.#clock.nowMs()
    for (const partition of this.#partitions.values()) this.#close(partition)
    this.#wakes.ring()
    this.#isStopped = true
    this.#partitions.clear()
    this.#unfinished.clear()
    this.#storage.close()
  }

  #openOne(open: OpenPartition): OpenedPartition {
    const { slot } = open
    const { partition, recovery } = this.#storage.open(open)
    this.#partitions.set(slot, partition)
    publishOffsets(partition, this.#table)
    const isOnline = partition.state === 'online'
    this.#table.setState(slot, isOnline ? PartitionState.online : PartitionState.failed)
    if (!isOnline) this.#reopening.failed(partition)
    return {
      slot,
      startOffset: partition.startOffset,
      endOffset: partition.nextOffset,
      errorCode: isOnline ? ErrorCode.NONE : ErrorCode.KAFKA_STORAGE_ERROR,
      recovery,
    }
  }

  #swapRing(slot: PartitionSlot, ring: Ring | undefined): Promise<void> {
    const partition = this.#partitions.get(slot)
    // A partition may be removed while main was giving it a ring: then nobody will use it.
    if (partition === undefined) {
      ring?.seal()
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      // Main seals it before; a ring that is not sealed would never count as drained.
      partition.ring?.seal()
      partition.swaps.push({ ring, settle: resolve })
      this.#bell.markAndRing(slot)
    })
  }

  /** All stages of one partition. */
  #serve(partition: Partition): void {
    if (partition.ring !== undefined) this.#serveRing(partition, partition.ring)
    while (partition.swaps.length > 0 && this.#isReadyToSwap(partition)) {
      this.#swapNow(partition)
      if (partition.ring !== undefined) this.#serveRing(partition, partition.ring)
    }
    if (partition.state !== 'removed' || !this.#isReadyToSwap(partition)) return
    this.#reclaim.dropped(partition.ring)
    this.#partitions.delete(partition.slot)
    this.#unfinished.delete(partition)
  }

  #serveRing(partition: Partition, ring: Ring): void {
    const { slot } = partition
    let work = stamp(partition, ring, this.#validator, this.#nowMs)
    if (work > 0) {
      partition.movedMs = this.#nowMs
      this.#syncTimers.appended(partition)
    }
    work += persist(partition, ring)
    if (partition.state === 'online') {
      if (partition.engine.failure !== undefined) {
        this.#fail(partition)
        work += persist(partition, ring)
      } else {
        this.#publishLog(partition)
      }
    }
    const revealed = reveal(partition, ring, this.#table)
    if (revealed > 0) this.#wakes.add(slot, this.#table.takeInterest(slot))
    work += revealed
    if (ring.readable() === ring.stamped()) this.#unfinished.delete(partition)
    else this.#unfinished.add(partition)
    this.#cycleWork += work + this.#makeRoom(partition, ring)
  }

  #makeRoom(partition: Partition, ring: Ring): number {
    const { slot } = partition
    const isRoomAwaited = this.#table.roomInterest(slot) !== 0
    const retired = retire(partition, ring, this.#table, isRoomAwaited)
    if (!isRoomAwaited) return retired
    if (retired > 0 || ring.usedSlots() === 0 || ring.isSealed()) {
      this.#wakes.add(slot, this.#table.takeRoomInterest(slot))
    } else if (!partition.isRoomRetryPending) {
      partition.isRoomRetryPending = true
      this.#clock.startTimer(roomRetryMs, () => {
        partition.isRoomRetryPending = false
        this.#bell.markAndRing(slot)
      })
    }
    return retired
  }

  #isReadyToSwap(partition: Partition): boolean {
    return partition.ring === undefined || partition.ring.isDrained()
  }

  #swapNow(partition: Partition): void {
    const swap = partition.swaps.shift()
    if (swap === undefined) return
    const { slot } = partition
    // What only the ring kept goes with it.
    if (partition.settings.storage === 'ring' && partition.state === 'online') {
      moveStart(partition, this.#table, partition.highWatermark)
    }
    this.#reclaim.dropped(partition.ring)
    partition.ring = swap.ring
    if (partition.state !== 'online') partition.ring?.seal()
    this.#wakes.add(slot, this.#table.takeInterest(slot) | this.#table.takeRoomInterest(slot))
    swap.settle()
  }

  /** After a storage error: nothing more is written, everything unread and everything that still comes is refused. */
  #fail(partition: Partition): void {
    const reason = partition.engine.failure?.message ?? ''
    const fields = { topic: partition.topic, partition: partition.index, reason }
    this.#logger.error('a partition failed: its storage gave an error', fields)
    partition.state = 'failed'
    this.#table.setState(partition.slot, PartitionState.failed)
    partition.ring?.seal()
    this.#wakes.add(partition.slot, this.#table.takeInterest(partition.slot))
    this.#bell.markAndRing(partition.slot)
    this.#reopening.failed(partition)
  }

  /** A failed partition's storage is back. Its ring stays sealed: who writes next asks for another. */
  #replace(failed: Partition, fresh: Partition): void {
    const { slot } = fresh
    fresh.succeed(failed)
    this.#partitions.set(slot, fresh)
    this.#unfinished.delete(failed)
    publishOffsets(fresh, this.#table)
    // Recovery may have finished a cleaning: what readers remember is of the files that were there before.
    this.#table.bumpRewrites(slot, 2)
    this.#table.bumpSegmentsGeneration(slot)
    this.#table.setState(slot, PartitionState.online)
    this.#bell.markAndRing(slot)
  }

  #publishOrFail(partition: Partition): void {
    if (partition.engine.failure === undefined) this.#publishLog(partition)
    else this.#fail(partition)
  }

  /** Tells readers what the engine changed by itself: its start, and that segments came or went. */
  #publishLog(partition: Partition): void {
    if (partition.engine.startOffset > partition.startOffset) {
      partition.startOffset = partition.engine.startOffset
      publishStart(partition, this.#table)
    }
    if (partition.engine.segmentsVersion === partition.segmentsVersion) return
    // A roll is when Kafka saves the producers' state, too.
    if (partition.engine.segmentCount() > 1) keepProducers(partition)
    partition.segmentsVersion = partition.engine.segmentsVersion
    this.#table.bumpSegmentsGeneration(partition.slot)
  }

  #scheduleMaintenance(): void {
    if (this.#maintenance !== undefined || this.#isStopped) return
    this.#maintenance = this.#clock.startTimer(maintainEveryMs, () => {
      this.#maintenance = undefined
      this.#isMaintenanceDue = true
      this.#bell.ring()
    })
  }

  #maintainAll(): void {
    this.#isMaintenanceDue = false
    const isExpiryDue = this.#nowMs >= this.#expireProducersAtMs
    if (isExpiryDue) this.#expireProducersAtMs = this.#nowMs + producerExpiryCheckMs
    for (const partition of this.#partitions.values()) {
      if (isExpiryDue || isMaintenanceWorthwhile(partition, this.#nowMs)) this.#maintain(partition, isExpiryDue)
    }
    this.#scheduleMaintenance()
  }

  #maintain(partition: Partition, isExpiryDue: boolean): void {
    if (partition.state !== 'online') return
    partition.maintainedMs = this.#nowMs
    if (isExpiryDue && partition.producers.size > 0) partition.producers.expire(this.#nowMs)
    partition.engine.maintain(this.#nowMs)
    this.#publishOrFail(partition)
  }

  /** Drains what was claimed, keeps the producers, syncs and closes. */
  #close(partition: Partition): void {
    partition.ring?.seal()
    this.#serve(partition)
    if (partition.state !== 'online') return
    if (partition.ring !== undefined && !partition.ring.isDrained()) {
      partition.engine.sync()
      this.#serve(partition)
    }
    keepProducers(partition)
    partition.engine.close()
    if (partition.engine.failure !== undefined) this.#fail(partition)
  }
}
