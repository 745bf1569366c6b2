/** The segments of a partition as its owner keeps them: which there are, when one is rolled, and which must go. */

import type { Clock } from '../../base/clock.ts'
import { errnoOf } from '../../base/errors.ts'
import type { Offset, TopicIdHex } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import type { PartitionSettings } from '../../base/topology.ts'
import { finishSwap } from '../cleaning/swap.ts'
import type { Disk } from '../disk.ts'
import type { CleanedSegment } from '../engine.ts'
import { ActiveSegment } from './active-segment.ts'
import { writePartitionFiles } from './partition-files.ts'
import { expiredCount } from './retention.ts'
import { largestTimestampOf, type RolledSegment, removeFolder, removeSegmentFiles } from './rolled-segment.ts'
import { holdsMoreThanShare, isFilling } from './room.ts'
import { emptySummary, type SegmentSummary } from './segment-indexes.ts'
import type { SyncWork } from './sync-work.ts'

/** Where segments are kept, and for whom. */
export type SegmentsHome = {
  readonly disk: Disk
  readonly directory: string
  readonly topicId: TopicIdHex
  readonly leaderEpoch: number
  readonly clock: Clock
  readonly random: Random
}

/** What was found on the disk. */
export type FoundSegments = {
  readonly rolled: RolledSegment[]
  readonly active: { readonly baseOffset: Offset; readonly summary: SegmentSummary } | undefined
}

/** Methods throw the disk's errors; nothing is made on the disk before the first append. */
export class Segments {
  /** Grows with each segment that comes or goes. */
  version = 0
  /** Names were made that are not durable yet. */
  isFolderUnsynced = false
  /** It is not durable yet whose folder this is. */
  arePartitionFilesUnsynced = false
  readonly #home: SegmentsHome
  readonly #sync: SyncWork
  #rolled: RolledSegment[]
  #active: ActiveSegment | undefined

  /** Rolled segments are handed to `sync`, which closes them. */
  constructor(home: SegmentsHome, found: FoundSegments, sync: SyncWork, settings: PartitionSettings) {
    this.#home = home
    this.#sync = sync
    this.#rolled = found.rolled
    if (found.active !== undefined) {
      this.#active = this.#open(found.active.baseOffset, found.active.summary, settings)
      // Whether they were before the last start is not known.
      this.isFolderUnsynced = home.disk.isDurable
      this.arePartitionFilesUnsynced = home.disk.isDurable
    }
  }

  get active(): ActiveSegment | undefined {
    return this.#active
  }

  /** The first offset that a segment may hold. */
  get firstOffset(): Offset {
    return this.#rolled[0]?.baseOffset ?? this.#active?.baseOffset ?? 0
  }

  /** In order; those of a bounded disk may go at any write. */
  get rolled(): readonly RolledSegment[] {
    return this.#rolled
  }

  get count(): number {
    return this.#rolled.length + (this.#active === undefined ? 0 : 1)
  }

