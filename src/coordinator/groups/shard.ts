/** The groups of one partition of __consumer_offsets: their state, the lane that journals it, and its loss and reload. */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { JournalLane } from '../journal-lane.ts'
import { replayOffset } from '../offsets/replay.ts'
import type { Journal, TransactionalProducer, TransactionEnd } from '../ports.ts'
import { prepareRebalance } from './classic/rebalance.ts'
import { replayGroup } from './classic/replay.ts'
import { newClassicGroup } from './classic/state.ts'
import { decideDeadlines, startSessions } from './classic/timers.ts'
import type { ConsumerRecord } from './consumer/records.ts'
import { decideResolved } from './consumer/regex-refresh.ts'
import { replayConsumer } from './consumer/replay.ts'
import { RegexResolver } from './consumer/resolver.ts'
import { newConsumerGroup } from './consumer/state.ts'
import { decideConsumerDeadlines, startConsumerSessions } from './consumer/timers.ts'
import { Decision, type DecisionPorts } from './decision.ts'
import { type Group, isUnused, newGroup } from './group.ts'
import { membersMax, reloadDelayMs } from './limits.ts'
import { type CoordinatorRecord, decodeRecord, encodeRecord } from './records.ts'
import { armTimer, cancelTimer } from './timer.ts'

const topic = '__consumer_offsets'

export type ShardPorts = {
  readonly clock: Clock
  readonly journal: Journal
  readonly logger: Logger
  readonly decision: DecisionPorts
}

/**
 * After a failed append the state in memory is ahead of the journal, so that nothing decided on it may stand: all of the shard's
 * groups are dropped, who waits is refused with a retriable error, and the shard serves again once it is reloaded.
 */
export class GroupShard {
  readonly groups = new Map<string, Group>()
  readonly lane: JournalLane
  readonly #partition: number
  readonly #ports: ShardPorts
  readonly #resolver: RegexResolver
  /** By producer id, the groups that its open transaction commits offsets for. */
  readonly #groupsByProducer = new Map<number, Set<string>>()
  /** Ends of transactions that came while the state was read: what they end may be read after them. */
  #endsToApply: TransactionEnd[] = []
  #isLoading = false
  #isStopped = false
  /** That the log cannot be read is said once, and not with each try. */
  #isUnreadable = false

  constructor(partition: number, ports: ShardPorts) {
    this.#partition = partition
    this.#ports = ports
    this.#resolver = new RegexResolver(ports)
    this.lane = new JournalLane({
      journal: ports.journal,
      topic,
      partition,
      onFailure: (errorCode) => this.#drop(errorCode),
      onDrained: () => this.#reload(),
    })
  }

  /** True while the state is read from the journal, or waits to be; and for good after stop. */
  get isLoading(): boolean {
    return this.#isLoading || this.#isStopped
  }

  /** The number of the append that an answer about a group waits for; one about a missing group waits for all. */
  sequenceFor(groupId: string): number {
    return this.groups.get(groupId)?.lastSequence ?? this.lane.lastSequence
  }

  /**
   * Decides about one group: `decide` works on it, and what it wrote and answered goes its way. Offsets written for a
   * `transaction` count once that is committed.
   */
  run(
    groupId: string,
    decide: (decision: Decision, group: Group | undefined) => void,
    transaction?: TransactionalProducer,
  ): void {
    const { clock, decision: ports } = this.#ports
    const decision = new Decision({
      nowMs: clock.nowMs(),
      monotonicMs: clock.monotonicMs(),
      ports,
      replay: (record) => this.replay(record, transaction),
      current: () => this.groups.get(groupId),
    })
    decide(decision, this.groups.get(groupId))
    const sequence =
      decision.records.length === 0
        ? undefined
        : this.lane.append(
            decision.records.map((record) => encodeRecord(record)),
            transaction,
          )
    const group = this.groups.get(groupId)
    if (group !== undefined && sequence !== undefined) group.lastSequence = sequence
    const dependsOn = group?.lastSequence ?? this.lane.lastSequence
    decision.deliver((waiter, response) => this.lane.answerAfter(dependsOn, waiter, response))
    // A client that is answered at once may ask again from within its answer, and replace the group.
    const present = this.groups.get(groupId)
    if (present === undefined) return
    this.#resolveIfWanted(present)
    this.#arm(present)
  }

