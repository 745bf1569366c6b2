/** What the APIs need from the broker around them: the front implements these, tests may stub them. */

import type { Offset, PartitionSlot, TopicIdHex } from '../base/ids.ts'
import type { CatalogPartition, CatalogTopic, PartitionSettings } from '../base/topology.ts'
import type { FetchRequest, FetchResponsePartitionData } from '../wire/generated/fetch.ts'

/** The topics as this thread knows them. */
export interface Catalog {
  byName(name: string): CatalogTopic | undefined
  byId(id: TopicIdHex): CatalogTopic | undefined
  /** Every topic, sorted by name. */
  all(): readonly CatalogTopic[]
}

/** Hears what became of a batch that was claimed; `index` is the one given with the claim. */
export interface Settlement {
  /**
   * `timeMs` is the log append time, -1 where the producer's own timestamps were kept; of a refused batch, when it was refused.
   * `refused`: the bytes of a batch of which single records may be at fault. Called exactly once a claim, never within it.
   */
  settled(index: number, errorCode: number, baseOffset: Offset, timeMs: number, refused?: Buffer): void
}

/** `Partitions.claim` answers this where there is no room yet: `waitForRoom`, then claim again. */
export const mustWait = -2

/** What one read wants. `endOffset` is the first offset not to be shown. */
export type ReadWish = {
  readonly offset: Offset
  readonly bytesMax: number
  readonly endOffset: Offset
  /** Whether the first batch comes whole even where it is larger than `bytesMax`. */
  readonly isFirstWhole: boolean
}

/** A record's place found by its time. */
export type TimedOffset = { readonly offset: Offset; readonly timestampMs: number }

/** A leader epoch, and the offset behind its last record. */
export type EpochEnd = { readonly epoch: number; readonly endOffset: Offset }

/** An aborted transaction as a Fetch response tells of it; `firstOffset` is that of its data in the partition. */
export type AbortedTransaction = { readonly producerId: number; readonly firstOffset: Offset }

/** A partition together with its topic. */
export type Place = { readonly topic: CatalogTopic; readonly partition: CatalogPartition }

/** The partitions' logs. */
export interface Partitions {
  /** NONE while the partition can be read and written, else the Kafka error code that says why not. */
  errorOf(slot: PartitionSlot): number
  highWatermark(slot: PartitionSlot): Offset
  lastStableOffset(slot: PartitionSlot): Offset
  logStartOffset(slot: PartitionSlot): Offset
  /**
   * Puts one batch into the partition's ring: its bytes are copied before this returns. Answers NONE (then `settlement` hears of
   * the outcome), `mustWait`, or a Kafka error code.
   */
  claim(place: Place, batch: Buffer, settlement: Settlement, index: number): number
  /** Resolves with NONE once another claim may do, or with an error code (REQUEST_TIMED_OUT at `deadlineMs`, monotonic). */
  waitForRoom(place: Place, batchBytes: number, deadlineMs: number): Promise<number>
  /** Whole batches, copied; `cold` where they are no longer in memory, `gone` where they are nowhere any more. */
  read(place: Place, wish: ReadWish): Buffer | 'cold' | 'gone'
  /** Reads batches that are no longer in memory; undefined where the offset is gone. Rejects where the disk fails. */
  readCold(place: Place, wish: ReadWish): Promise<Buffer | undefined>
  /**
   * The aborted transactions with data among `records`, which were read at `offset` below the last stable offset. An array at once
   * where nothing at or behind `offset` was aborted; undefined where the records are gone by now. Rejects where the disk fails.
   */
  abortedAmong(
    place: Place,
    offset: Offset,
    records: Buffer,
  ): readonly AbortedTransaction[] | Promise<readonly AbortedTransaction[] | undefined>
  /** Bytes of the readable batches in memory from `offset` on; infinite where `offset` lies before them. */
  bytesFrom(slot: PartitionSlot, offset: Offset, endOffset: Offset): number
  /** The first record at or after a time, below `endOffset`. */
  offsetForTimestamp(place: Place, timestampMs: number, endOffset: Offset): Promise<TimedOffset | undefined>
  /** Where a leader epoch before the partition's own ended; undefined where nothing is known of it. Rejects where the disk fails. */
  endOfEpoch(place: Place, epoch: number): Promise<EpochEnd | undefined>
  /** The first record that carries the greatest timestamp below `endOffset`. */
  maxTimestamp(place: Place, endOffset: Offset): Promise<TimedOffset | undefined>
}

/** Gives batches the codec that their topic asks for, which changes their size. */
export interface Recompression {
  /**
   * The batch as it is to be claimed: the same one where it keeps its codec, or is damaged (its owner refuses it then).
   * Undefined where that takes long: see `later`.
   */
  now(settings: PartitionSettings, batch: Buffer): Buffer | undefined
  /** The same, in the thread pool; `batch` must not change meanwhile. Undefined where it is larger than may be unpacked. */
  later(settings: PartitionSettings, batch: Buffer): Promise<Buffer | undefined>
}

