/** The log of one partition as its owner writes it: Kafka's segments on a disk, in real files or in memory. */

import type { Clock } from '../../base/clock.ts'
import { errnoOf, SafkaError } from '../../base/errors.ts'
import type { Offset, TopicIdHex } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import type { PartitionSettings } from '../../base/topology.ts'
import { batchLastOffset } from '../../wire/record-batch.ts'
import type { Disk } from '../disk.ts'
import type { Engine, EngineChange, EngineProgress, ProducerSnapshot } from '../engine.ts'
import { ActiveSegment, type RollLimits, type Run } from './active-segment.ts'
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts'
import { writePartitionFiles } from './partition-files.ts'
import { loadSnapshot, saveSnapshot } from './producer-snapshots.ts'
import { expiredCount } from './retention.ts'
import { maxTimestampOf, type RolledSegment, removeSegmentFiles } from './rolled-segment.ts'
import { boundedSegmentBytes, holdsMoreThanShare, mustGive } from './room.ts'
import { emptySummary, type SegmentSummary } from './segment-indexes.ts'
import { type Syncable, type SyncOutcome, SyncWork } from './sync-work.ts'

/** Kafka looks for expired segments this often (log.retention.check.interval.ms), so that old timestamps live a while here too. */
export const retentionCheckMsDefault = 300_000

export type LocalLogOptions = {
  readonly disk: Disk
  readonly directory: string
  readonly topicId: TopicIdHex
  readonly settings: PartitionSettings
  readonly clock: Clock
  readonly random: Random
  readonly onProgress?: () => void
  readonly retentionCheckMs?: number
}

/** What was found on the disk. */
export type OpenedSegments = {
  readonly rolled: RolledSegment[]
  readonly active: { readonly baseOffset: Offset; readonly summary: SegmentSummary } | undefined
  readonly checkpoint: Checkpoint
}

/** The engine of `local` and `memory` topics. */
export class LocalLog implements Engine {
  readonly #options: LocalLogOptions
  readonly #disk: Disk
  readonly #directory: string
  #settings: PartitionSettings
  #rolled: RolledSegment[]
  #active: ActiveSegment | undefined
  #hasDirectory: boolean
  #isFolderUnsynced = false
  #startOffset: Offset
  #endOffset: Offset
  #recoveryPoint: Offset
  /** Batches that were submitted and not written: only a full memory disk keeps any for longer than a call. */
  #queue: Buffer[] = []
  #queueHead = 0
  readonly #progress: EngineProgress
  readonly #change: EngineChange
  readonly #sync = new SyncWork((outcome, error) => this.#syncSettled(outcome, error))
  #lastSyncMs: number
  #lastRetentionMs: number
  #segmentsVersion = 0
  #reportedVersion = 0
  #isDirty = false
  #isClosed = false
  #failure: Error | undefined

  constructor(options: LocalLogOptions, opened: OpenedSegments) {
    this.#options = options
    this.#disk = options.disk
    this.#directory = options.directory
    this.#settings = options.settings
    this.#rolled = opened.rolled
    if (opened.active !== undefined) this.#active = this.#openSegment(opened.active.baseOffset, opened.active.summary)
    this.#hasDirectory = opened.active !== undefined
    const firstBase = opened.rolled[0]?.baseOffset ?? opened.active?.baseOffset ?? 0
    this.#endOffset = opened.active?.summary.endOffset ?? 0
    this.#startOffset = Math.min(Math.max(firstBase, opened.checkpoint.startOffset), this.#endOffset)
    this.#recoveryPoint = opened.checkpoint.recoveryPoint
    this.#progress = { writtenEnd: this.#endOffset, syncedEnd: this.#endOffset }
    this.#change = { startOffset: this.#startOffset, segmentsChanged: false }
    this.#lastSyncMs = options.clock.nowMs()
    this.#lastRetentionMs = this.#lastSyncMs
  }

  get startOffset(): Offset {
    return this.#startOffset
  }

  get endOffset(): Offset {
    return this.#endOffset
  }

