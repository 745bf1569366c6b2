/** The group coordinator: takes the requests about groups and offsets, and hands each to the shard that keeps its group. */

import { assert, assertDefined } from '../../base/assert.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { type Logger, silentLogger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from '../../wire/generated/txn-offset-commit.ts'
import type { GroupConfigs } from '../group-configs.ts'
import { decideExpiry, decideTopicRemoved } from '../offsets/removal.ts'
import { decideTxnCommit, txnCommitError } from '../offsets/txn-commit.ts'
import type {
  Journal,
  JournalBatch,
  JournalRecord,
  JournalTopic,
  RequestContext,
  TransactionalProducer,
  TransactionEnd,
} from '../ports.ts'
import type { TopicView } from '../topic-view.ts'
import type { Waiter } from '../waiter.ts'
import { decideConnectionClosed } from './classic/leave.ts'
import { decideConsumerConnectionClosed } from './consumer/leave.ts'
import { isSubscribed } from './consumer/state.ts'
import type { Decision } from './decision.ts'
import type { Group } from './group.ts'
import { groupPartition } from './group-partition.ts'
import { groupsMax } from './limits.ts'
import { decodeRecord } from './records.ts'
import { adminHandlers } from './requests-admin.ts'
import { consumerHandlers } from './requests-consumer.ts'
import { memberHandlers } from './requests-member.ts'
import { offsetHandlers } from './requests-offset.ts'
import type { GroupHandler, GroupService } from './service.ts'
import type { GroupSettings } from './settings.ts'
import { GroupShard, type ShardPorts } from './shard.ts'

const handlers: ReadonlyMap<number, GroupHandler> = new Map([
  ...memberHandlers,
  ...consumerHandlers,
  ...offsetHandlers,
  ...adminHandlers,
])

export type GroupCoordinatorOptions = {
  readonly clock: Clock
  readonly random: Random
  readonly journal: Journal
  readonly topics: TopicView
  readonly groupConfigs: GroupConfigs
  readonly settings: GroupSettings
  readonly logger?: Logger
}

/** Groups, classic ones and those of KIP-848, and committed offsets. Lives in one thread; what it keeps is in __consumer_offsets. */
export class GroupCoordinator {
  readonly apiKeys: readonly number[] = [...handlers.keys()]
  readonly #settings: GroupSettings
  readonly #clock: Clock
  readonly #journal: Journal
  readonly #shards: readonly GroupShard[]
  readonly #service: GroupService
  /** Groups that were joined on a connection, where members leave with it. */
  readonly #groupsByConnection = new Map<string, Set<string>>()
  #isStarted = false
  #expiryTimer: Timer | undefined
  #expiryShard = 0

