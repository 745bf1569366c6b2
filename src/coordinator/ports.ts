/** What the coordinator needs from the world: a journal, a way to make topic changes real, a clock and chance. */

import type { Offset } from '../base/ids.ts'
import type { CatalogTopic, PartitionFacts } from '../base/topology.ts'
import type { ClientLimits } from '../metrics/client-quotas.ts'

/** One record for an internal topic. */
export type JournalRecord = { readonly key: Buffer | null; readonly value: Buffer | null }

/** The internal logs that the coordinator writes. */
export type JournalTopic = '__consumer_offsets' | '__cluster_metadata' | '__transaction_state'

/** A producer within one transaction. */
export type TransactionalProducer = { readonly producerId: number; readonly producerEpoch: number }

/** What a replay is told of the batch that a record lies in. */
export type JournalBatch = {
  /** Set where the records belong to a transaction: they count once its commit marker is seen. */
  readonly transaction?: TransactionalProducer
}

/** The end of a transaction in a partition's log. */
export type TransactionEnd = TransactionalProducer & { readonly isCommit: boolean; readonly coordinatorEpoch: number }

/** The coordinator's only storage. Appends of one partition become readable in the order they were made. */
export interface Journal {
  /**
   * Appends records as one batch. `settle` is called exactly once, never before this call returns, with a Kafka error code:
   * NONE once the batch is readable. After an error every later append to that partition fails too, until it was reloaded.
   */
  append(
    topic: JournalTopic,
    partition: number,
    records: readonly JournalRecord[],
    settle: (errorCode: number) => void,
    transaction?: TransactionalProducer,
  ): void
  /** True while no more work should be taken on. */
  isFull(): boolean
  /**
   * Reads a partition's records from its start, in order, as replay wants them; `visitEnd` is called for the markers between
   * them. Rejects with a clear error where it can't.
   */
  load(
    topic: JournalTopic,
    partition: number,
    visit: (record: JournalRecord, offset: Offset, batch: JournalBatch) => void,
    visitEnd?: (end: TransactionEnd) => void,
  ): Promise<void>
}

/** Notes in the logs of any partitions where transactions begin and end. Each is settled once it has taken effect there. */
export interface TransactionMarks {
  /** From now on the partition takes data of this producer's transaction. Never written to the log; said anew after a restart. */
  open(topic: string, partition: number, producer: TransactionalProducer, settle: (errorCode: number) => void): void
  /** Writes the marker that ends the transaction there. */
  end(topic: string, partition: number, end: TransactionEnd, settle: (errorCode: number) => void): void
}

/** Makes decided topic changes real in all threads. Each promise resolves when owners and fronts have acknowledged. */
export interface TopicEffects {
  created(topics: readonly NewTopic[]): Promise<void>
  grown(topic: NewTopic): Promise<void>
  configured(topic: NewTopic): Promise<void>
  removed(name: string): Promise<void>
  /** From now on these are all limits of clients that there are. */
  limited(limits: ClientLimits): Promise<void>
  /** Moves a partition's log start. */
  deleteRecords(
    topic: string,
    partition: number,
    beforeOffset: Offset,
  ): Promise<{ errorCode: number; startOffset: Offset }>
  /** Sizes and ring places of a topic's partitions, in partition order; empty where there is no such topic. */
  facts(topic: string): Promise<readonly PartitionFacts[]>
}

/** A topic as decided, before partitions have slots and owners. */
export type NewTopic = Pick<CatalogTopic, 'name' | 'id' | 'isInternal' | 'settings'> & {
  readonly partitionCount: number
  /** By partition; 0 where nothing is said, as for every topic that Apache Kafka never led. */
  readonly leaderEpochs: readonly number[]
}

/** Where a request came from. */
export type RequestContext = {
  readonly apiKey: number
  readonly apiVersion: number
  /** null where the client gave none. */
  readonly clientId: string | null
  /** '/127.0.0.1', as Kafka writes it. */
  readonly clientHost: string
  readonly clientPort: number
  /** What the client calls its implementation (KIP-511); null where it did not say. */
  readonly softwareName: string | null
  readonly softwareVersion: string | null
  /** Unique for the life of the broker. */
  readonly connectionId: string
  readonly listenerName: string
}
