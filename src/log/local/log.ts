/** The log of one partition as its owner writes it: Kafka's segments on a disk, in real files or in memory. */

import { SafkaError } from '../../base/errors.ts'
import type { Offset } from '../../base/ids.ts'
import type { PartitionSettings } from '../../base/topology.ts'
import { batchLastOffset } from '../../wire/record-batch.ts'
import { dirtyLogOf, rollMs } from '../cleaning/dirty-log.ts'
import { prepareReplacing } from '../cleaning/replacing.ts'
import type {
  AbortedTransaction,
  CleanedSegment,
  DirtyLog,
  DirtyLogQuestion,
  Engine,
  EngineChange,
  EngineProgress,
  ProducerSnapshot,
  RewriteEdges,
} from '../engine.ts'
import type { ActiveSegment, Run } from './active-segment.ts'
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts'
import { syncPartitionFiles, syncPartitionFilesNow } from './partition-files.ts'
import { loadSnapshot, saveSnapshot } from './producer-snapshots.ts'
import { boundedSegmentBytes, failIfNeverFitting } from './room.ts'
import { type FoundSegments, Segments, type SegmentsHome } from './segments.ts'
import { type Syncable, type SyncOutcome, SyncWork } from './sync-work.ts'

/** At what was there before, the first look comes this long after the start (log.initial.task.delay.ms): a broker's life may be short. */
export const retentionCheckDelayMs = 30_000

export type LocalLogOptions = SegmentsHome & {
  readonly settings: PartitionSettings
  readonly onProgress?: () => void
}

/** The engine of `local` and `memory` topics. */
export class LocalLog implements Engine {
  readonly #options: LocalLogOptions
  readonly #segments: Segments
  readonly #sync = new SyncWork((outcome, error) => this.#syncSettled(outcome, error))
  #settings: PartitionSettings
  /** Where DeleteRecords moved the log start. */
  #deletedEnd: Offset
  #endOffset: Offset
  #recoveryPoint: Offset
  /** Batches that were submitted and not written: only a full memory disk keeps any for longer than a call. */
  #queue: Buffer[] = []
  #queueHead = 0
  /** Aborted transactions whose markers are not written yet. */
  #aborted: AbortedTransaction[] = []
  #abortedEnd: Offset
  /** Behind the last one that has an entry, written or not. */
  #indexedEnd: Offset
  readonly #progress: EngineProgress
  readonly #change: EngineChange
  #lastSyncMs: number
  #lastRetentionMs: number
  #reportedVersion = 0
  /** Whether anything changed since the checkpoint that says how the log was closed. */
  #isDirty = false
  #isClosed = false
  #failure: Error | undefined

  constructor(options: LocalLogOptions, found: FoundSegments, checkpoint: Checkpoint, abortedEnd: Offset = 0) {
    this.#options = options
    this.#settings = options.settings
    this.#segments = new Segments(options, found, this.#sync, options.settings)
    this.#endOffset = found.active?.summary.endOffset ?? 0
    this.#deletedEnd = Math.min(checkpoint.startOffset, this.#endOffset)
    this.#recoveryPoint = checkpoint.recoveryPoint
    this.#abortedEnd = abortedEnd
    this.#indexedEnd = abortedEnd
    this.#progress = { writtenEnd: this.#endOffset, syncedEnd: this.#endOffset }
    this.#change = { startOffset: this.startOffset, segmentsChanged: false }
    this.#lastSyncMs = options.clock.nowMs()
    const isNew = found.active === undefined
    const { retentionCheckMs } = options.settings
    this.#lastRetentionMs = this.#lastSyncMs - (isNew ? 0 : Math.max(0, retentionCheckMs - retentionCheckDelayMs))
  }

