/** The transaction coordinator: takes the requests about transactions, and hands each to the shard that keeps its id. */

import type { Clock } from '../../base/clock.ts'
import { type Logger, silentLogger } from '../../base/logger.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { initProducerIdApi } from '../../wire/generated/init-producer-id.ts'
import type { Journal, JournalRecord, JournalTopic, RequestContext, TransactionMarks } from '../ports.ts'
import type { TopicView } from '../topic-view.ts'
import type { ProducerIds, TransactionalOffsets } from './ports.ts'
import type { TransactionSettings } from './settings.ts'

export type TransactionCoordinatorOptions = {
  readonly clock: Clock
  readonly journal: Journal
  readonly marks: TransactionMarks
  readonly topics: TopicView
  readonly producerIds: ProducerIds
  readonly groups: TransactionalOffsets
  readonly settings: TransactionSettings
  readonly logger?: Logger
}

/** A partition that a producer is about to write to within its transaction. */
export type AddToTransaction = {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly topic: string
  readonly partition: number
}

/** Transactions by transactional id. Lives in one thread; what it keeps is in __transaction_state. */
export class TransactionCoordinator {
  readonly apiKeys: readonly number[] = [initProducerIdApi.key]
  readonly #options: TransactionCoordinatorOptions
  readonly #logger: Logger

  constructor(options: TransactionCoordinatorOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** Applies a record of the journal at start. Throws a DecodeError where the record is damaged. */
  replay(_topic: JournalTopic, _record: JournalRecord): void {}

  /**
   * Everything has been replayed: transactions that were being ended go on to their end, and those that are open are opened
   * again in the partitions' logs. Resolves when each was tried; what failed goes on being tried.
   */
  async started(): Promise<void> {
    this.#logger.debug('transactions are being taken up again', {})
  }

  /** `request` is what the registry decoded for `context.apiKey`; `reply` is called once, now or later. */
  handle(context: RequestContext, request: unknown, reply: (response: unknown) => void): void {
    this.#options.producerIds.handle(context, request, reply)
  }

  /**
   * Makes the partition part of the producer's transaction, as AddPartitionsToTxn would. Resolves with NONE once the partition
   * takes the transaction's data, or with an error code for the producer.
   */
  async addToTransaction(_addition: AddToTransaction): Promise<number> {
    return ErrorCode.TRANSACTION_ABORTABLE
  }

  /** Transactions belong to producers, not to connections. */
  connectionClosed(): void {}

  /** Ends all timers and refuses who still waits. */
  stop(): void {}
}
