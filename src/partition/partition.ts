/** One partition in its owner's hands: its ring, its engine, its producers, and how far each stage has come. */

import type { PartitionSlot, TopicIdHex } from '../base/ids.ts'
import type { OpenPartition, PartitionSettings } from '../base/topology.ts'
import type { AbortedTransaction, Engine } from '../log/engine.ts'
import type { Ring } from '../ring/ring.ts'
import type { ProducerBatch, ProducerStates } from './producer-state.ts'
import { Transactions } from './transactions.ts'

/**
 * `online` serves; `failed` had a storage error and answers everything with KAFKA_STORAGE_ERROR; `removed` is deleted
 * and answers what is still in its ring with UNKNOWN_TOPIC_OR_PARTITION.
 */
export type PartitionState = 'online' | 'failed' | 'removed'

/** A ring that waits until the present one is drained; `ring` is undefined where the partition shall have none. */
export type RingSwap = { readonly ring: Ring | undefined; readonly settle: () => void }

/** The owner's view of one partition. Only the owner's thread touches it. */
export class Partition {
  readonly slot: PartitionSlot
  readonly topic: string
  readonly topicId: TopicIdHex
  readonly index: number
  readonly leaderEpoch: number
  settings: PartitionSettings
  state: PartitionState = 'online'
  /** Its storage could not be opened although there is something: without it, it must not begin anew. */
  hadFolder = false
  readonly engine: Engine
  readonly producers: ProducerStates
  readonly transactions: Transactions
  ring: Ring | undefined
  /** Rings to be served one after the other, once the present one is drained. */
  readonly swaps: RingSwap[] = []
  /** The offset that the next accepted batch gets. */
  nextOffset: number
  /** One past the last readable offset. */
  highWatermark: number
  /** The first offset that readers may ask for. */
  startOffset: number
  /** Where the producers' state was last saved; at or below it a restart visits no batches. */
  snapshotOffset = 0
  /** Where the last cleaning of the log ended, if it is compacted. */
  cleanedEnd = 0
  /** The engine's version of its segments that readers have been told of. */
  segmentsVersion: number
  /** When something was last stamped, and when the partition was last looked after, for what is due by time. */
  movedMs = 0
  maintainedMs = 0
  /** Whether a timer is set that looks for room again on behalf of a waiting writer. */
  isRoomRetryPending = false
  /** Batches stamped and not yet handed to the engine. */
  readonly accepted: Buffer[] = []
  /** Aborted transactions whose markers are among them. */
  readonly aborted: AbortedTransaction[] = []
  /** Scratch for the batch being stamped. */
  readonly batch: ProducerBatch = {
    producerId: -1,
    epoch: -1,
    firstSequence: -1,
    lastSequence: -1,
    baseOffset: -1,
    lastOffset: -1,
    timestampMs: -1,
    isTransactional: false,
  }

  constructor(
    open: OpenPartition,
    engine: Engine,
    producers: ProducerStates,
    transactions: Transactions = new Transactions(),
  ) {
    this.slot = open.slot
    this.topic = open.topic
    this.topicId = open.topicId
    this.index = open.partition
    this.leaderEpoch = open.leaderEpoch
    this.settings = open.settings
    this.engine = engine
    this.producers = producers
    this.transactions = transactions
    this.nextOffset = engine.endOffset
    this.highWatermark = engine.endOffset
    this.startOffset = engine.startOffset
    this.segmentsVersion = engine.segmentsVersion
  }

  get name(): string {
    return `${this.topic}-${this.index}`
  }

  /** What opening it once more takes. */
  get opening(): OpenPartition {
    const { slot, topic, topicId, index: partition, settings, leaderEpoch } = this
    return { slot, topic, topicId, partition, settings, leaderEpoch }
  }

  /** Takes the place of one that failed: its ring, open transactions and the like live on. */
  succeed(failed: Partition): void {
    this.ring = failed.ring
    this.swaps.push(...failed.swaps.splice(0))
    this.transactions.adopt(failed.transactions)
    this.cleanedEnd = failed.cleanedEnd
  }

  /** Whether everything that was claimed in the ring can be read by those who wait for its outcome. */
  isDrained(): boolean {
    const ring = this.ring
    return ring === undefined || ring.readable() === ring.claimed()
  }
}
