/** Judges a history: everything that a broker must never do, found in time and memory that grow with the history's length only. */

import { Findings } from './anomalies.ts'
import { checkCommits } from './commit-order.ts'
import { Facts, type FinalReader, type ValueFacts } from './facts.ts'
import { type Cut, type History, noOffset, type Operation, type Poll, type Send } from './history.ts'
import { PartitionLog } from './partition-log.ts'
import { ReaderOrder } from './reader-order.ts'

/** Answers what was found; the findings are empty where the history is one that a broker may have. */
export function checkHistory(history: History): Findings {
  return new Checker(history).run()
}

class Checker {
  readonly #history: History
  readonly #facts: Facts
  readonly #findings = new Findings()
  readonly #logs = new Map<number, PartitionLog>()
  readonly #order: ReaderOrder
  /** Those that read committed records only. */
  readonly #finals: readonly FinalReader[]

  constructor(history: History) {
    this.#history = history
    this.#facts = new Facts(history)
    this.#order = new ReaderOrder({ facts: this.#facts, findings: this.#findings, logs: this.#logs })
    this.#finals = [...this.#facts.finalReaders.values()].filter(({ isCommitted }) => isCommitted)
  }

  run(): Findings {
    const { operations } = this.#history
    let eraStart = 0
    operations.forEach((operation, at) => {
      if (operation.kind === 'poll') this.#read(operation, at)
      else if (operation.kind === 'send') this.#acknowledge(operation)
      else if (operation.kind === 'cut') {
        this.#follow(operations, eraStart, at)
        this.#cut(operation, at)
        eraStart = at + 1
      }
    })
    this.#follow(operations, eraStart, operations.length)
    for (const facts of this.#facts.values.values()) this.#checkPresence(facts)
    this.#checkSendOrder()
    this.#checkWholeness()
    checkCommits(this.#history, this.#facts, this.#findings)
    return this.#findings
  }

  #acknowledge({ outcome, offset, partition, value }: Send): void {
    if (outcome === 'ok' && offset !== noOffset) this.#log(partition).observe(offset, value)
  }

  #read(poll: Poll, at: number): void {
    const log = this.#log(poll.partition)
    const isCommitted = this.#facts.isCommittedReader(poll.reader)
    for (let index = 0; index < poll.values.length; index++) {
      const value = poll.values[index] ?? -1
      const offset = poll.offsets[index] ?? -1
      const facts = this.#facts.values.get(value)
      const where = (): string => `value ${value} at offset ${offset} of partition ${poll.partition}`
      if (facts === undefined || facts.send.partition !== poll.partition) {
        this.#findings.add('phantom', () => `reader ${poll.reader} got ${where()}`)
        continue
      }
      log.observe(offset, value)
      const transaction = this.#facts.transactionOf(facts.send)
      if (facts.send.outcome === 'failed' || (isCommitted && transaction?.fate === 'aborted')) {
        this.#findings.add('aborted-read', () => `reader ${poll.reader} got ${where()}`)
      } else if (isCommitted && transaction !== undefined && at < transaction.decidedAt) {
        this.#findings.add('precommitted-read', () => `reader ${poll.reader} got ${where()}`)
      }
    }
  }

