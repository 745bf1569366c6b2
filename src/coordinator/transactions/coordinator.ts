/** The transaction coordinator: takes the requests about transactions, and hands each to the shard that keeps its id. */

import { assert, assertDefined } from '../../base/assert.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { type Logger, silentLogger } from '../../base/logger.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { groupPartition } from '../groups/group-partition.ts'
import type {
  Journal,
  JournalRecord,
  JournalTopic,
  RequestContext,
  TransactionalProducer,
  TransactionMarks,
} from '../ports.ts'
import type { TopicView } from '../topic-view.ts'
import { decideAdd, decideComplete, decideFence } from './decide.ts'
import { transactionRecordBytesMax, transactionsMax } from './limits.ts'
import { Marking } from './marking.ts'
import type { PartitionLogs, ProducerIds, TransactionalOffsets } from './ports.ts'
import { decodeTransactionRecord, transactionRecordBytes } from './records.ts'
import { adminHandlers } from './requests-admin.ts'
import { logHandlers } from './requests-logs.ts'
import { offsetsHandlers } from './requests-offsets.ts'
import { partitionHandlers } from './requests-partitions.ts'
import { producerHandlers } from './requests-producer.ts'
import type { Change, Outcome, TransactionHandler, TransactionService } from './service.ts'
import type { TransactionSettings } from './settings.ts'
import { TransactionShard } from './shard.ts'
import { epochBumpVersion, isPrepared, type TransactionValue } from './state.ts'

/** Kafka's coordinator epoch counts the leaders that a partition of __transaction_state had: here there is only one ever. */
const coordinatorEpoch = 0

const handlers: ReadonlyMap<number, TransactionHandler> = new Map([
  ...producerHandlers,
  ...partitionHandlers,
  ...offsetsHandlers,
  ...adminHandlers,
  ...logHandlers,
])

