/** The interface between a partition's owner and its storage: durability is a position that moves, never a promise. */

import type { Offset } from '../base/ids.ts'
import type { PartitionSettings } from '../base/topology.ts'

/** How far an engine got; ends are exclusive. The object is reused by the next poll(). */
export type EngineProgress = {
  /** Batches below this are in the log (page cache); their submitted memory is no longer needed. */
  writtenEnd: Offset
  /** Batches below this survive the machine's power. */
  syncedEnd: Offset
}

/** What maintenance changed; the object is reused by the next maintain(). */
export type EngineChange = {
  startOffset: Offset
  /** Segments came or went since the last maintain(): readers must look again. */
  segmentsChanged: boolean
}

/** A producer snapshot: the state of all producers right before `offset`, as bytes of Kafka's snapshot file. */
export type ProducerSnapshot = { readonly offset: Offset; readonly bytes: Buffer }

/** A transaction that was aborted in a partition: an entry of Kafka's transaction index. */
export type AbortedTransaction = {
  readonly producerId: number
  /** Of its data in this partition. */
  readonly firstOffset: Offset
  /** Its marker. */
  readonly lastOffset: Offset
  /** Where the earliest transaction begins that is open after the marker; without one, behind the marker. */
  readonly lastStableOffset: Offset
}

/** The last that a partition knows of a producer: where its last batch ends (-1: its last word is a marker), and its epoch. */
export type LastOfProducer = { readonly lastOffset: Offset; readonly epoch: number }

/** A segment that a cleaning may rewrite. */
export type CleanableSegment = {
  readonly baseOffset: Offset
  /** Where the next segment begins. */
  readonly endOffset: Offset
  readonly sizeBytes: number
}

/** What the cleaning of a log goes by; plain data, so that it can be sent to another thread. */
export type CleaningPlan = {
  readonly directory: string
  /** In order, from the first segment to the last one that may be rewritten; never the active one. */
  readonly segments: readonly CleanableSegment[]
  /** Segments behind them: their transaction indexes may tell of data before. */
  readonly laterBases: readonly Offset[]
  /** Before it, each key has one record at most (or its tombstone). */
  readonly firstDirtyOffset: Offset
  readonly settings: Pick<PartitionSettings, 'segmentBytes' | 'segmentIndexBytes' | 'indexIntervalBytes'>
  readonly deleteRetentionMs: number
  readonly producers: ReadonlyMap<number, LastOfProducer>
}

/** How dirty a log is, and what is to be done about it. */
export type DirtyLog = {
  /** Bytes that were written since the last cleaning, as a part of all that may be cleaned: 0 to 1. */
  readonly dirtyRatio: number
  /** Whether something has waited for longer than max.compaction.lag.ms. */
  readonly isOverdue: boolean
  readonly plan: CleaningPlan
}

export type DirtyLogQuestion = {
  readonly cleanedEnd: Offset
  readonly stableEnd: Offset
  readonly nowMs: number
  readonly producers: () => ReadonlyMap<number, LastOfProducer>
}

/**
 * Called around the moment in which files change under their names, at once one after the other: `begin` answers whether that may
 * happen now, and only then `end` is called.
 */
export type RewriteEdges = { readonly begin: () => boolean; readonly end: () => void }

/** A segment that was written anew by a cleaning; its files still have the ending `.cleaned`. */
export type CleanedSegment = {
  readonly baseOffset: Offset
  /** Where the next segment begins. */
  readonly endOffset: Offset
  /** The segments that it stands for, in order; the first has the same base offset. */
  readonly replaced: readonly Offset[]
  readonly sizeBytes: number
  /** -1 where no record has one. */
  readonly maxTimestampMs: number
}

/** Storage of one partition, used by its owner only. No method throws for I/O errors: see `failure`. */
export interface Engine {
  /** The log start: the first offset that may be read. */
  readonly startOffset: Offset
  /** The next offset to be assigned, after all that was submitted or recovered. */
  readonly endOffset: Offset
  /** Grows with each segment that comes or goes (also within submit); copy it to the partition table before a reveal. */
  readonly segmentsVersion: number
  /** Behind the marker of the last aborted transaction that readers can find; 0 without any. */
  readonly abortedEnd: Offset
  /** The first I/O error. The engine does nothing from then on; only recovery (a new openEngine) helps. */
  readonly failure: Error | undefined
  /**
   * Takes stamped, accepted batches (one whole batch a buffer) in offset order. Their memory must stay as it is until
   * poll() answers writtenEnd ≥ their last offset + 1.
   */
  submit(batches: readonly Buffer[]): void
  /**
   * Takes aborted transactions in the order of their markers, before the markers themselves are submitted. Readers can find
   * each once poll() answers writtenEnd beyond its marker.
   */
  submitAborted(aborted: readonly AbortedTransaction[]): void
  /** Drives the work and answers how far it got. Under sync policy `every` it starts the next sync that is due. */
  poll(): EngineProgress
  /** Roll, retention, interval sync, pressure: call it about once a second. */
  maintain(nowMs: number): EngineChange
  configure(settings: PartitionSettings): void
  /** Moves the log start up to `offset` (clipped to what exists); durable at once. */
  deleteRecordsBefore(offset: Offset): void
  /** Keeps the producers' state right before `offset`, so that a restart visits only batches from there on. Older ones go. */
  saveProducerSnapshot(offset: Offset, bytes: Buffer): void
  /** The newest snapshot at or below endOffset. At start prefer `visitSnapshot` of openEngine: it comes before the batches. */
  loadProducerSnapshot(): ProducerSnapshot | undefined
  /**
   * What of the log may be compacted: undefined for nothing. `cleanedEnd`: where the last cleaning ended; `stableEnd`: no
   * record at or beyond it may be touched.
   */
  dirtyLog(at: DirtyLogQuestion): DirtyLog | undefined
  /**
   * Puts a cleaned segment in the place of others. Resolves false where that is no more possible, and the cleaned one is gone.
   * Rejects with the disk's errors while the log is still what it was; later ones are the engine's failure.
   */
  replaceSegments(cleaned: CleanedSegment, edges: RewriteEdges): Promise<boolean>
  /** Bytes of batches kept. */
  sizeBytes(): number
  segmentCount(): number
  /** Syncs everything written; blocks. */
  sync(): void
  /** Closes; a later open finds a clean end and scans nothing. Syncs first, unless the sync policy is `never`. */
  close(): void
  /** Closes and removes all data. */
  removeFiles(): void
}
