/** What the handlers of transaction requests use of the coordinator, and what they look like. */

import type { RequestContext, TransactionalProducer, TransactionEnd } from '../ports.ts'
import type { TopicView } from '../topic-view.ts'
import type { Decided, DecisionTime, Present } from './decide.ts'
import type { PartitionLogs, ProducerIds, TransactionalOffsets } from './ports.ts'
import type { TransactionSettings } from './settings.ts'
import type { TransactionShard } from './shard.ts'
import type { TransactionPlace, TransactionValue } from './state.ts'

/** What came of a decision, once it is in the journal; `value` is the state that it left. */
export type Outcome =
  | { readonly errorCode: 0; readonly value: TransactionValue }
  | { readonly errorCode: number; readonly value: undefined }

export type Change = (present: Present, time: DecisionTime) => Decided

export type TransactionService = {
  readonly settings: TransactionSettings
  readonly topics: TopicView
  readonly producerIds: ProducerIds
  readonly groups: TransactionalOffsets
  readonly logs: PartitionLogs
  readonly shards: readonly TransactionShard[]
  nowMs(): number
  shardOf(transactionalId: string): TransactionShard
  /** Whether the broker may remember one id more. */
  hasRoom(): boolean
  /** Decides about one id; `settled` is called once, when what was decided is readable, or with the error that refuses it. */
  change(transactionalId: string, decide: Change, settled: (outcome: Outcome) => void): void
  /** Adds partitions to the producer's transaction and opens it there; `settled` gets an error code for each, in their order. */
  add(
    addition: {
      readonly transactionalId: string
      readonly producer: TransactionalProducer
      readonly places: readonly TransactionPlace[]
      readonly clientVersion: number
    },
    settled: (errorCodes: readonly number[]) => void,
  ): void
  /** Opens, once more, partitions that a transaction has. */
  open(
    producer: TransactionalProducer,
    places: readonly TransactionPlace[],
    settled: (errorCodes: readonly number[]) => void,
  ): void
  /** Tries once to write the end of a transaction into a partition. */
  end(end: TransactionEnd, place: TransactionPlace, settled: (errorCode: number) => void): void
}

export type TransactionCall = {
  readonly context: RequestContext
  /** As the registry decoded it for `context.apiKey`. */
  readonly request: unknown
  /** To be called once. */
  readonly reply: (response: unknown) => void
}

/** Handles one API's requests. */
export type TransactionHandler = (service: TransactionService, call: TransactionCall) => void