export type TransactionCoordinatorOptions = {
  readonly clock: Clock
  readonly journal: Journal
  readonly marks: TransactionMarks
  readonly topics: TopicView
  readonly producerIds: ProducerIds
  readonly groups: TransactionalOffsets
  readonly logs: PartitionLogs
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
  /** InitProducerId without a transactional id is among them: it is handed on to the producer ids. */
  readonly apiKeys: readonly number[] = [...handlers.keys()]
  readonly #settings: TransactionSettings
  readonly #clock: Clock
  readonly #journal: Journal
  readonly #producerIds: ProducerIds
  readonly #marking: Marking
  readonly #shards: readonly TransactionShard[]
  readonly #service: TransactionService
  readonly #timers: Timer[] = []
  #isStarted = false
  #isStopped = false

  constructor(options: TransactionCoordinatorOptions) {
    const { clock, journal, marks, topics, producerIds, groups, logs, settings, logger = silentLogger } = options
    this.#settings = settings
    this.#clock = clock
    this.#journal = journal
    this.#producerIds = producerIds
    this.#marking = new Marking({ clock, marks, topics, groups, logger })
    const reloaded = (shard: TransactionShard): void => this.#takeUp(shard, () => undefined)
    this.#shards = Array.from(
      { length: settings.statePartitionCount },
      (_, partition) => new TransactionShard(partition, { clock, journal, logger, reloaded }),
    )
    this.#service = {
      settings,
      topics,
      producerIds,
      groups,
      logs,
      shards: this.#shards,
      nowMs: () => clock.nowMs(),
      shardOf: (transactionalId) => this.#shardOf(transactionalId),
      hasRoom: () => this.#count() < transactionsMax,
      change: (transactionalId, decide, settled) => this.#change(transactionalId, decide, settled),
      add: (addition, settled) => this.#add(addition, settled),
      open: (producer, places, settled) => this.#marking.open(producer, places, settled),
      end: (end, place, settled) => this.#marking.endOnce(end, place, settled),
    }
  }

  /** Applies a record of the journal at start. Throws a DecodeError where the record is damaged. */
  replay(topic: JournalTopic, record: JournalRecord): void {
    if (topic !== '__transaction_state') return
    assert(!this.#isStarted, 'replay after the start')
    const decoded = decodeTransactionRecord(record)
    if (decoded !== undefined) this.#shardOf(decoded.transactionalId).replay(decoded)
  }

  /** The log of __transaction_state-`partition` cannot be read at start: its transactions wait until it can be. */
  loadLater(partition: number): void {
    this.#shards[partition]?.loadLater()
  }

  /**
   * Everything has been replayed: transactions that were being ended go on to their end, and those that are open are opened
   * again in the partitions' logs. Resolves when each was tried; what failed goes on being tried. Requests come after that.
   */
  async started(): Promise<void> {
    this.#isStarted = true
    this.#armChecks()
    await Promise.all(this.#shards.map((shard) => new Promise<void>((resolve) => this.#takeUp(shard, resolve))))
  }

  /** `request` is what the registry decoded for `context.apiKey`; `reply` is called once, now or later. */
  handle(context: RequestContext, request: unknown, reply: (response: unknown) => void): void {
    const handle = assertDefined(handlers.get(context.apiKey), 'a request that is not about transactions')
    handle(this.#service, { context, request, reply })
  }

  /**
   * Makes the partition part of the producer's transaction, as AddPartitionsToTxn would. Resolves with NONE once the partition
   * takes the transaction's data, or with an error code for the producer.
   */
  addToTransaction({ transactionalId, topic, partition, ...producer }: AddToTransaction): Promise<number> {
    return new Promise((resolve) => {
      const places = [{ topic, partition }]
      this.#add({ transactionalId, producer, places, clientVersion: epochBumpVersion }, ([errorCode]) => {
        // The producer takes this word for the end of its epoch, and the newer one for its own end.
        const isFenced = errorCode === ErrorCode.PRODUCER_FENCED
        resolve(isFenced ? ErrorCode.INVALID_PRODUCER_EPOCH : (errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR))
      })
    })
  }

  /** Transactions belong to producers, not to connections. */
  connectionClosed(): void {}

  /** Ends all timers; nothing is decided any more. */
  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers) timer.cancel()
    for (const shard of this.#shards) shard.stop()
  }

  #shardOf(transactionalId: string): TransactionShard {
    const partition = groupPartition(transactionalId, this.#shards.length)
    return assertDefined(this.#shards[partition], 'a partition without a shard')
  }

  #count(): number {
    let count = 0
    for (const shard of this.#shards) count += shard.transactions.size
    return count
  }

  #change(
    transactionalId: string,
    decide: Change,
    settled: (outcome: Outcome) => void,
    freshProducerId?: number,
  ): void {
    const shard = this.#shardOf(transactionalId)
    const refuse = (errorCode: number): void => settled({ errorCode, value: undefined })
    if (shard.isLoading || shard.lane.isFull) {
      refuse(shard.isLoading ? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS : ErrorCode.COORDINATOR_NOT_AVAILABLE)
      return
    }
    const present = shard.transactions.get(transactionalId)
    const decided = decide(present, { nowMs: this.#clock.nowMs(), freshProducerId })
    const waiter = { answer: settled, refuse }
    switch (decided.kind) {
      case 'needs-id':
        this.#producerIds.next((errorCode, producerId) => {
          if (errorCode === ErrorCode.NONE) this.#change(transactionalId, decide, settled, producerId)
          else refuse(errorCode)
        })
        return
      case 'refused':
        shard.answer(transactionalId, waiter, { errorCode: decided.errorCode, value: undefined })
        return
      case 'kept': {
        const { value } = assertDefined(present, 'only what is known can be kept')
        shard.answer(transactionalId, waiter, { errorCode: ErrorCode.NONE, value })
        return
      }
      case 'changed': {
        const { value, lastProducerEpoch } = decided
        if (transactionRecordBytes(transactionalId, value) > transactionRecordBytesMax) {
          refuse(ErrorCode.UNKNOWN_SERVER_ERROR)
          return
        }
        shard.write(transactionalId, value, lastProducerEpoch)
        // The ends go out before the answer, so that the next transaction finds them done the sooner.
        if (isPrepared(value)) this.#endWhenReadable(shard, transactionalId, value)
        shard.answer(transactionalId, waiter, { errorCode: ErrorCode.NONE, value })
      }
    }
  }

  #endWhenReadable(shard: TransactionShard, transactionalId: string, value: TransactionValue): void {
    // Where the journal fails, the shard is loaded again and finds itself what is to be ended.
    const waiter = {
      answer: () => this.#end(shard, { transactionalId, value }, () => undefined),
      refuse: () => undefined,
    }
    shard.answer(transactionalId, waiter, undefined)
  }

  /** Tells all partitions of the end that is in the journal, and then the journal that they know. */
  #end(
    shard: TransactionShard,
    { transactionalId, value }: { readonly transactionalId: string; readonly value: TransactionValue },
    tried: () => void,
  ): void {
    const { producerId, producerEpoch, partitions } = value
    const isCommit = value.status === 'PrepareCommit'
    const isWanted = (): boolean => shard.isStill(transactionalId, value)
    const done = (): void => {
      const present = shard.transactions.get(transactionalId)
      if (present === undefined || !isWanted()) return
      const decided = decideComplete(present, this.#clock.nowMs())
      shard.write(transactionalId, decided.value, decided.lastProducerEpoch)
    }
    this.#marking.end(
      { producerId, producerEpoch, isCommit, coordinatorEpoch },
      { partitions, isWanted },
      { done, tried },
    )
  }

  #add(addition: Parameters<TransactionService['add']>[0], settled: (errorCodes: readonly number[]) => void): void {
    const { transactionalId, producer, places } = addition
    const refuse = (errorCode: number): void => settled(places.map(() => errorCode))
    if (transactionalId === '') {
      refuse(ErrorCode.INVALID_REQUEST)
      return
    }
    this.#change(
      transactionalId,
      (present, time) => decideAdd(present, addition, time),
      ({ errorCode }) => {
        if (errorCode !== ErrorCode.NONE) refuse(errorCode)
        // Also where nothing changed: the partition may have been closed and recovered since, and not know any more.
        else this.#marking.open(producer, places, (errorCodes) => settled(errorCodes.map(openError)))
      },
    )
  }

  /** Goes on with what a shard's transactions need, after it was read from the journal; `tried` is called after one round. */
  #takeUp(shard: TransactionShard, tried: () => void): void {
    const transactions = [...shard.transactions.values()].filter(
      ({ value }) => isPrepared(value) || value.status === 'Ongoing',
    )
    let missing = transactions.length
    if (missing === 0) tried()
    const oneTried = (): void => {
      missing -= 1
      if (missing === 0) tried()
    }
    for (const { id, value } of transactions) {
      if (isPrepared(value)) this.#end(shard, { transactionalId: id, value }, oneTried)
      else this.#reopen(shard, { id, value }, oneTried)
    }
  }

  #reopen(
    shard: TransactionShard,
    { id, value }: { readonly id: string; readonly value: TransactionValue },
    tried: () => void,
  ): void {
    const producer: TransactionalProducer = { producerId: value.producerId, producerEpoch: value.producerEpoch }
    const isWanted = (): boolean => {
      const present = shard.isLoading ? undefined : shard.transactions.get(id)?.value
      // It may have got more partitions since, but it is the same transaction.
      return present?.status === 'Ongoing' && present.startMs === value.startMs && isOf(present, producer)
    }
    this.#marking.reopen(producer, { partitions: value.partitions, isWanted }, tried)
  }

  #armChecks(): void {
    this.#every(this.#settings.timeoutCheckMs, (shard) => this.#abortOverdue(shard))
    this.#every(this.#settings.idExpirationCheckMs, (shard) => this.#forgetUnused(shard))
  }

  /** Looks at all shards once an interval; what cannot be done now is left to the next time. */
  #every(intervalMs: number, check: (shard: TransactionShard) => void): void {
    const index = this.#timers.length
    const arm = (): void => {
      this.#timers[index] = this.#clock.startTimer(intervalMs, () => {
        if (this.#isStopped) return
        for (const shard of this.#shards) if (!shard.isLoading) check(shard)
        arm()
      })
    }
    arm()
  }

  #abortOverdue(shard: TransactionShard): void {
    const nowMs = this.#clock.nowMs()
    for (const { id, value } of [...shard.transactions.values()]) {
      if (shard.lane.isFull || this.#journal.isFull()) return
      if (value.status !== 'Ongoing' || value.startMs + value.timeoutMs >= nowMs) continue
      this.#change(
        id,
        (present, time) => (present === undefined ? notThere : decideFence(present, time)),
        () => undefined,
      )
    }
  }

  #forgetUnused(shard: TransactionShard): void {
    const expiredMs = this.#clock.nowMs() - this.#settings.idExpirationMs
    for (const { id, value } of [...shard.transactions.values()]) {
      if (shard.lane.isFull || this.#journal.isFull()) return
      const isBusy = value.status === 'Ongoing' || isPrepared(value)
      if (!isBusy && value.updateMs <= expiredMs) shard.write(id, null)
    }
  }
}

const notThere = { kind: 'refused', errorCode: ErrorCode.INVALID_PRODUCER_ID_MAPPING } as const

function isOf(value: TransactionValue, producer: TransactionalProducer): boolean {
  return value.producerId === producer.producerId && value.producerEpoch === producer.producerEpoch
}

/** A partition that cannot be opened now may be later: every client knows to come again with this word. */
function openError(errorCode: number): number {
  switch (errorCode) {
    case ErrorCode.NONE:
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.INVALID_PRODUCER_EPOCH:
      return errorCode
    default:
      return ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
  }
}