  sizeBytes(): number {
    let total = this.#active?.summary.sizeBytes ?? 0
    for (const segment of this.#rolled) total += segment.sizeBytes
    return total
  }

  /** Makes the first segment, and the folder for it. */
  begin(settings: PartitionSettings): ActiveSegment {
    const { disk, directory, topicId } = this.#home
    disk.makeDirectory(directory)
    if (disk.isDurable) {
      writePartitionFiles(disk, directory, topicId, this.#home.leaderEpoch)
      this.arePartitionFilesUnsynced = true
    }
    return this.#start(0, settings)
  }

  /** Ends the active segment and starts the next; undefined where there is no room for its indexes yet. */
  roll(active: ActiveSegment, settings: PartitionSettings): ActiveSegment | undefined {
    if (!this.withRoom(() => active.indexes.finish())) return undefined
    const { baseOffset, summary } = active
    const { endOffset, sizeBytes, maxTimestampMs } = summary
    this.#rolled.push({ baseOffset, endOffset, sizeBytes, maxTimestampMs })
    if (this.#home.disk.isDurable) this.#sync.addRolled({ baseOffset, endOffset, parts: [active, active.indexes] })
    else active.close()
    return this.#start(endOffset, settings)
  }

  /** Removes what retention takes. True where even the active segment was too old: it is rolled then, as Kafka does. */
  expire(settings: PartitionSettings, at: { startOffset: Offset; revealedEnd: Offset; nowMs: number }): boolean {
    const active = this.#active
    if (active === undefined) return false
    const last: RolledSegment = { baseOffset: active.baseOffset, ...active.summary }
    const count = expiredCount(
      [...this.#rolled, last],
      (segment) => largestTimestampOf(this.#home.disk, this.#home.directory, segment),
      { settings, ...at },
    )
    const takesActive = count > this.#rolled.length
    if (takesActive && this.roll(active, settings) === undefined) return false
    this.#dropOldest(count, settings.fileDeleteDelayMs)
    return takesActive
  }

  /** Removes the segments that end at or below an offset. */
  dropBelow(offset: Offset, settings: PartitionSettings): void {
    let count = 0
    while ((this.#rolled[count]?.endOffset ?? Number.POSITIVE_INFINITY) <= offset) count++
    this.#dropOldest(count, settings.fileDeleteDelayMs)
  }

  /** Removes the partition's folder. */
  removeAll(settings: PartitionSettings): void {
    const { disk, directory, clock, random } = this.#home
    removeFolder(disk, directory, random.uuid(), { clock, delayMs: settings.fileDeleteDelayMs })
  }

  /** Whether segments are there still, one after the other and none of them the active one. */
  holdsRolled(baseOffsets: readonly Offset[]): boolean {
    const first = this.#placeOf(baseOffsets[0])
    return (
      first >= 0 && baseOffsets.every((baseOffset, place) => this.#rolled[first + place]?.baseOffset === baseOffset)
    )
  }

  /** Puts a cleaned segment, of which commitSwap has been done, in the place of those that it stands for. */
  replace(cleaned: CleanedSegment, delayMs: number): void {
    const { baseOffset, endOffset, replaced, sizeBytes, maxTimestampMs } = cleaned
    const first = this.#placeOf(baseOffset)
    for (const base of replaced) this.#sync.dropRolled(base)
    const { disk, directory, clock } = this.#home
    finishSwap(disk, directory, cleaned, { clock, delayMs })
    const segment = { baseOffset, endOffset, sizeBytes, maxTimestampMs }
    this.#rolled = this.#rolled.toSpliced(first, replaced.length, segment)
    this.isFolderUnsynced = disk.isDurable
    this.version++
  }

  /** On a bounded disk that fills up, gives the oldest of what is above a fair share. */
  relieve(settings: PartitionSettings): void {
    const { space } = this.#home.disk
    if (space === undefined) return
    while (isFilling(space) && holdsMoreThanShare(space, this.#sizes())) {
      if (this.#rolled.length > 0) this.#dropOldest(1)
      else if (!this.giveActive(settings)) return
    }
  }

  /** Gives up the active segment of a partition that holds too much in it; false where it is others who must give. */
  giveActive(settings: PartitionSettings): boolean {
    const { disk, directory } = this.#home
    const active = this.#active
    if (disk.space === undefined || active === undefined || active.summary.sizeBytes === 0) return false
    if (!holdsMoreThanShare(disk.space, this.#sizes())) return false
    active.close()
    removeSegmentFiles(disk, directory, active.baseOffset)
    this.#start(active.summary.endOffset, settings)
    return true
  }

  /** Does something that needs room; on a full memory disk the oldest segments go for it. False: there is none to be had yet. */
  withRoom(write: () => void): boolean {
    for (;;) {
      try {
        write()
        return true
      } catch (thrown) {
        if (this.#home.disk.space === undefined || errnoOf(thrown) !== 'ENOSPC') throw thrown
        if (this.#rolled.length === 0) return false
        this.#dropOldest(1)
      }
    }
  }

  close(): void {
    this.#active?.close()
  }

  #start(baseOffset: Offset, settings: PartitionSettings): ActiveSegment {
    const segment = this.#open(baseOffset, emptySummary(baseOffset), settings)
    // The file appears at once: it is what tells readers of the segment.
    if (segment.log.size() > 0) segment.log.truncate(0)
    this.#active = segment
    this.isFolderUnsynced = this.#home.disk.isDurable
    this.version++
    return segment
  }

  #open(baseOffset: Offset, summary: SegmentSummary, settings: PartitionSettings): ActiveSegment {
    const { disk, directory, clock, random } = this.#home
    const { segmentJitterMs, segmentMs } = settings
    // Up to the segments' whole time, as in Kafka (LogConfig.randomSegmentJitter).
    const jitterMs = segmentJitterMs > 0 ? random.below(Math.min(segmentJitterMs, segmentMs)) : 0
    return new ActiveSegment({ disk, directory, baseOffset, summary, createdMs: clock.nowMs(), jitterMs })
  }

  #dropOldest(count: number, delayMs = 0): void {
    if (count === 0) return
    const { disk, directory, clock } = this.#home
    const dropped = this.#rolled.slice(0, count)
    this.#rolled = this.#rolled.slice(count)
    this.version++
    for (const { baseOffset } of dropped) {
      this.#sync.dropRolled(baseOffset)
      removeSegmentFiles(disk, directory, baseOffset, { clock, delayMs })
    }
  }

  #placeOf(baseOffset: Offset | undefined): number {
    return this.#rolled.findIndex((segment) => segment.baseOffset === baseOffset)
  }

  #sizes(): number[] {
    return [...this.#rolled.map((segment) => segment.sizeBytes), this.#active?.summary.sizeBytes ?? 0]
  }
}