  constructor(options: GroupCoordinatorOptions) {
    const { clock, random, journal, topics, groupConfigs, settings, logger = silentLogger } = options
    this.#settings = settings
    this.#clock = clock
    this.#journal = journal
    const ports: ShardPorts = { clock, journal, logger, decision: { settings, topics, random, groupConfigs } }
    this.#shards = Array.from(
      { length: settings.offsetsPartitionCount },
      (_, partition) => new GroupShard(partition, ports),
    )
    this.#service = {
      settings,
      topics,
      groupConfigs,
      shards: this.#shards,
      hasRoomForGroup: () => this.#groupCount() < groupsMax,
      noteConnection: (connectionId, groupId) => this.#noteConnection(connectionId, groupId),
      shardOf: (groupId) => this.#shardOf(groupId),
      decide: (groupId, waiter, decide) => this.#decide(groupId, waiter, decide),
    }
  }

  /** Everything has been replayed: sessions begin to count. The first request does it where nobody else has. */
  started(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    for (const shard of this.#shards) if (!shard.isLoading) shard.loaded()
    this.#armExpiry()
  }

  /** Applies a record of the journal at start. Throws a DecodeError where the record is damaged. */
  replay(topic: JournalTopic, record: JournalRecord, batch: JournalBatch = {}): void {
    if (topic !== '__consumer_offsets') return
    assert(!this.#isStarted, 'replay after the start')
    const decoded = decodeRecord(record)
    if (decoded !== undefined) this.#shardOf(decoded.groupId).replay(decoded, batch.transaction)
  }

  /** Applies the end of a transaction that lies between the records of __consumer_offsets-`partition`, at start. */
  replayEnd(partition: number, end: TransactionEnd): void {
    assert(!this.#isStarted, 'replay after the start')
    this.#shards[partition]?.replayEnd(end)
  }

  /** The log of __consumer_offsets-`partition` cannot be read at start: its groups wait until it can be. */
  loadLater(partition: number): void {
    this.#shards[partition]?.loadLater()
  }

  /** Which partition of __consumer_offsets keeps the group. */
  partitionOf(groupId: string): number {
    return groupPartition(groupId, this.#shards.length)
  }

  /** Keeps offsets that count once the transaction commits. That the transaction is open there has been seen to. */
  commitInTransaction(request: TxnOffsetCommitRequest, waiter: Waiter<TxnOffsetCommitResponse>): void {
    const { groupId, producerId, producerEpoch } = request
    const transaction = { producerId, producerEpoch }
    this.#decide(
      groupId,
      waiter,
      (decision, group) => {
        const isRefused = group === undefined && !this.#service.hasRoomForGroup()
        const response = isRefused
          ? txnCommitError(request, ErrorCode.GROUP_MAX_SIZE_REACHED)
          : decideTxnCommit({ decision, group, request })
        decision.answer(waiter, response)
      },
      transaction,
    )
  }

  /** Calls `proceed` once nothing of __consumer_offsets-`partition` that was decided until now is on its way any more. */
  whenSettled(partition: number, proceed: () => void): void {
    const { lane } = assertDefined(this.#shards[partition], 'a partition without a shard')
    lane.answerAfter(lane.lastSequence, { answer: proceed, refuse: proceed }, undefined)
  }

  /** The end of a transaction is in the log of __consumer_offsets-`partition`: its offsets count now, or never. */
  transactionEnded(partition: number, end: TransactionEnd): void {
    this.#shards[partition]?.endTransaction(end)
  }

  /** `request` is what the registry decoded for `context.apiKey`; `reply` is called once, now or later. */
  handle(context: RequestContext, request: unknown, reply: (response: unknown) => void): void {
    this.started()
    const handle = assertDefined(handlers.get(context.apiKey), 'a request that is not about groups')
    handle(this.#service, { context, request, reply })
  }

  /** Where the settings say so, members that joined on this connection leave. */
  connectionClosed(connectionId: string): void {
    const groupIds = this.#groupsByConnection.get(connectionId)
    if (groupIds === undefined) return
    this.#groupsByConnection.delete(connectionId)
    for (const groupId of groupIds) {
      this.#change(groupId, (decision, group) => {
        if (group.consumer === undefined) decideConnectionClosed(decision, group, connectionId)
        else decideConsumerConnectionClosed(decision, group.consumer, { groupId, connectionId })
      })
    }
  }

  /** A topic is there, or has more partitions than before: groups that read it are to look at it. */
  topicChanged(name: string): void {
    for (const shard of this.#shards) {
      shard.topicChanged(({ consumer }) => consumer !== undefined && isSubscribed(consumer, name))
    }
  }

  /** A topic is gone: so are the offsets committed for it. */
  topicRemoved(name: string): void {
    this.topicChanged(name)
    for (const shard of this.#shards) {
      for (const group of [...shard.groups.values()]) {
        const isConcerned = group.offsets.has(name) || group.pending.places(name).length > 0
        if (isConcerned) this.#change(group.id, (decision, of) => decideTopicRemoved(decision, of, name))
      }
    }
  }

  /** Ends all timers and refuses who still waits. */
  stop(): void {
    this.#expiryTimer?.cancel()
    this.#expiryTimer = undefined
    for (const shard of this.#shards) shard.stop()
  }

  #shardOf(groupId: string): GroupShard {
    return assertDefined(this.#shards[groupPartition(groupId, this.#shards.length)], 'a partition without a shard')
  }

  #decide<Response>(
    groupId: string,
    waiter: Waiter<Response>,
    decide: (decision: Decision, group: Group | undefined) => void,
    transaction?: TransactionalProducer,
  ): void {
    const shard = this.#shardOf(groupId)
    if (shard.isLoading) waiter.refuse(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    else if (shard.lane.isFull) waiter.refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    else shard.run(groupId, decide, transaction)
  }

  /** The number of groups, in all shards. */
  #groupCount(): number {
    let count = 0
    for (const shard of this.#shards) count += shard.groups.size
    return count
  }

  #noteConnection(connectionId: string, groupId: string): void {
    if (!this.#settings.freesMemberOnClose) return
    const groupIds = this.#groupsByConnection.get(connectionId)
    if (groupIds === undefined) this.#groupsByConnection.set(connectionId, new Set([groupId]))
    else groupIds.add(groupId)
  }

  /** A change that nobody waits for; what cannot be done now is left to sessions and to the next check. */
  #change(groupId: string, decide: (decision: Decision, group: Group) => void): void {
    const shard = this.#shardOf(groupId)
    if (shard.isLoading) return
    shard.run(groupId, (decision, group) => {
      if (group !== undefined) decide(decision, group)
    })
  }

  /** One shard at a time, so that all are looked at once per check interval, and no look takes long. */
  #armExpiry(): void {
    const delayMs = this.#settings.offsetsRetentionCheckMs / this.#shards.length
    this.#expiryTimer = this.#clock.startTimer(delayMs, () => {
      const shard = assertDefined(this.#shards[this.#expiryShard], 'a partition without a shard')
      this.#expiryShard = (this.#expiryShard + 1) % this.#shards.length
      for (const group of [...shard.groups.values()]) {
        // Expiry can wait: a journal under pressure goes to clients first.
        if (shard.isLoading || shard.lane.isFull || this.#journal.isFull()) break
        this.#change(group.id, decideExpiry)
      }
      this.#armExpiry()
    })
  }
}
