/** The transactions of one partition of __transaction_state: their state, the lane that journals it, and its loss and reload. */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { JournalLane } from '../journal-lane.ts'
import type { Journal, JournalRecord } from '../ports.ts'
import type { Waiter } from '../waiter.ts'
import { reloadDelayMs, reloadDelayMsMax } from './limits.ts'
import { decodeTransactionRecord, encodeTransactionRecord, type TransactionRecord } from './records.ts'
import { noProducer, type Transaction, type TransactionValue } from './state.ts'

const topic = '__transaction_state'

export type TransactionShardPorts = {
  readonly clock: Clock
  readonly journal: Journal
  readonly logger: Logger
  /** The shard's state has been read again from its journal. */
  readonly reloaded: (shard: TransactionShard) => void
}

/**
 * After a failed append the state in memory is ahead of the journal, so that nothing decided on it may stand: it is dropped, who
 * waits is refused with a retriable error, and the shard serves again once it is reloaded.
 */
export class TransactionShard {
  readonly transactions = new Map<string, Transaction>()
  readonly lane: JournalLane
  readonly #partition: number
  readonly #ports: TransactionShardPorts
  #isLoading = false
  #isStopped = false
  /** That the log cannot be read is said once, and not with each try. */
  #isUnreadable = false
  #loadedAtMs = Number.NEGATIVE_INFINITY
  #delayMs = 0

  constructor(partition: number, ports: TransactionShardPorts) {
    this.#partition = partition
    this.#ports = ports
    this.lane = new JournalLane({
      journal: ports.journal,
      topic,
      partition,
      onFailure: (errorCode) => this.#drop(errorCode),
      onDrained: () => this.#reloadInTime(),
    })
  }

  /** True while the state is read from the journal, or waits to be; and for good after stop. */
  get isLoading(): boolean {
    return this.#isLoading || this.#isStopped
  }

  /** Decides a hard change: it is in force from here on, and journaled. null forgets the id. */
  write(transactionalId: string, value: TransactionValue | null, lastProducerEpoch = noProducer): void {
    const record = { transactionalId, value }
    this.replay(record)
    const sequence = this.lane.append([encodeTransactionRecord(record)])
    const transaction = this.transactions.get(transactionalId)
    if (transaction === undefined) return
    transaction.lastProducerEpoch = lastProducerEpoch
    transaction.lastSequence = sequence
  }

  /** Answers once all that was decided about this id is readable; about an unknown id: all that was decided here. */
  answer<Response>(transactionalId: string, waiter: Waiter<Response>, response: Response): void {
    const sequence = this.transactions.get(transactionalId)?.lastSequence ?? this.lane.lastSequence
    this.lane.answerAfter(sequence, waiter, response)
  }

  /** Applies one record: the only way in which what the journal keeps changes in memory. */
  replay({ transactionalId, value }: TransactionRecord): void {
    if (value === null) {
      this.transactions.delete(transactionalId)
      return
    }
    const present = this.transactions.get(transactionalId)
    if (present !== undefined) present.value = value
    else {
      const transaction = { id: transactionalId, value, lastProducerEpoch: noProducer, lastSequence: 0 }
      this.transactions.set(transactionalId, transaction)
    }
  }

  /** Whether the id still is as `value` says: what follows from it may go on. */
  isStill(transactionalId: string, value: TransactionValue): boolean {
    return !this.isLoading && this.transactions.get(transactionalId)?.value === value
  }

  /** The log cannot be read yet: it is tried until it can be. */
  loadLater(): void {
    this.#isLoading = true
    this.#isUnreadable = true
    this.transactions.clear()
    this.#reload()
  }

  /** Nothing is decided any more. */
  stop(): void {
    this.#isStopped = true
    this.transactions.clear()
  }

  #drop(errorCode: number): void {
    const { logger } = this.#ports
    logger.error('transaction journal failed: dropping its transactions', { partition: this.#partition, errorCode })
    this.#isLoading = true
    this.transactions.clear()
  }

  /**
   * A journal that fails again soon after it was read can be read but not written. Each reload writes the ends of transactions
   * once more into their partitions: there is to be ever more time between them.
   */
  #reloadInTime(): void {
    const { clock } = this.#ports
    const isAgain = clock.monotonicMs() - this.#loadedAtMs <= reloadDelayMsMax
    this.#delayMs = isAgain ? Math.min(Math.max(reloadDelayMs, 2 * this.#delayMs), reloadDelayMsMax) : 0
    if (this.#delayMs === 0) this.#reload()
    else clock.startTimer(this.#delayMs, () => this.#reload())
  }

  #reload(): void {
    if (this.#isStopped) return
    const { journal, clock, logger, reloaded } = this.#ports
    const partition = this.#partition
    const visit = (record: JournalRecord) => {
      const decoded = decodeTransactionRecord(record)
      if (decoded !== undefined) this.replay(decoded)
    }
    journal.load(topic, partition, visit).then(
      () => {
        if (this.#isStopped) return
        this.#isLoading = false
        this.#isUnreadable = false
        this.#loadedAtMs = clock.monotonicMs()
        reloaded(this)
      },
      (thrown: unknown) => {
        if (!this.#isUnreadable) {
          logger.error('transaction journal cannot be read yet', { partition, reason: messageOf(thrown) })
        }
        this.#isUnreadable = true
        this.transactions.clear()
        clock.startTimer(reloadDelayMs, () => this.#reload())
      },
    )
  }
}