  get segmentsVersion(): number {
    return this.#segmentsVersion
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  submit(batches: readonly Buffer[]): void {
    const last = batches.at(-1)
    if (last === undefined || this.#failure !== undefined) return
    for (const batch of batches) this.#queue.push(batch)
    this.#endOffset = batchLastOffset(last, 0) + 1
    this.#guard(() => this.#drain())
  }

  poll(): EngineProgress {
    if (this.#queue.length > 0) this.#guard(() => this.#drain())
    if (!this.#disk.isDurable) this.#progress.syncedEnd = this.#progress.writtenEnd
    else if (this.#settings.sync === 'every') this.#startSync()
    return this.#progress
  }

  maintain(nowMs: number): EngineChange {
    this.#guard(() => {
      const active = this.#active
      if (active !== undefined) this.#withRoom(() => active.indexes.flush())
      if (this.#settings.sync === 'interval' && nowMs - this.#lastSyncMs >= this.#settings.flushMs) {
        this.#lastSyncMs = nowMs
        this.#startSync()
      }
      if (nowMs - this.#lastRetentionMs >= (this.#options.retentionCheckMs ?? retentionCheckMsDefault)) {
        this.#lastRetentionMs = nowMs
        this.#expire(nowMs)
      }
      this.#relieve()
      this.#drain()
    })
    this.#change.startOffset = this.#startOffset
    this.#change.segmentsChanged = this.#segmentsVersion !== this.#reportedVersion
    this.#reportedVersion = this.#segmentsVersion
    return this.#change
  }

  configure(settings: PartitionSettings): void {
    this.#settings = settings
  }

  deleteRecordsBefore(offset: Offset): void {
    const startOffset = Math.min(offset, this.#progress.writtenEnd)
    if (startOffset <= this.#startOffset) return
    this.#guard(() => {
      this.#startOffset = startOffset
      this.#isDirty = true
      // The checkpoint comes first: a crash in between must not bring records back.
      this.#withRoom(() => this.#saveCheckpoint())
      let count = 0
      while ((this.#rolled[count]?.endOffset ?? Number.POSITIVE_INFINITY) <= startOffset) count++
      this.#dropOldest(count)
    })
  }

  saveProducerSnapshot(offset: Offset, bytes: Buffer): void {
    if (!this.#hasDirectory) return
    this.#guard(() => this.#withRoom(() => saveSnapshot(this.#disk, this.#directory, { offset, bytes })))
  }

  loadProducerSnapshot(): ProducerSnapshot | undefined {
    return loadSnapshot(this.#disk, this.#directory, this.#endOffset)
  }

  sizeBytes(): number {
    let total = this.#active?.summary.sizeBytes ?? 0
    for (const segment of this.#rolled) total += segment.sizeBytes
    return total
  }

  segmentCount(): number {
    return this.#rolled.length + (this.#active === undefined ? 0 : 1)
  }

  sync(): void {
    this.#guard(() => {
      this.#drain()
      const rolledEnd = this.#sync.syncRolled()
      if (rolledEnd > this.#recoveryPoint) this.#recoveryPoint = rolledEnd
      this.#active?.sync()
      if (this.#isFolderUnsynced) {
        this.#disk.syncDirectory(this.#directory)
        this.#disk.syncDirectory('')
        this.#isFolderUnsynced = false
      }
      this.#progress.syncedEnd = this.#progress.writtenEnd
    })
  }

  close(): void {
    if (this.#isClosed) return
    if (this.#isDirty) {
      this.sync()
      this.#guard(() => {
        const active = this.#active
        if (active === undefined || !this.#withRoom(() => active.indexes.finish())) return
        active.indexes.sync()
        this.#recoveryPoint = active.baseOffset
        this.#withRoom(() => this.#saveCheckpoint({ baseOffset: active.baseOffset, summary: active.summary }))
      })
    }
    this.#letGo()
  }

  removeFiles(): void {
    this.#letGo()
    this.#guard(() => this.#disk.remove(this.#directory))
  }

  #letGo(): void {
    this.#isClosed = true
    this.#sync.close()
    this.#active?.close()
  }

  /** Writes what waits, as far as there is room. */
  #drain(): void {
    while (this.#queueHead < this.#queue.length) {
      const active = this.#segmentForNext()
      if (active === undefined) return
      const count = this.#runLength(active)
      const run = this.#queue.slice(this.#queueHead, this.#queueHead + count)
      this.#isDirty = true
      if (!this.#withRoom(() => active.write(run))) {
        this.#assertFitsAtAll(run)
        if (!this.#giveActive()) return
        continue
      }
      for (const batch of run) active.indexes.account(batch, 0, batch.length, this.#settings.indexIntervalBytes)
      this.#queueHead += count
      this.#progress.writtenEnd = active.summary.endOffset
      if (active.indexes.isFlushDue) this.#withRoom(() => active.indexes.flush())
      if (this.#disk.space !== undefined) this.#relieve()
    }
    this.#queue = []
    this.#queueHead = 0
  }

  /** The segment that takes the next batch: rolled where the active one is full; undefined where there is no room for one. */
  #segmentForNext(): ActiveSegment | undefined {
    const active = this.#active
    if (active === undefined) {
      if (!this.#hasDirectory) this.#makeDirectory()
      this.#startSegment(this.#progress.writtenEnd)
    } else if (this.#runLength(active) === 0) {
      if (!this.#withRoom(() => active.indexes.finish())) return undefined
      this.#roll(active)
    }
    return this.#active
  }

  /** How many waiting batches may be written into the segment in one go. */
  #runLength(active: ActiveSegment): number {
    const limits: RollLimits = {
      segmentBytes: boundedSegmentBytes(this.#disk.space, this.#settings.segmentBytes),
      segmentMs: this.#settings.segmentMs,
      segmentIndexBytes: this.#settings.segmentIndexBytes,
    }
    const nowMs = this.#options.clock.nowMs()
    const run: Run = { bytes: 0, batches: 0 }
    for (let place = this.#queueHead; place < this.#queue.length; place++) {
      const batch = this.#queue[place]
      if (batch === undefined || !active.fits(batch, run, limits, nowMs)) break
      run.bytes += batch.length
      run.batches++
    }
    return run.batches
  }

  #makeDirectory(): void {
    this.#disk.makeDirectory(this.#directory)
    if (this.#disk.isDurable) writePartitionFiles(this.#disk, this.#directory, this.#options.topicId)
    this.#hasDirectory = true
  }

  /** The active segment's files are complete: it becomes a rolled one, and a new one begins. */
  #roll(active: ActiveSegment): void {
    const { baseOffset, summary } = active
    const endOffset = summary.endOffset
    this.#rolled.push({ baseOffset, endOffset, sizeBytes: summary.sizeBytes, maxTimestampMs: summary.maxTimestampMs })
    if (this.#disk.isDurable) this.#sync.addRolled({ baseOffset, endOffset, parts: [active, active.indexes] })
    else active.close()
    this.#startSegment(endOffset)
    // Whatever the policy, a finished segment is synced in the background, so that a crash never means to check it again.
    if (this.#disk.isDurable && this.#settings.sync !== 'every') this.#startSync(true)
  }

  #startSegment(baseOffset: Offset): void {
    const segment = this.#openSegment(baseOffset, emptySummary(baseOffset))
    // The file appears at once: it is what tells readers of the segment.
    segment.log.truncate(0)
    this.#active = segment
    this.#isFolderUnsynced = this.#disk.isDurable
    this.#segmentsVersion++
  }

  #openSegment(baseOffset: Offset, summary: SegmentSummary): ActiveSegment {
    const { clock, random } = this.#options
    const jitterMs = this.#settings.segmentJitterMs > 0 ? random.below(this.#settings.segmentJitterMs) : 0
    const [disk, directory] = [this.#disk, this.#directory]
    return new ActiveSegment({ disk, directory, baseOffset, summary, createdMs: clock.nowMs(), jitterMs })
  }

  #startSync(isRolledOnly = false): void {
    if (!this.#disk.isDurable || this.#sync.isBusy || this.#failure !== undefined) return
    const { writtenEnd, syncedEnd } = this.#progress
    if (isRolledOnly ? !this.#sync.hasRolled : writtenEnd === syncedEnd) return
    const more: Syncable[] = []
    if (!isRolledOnly && this.#active !== undefined) more.push(this.#active)
    if (this.#isFolderUnsynced) {
      more.push({ syncAsync: () => this.#disk.syncDirectoryAsync(this.#directory) })
      more.push({ syncAsync: () => this.#disk.syncDirectoryAsync('') })
      this.#isFolderUnsynced = false
    }
    this.#sync.start(more, isRolledOnly ? undefined : writtenEnd)
  }

  #syncSettled(outcome: SyncOutcome | undefined, error: unknown): void {
    if (this.#isClosed) return
    if (outcome === undefined) this.#fail(error)
    else {
      this.#progress.syncedEnd = Math.max(this.#progress.syncedEnd, outcome.syncedEnd ?? outcome.rolledEnd)
      if (outcome.rolledEnd > this.#recoveryPoint) {
        this.#recoveryPoint = outcome.rolledEnd
        this.#guard(() => this.#saveCheckpoint())
      }
      if (this.#settings.sync === 'every') this.#startSync()
      else if (this.#sync.hasRolled) this.#startSync(true)
    }
    this.#options.onProgress?.()
  }

  #expire(nowMs: number): void {
    const active = this.#active
    if (active === undefined) return
    const revealedEnd = this.#settings.sync === 'every' ? this.#progress.syncedEnd : this.#progress.writtenEnd
    const bounds = { settings: this.#settings, startOffset: this.#startOffset, revealedEnd, nowMs }
    const last = { endOffset: active.summary.endOffset, sizeBytes: active.summary.sizeBytes }
    const all: (RolledSegment | typeof last)[] = [...this.#rolled, last]
    const maxTimestamp = (segment: RolledSegment | typeof last): number =>
      'maxTimestampMs' in segment ? maxTimestampOf(this.#disk, this.#directory, segment) : active.summary.maxTimestampMs
    const count = expiredCount(all, maxTimestamp, bounds)
    if (count === all.length) {
      // Even the active segment is too old: Kafka rolls it, so that the log's end stays where it is.
      if (!this.#withRoom(() => active.indexes.finish())) return
      this.#roll(active)
      this.#isDirty = true
    }
    this.#dropOldest(count)
  }

  /** Removes the oldest rolled segments; the log start moves behind them. */
  #dropOldest(count: number): void {
    if (count === 0) return
    const dropped = this.#rolled.slice(0, count)
    this.#rolled = this.#rolled.slice(count)
    this.#segmentsVersion++
    const firstBase = this.#rolled[0]?.baseOffset ?? this.#active?.baseOffset ?? this.#endOffset
    this.#startOffset = Math.max(this.#startOffset, firstBase)
    for (const segment of dropped) {
      this.#sync.dropRolled(segment.baseOffset)
      removeSegmentFiles(this.#disk, this.#directory, segment.baseOffset)
    }
  }

  /** On a bounded disk that fills up, gives what is above a fair share. */
  #relieve(): void {
    const { space } = this.#disk
    if (space === undefined) return
    while (mustGive(space, this.#sizes())) {
      if (this.#rolled.length > 0) this.#dropOldest(1)
      else if (!this.#giveActive()) return
    }
  }

  /** Gives up the active segment of a partition that holds too much in it; false where it is others who must give. */
  #giveActive(): boolean {
    const { space } = this.#disk
    const active = this.#active
    if (space === undefined || active === undefined || active.summary.sizeBytes === 0) return false
    if (!holdsMoreThanShare(space, this.#sizes())) return false
    active.close()
    removeSegmentFiles(this.#disk, this.#directory, active.baseOffset)
    this.#startSegment(active.summary.endOffset)
    this.#startOffset = Math.max(this.#startOffset, active.summary.endOffset)
    return true
  }

  #sizes(): number[] {
    return [...this.#rolled.map((segment) => segment.sizeBytes), this.#active?.summary.sizeBytes ?? 0]
  }

  /** Does something that needs room; on a full memory disk the oldest segments go for it. False: there is none to be had yet. */
  #withRoom(write: () => void): boolean {
    for (;;) {
      try {
        write()
        return true
      } catch (thrown) {
        if (this.#disk.space === undefined || errnoOf(thrown) !== 'ENOSPC') throw thrown
        if (this.#rolled.length === 0) return false
        this.#dropOldest(1)
      }
    }
  }

  #assertFitsAtAll(run: readonly Buffer[]): void {
    let bytes = 0
    for (const batch of run) bytes += batch.length
    if (bytes > (this.#disk.space?.bytesMax ?? Number.POSITIVE_INFINITY) / 2) {
      throw new SafkaError('SAFKA_DISK_TOO_SMALL', `${bytes} bytes do not fit the memory disk beside other partitions`)
    }
  }

  #saveCheckpoint(closed?: Checkpoint['closed']): void {
    const [startOffset, recoveryPoint] = [this.#startOffset, this.#recoveryPoint]
    writeCheckpoint(
      this.#disk,
      this.#directory,
      closed === undefined ? { startOffset, recoveryPoint } : { startOffset, recoveryPoint, closed },
    )
  }

  #guard(work: () => void): void {
    if (this.#failure !== undefined) return
    try {
      work()
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #fail(thrown: unknown): void {
    this.#failure ??= thrown instanceof Error ? thrown : new SafkaError('SAFKA_STORAGE_FAILED', String(thrown))
    this.#queue = []
    this.#queueHead = 0
  }
}