  /** Follows the readers through the time between two cuts, when all that was seen in that time is known. */
  #follow(operations: readonly Operation[], start: number, end: number): void {
    for (let at = start; at < end; at++) {
      const operation = operations[at]
      if (operation?.kind === 'poll') this.#order.poll(operation)
      else if (operation?.kind === 'assign') this.#order.assign(operation.reader, operation.positions)
      else if (operation?.kind === 'subscribe') this.#order.subscribe(operation.reader)
    }
  }

  #cut({ kept }: Cut, at: number): void {
    for (const [partition, offset] of kept) {
      this.#log(partition).cut(offset, at)
      this.#order.forget(partition)
    }
  }

  /** What was acknowledged, or seen by anyone, must be there at the end. */
  #checkPresence(facts: ValueFacts): void {
    const { send } = facts
    const offset = this.#dueAt(facts)
    if (offset === undefined) return
    const where = `value ${send.value} at offset ${offset} of partition ${send.partition}`
    if (this.#facts.finalReaders.size === 0) {
      if (facts.firstPollAt >= 0) return
      const isPassed = (this.#facts.reached.get(send.partition) ?? 0) > offset
      this.#findings.add(isPassed ? 'lost-write' : 'unseen', () => where)
      return
    }
    for (const { reader, bit, isCommitted, reached } of this.#facts.finalReaders.values()) {
      if ((facts.finalReaders & bit) !== 0 || !this.#facts.isVisible(facts, isCommitted)) continue
      const end = reached.get(send.partition)
      if (end === undefined) continue
      this.#findings.add(end > offset ? 'lost-write' : 'unseen', () => `${where} did not come to reader ${reader}`)
    }
  }

  /** Where a value must be at the end; undefined: it need not be there. */
  #dueAt(facts: ValueFacts): number | undefined {
    const { send } = facts
    const transaction = this.#facts.transactionOf(send)
    // Of a transaction whose end is unknown `checkWholeness` asks for all or nothing.
    if (transaction !== undefined && transaction.fate !== 'committed') return undefined
    if (send.outcome === 'ok' && this.#mustStay(send.partition, send.offset, facts.sentAt)) return send.offset
    if (transaction !== undefined || facts.firstPollAt === -1) return undefined
    const isDue = this.#mustStay(send.partition, facts.firstPollOffset, facts.firstPollAt)
    return isDue ? facts.firstPollOffset : undefined
  }

  /** Whether what was at an offset at that place in the history is there for ever. */
  #mustStay(partition: number, offset: number, since: number): boolean {
    const start = this.#facts.starts.get(partition) ?? 0
    // Where it is unknown where it was, anything that took records from the partition may have taken it.
    if (offset === noOffset) return start === 0 && !this.#log(partition).mayHaveLost(Number.POSITIVE_INFINITY, since)
    return offset >= start && !this.#log(partition).mayHaveLost(offset, since)
  }

  /** Of one process's sends to one partition, each lies behind the one before. */
  #checkSendOrder(): void {
    const lanes = new Map<number, Map<number, ValueFacts[]>>()
    for (const facts of this.#facts.values.values()) {
      if (offsetOf(facts) === noOffset || facts.send.mayRepeat) continue
      const partitions = placeOf(lanes, facts.send.process, () => new Map<number, ValueFacts[]>())
      placeOf(partitions, facts.send.partition, () => []).push(facts)
    }
    for (const partitions of lanes.values()) for (const lane of partitions.values()) this.#checkLane(lane)
  }

  #checkLane(lane: ValueFacts[]): void {
    lane.sort((one, other) => one.send.order - other.send.order)
    for (let index = 1; index < lane.length; index++) {
      const [before, after] = [lane[index - 1], lane[index]]
      if (before === undefined || after === undefined || offsetOf(before) <= offsetOf(after)) continue
      const { partition, process } = after.send
      const isPlaceSure = [before, after].every((facts) =>
        this.#mustStay(partition, offsetOf(facts), knownSince(facts)),
      )
      if (!isPlaceSure) continue
      this.#findings.add(
        'nonmonotonic-send',
        () =>
          `process ${process}, partition ${partition}: value ${before.send.value} at offset ${offsetOf(before)}, ` +
          `then value ${after.send.value} at ${offsetOf(after)}`,
      )
    }
  }

  /** Of a transaction whose end is unknown, all is there or nothing. */
  #checkWholeness(): void {
    for (const [name, { fate, isSeen, values }] of this.#facts.transactions) {
      if (fate !== 'unknown' || !isSeen) continue
      for (const { send, sentAt, finalReaders, isSeenCommitted } of values) {
        if (send.outcome !== 'ok' || !this.#mustStay(send.partition, send.offset, sentAt)) continue
        const isMissing =
          this.#finals.length === 0
            ? !isSeenCommitted && (this.#facts.reached.get(send.partition) ?? 0) > send.offset
            : this.#finals.some(
                ({ bit, reached }) => (finalReaders & bit) === 0 && (reached.get(send.partition) ?? 0) > send.offset,
              )
        if (!isMissing) continue
        this.#findings.add(
          'torn-transaction',
          () =>
            `transaction ${name} without value ${send.value} at offset ${send.offset} of partition ${send.partition}`,
        )
      }
    }
  }

  #log(partition: number): PartitionLog {
    return placeOf(this.#logs, partition, () => {
      const mayRepeat = (value: number): boolean => this.#facts.values.get(value)?.send.mayRepeat ?? false
      return new PartitionLog({ partition, findings: this.#findings, mayRepeat })
    })
  }
}

/** Where a value was acknowledged or else first read. */
function offsetOf({ send, firstPollOffset }: ValueFacts): number {
  return send.outcome === 'ok' && send.offset !== noOffset ? send.offset : firstPollOffset
}

/** Since when that is known. */
function knownSince({ send, sentAt, firstPollAt }: ValueFacts): number {
  return send.outcome === 'ok' && send.offset !== noOffset ? sentAt : firstPollAt
}

function placeOf<Key, Value>(places: Map<Key, Value>, key: Key, make: () => Value): Value {
  const present = places.get(key)
  if (present !== undefined) return present
  const made = make()
  places.set(key, made)
  return made
}
