/** Transactional producers: some add partitions themselves, some leave that to the broker; some also commit a group's offsets. */

import { initProducerIdCall, offsetFetchCall } from '../../src/client/calls.ts'
import { ConnectionError } from '../../src/client/errors.ts'
import { ErrorCode, isRetriable } from '../../src/wire/generated/errors.ts'
import { makeInitProducerIdRequest } from '../../src/wire/generated/init-producer-id.ts'
import { makeOffsetFetchRequest } from '../../src/wire/generated/offset-fetch.ts'
import { noOffset, type Outcome } from '../history/history.ts'
import { SentBatch } from './batches.ts'
import { Client } from './client.ts'
import { produceOnce, produceRequest, produceVersions } from './producers.ts'
import { addOffsets, addPartitions, commitInTransaction, endTransaction } from './transaction-calls.ts'
import { Violation, type World } from './world.ts'

const pauseMsMax = 80
const batchesMax = 4
const timeoutMs = 20_000
/** How often a producer that begins anew is disturbed by its former self. */
const zombiePercent = 40

export type TransactionalOptions = {
  readonly transactionalId: string
  /** Whether the broker adds partitions to transactions by itself (KIP-890). */
  readonly isAdding: boolean
  /** A group of its own, whose offset in its first partition grows by one with each committed transaction. */
  readonly group: number
}

/** What a producer may hear whose transaction the broker has aborted because it took too long. */
const lateCodes: ReadonlySet<number> = new Set([
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.PRODUCER_FENCED,
  ErrorCode.INVALID_TXN_STATE,
])
/** What a producer may hear where the partition has lost its last batches. */
const lostCodes: ReadonlySet<number> = new Set([ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode.UNKNOWN_PRODUCER_ID])

/** The producer has to begin anew under its transactional id. */
class MustBeginAnew extends Error {}

/** What became of one transaction. */
type Open = {
  readonly transaction: number
  commit: { readonly partition: number; readonly offset: number; readonly startedAt: number } | undefined
}

export class TransactionalProducer extends Client {
  readonly #options: TransactionalOptions
  #process = 0
  #producer = { producerId: -1, producerEpoch: -1 }
  readonly #sequences = new Map<number, number>()
  #added = new Set<number>()
  #areOffsetsAdded = false
  #nextOffset = 0
  #beganMs = 0

  constructor(world: World, name: string, options: TransactionalOptions) {
    super(world, name)
    this.#options = options
  }

  async run(): Promise<void> {
    while (!this.world.isWindingDown) {
      try {
        await this.#begin()
        while (!this.world.isWindingDown) {
          await this.sleep(this.world.random.below(pauseMsMax))
          await this.#transact()
          // As where the process is started anew, also in the midst of a transaction.
          if (this.world.chance(4)) throw new MustBeginAnew()
        }
      } catch (thrown) {
        if (!(thrown instanceof MustBeginAnew)) throw thrown
      }
    }
    // Ends what it left open: nothing behind that could be read as committed.
    await this.#begin()
    this.disconnect()
  }

