/** The words that threads share about topics and about each other: plain data, so that it can be sent between threads. */

import type { Offset, PartitionSlot, TopicIdHex } from './ids.ts'

/** Where the batches of a topic live when they leave the ring (topic config `safka.storage`). */
export type StorageKind = 'local' | 'memory' | 'ring'

/** The settings of a partition that its owner, or a front, acts upon; resolved from topic and broker configs by main. */
export type PartitionSettings = {
  readonly storage: StorageKind
  /** Data bytes of a `ring` topic's fixed ring (`safka.ring.bytes`). */
  readonly ringBytes: number
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentJitterMs: number
  readonly indexIntervalBytes: number
  readonly segmentIndexBytes: number
  readonly retentionBytes: number
  readonly retentionMs: number
  readonly maxMessageBytes: number
  readonly isCompacted: boolean
  readonly isDeleted: boolean
  /** Of compacted topics: how long tombstones stay once they were seen by a cleaning. */
  readonly deleteRetentionMs: number
  /** Records younger than this are not compacted. */
  readonly compactionLagMinMs: number
  /** Records older than this are to be compacted, however few they are. */
  readonly compactionLagMaxMs: number
  /** Which part of a log must be new before it is compacted: 0 to 1. */
  readonly dirtyRatioMin: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /** Milliseconds that a record's timestamp may lie before or after the broker's clock. */
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  /** `producer` keeps what the producer sent; fronts give batches the other codecs before they claim room for them. */
  readonly compressionType: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** The level of that codec; of no meaning where it has none. */
  readonly compressionLevel: number
  /**
   * Sync policy: `every` = fewer than `flushMessages` records are readable before they are synced (with 1, none); `interval` = synced
   * every `flushMs`, which may be asked for beside `every` too; `never` = left to the page cache.
   */
  readonly sync: 'never' | 'interval' | 'every'
  readonly flushMessages: number
  readonly flushMs: number
  /** How often old segments are looked for. */
  readonly retentionCheckMs: number
  /** How long the files of deleted segments and topics stay, under other names. */
  readonly fileDeleteDelayMs: number
}

/** One partition as every thread knows it. */
export type CatalogPartition = {
  readonly index: number
  /** Its index in the partition table. */
  readonly slot: PartitionSlot
  /** Which owner thread serves it: an index into `Topology.ownerBells`. */
  readonly owner: number
  /** As long as this broker has the partition: above 0 only where Apache Kafka led it before. */
  readonly leaderEpoch: number
}

/** One topic as every thread knows it. */
export type CatalogTopic = {
  readonly name: string
  readonly id: TopicIdHex
  readonly isInternal: boolean
  readonly settings: PartitionSettings
  readonly partitions: readonly CatalogPartition[]
}

/** A step of the catalog: a topic is there as given (new or changed), or gone. */
export type CatalogChange =
  | { readonly kind: 'put'; readonly topic: CatalogTopic }
  | { readonly kind: 'remove'; readonly name: string; readonly id: TopicIdHex }

/** The folder of a partition's segments, below the disk's root: as Kafka names it. */
export function partitionDirectory(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** The disk that the `local` and `memory` engines write to. */
export type DiskSpec =
  | { readonly kind: 'real'; readonly root: string }
  | { readonly kind: 'memory'; readonly memory: SharedArrayBuffer }

/** What every thread is given at its start: the shared memory it lives in. */
export type Topology = {
  /** The partition table (ring/table.ts). */
  readonly table: SharedArrayBuffer
  /** Bells of those who write into rings: 0 is main, 1 + n is front n. */
  readonly writerBells: readonly SharedArrayBuffer[]
  /** Bells of the owners. */
  readonly ownerBells: readonly SharedArrayBuffer[]
  /** Disks by storage kind; a `ring` topic needs none. */
  readonly disks: { readonly local?: DiskSpec; readonly memory?: DiskSpec }
}

/** What recovery did in a partition's folder. */
export type Recovery = {
  /** Bytes that were compared with their checksums. */
  readonly checkedBytes: number
  /** What was cut off, made again or found damaged, as a part of a sentence; '' where all was sound. */
  readonly repairs: string
}

export const nothingRecovered: Recovery = { checkedBytes: 0, repairs: '' }

/** What recovery did, for a log line; '' where there was nothing to do. */
export function recoveryText({ checkedBytes, repairs }: Recovery): string {
  const checked = checkedBytes === 0 ? '' : `checked ${checkedBytes} bytes`
  return repairs === '' ? checked : `${checked}${checked === '' ? '' : ', '}${repairs}`
}

/** What an owner reports of a partition that it has opened. */
export type OpenedPartition = {
  readonly slot: PartitionSlot
  readonly startOffset: Offset
  readonly endOffset: Offset
  /** A Kafka error code; KAFKA_STORAGE_ERROR where the folder could not be opened. */
  readonly errorCode: number
  readonly recovery: Recovery
}

/** What an owner is asked to open. */
export type OpenPartition = {
  readonly topic: string
  readonly topicId: TopicIdHex
  readonly partition: number
  readonly slot: PartitionSlot
  readonly settings: PartitionSettings
  /** In the batches that are written from now on; not below any that are there. */
  readonly leaderEpoch: number
}

/** A partition's storage as its owner sees it. */
export type PartitionFacts = {
  readonly slot: PartitionSlot
  readonly sizeBytes: number
  readonly segments: number
  /** The ring's data bytes, 0 without a ring. */
  readonly ringBytes: number
  /** Byte positions, ever growing: the first byte kept, and the next one to be written. */
  readonly ringHead: number
  readonly ringTail: number
  /** How often the ring's end was passed. */
  readonly ringWraps: number
}

/** One producer as a partition knows it. */
export type ProducerFacts = {
  readonly producerId: number
  readonly epoch: number
  /** Of its last batch under this epoch; -1 where there is none. */
  readonly lastSequence: number
  readonly lastOffset: Offset
  /** The last batch's last offset, less its first. */
  readonly offsetDelta: number
  /** When it last wrote. */
  readonly timestampMs: number
  /** Of the coordinator that last ended a transaction of it; -1 where none did. */
  readonly coordinatorEpoch: number
  /** Where its open transaction begins in this partition; -1 where none has data. */
  readonly transactionStart: Offset
}