  get startOffset(): Offset {
    return Math.max(this.#deletedEnd, this.#segments.firstOffset)
  }

  get endOffset(): Offset {
    return this.#endOffset
  }

  get segmentsVersion(): number {
    return this.#segments.version
  }

  get abortedEnd(): Offset {
    return this.#abortedEnd
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

  submitAborted(aborted: readonly AbortedTransaction[]): void {
    if (this.#failure === undefined) this.#aborted.push(...aborted)
  }

  poll(): EngineProgress {
    if (this.#queue.length > 0) this.#guard(() => this.#drain())
    if (!this.#options.disk.isDurable) this.#progress.syncedEnd = this.#progress.writtenEnd
    else if (this.#isSyncDue()) this.#startSync()
    return this.#progress
  }

  maintain(nowMs: number): EngineChange {
    this.#guard(() => {
      this.#segments.active?.failWhereGone()
      this.#segments.withRoom(() => this.#segments.active?.indexes.flush())
      if (this.#settings.sync !== 'never' && nowMs - this.#lastSyncMs >= this.#settings.flushMs) {
        this.#lastSyncMs = nowMs
        this.#startSync()
      }
      if (nowMs - this.#lastRetentionMs >= this.#settings.retentionCheckMs) {
        this.#lastRetentionMs = nowMs
        this.#expire(nowMs)
      }
      this.#segments.relieve(this.#settings)
      this.#drain()
    })
    this.#change.startOffset = this.startOffset
    this.#change.segmentsChanged = this.#segments.version !== this.#reportedVersion
    this.#reportedVersion = this.#segments.version
    return this.#change
  }

  configure(settings: PartitionSettings): void {
    this.#settings = settings
  }

  deleteRecordsBefore(offset: Offset): void {
    const startOffset = Math.min(offset, this.#progress.writtenEnd)
    if (startOffset <= this.startOffset) return
    this.#guard(() => {
      this.#deletedEnd = startOffset
      this.#isDirty = true
      // The checkpoint comes first: a crash in between must not bring records back.
      this.#segments.withRoom(() => this.#saveCheckpoint())
      this.#segments.dropBelow(startOffset, this.#settings)
    })
  }

  saveProducerSnapshot(offset: Offset, bytes: Buffer): void {
    if (this.#segments.active === undefined) return
    const { disk, directory } = this.#options
    const isSynced = disk.isDurable && this.#settings.sync !== 'never'
    const recoveryPoint = this.#recoveryPoint
    this.#guard(() =>
      this.#segments.withRoom(() => saveSnapshot(disk, directory, { offset, bytes }, { recoveryPoint, isSynced })),
    )
  }

  loadProducerSnapshot(): ProducerSnapshot | undefined {
    const offset = this.#endOffset
    return loadSnapshot(this.#options.disk, this.#options.directory, { endOffset: offset, offsetMax: offset })
  }

  dirtyLog(question: DirtyLogQuestion): DirtyLog | undefined {
    if (this.#failure !== undefined) return undefined
    return dirtyLogOf({ home: this.#options, segments: this.#segments, settings: this.#settings }, this, question)
  }

  async replaceSegments(cleaned: CleanedSegment, edges: RewriteEdges): Promise<boolean> {
    const isUsable = (): boolean => this.#failure === undefined && !this.#isClosed
    const log = { home: this.#options, segments: this.#segments, settings: this.#settings, isUsable, edges }
    const replace = await prepareReplacing(log, cleaned)
    let isReplaced = false
    this.#guard(() => {
      isReplaced = replace()
      this.#isDirty ||= isReplaced
    })
    return isReplaced
  }

  sizeBytes(): number {
    return this.#segments.sizeBytes()
  }

  segmentCount(): number {
    return this.#segments.count
  }

  sync(): void {
    const { disk, directory } = this.#options
    this.#guard(() => {
      this.#drain()
      this.#sync.syncRolled()
      const { active } = this.#segments
      active?.sync()
      this.#recoveryPoint = active?.baseOffset ?? this.#recoveryPoint
      if (this.#segments.arePartitionFilesUnsynced) syncPartitionFilesNow(disk, directory)
      this.#segments.arePartitionFilesUnsynced = false
      if (this.#segments.isFolderUnsynced) {
        disk.syncDirectory(directory)
        disk.syncDirectory('')
        this.#segments.isFolderUnsynced = false
      }
      this.#progress.syncedEnd = this.#progress.writtenEnd
    })
  }

  close(): void {
    if (this.#isClosed) return
    if (this.#isDirty) {
      if (this.#settings.sync === 'never') this.#guard(() => this.#drain())
      else this.sync()
      this.#guard(() => this.#saveClosed())
    }
    this.#letGo()
  }

  removeFiles(): void {
    this.#letGo()
    // An earlier error is no reason to keep what is not wanted any more.
    this.#failure = undefined
    this.#guard(() => this.#segments.removeAll(this.#settings))
  }

  #letGo(): void {
    this.#isClosed = true
    this.#sync.close()
    this.#segments.close()
  }

  /** Writes what waits, as far as there is room. */
  #drain(): void {
    if (!this.#show(this.#segments.active)) return
    while (this.#queueHead < this.#queue.length) {
      const active = this.#segmentForNext()
      if (active === undefined) return
      const run = this.#queue.slice(this.#queueHead, this.#queueHead + this.#runLength(active))
      this.#isDirty = true
      if (!this.#segments.withRoom(() => active.write(run))) {
        failIfNeverFitting(this.#options.disk.space, run)
        if (!this.#segments.giveActive(this.#settings)) return
        continue
      }
      for (const batch of run) active.indexes.account(batch, 0, batch.length, this.#settings.indexIntervalBytes)
      this.#queueHead += run.length
      this.#indexAborted(active)
      if (!this.#show(active)) return
      if (active.indexes.isFlushDue) this.#segments.withRoom(() => active.indexes.flush())
      this.#segments.relieve(this.#settings)
    }
    this.#queue.length = 0
    this.#queueHead = 0
  }

  /** Notes the aborted transactions whose markers have just been written. */
  #indexAborted(active: ActiveSegment): void {
    let next = this.#aborted[0]
    while (next !== undefined && next.lastOffset < active.summary.endOffset) {
      active.indexes.abort(next)
      this.#indexedEnd = next.lastOffset + 1
      this.#aborted.shift()
      next = this.#aborted[0]
    }
  }

  /** Counts what is in the segment as written, once readers can find what was aborted in it; false where that has no room yet. */
  #show(active: ActiveSegment | undefined): boolean {
    if (active === undefined) return true
    if (!this.#segments.withRoom(() => active.indexes.flushAborted())) return false
    this.#abortedEnd = this.#indexedEnd
    this.#progress.writtenEnd = active.summary.endOffset
    return true
  }

  /** The segment that takes the next batch: rolled where the active one is full; undefined where there is no room for one. */
  #segmentForNext(): ActiveSegment | undefined {
    const { active } = this.#segments
    if (active === undefined) return this.#segments.begin(this.#settings)
    if (this.#runLength(active) > 0) return active
    const next = this.#segments.roll(active, this.#settings)
    // Whatever the policy, a finished segment is synced in the background, so that a crash never means to check it again.
    if (next !== undefined && !this.#isEverySynced()) this.#startSync(true)
    return next
  }

  /** How many waiting batches may be written into the segment in one go. */
  #runLength(active: ActiveSegment): number {
    const { segmentIndexBytes } = this.#settings
    const segmentMs = rollMs(this.#settings)
    const segmentBytes = boundedSegmentBytes(this.#options.disk.space, this.#settings.segmentBytes)
    const limits = { segmentBytes, segmentMs, segmentIndexBytes }
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

  /** Whether so much is unsynced that readers must wait for it. */
  #isSyncDue(): boolean {
    const { writtenEnd, syncedEnd } = this.#progress
    return this.#settings.sync === 'every' && writtenEnd - syncedEnd >= this.#settings.flushMessages
  }

  /** Whether each write is followed by a sync, which takes finished segments along. */
  #isEverySynced(): boolean {
    return this.#settings.sync === 'every' && this.#settings.flushMessages === 1
  }

  #startSync(isRolledOnly = false): void {
    const { disk, directory } = this.#options
    if (!disk.isDurable || this.#sync.isBusy || this.#isClosed || this.#failure !== undefined) return
    const { writtenEnd, syncedEnd } = this.#progress
    if (isRolledOnly ? !this.#sync.hasRolled : writtenEnd === syncedEnd) return
    const more: Syncable[] = []
    if (!isRolledOnly && this.#segments.active !== undefined) more.push(this.#segments.active)
    if (this.#segments.arePartitionFilesUnsynced) {
      more.push({ syncAsync: () => syncPartitionFiles(disk, directory) })
      this.#segments.arePartitionFilesUnsynced = false
    }
    if (this.#segments.isFolderUnsynced) {
      more.push({ syncAsync: () => disk.syncDirectoryAsync(directory) })
      more.push({ syncAsync: () => disk.syncDirectoryAsync('') })
      this.#segments.isFolderUnsynced = false
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
      if (this.#isSyncDue()) this.#startSync()
      else if (this.#sync.hasRolled) this.#startSync(true)
    }
    this.#options.onProgress?.()
  }

  #expire(nowMs: number): void {
    const { writtenEnd, syncedEnd } = this.#progress
    const { sync, flushMessages } = this.#settings
    const revealedEnd = sync === 'every' ? Math.min(writtenEnd, syncedEnd + flushMessages - 1) : writtenEnd
    const hasRolled = this.#segments.expire(this.#settings, { startOffset: this.startOffset, revealedEnd, nowMs })
    if (hasRolled) this.#isDirty = true
  }

  #saveClosed(): void {
    const { active } = this.#segments
    if (active === undefined || !this.#segments.withRoom(() => active.indexes.finish())) return
    // A clean end speaks for all segments, so the finished ones must be on the disk whatever the policy; and for the indexes of
    // the last one, which nobody compares with its batches any more.
    this.#sync.syncRolled()
    if (this.#options.disk.isDurable && this.#settings.sync !== 'never') active.indexes.sync()
    this.#recoveryPoint = active.baseOffset
    const closed = { baseOffset: active.baseOffset, summary: active.summary }
    this.#segments.withRoom(() => this.#saveCheckpoint(closed))
  }

  #saveCheckpoint(closed?: Checkpoint['closed']): void {
    const { disk, directory } = this.#options
    const kept = { startOffset: this.startOffset, recoveryPoint: this.#recoveryPoint }
    // A recovery point that is lost costs a longer scan; a log start that is lost brings records back.
    const isSynced = disk.isDurable && this.#deletedEnd > this.#segments.firstOffset
    writeCheckpoint(disk, directory, closed === undefined ? kept : { ...kept, closed }, isSynced)
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
    this.#aborted = []
  }
}
