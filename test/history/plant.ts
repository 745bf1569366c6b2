/** Plants one anomaly of a kind in a history that has none, at a place that chance picks. */

import type { Random } from '../../src/base/random.ts'
import type { AnomalyKind } from './anomalies.ts'
import { Facts, type ValueFacts } from './facts.ts'
import { damagedValue, type History, noOffset, type Operation, type Poll, type Send } from './history.ts'

/** A history that is being spoiled; each planter answers false where the history offers no place for its anomaly. */
type Bed = {
  readonly operations: Operation[]
  readonly facts: Facts
  readonly history: History
  readonly random: Random
}

type Planter = (bed: Bed) => boolean

/** Spoils the history in place; false: there is no place for this kind in it. */
export function plant(kind: AnomalyKind, history: History, random: Random): boolean {
  return planters[kind]({ operations: history.operations, facts: new Facts(history), history, random })
}

const planters: Readonly<Record<AnomalyKind, Planter>> = {
  'lost-write': (bed) => {
    const facts = pick(
      bed,
      sureValues(bed).filter(({ send }) => isBelowEnd(bed, send)),
    )
    if (facts === undefined) return false
    editPolls(bed, (poll) => without(poll, (index) => poll.values[index] === facts.send.value))
    return true
  },
  unseen: (bed) => {
    const facts = pick(
      bed,
      sureValues(bed).filter(({ send }) => !send.mayRepeat),
    )
    if (facts === undefined) return false
    const { partition, offset } = facts.send
    editPolls(bed, (poll) => {
      if (!isFinal(bed, poll) || poll.partition !== partition) return poll
      return { ...without(poll, (index) => (poll.offsets[index] ?? 0) >= offset), next: Math.min(poll.next, offset) }
    })
    return true
  },
  duplicate: (bed) =>
    plantInPoll(bed, (poll) => {
      if (!isFinal(bed, poll) || poll.next < (bed.facts.reached.get(poll.partition) ?? 0)) return undefined
      const known = sureValues(bed).filter(({ send }) => send.partition === poll.partition && !send.mayRepeat)
      const facts = pick(bed, known)
      return facts === undefined ? undefined : withRecord(poll, poll.next, facts.send.value)
    }),
  'inconsistent-offsets': (bed) =>
    plantInPoll(bed, (poll) => {
      const sure = sureValues(bed).map(({ send }) => send)
      const index = poll.offsets.findIndex((offset, at) =>
        sure.some((send) => send.value === poll.values[at] && send.offset === offset),
      )
      const known = [...bed.facts.values.values()].filter(({ send }) => send.partition === poll.partition)
      const other = pick(bed, known)
      if (index === -1 || other === undefined || other.send.value === poll.values[index]) return undefined
      return { ...poll, values: poll.values.with(index, other.send.value) }
    }),
  phantom: (bed) =>
    plantInPoll(bed, (poll) => {
      const value = bed.random.below(2) === 0 ? damagedValue : 1_000_000_000
      return poll.values.length === 0 ? undefined : { ...poll, values: poll.values.with(0, value) }
    }),
  'aborted-read': (bed) =>
    plantInPoll(bed, (poll) => {
      if (!bed.facts.isCommittedReader(poll.reader)) return undefined
      const aborted = [...bed.facts.values.values()].filter(
        ({ send }) => send.partition === poll.partition && bed.facts.transactionOf(send)?.fate === 'aborted',
      )
      const facts = pick(bed, aborted)
      return facts === undefined ? undefined : withRecord(poll, poll.next, facts.send.value)
    }),
  'precommitted-read': (bed) => {
    const read = [...bed.facts.transactions].filter(([, { isSeen, fate }]) => isSeen && fate !== 'aborted')
    const found = pick(bed, read)
    const at = bed.operations.findIndex(
      (operation) => operation.kind === 'transaction' && operation.transaction === found?.[0],
    )
    const transaction = bed.operations[at]
    if (transaction?.kind !== 'transaction') return false
    bed.operations.splice(at, 1)
    bed.operations.push({ ...transaction, startedAt: bed.operations.length })
    return true
  },
  'torn-transaction': (bed) => {
    const torn = [...bed.facts.transactions.values()].flatMap(({ fate, isSeen, values }) => {
      const sure = values.filter(({ send }) => isSure(bed, send) && isBelowEnd(bed, send))
      return fate === 'unknown' && isSeen && values.filter(({ finalReaders }) => finalReaders > 0).length > 1
        ? sure
        : []
    })
    const facts = pick(bed, torn)
    if (facts === undefined) return false
    editPolls(bed, (poll) => without(poll, (index) => poll.values[index] === facts.send.value))
    return true
  },
  'poll-skip': (bed) => plantSkip(bed, (index) => index === 0),
  'int-poll-skip': (bed) => plantSkip(bed, (index, length) => index > 0 && index < length - 1),
  'nonmonotonic-poll': (bed) =>
    plantInPoll(bed, (poll, at) => {
      const last = bed.operations.findLast(
        (operation, place): operation is Poll =>
          place < at &&
          operation.kind === 'poll' &&
          operation.reader === poll.reader &&
          operation.partition === poll.partition &&
          operation.values.length > 0,
      )
      const between = last === undefined ? [] : bed.operations.slice(bed.operations.indexOf(last), at)
      const isBroken = between.some(({ kind }) => kind === 'assign' || kind === 'subscribe' || kind === 'cut')
      if (last === undefined || isBroken || isGroup(poll)) return undefined
      const [offset = 0, value = 0] = [last.offsets.at(-1), last.values.at(-1)]
      return { ...poll, offsets: [offset, ...poll.offsets], values: [value, ...poll.values] }
    }),
  'int-nonmonotonic-poll': (bed) =>
    plantInPoll(bed, (poll) => {
      if (poll.offsets.length < 2) return undefined
      return { ...poll, offsets: poll.offsets.toReversed(), values: poll.values.toReversed() }
    }),
  'nonmonotonic-send': (bed) => {
    const lane = pick(bed, sureValues(bed))?.send
    const same = sureValues(bed).filter(
      ({ send }) => !send.mayRepeat && send.process === lane?.process && send.partition === lane.partition,
    )
    const [one, other] = [same[0]?.send, same.at(-1)?.send]
    if (one === undefined || other === undefined || one === other) return false
    bed.operations[bed.operations.indexOf(one)] = { ...one, order: other.order }
    bed.operations[bed.operations.indexOf(other)] = { ...other, order: one.order }
    return true
  },
  'lost-commit': (bed) => {
    const read = bed.operations.at(-1)
    if (read?.kind !== 'committed' || read.offset === noOffset || hasLostCommits(bed)) return false
    const isSure = bed.operations.some(
      ({ kind, ...rest }) => kind === 'commit' && 'outcome' in rest && rest.outcome === 'ok',
    )
    bed.operations[bed.operations.length - 1] = { ...read, offset: noOffset }
    return isSure
  },
  'phantom-commit': (bed) => {
    const at = bed.operations.findIndex(({ kind }) => kind === 'committed')
    const read = bed.operations[at]
    if (read?.kind !== 'committed') return false
    bed.operations[at] = { ...read, offset: 1_000_000 }
    return true
  },
  'nonmonotonic-commit': (bed) => {
    const at = bed.operations.findLastIndex((operation) => operation.kind === 'commit' && operation.outcome === 'ok')
    const commit = bed.operations[at]
    const isSecond = bed.operations.some(
      (operation, place) =>
        operation.kind === 'commit' &&
        operation.outcome === 'ok' &&
        commit?.kind === 'commit' &&
        place < commit.startedAt &&
        operation.offset > 0,
    )
    if (commit?.kind !== 'commit' || !isSecond || hasLostCommits(bed)) return false
    bed.operations[at] = { ...commit, offset: 0 }
    return true
  },
}