  /** Takes the id over, which ends what was open under it, and reads where the group is. */
  async #begin(): Promise<void> {
    const { transactionalId } = this.#options
    const request = makeInitProducerIdRequest({ transactionalId, transactionTimeoutMs: timeoutMs })
    const version = this.#options.isAdding ? 5 : 4
    const response = await this.askUntil(
      () => this.ask(initProducerIdCall, { ...request, producerId: -1, producerEpoch: -1 }, version),
      ({ errorCode }) => errorCode,
    )
    if (response.errorCode !== ErrorCode.NONE) this.refuse('InitProducerId', response.errorCode)
    const zombie = this.#producer
    this.#process = this.world.nextProcess()
    this.#startEpoch(response)
    if (zombie.producerId >= 0 && this.world.chance(zombiePercent)) await this.#riseAgain(zombie)
    this.#nextOffset = Math.max(0, await this.#committedOffset())
  }

  /** What was in work under the older epoch goes on all the same: it must not get in. */
  async #riseAgain(zombie: { producerId: number; producerEpoch: number }): Promise<void> {
    const { world } = this
    const { transactionalId, isAdding } = this.#options
    const partition = world.pick(world.steadyPartitions)
    const batch = new SentBatch(world, { process: world.nextProcess(), partition })
    const records = batch.bytes(this.nowMs, { ...zombie, baseSequence: 0, isTransactional: true })
    const request = produceRequest(world, partition, records, { transactionalId })
    const version = isAdding ? produceVersions.adding : produceVersions.byName
    const produced = await produceOnce(await this.connect(), request, version)
    batch.end('failed')
    if (produced !== 'lost' && produced.errorCode === ErrorCode.NONE) {
      throw new Violation(`${this.name}: partition ${partition} took a batch of an epoch that is over`)
    }
    const end = await this.askUntil(
      () => endTransaction(this, transactionalId, zombie, true, isAdding ? 5 : 3),
      ({ errorCode }) => errorCode,
    )
    if (end.errorCode === ErrorCode.NONE) throw new Violation(`${this.name}: an epoch that is over committed`)
  }

  #startEpoch({ producerId, producerEpoch }: { producerId: number; producerEpoch: number }): void {
    const isSame = producerId === this.#producer.producerId && producerEpoch === this.#producer.producerEpoch
    this.#producer = { producerId, producerEpoch }
    if (!isSame) this.#sequences.clear()
    this.#added.clear()
    this.#areOffsetsAdded = false
  }

  async #transact(): Promise<void> {
    const { world } = this
    const open: Open = { transaction: world.nextTransaction(), commit: undefined }
    let isSound = true
    this.#beganMs = this.nowMs
    for (let count = 1 + world.random.below(batchesMax); isSound && count > 0; count--) {
      isSound = await this.#listed(open, () => this.#send(open))
    }
    if (isSound && world.chance(60)) isSound = await this.#listed(open, () => this.#commitOffset(open))
    if (world.chance(4)) {
      this.#giveUp(open)
      throw new MustBeginAnew()
    }
    await this.#end(open, isSound && !world.chance(25))
  }

  /** A transaction that its producer will not end is listed before the producer begins anew. */
  async #listed<Result>(open: Open, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (thrown) {
      if (thrown instanceof MustBeginAnew) this.#giveUp(open)
      throw thrown
    }
  }

  #giveUp(open: Open): void {
    const { history } = this.world
    this.#endCommit(open, 'failed')
    const { transaction } = open
    history.add({ kind: 'transaction', transaction, decision: 'none', outcome: 'unknown', startedAt: history.now })
  }

  /** Sends one batch; false where the transaction can only be aborted now. */
  async #send(open: Open): Promise<boolean> {
    const { world } = this
    const partition = world.pick(world.steadyPartitions)
    const { transactionalId, isAdding } = this.#options
    if (!isAdding && !this.#added.has(partition)) {
      const { topic, index } = world.place(partition)
      await this.#mustDo('AddPartitionsToTxn', () => addPartitions(this, transactionalId, this.#producer, topic, index))
    }
    this.#added.add(partition)
    const batch = new SentBatch(world, { process: this.#process, partition, transaction: open.transaction })
    const baseSequence = this.#sequences.get(partition) ?? 0
    this.#sequences.set(partition, baseSequence + batch.values.length)
    const records = batch.bytes(this.nowMs, { ...this.#producer, baseSequence, isTransactional: true })
    const request = produceRequest(world, partition, records, { transactionalId })
    const version = isAdding ? produceVersions.adding : produceVersions.byName
    for (;;) {
      const produced = await produceOnce(await this.connect(), request, version)
      if (produced !== 'lost' && produced.errorCode === ErrorCode.NONE) {
        batch.end('ok', produced.baseOffset)
        return true
      }
      if (produced === 'lost' || isRetriable(produced.errorCode)) {
        await this.pauseBeforeRetry()
        continue
      }
      batch.end('unknown')
      this.#accept('a transactional Produce', produced.errorCode, partition)
      throw new MustBeginAnew()
    }
  }

  /** Errors that a producer may get whose transaction took too long, or whose partition has lost its tail. */
  #accept(what: string, errorCode: number, partition?: number): void {
    const isLate = this.nowMs - this.#beganMs >= timeoutMs
    if (isLate && lateCodes.has(errorCode)) return
    if (this.world.hasLostTails && lostCodes.has(errorCode)) return
    // Where all its data was deleted, a marker is all that tells of the producer after a crash: as in Kafka, sequence 0 is next.
    if (
      errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER &&
      partition !== undefined &&
      this.world.wasTrimmed(partition)
    )
      return
    this.refuse(what, errorCode)
  }

  async #commitOffset(open: Open): Promise<boolean> {
    const { transactionalId, isAdding, group } = this.#options
    if (!isAdding && !this.#areOffsetsAdded) {
      await this.#mustDo('AddOffsetsToTxn', () => addOffsets(this, transactionalId, this.#producer, groupName(group)))
    }
    this.#areOffsetsAdded = true
    open.commit = { partition: 0, offset: this.#nextOffset + 1, startedAt: this.world.history.now }
    const { topic, index } = this.world.place(0)
    const offset = { groupId: groupName(group), topic, index, offset: this.#nextOffset + 1 }
    const version = isAdding ? 5 : 3
    await this.#mustDo('TxnOffsetCommit', () =>
      commitInTransaction(this, transactionalId, this.#producer, offset, version),
    )
    return true
  }

  /** Asks until it is done. */
  async #mustDo(what: string, ask: () => Promise<{ readonly errorCode: number }>): Promise<void> {
    const { errorCode } = await this.askUntil(ask, (response) => response.errorCode)
    if (errorCode === ErrorCode.NONE) return
    this.#accept(what, errorCode)
    throw new MustBeginAnew()
  }

  async #end(open: Open, isCommit: boolean): Promise<void> {
    const { history } = this.world
    const startedAt = history.now
    const { transactionalId, isAdding } = this.#options
    const decision = isCommit ? 'commit' : 'abort'
    for (let isFirst = true; ; isFirst = false) {
      let errorCode: number
      try {
        const response = await endTransaction(this, transactionalId, this.#producer, isCommit, isAdding ? 5 : 3)
        errorCode = response.errorCode
        if (errorCode === ErrorCode.NONE) {
          this.#ended(open, { decision, outcome: 'ok', startedAt })
          if (isAdding) this.#startEpoch(response)
          else this.#startEpoch(this.#producer)
          return
        }
      } catch (thrown) {
        if (!(thrown instanceof ConnectionError)) throw thrown
        errorCode = ErrorCode.NETWORK_EXCEPTION
      }
      if (isRetriable(errorCode)) {
        await this.pauseBeforeRetry()
        continue
      }
      const isEmpty = errorCode === ErrorCode.INVALID_TXN_STATE && this.#added.size === 0 && isFirst
      this.#ended(open, { decision, outcome: isEmpty ? 'failed' : 'unknown', startedAt })
      this.#accept('EndTxn', errorCode)
      throw new MustBeginAnew()
    }
  }

  #ended(
    open: Open,
    end: { readonly decision: 'commit' | 'abort'; readonly outcome: Outcome; readonly startedAt: number },
  ): void {
    const isCommitted = end.decision === 'commit' && end.outcome === 'ok'
    if (isCommitted && open.commit !== undefined) this.#nextOffset = open.commit.offset
    this.#endCommit(open, 'ok')
    this.world.history.add({ kind: 'transaction', transaction: open.transaction, ...end })
  }

  /** The commit itself was accepted; whether it counts follows from its transaction. */
  #endCommit(open: Open, outcome: Outcome): void {
    const { commit, transaction } = open
    if (commit === undefined) return
    this.world.history.add({ kind: 'commit', group: this.#options.group, outcome, transaction, ...commit })
  }

  async #committedOffset(): Promise<number> {
    const { group } = this.#options
    const { topic, index } = this.world.place(0)
    const topics = [{ name: topic, partitionIndexes: [index] }]
    const request = makeOffsetFetchRequest({ groupId: groupName(group), topics, requireStable: true })
    const startedAt = this.world.history.now
    const response = await this.askUntil(
      () => this.ask(offsetFetchCall, request, 7),
      ({ errorCode, topics: answered }) => answered[0]?.partitions[0]?.errorCode || errorCode,
    )
    const partition = response.topics[0]?.partitions[0]
    if (partition?.errorCode !== ErrorCode.NONE) this.refuse('OffsetFetch', partition?.errorCode ?? response.errorCode)
    const offset = partition.committedOffset < 0 ? noOffset : partition.committedOffset
    this.world.history.add({ kind: 'committed', group, partition: 0, offset, startedAt })
    return offset
  }
}

export function groupName(group: number): string {
  return `group-${group}`
}