  /** Applies one record: the only way in which what the journal keeps changes in memory. */
  replay(record: CoordinatorRecord, transaction?: TransactionalProducer): void {
    const { groupId } = record
    if (record.kind === 'group') {
      if (record.value === null) this.#forgetMembers(groupId)
      else {
        const group = this.#groupFor(groupId)
        group.consumer = undefined
        replayGroup(group.classic, record.value)
      }
      return
    }
    if (record.kind === 'consumer') {
      this.#replayConsumer(record)
      return
    }
    if (record.committed !== null) {
      const group = this.#groupFor(groupId)
      if (transaction !== undefined) {
        group.pending.add(transaction.producerId, record, record.committed)
        this.#noteProducer(transaction.producerId, groupId)
        return
      }
      replayOffset(group.offsets, record)
      group.pending.outdate(record)
      return
    }
    const group = this.groups.get(groupId)
    if (group === undefined) return
    replayOffset(group.offsets, record)
    group.pending.remove(record)
    this.#forgetIfUnused(group)
  }

  /** Applies the end of a transaction that is in the log: its offsets count now, or never. */
  endTransaction(end: TransactionEnd): void {
    if (this.#isLoading) {
      this.#endsToApply.push(end)
      return
    }
    this.replayEnd(end)
  }

  /** As `endTransaction`, while the log is read. */
  replayEnd({ producerId, isCommit }: TransactionEnd): void {
    const groupIds = this.#groupsByProducer.get(producerId)
    if (groupIds === undefined) return
    this.#groupsByProducer.delete(producerId)
    for (const groupId of groupIds) {
      const group = this.groups.get(groupId)
      if (group === undefined) continue
      for (const { topic, partition, committed } of group.pending.end(producerId, isCommit)) {
        replayOffset(group.offsets, { kind: 'offset', groupId, topic, partition, committed })
      }
      this.#forgetIfUnused(group)
    }
  }

  /** Topics are not what they were: groups that read one of them look at them with their next heartbeat. */
  topicChanged(isConcerned: (group: Group) => boolean): void {
    for (const group of this.groups.values()) {
      if (group.consumer !== undefined && isConcerned(group)) group.consumer.isMetadataStale = true
    }
  }

  /** The state is complete: members have a whole session time to show themselves. */
  loaded(): void {
    const { clock, decision } = this.#ports
    const membersLimit = Math.min(decision.settings.groupMembersMax, membersMax)
    for (const group of [...this.groups.values()]) {
      startSessions(group.classic, clock.monotonicMs())
      if (group.consumer !== undefined) this.run(group.id, (sessions) => startConsumerSessions(sessions, group))
      if (group.classic.members.size > membersLimit) {
        // The limit was lowered: those who rejoin first stay.
        this.run(group.id, (rebalance) => prepareRebalance(rebalance, group))
      }
      this.#arm(group)
    }
  }

  /** The log cannot be read yet: it is tried until it can be. */
  loadLater(): void {
    this.#isLoading = true
    this.#isUnreadable = true
    this.#clear()
    this.#reload()
  }

  /** No timer fires any more, and parked members are told to look elsewhere. */
  stop(): void {
    this.#isStopped = true
    this.#clear()
  }