/** A batch of a transaction, on its way into a partition. */
export type TransactionBatch = {
  readonly place: Place
  readonly producerId: number
  readonly producerEpoch: number
  readonly firstSequence: number
}

/** Makes partitions part of transactions before data goes there, for clients that leave that to the broker (KIP-890). */
export interface Transactions {
  /** Whether the partition has been added to this very transaction. */
  isAdded(batch: TransactionBatch): boolean
  /** Adds it; resolves with NONE once the partition takes the batch, else with an error code for the producer. */
  add(transactionalId: string, batch: TransactionBatch): Promise<number>
  /** What is known of the producer proved wrong: it is to be added anew. */
  forget(producerId: number): void
}

/** A fetch that waits for data. */
export type Parked = {
  /** Forgotten, without a call, when this connection closes. */
  readonly connectionId: string
  /** The partitions whose progress may satisfy it. */
  readonly slots: readonly PartitionSlot[]
  readonly waitMs: number
  isSatisfied(): boolean
  /** Called once: when satisfied, when the time is up, or when the front stops. */
  wake(): void
}

/** Where fetches wait. */
export interface Parking {
  /** False where as many as allowed wait already: the caller answers at once. May call `wake` before it returns. */
  park(parked: Parked): boolean
}

/** Memory for the records of fetch responses. */
export interface FetchBudget {
  /** Answers how many bytes a fetch may read now, at most `bytesMax`; to be released once it has been answered. */
  reserve(bytesMax: number): number
  release(bytes: number): void
}

/** One partition that a fetch asks for. */
export type FetchItem = {
  /** '' where the request went by topic id. */
  readonly topic: string
  /** `noTopicId` where the request went by name. */
  readonly topicId: TopicIdHex
  readonly index: number
  readonly fetchOffset: Offset
  readonly bytesMax: number
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
}

/** One partition's answer. */
export type FetchResult = { readonly item: FetchItem; readonly data: FetchResponsePartitionData }

/** A fetch within its session (KIP-227), or without one. */
export interface FetchContext {
  /** A session error, answered instead of data. */
  readonly errorCode: number
  /** Of the session that there is already; 0 where there is none. */
  readonly sessionId: number
  readonly items: readonly FetchItem[]
  /** Updates the session and tells which results belong into the response. */
  finish(results: readonly FetchResult[]): {
    readonly errorCode: number
    readonly sessionId: number
    readonly results: readonly FetchResult[]
  }
}

/** The fetch sessions. */
export interface FetchSessions {
  begin(request: FetchRequest, usesTopicIds: boolean): FetchContext
}

/** One API as ApiVersions lists it. */
export type OfferedApi = { readonly key: number; readonly versionMin: number; readonly versionMax: number }

/** The broker as clients see it. */
export type ClusterFacts = {
  readonly clusterId: string
  readonly nodeId: number
  readonly autoCreateTopics: boolean
  /** No fetch response holds more record bytes than this, but for a first batch that is larger. */
  readonly fetchBytesMax: number
}

/** What clients may use. */
export interface Quotas {
  /** Whether anybody is limited at all. */
  readonly isOn: boolean
  /** The most that one fetch of the client may bring. */
  fetchBytesMax(clientId: string | null): number
}

/** Everything that an API may use. */
export type Ports = {
  readonly catalog: Catalog
  readonly partitions: Partitions
  readonly recompression: Recompression
  readonly transactions: Transactions
  readonly parking: Parking
  readonly fetchSessions: FetchSessions
  readonly fetchBudget: FetchBudget
  readonly quotas: Quotas
  readonly cluster: ClusterFacts
  readonly offered: readonly OfferedApi[]
  /** The time on a clock that never goes back. */
  monotonicMs(): number
  /** Creates missing topics; answers an error code a name, in order. Once it resolves the catalog has them. */
  ensureTopics(names: readonly string[]): Promise<readonly number[]>
}

/** A client's implementation, in its own words. */
export type ClientSoftware = { readonly name: string; readonly version: string }

/** Who calls, and over which address. */
export type Caller = {
  /** Unique for the life of the broker. */
  readonly connectionId: string
  readonly listenerName: string
  /** '/127.0.0.1', as Kafka writes it. */
  readonly clientHost: string
  readonly clientPort: number
  /** What the client calls itself (KIP-511), once it has asked for ApiVersions in a version that says so. */
  software: ClientSoftware | undefined
  /** The address of this broker that this client can use. */
  readonly brokerHost: string
  readonly brokerPort: number
}