/** Drops one record of a poll that others know to be there. */
function plantSkip(bed: Bed, isPlace: (index: number, length: number) => boolean): boolean {
  return plantInPoll(bed, (poll, at) => {
    const wanted = poll.values.findIndex((value, index) => {
      const facts = bed.facts.values.get(value)
      const isThere = facts?.send.offset === poll.offsets[index]
      return isPlace(index, poll.values.length) && isThere && facts !== undefined && isSure(bed, facts.send)
    })
    if (wanted === -1 || isFinal(bed, poll) || (wanted === 0 && !isFollowed(bed, poll, at))) return undefined
    return without(poll, (index) => index === wanted)
  })
}

/** Whether it is known where the reader was to go on. */
function isFollowed({ operations }: Bed, poll: Poll, at: number): boolean {
  if (isGroup(poll)) return false
  const before = operations.slice(0, at)
  const cut = before.findLastIndex(({ kind }) => kind === 'cut')
  return before.some(
    (operation, place) => place > cut && operation.kind === 'assign' && operation.reader === poll.reader,
  )
}

/** Tries polls from a random one on until one can be changed. */
function plantInPoll(bed: Bed, change: (poll: Poll, at: number) => Poll | undefined): boolean {
  const { operations, random } = bed
  const start = random.below(operations.length)
  for (let step = 0; step < operations.length; step++) {
    const at = (start + step) % operations.length
    const poll = operations[at]
    if (poll?.kind !== 'poll') continue
    const changed = change(poll, at)
    if (changed === undefined) continue
    operations[at] = changed
    return true
  }
  return false
}

function editPolls({ operations }: Bed, edit: (poll: Poll) => Poll): void {
  operations.forEach((operation, at) => {
    if (operation.kind === 'poll') operations[at] = edit(operation)
  })
}

function without(poll: Poll, isDropped: (index: number) => boolean): Poll {
  const kept = (_: number, index: number): boolean => !isDropped(index)
  return { ...poll, offsets: poll.offsets.filter(kept), values: poll.values.filter(kept) }
}

function withRecord(poll: Poll, offset: number, value: number): Poll {
  return { ...poll, offsets: [...poll.offsets, offset], values: [...poll.values, value], next: offset + 1 }
}

/** Acknowledged for good: in no transaction that may be gone, behind the last loss. */
function sureValues(bed: Bed): ValueFacts[] {
  return [...bed.facts.values.values()].filter(({ send, finalReaders }) => {
    const transaction = bed.facts.transactionOf(send)
    return isSure(bed, send) && finalReaders > 0 && (transaction === undefined || transaction.fate === 'committed')
  })
}

function isSure({ facts, operations }: Bed, send: Send): boolean {
  if (send.outcome !== 'ok' || send.offset < (facts.starts.get(send.partition) ?? 0)) return false
  return operations.indexOf(send) > operations.findLastIndex(({ kind }) => kind === 'cut')
}

function isBelowEnd({ facts }: Bed, { partition, offset }: Send): boolean {
  return offset < (facts.reached.get(partition) ?? 0)
}

function isFinal({ history }: Bed, { reader }: Poll): boolean {
  return history.readers.get(reader)?.isFinal === true
}

/** The reader of the correct histories whose positions may change at any time. */
function isGroup({ reader }: Poll): boolean {
  return reader === 2
}

function hasLostCommits({ operations }: Bed): boolean {
  return operations.some((operation) => operation.kind === 'cut' && !operation.areCommitsKept)
}

function pick<Item>({ random }: Bed, items: readonly Item[]): Item | undefined {
  return items[random.below(items.length)]
}