  #noteProducer(producerId: number, groupId: string): void {
    const groupIds = this.#groupsByProducer.get(producerId)
    if (groupIds === undefined) this.#groupsByProducer.set(producerId, new Set([groupId]))
    else groupIds.add(groupId)
  }

  /** A group that only ever had offsets ends with the last of them, as it would not be there after a restart. */
  #forgetIfUnused(group: Group): void {
    if (isUnused(group)) this.#forget(group)
  }

  #groupFor(groupId: string): Group {
    const present = this.groups.get(groupId)
    if (present !== undefined) return present
    const group = newGroup(groupId)
    this.groups.set(groupId, group)
    return group
  }

  /** The classic group's metadata is gone; offsets that are left make it a group of offsets only. */
  #forgetMembers(groupId: string): void {
    const group = this.groups.get(groupId)
    if (group === undefined || group.consumer !== undefined) return
    cancelTimer(group)
    group.classic = newClassicGroup()
    this.#forgetIfUnused(group)
  }

  #replayConsumer({ groupId, change }: ConsumerRecord): void {
    const isGone = change.of === 'partition-metadata' ? !change.isThere : change.value === null
    const group = isGone ? this.groups.get(groupId) : this.#groupFor(groupId)
    if (group === undefined) return
    if (change.of === 'group' && isGone) {
      cancelTimer(group)
      group.consumer = undefined
      this.#forgetIfUnused(group)
      return
    }
    if (group.consumer === undefined) {
      if (isGone) return
      // What of a former classic group is left in a compacted log no longer counts.
      group.classic = newClassicGroup()
      group.consumer = newConsumerGroup()
    }
    replayConsumer(group.consumer, change)
  }

  #forget(group: Group): void {
    cancelTimer(group)
    this.groups.delete(group.id)
  }

  #arm(group: Group): void {
    armTimer(group, this.#ports.clock, () => {
      group.timer = undefined
      // The group may have been dropped, and another one of the same name loaded, since the timer was armed.
      if (this.groups.get(group.id) !== group) return
      this.run(group.id, (decision) => {
        if (group.consumer === undefined) decideDeadlines(decision, group)
        else decideConsumerDeadlines(decision, group)
      })
    })
  }

  /** Matches a group's regular expressions with all topics, where the decision that was made has asked for it. */
  #resolveIfWanted({ id: groupId, consumer }: Group): void {
    if (consumer === undefined || !consumer.isRefreshWanted) return
    consumer.isRefreshWanted = false
    consumer.isResolving = true
    const { clock, decision } = this.#ports
    const { topics } = decision
    const asOf = { version: topics.createdCount(), timestampMs: clock.nowMs() }
    this.#resolver.add({
      groupId,
      regexes: [...consumer.regexMembers.keys()],
      topicNames: topics.topicNames(),
      done: (matches) => {
        consumer.isResolving = false
        this.run(groupId, (resolved, group) => {
          if (group?.consumer === consumer) decideResolved(resolved, groupId, { matches, ...asOf })
        })
      },
    })
  }

  #drop(errorCode: number): void {
    const { logger } = this.#ports
    logger.error('group journal failed: dropping its groups', { partition: this.#partition, errorCode })
    this.#isLoading = true
    this.#clear()
  }

  #clear(): void {
    this.#resolver.stop()
    const dropped = [...this.groups.values()]
    this.groups.clear()
    this.#groupsByProducer.clear()
    for (const group of dropped) {
      cancelTimer(group)
      for (const member of group.classic.members.values()) {
        member.joinWaiter?.refuse(ErrorCode.NOT_COORDINATOR)
        member.syncWaiter?.refuse(ErrorCode.NOT_COORDINATOR)
      }
    }
  }

  #reload(): void {
    if (this.#isStopped) return
    const { journal, clock, logger } = this.#ports
    const partition = this.#partition
    const visit: Parameters<Journal['load']>[2] = (record, _offset, batch) => {
      const decoded = decodeRecord(record)
      if (decoded !== undefined) this.replay(decoded, batch.transaction)
    }
    journal
      .load(topic, partition, visit, (end) => this.replayEnd(end))
      .then(
        () => {
          if (this.#isStopped) return
          for (const end of this.#endsToApply.splice(0)) this.replayEnd(end)
          this.#isLoading = false
          this.#isUnreadable = false
          this.loaded()
        },
        (thrown: unknown) => {
          if (!this.#isUnreadable) {
            logger.error('group journal cannot be read yet', { partition, reason: messageOf(thrown) })
          }
          this.#isUnreadable = true
          this.groups.clear()
          this.#groupsByProducer.clear()
          clock.startTimer(reloadDelayMs, () => this.#reload())
        },
      )
  }
}
