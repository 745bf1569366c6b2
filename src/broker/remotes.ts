/** The control calls between threads: what Comlink carries. Rare by design (about 80 µs each): never per record or group request. */

import type { Offset, PartitionSlot } from '../base/ids.ts'
import type {
  CatalogChange,
  OpenedPartition,
  OpenPartition,
  PartitionFacts,
  PartitionSettings,
  ProducerFacts,
  Topology,
} from '../base/topology.ts'
import type { AddToTransaction } from '../coordinator/transactions/coordinator.ts'
import type { CleanedSegment, DirtyLog } from '../log/engine.ts'
import type { ClientLimits } from '../metrics/client-quotas.ts'
import type { RateWindows } from '../metrics/rates.ts'
import type { LogSink } from './remote-logger.ts'

export type { PartitionFacts, ProducerFacts } from '../base/topology.ts'

/** What main asks of an owner thread. */
export interface OwnerControl {
  /** Opens partitions: recovers their log, fills their table entries. Answers in the order asked. */
  open(partitions: readonly OpenPartition[]): Promise<readonly OpenedPartition[]>
  /**
   * Gives a partition its ring. When it has an older one (already sealed by main), the owner first drains that, so that
   * everything claimed in it is stamped, persisted and revealed, and resolves once it serves the new one.
   */
  attachRing(slot: PartitionSlot, ring: SharedArrayBuffer): Promise<void>
  /** Drains a sealed ring and lets go of it: the partition has none afterwards. */
  detachRing(slot: PartitionSlot): Promise<void>
  configure(slot: PartitionSlot, settings: PartitionSettings): Promise<void>
  /** Drops partitions and their data. Their rings are sealed already; what is still in them is answered with an error. */
  remove(slots: readonly PartitionSlot[]): Promise<void>
  /** Moves the log start up to `beforeOffset` (-1: the high watermark). Answers with the error code and the new log start. */
  deleteRecords(slot: PartitionSlot, beforeOffset: Offset): Promise<{ errorCode: number; startOffset: Offset }>
  /** The dirtiest log that is to be compacted, of those that are not excepted. */
  dirtiestLog(except: readonly PartitionSlot[]): Promise<DirtiestLog>
  /** Puts a cleaned segment in its place; false where it came too late, and is gone. Rejects where the disk fails. */
  replaceSegments(slot: PartitionSlot, cleaned: CleanedSegment): Promise<boolean>
  /** Says where the cleanings of partitions ended. */
  setCleanedEnds(ends: readonly CleanedEnd[]): Promise<void>
  /** Bytes on disk and the ring's place, for describe commands. */
  describe(slots: readonly PartitionSlot[]): Promise<readonly PartitionFacts[]>
  /** The producers that a partition knows, in no particular order; none where it is not served. */
  describeProducers(slot: PartitionSlot): Promise<readonly ProducerFacts[]>
  /** Finishes what was claimed, syncs and closes everything. */
  stop(): Promise<void>
}

/** The dirtiest log of an owner, and the partitions of which that could not be told. */
export type DirtiestLog = {
  readonly dirtiest: (DirtyLog & { readonly slot: PartitionSlot }) | undefined
  readonly failed: readonly { readonly slot: PartitionSlot; readonly reason: string }[]
}

/** Where the last cleaning of a partition ended. */
export type CleanedEnd = { readonly slot: PartitionSlot; readonly cleanedEnd: Offset }

/** One port to listen on. */
export type ListenerSpec = {
  readonly name: string
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** What Metadata answers with; without it, the address that the client dialled. */
  readonly advertised?: { readonly host: string; readonly port: number }
}

/** What a front is told at its start. */
export type FrontSettings = {
  readonly clusterId: string
  readonly nodeId: number
  /** Which writer of `Topology.writerBells` this front is. */
  readonly writer: number
  /** Queues to and from main (ring/queue.ts). */
  readonly requests: SharedArrayBuffer
  readonly responses: SharedArrayBuffer
  /** Rates of clients that are limited (metrics/rates.ts); its lanes are those of the writers. */
  readonly quotaRates: SharedArrayBuffer
  readonly quotaWindows: RateWindows
  /** Whether several threads listen on the same ports. */
  readonly reusePort: boolean
  readonly requestBytesMax: number
  readonly connectionsMax: number
  readonly halfReceivedBytesMax: number
  readonly parkedFetchesMax: number
  readonly fetchBytesMax: number
  readonly fetchSessionsMax: number
  readonly autoCreateTopics: boolean
}

/** What main asks of a front thread. */
export interface FrontControl {
  /** Applies catalog changes in order; once it resolves, every later request sees them. */
  applyCatalog(changes: readonly CatalogChange[]): Promise<void>
  /** From now on these are all limits of clients that there are. */
  applyLimits(limits: ClientLimits): Promise<void>
  /** Gives a partition its ring (undefined: it has none for now). */
  attachRing(slot: PartitionSlot, ring: SharedArrayBuffer | undefined): Promise<void>
  /** Starts to listen; answers with the ports, in the order asked. */
  listen(listeners: readonly ListenerSpec[]): Promise<readonly number[]>
  /** Stops listening, finishes what was received, closes the connections (at once if `isAbrupt`). */
  stop(isAbrupt: boolean): Promise<void>
}

/** What fronts and owners ask of main. */
export interface MainControl extends LogSink {
  /**
   * Sees to it that the partition has a ring with room for an entry of `entryBytes`, making or growing one. Resolves when
   * the ring has been attached to the caller. `isFull`: the present ring had no room, so growing it would help.
   * Resolves false where memory does not allow it now: ask again after a while.
   */
  ensureRing(slot: PartitionSlot, entryBytes: number, isFull: boolean): Promise<boolean>
  /** Creates the topics that are missing (auto-creation); answers an error code a topic, in order. */
  ensureTopics(names: readonly string[]): Promise<readonly number[]>
  /** Makes a partition part of a producer's transaction (KIP-890); answers a Kafka error code once it takes the data. */
  addToTransaction(addition: AddToTransaction): Promise<number>
}

/** What a worker thread is started with (workerData), beside its MessagePort. */
export type OwnerStart = { readonly topology: Topology; readonly owner: number }
export type FrontStart = { readonly topology: Topology; readonly settings: FrontSettings }
