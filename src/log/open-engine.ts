/** Opens a partition's storage: chooses the engine, recovers what a crash left, and says what that did. */

import { assertDefined } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Offset, TopicIdHex } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import {
  nothingRecovered,
  type PartitionSettings,
  partitionDirectory,
  type Recovery,
  type StorageKind,
} from '../base/topology.ts'
import type { Disk } from './disk.ts'
import type { AbortedTransaction, Engine, ProducerSnapshot } from './engine.ts'
import { openLocalLog } from './local/open.ts'
import { RingOnlyEngine } from './ring-only.ts'

export type OpenEngineOptions = {
  readonly storage: StorageKind
  /** Of that storage kind; a `ring` topic needs none. */
  readonly disk?: Disk
  readonly topic: string
  readonly partition: number
  readonly topicId: TopicIdHex
  /** Of the batches that will be submitted. */
  readonly leaderEpoch: number
  readonly settings: PartitionSettings
  readonly clock: Clock
  readonly random: Random
  /**
   * Called before any visitBatch, where a snapshot exists. Answers whether it could be used: the one before it is shown
   * otherwise, and without any that can, all batches are visited.
   */
  readonly visitSnapshot?: (snapshot: ProducerSnapshot) => boolean
  /**
   * Called in offset order for each whole batch found at or after the snapshot's offset; the bytes are valid within the call only.
   * Answers the transaction that the batch shows to be aborted: indexes that a crash may have hurt are made again from these.
   */
  readonly visitBatch?: (bytes: Buffer, at: number, sizeBytes: number) => AbortedTransaction | undefined
  /** Batches from here on were answered with an error, and are cut off: nothing may come back that was refused. */
  readonly endOffsetMax?: Offset
  /** Called when work that goes on by itself (an async sync) got further or failed: poll() again. */
  readonly onProgress?: () => void
}

/**
 * Opens (not: creates) a partition's storage. Folders are made at the first append. Throws where
 * files can't be read, or can't be repaired.
 */
export function openEngine(options: OpenEngineOptions): { engine: Engine; recovery: Recovery } {
  if (options.storage === 'ring') return { engine: new RingOnlyEngine(), recovery: nothingRecovered }
  const disk = assertDefined(options.disk, 'an engine with files needs a disk')
  return openLocalLog({ ...options, disk, directory: partitionDirectory(options.topic, options.partition) })
}
