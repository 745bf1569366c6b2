/** What a whole history says about each value and each transaction, before anything is judged. */

import {
  type History,
  noOffset,
  noTransaction,
  type Outcome,
  type Poll,
  type Send,
  type Transaction,
} from './history.ts'

/** A value and what became of it. */
export type ValueFacts = {
  readonly send: Send
  /** How many operations had ended when its sender learned of it. */
  readonly sentAt: number
  /** The first poll that brought it, as a place in the history; -1: none. */
  firstPollAt: number
  /** Where that poll found it. */
  firstPollOffset: number
  /** Whether any reader of committed records got it. */
  isSeenCommitted: boolean
  /** One bit for each final reader that got it. */
  finalReaders: number
}

/** How a transaction may have ended. */
export type Fate = 'committed' | 'aborted' | 'unknown'

export type TransactionFacts = {
  readonly fate: Fate
  /** Places in the history: when its end was asked for, and when that was answered. */
  readonly decidedAt: number
  readonly endedAt: number
  /** Whether a reader of committed records got any of it. */
  isSeen: boolean
  readonly values: ValueFacts[]
}

/** A final reader, with how far it came in each partition. */
export type FinalReader = {
  readonly reader: number
  readonly bit: number
  readonly isCommitted: boolean
  readonly reached: Map<number, number>
}

/** One bit each. */
const finalReadersMax = 31

export class Facts {
  readonly values = new Map<number, ValueFacts>()
  readonly transactions = new Map<number, TransactionFacts>()
  readonly finalReaders = new Map<number, FinalReader>()
  /** How far any reader came in each partition. */
  readonly reached = new Map<number, number>()
  /** Where each partition may begin by now. */
  readonly starts = new Map<number, number>()
  readonly #history: History

  /** Throws where the history itself is malformed: a value sent twice, a transaction listed twice. */
  constructor(history: History) {
    this.#history = history
    for (const [reader, { isFinal, isolation }] of history.readers) {
      if (!isFinal) continue
      if (this.finalReaders.size === finalReadersMax) throw new Error(`there are more than ${finalReadersMax} readers`)
      const bit = 2 ** this.finalReaders.size
      this.finalReaders.set(reader, { reader, bit, isCommitted: isolation === 'committed', reached: new Map() })
    }
    history.operations.forEach((operation, at) => {
      if (operation.kind === 'send') this.#send(operation, at)
      else if (operation.kind === 'transaction') this.#transaction(operation, at)
      else if (operation.kind === 'trim') {
        const start = this.starts.get(operation.partition) ?? 0
        this.starts.set(operation.partition, Math.max(start, operation.start))
      }
    })
    for (const facts of this.values.values()) this.#join(facts)
    history.operations.forEach((operation, at) => {
      if (operation.kind === 'poll') this.#poll(operation, at)
    })
  }

  isCommittedReader(reader: number): boolean {
    return this.#history.readers.get(reader)?.isolation === 'committed'
  }

  transactionOf(send: Send): TransactionFacts | undefined {
    return send.transaction === noTransaction ? undefined : this.transactions.get(send.transaction)
  }

  /** Whether a reader that comes past a value which lies in the log is to be handed it. */
  isVisible({ send }: ValueFacts, isCommittedReader: boolean): boolean {
    const transaction = this.transactionOf(send)
    if (transaction === undefined) return send.outcome !== 'failed'
    if (!isCommittedReader) return true
    return transaction.fate === 'committed' || (transaction.fate === 'unknown' && transaction.isSeen)
  }

  #send(send: Send, at: number): void {
    if (this.values.has(send.value)) throw new Error(`value ${send.value} was sent twice`)
    const unseen = { firstPollAt: -1, firstPollOffset: noOffset, isSeenCommitted: false, finalReaders: 0 }
    this.values.set(send.value, { send, sentAt: at, ...unseen })
  }

  #transaction({ transaction, decision, outcome, startedAt }: Transaction, at: number): void {
    if (this.transactions.has(transaction)) throw new Error(`transaction ${transaction} ended twice`)
    const fate = fateOf(decision, outcome)
    this.transactions.set(transaction, { fate, decidedAt: startedAt, endedAt: at, isSeen: false, values: [] })
  }

  /** Ties a value to its transaction; one that was never heard of again can only have been aborted. */
  #join(facts: ValueFacts): void {
    const { transaction } = facts.send
    if (transaction === noTransaction) return
    const end = this.#history.operations.length
    const fresh: TransactionFacts = { fate: 'aborted', decidedAt: end, endedAt: end, isSeen: false, values: [] }
    const found = this.transactions.get(transaction) ?? fresh
    this.transactions.set(transaction, found)
    found.values.push(facts)
  }

  #poll({ reader, partition, offsets, values, next }: Poll, at: number): void {
    const final = this.finalReaders.get(reader)
    raise(this.reached, partition, next)
    if (final !== undefined) raise(final.reached, partition, next)
    const isCommitted = this.isCommittedReader(reader)
    for (let index = 0; index < values.length; index++) {
      const facts = this.values.get(values[index] ?? -1)
      if (facts === undefined || facts.send.partition !== partition) continue
      if (facts.firstPollAt === -1) {
        facts.firstPollAt = at
        facts.firstPollOffset = offsets[index] ?? noOffset
      }
      if (final !== undefined) facts.finalReaders |= final.bit
      if (!isCommitted) continue
      facts.isSeenCommitted = true
      const transaction = this.transactionOf(facts.send)
      if (transaction !== undefined) transaction.isSeen = true
    }
  }
}

function fateOf(decision: Transaction['decision'], outcome: Outcome): Fate {
  if (decision !== 'commit' || outcome === 'failed') return 'aborted'
  return outcome === 'ok' ? 'committed' : 'unknown'
}

function raise(places: Map<number, number>, partition: number, offset: number): void {
  if (offset > (places.get(partition) ?? -1)) places.set(partition, offset)
}
