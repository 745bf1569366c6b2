/**
 * A history: what clients did to a broker and what they saw, in the order in which it ended. Values are numbers, each sent once in
 * the whole history, so that a value tells who wrote it; partitions, processes, readers and groups are numbers of the test's own.
 *
 * Time is counted in operations: `startedAt` is how many operations had ended when this one began, so that one operation
 * ended before another began when its place in the list is below the other's `startedAt`.
 */

/** `ok`: the broker said yes. `failed`: it can't have happened. `unknown`: it may have happened, or may still do so. */
export type Outcome = 'ok' | 'failed' | 'unknown'

/** No transaction. */
export const noTransaction = -1
/** No offset is known, or none was committed. */
export const noOffset = -1
/** What a reader notes for a record that nobody can have sent: damage. */
export const damagedValue = -1

/** One record sent. */
export type Send = {
  readonly kind: 'send'
  readonly process: number
  /** Its place among the sends of this process, ascending. */
  readonly order: number
  readonly partition: number
  readonly value: number
  readonly outcome: Outcome
  /** Where the broker said that it is; `noOffset` otherwise. */
  readonly offset: number
  readonly transaction: number
  /** Whether its producer sends again without the broker's help against duplicates. */
  readonly mayRepeat: boolean
  readonly startedAt: number
}

/** Records of one partition that one fetch brought; `next` is where the reader goes on, also behind what it was not handed. */
export type Poll = {
  readonly kind: 'poll'
  readonly reader: number
  readonly partition: number
  readonly offsets: readonly number[]
  readonly values: readonly number[]
  readonly next: number
  readonly startedAt: number
}

/** From now on the reader reads these partitions and no others, each from that offset on (`noOffset`: from an unknown one). */
export type Assign = {
  readonly kind: 'assign'
  readonly reader: number
  readonly positions: readonly (readonly [partition: number, offset: number])[]
}

/** From now on the reader's partitions and positions may change between any two of its polls. */
export type Subscribe = { readonly kind: 'subscribe'; readonly reader: number }

/** A transaction, listed when its process learned of its end or gave it up. */
export type Transaction = {
  readonly kind: 'transaction'
  readonly transaction: number
  /** What its process asked for; `none`: nothing, so it can only end as aborted. */
  readonly decision: 'commit' | 'abort' | 'none'
  readonly outcome: Outcome
  /** How many operations had ended when the process asked for the end. */
  readonly startedAt: number
}

/** A group's offset was committed, inside a transaction or without one. Offsets of a group are meant to go up only. */
export type Commit = {
  readonly kind: 'commit'
  readonly group: number
  readonly partition: number
  readonly offset: number
  readonly outcome: Outcome
  readonly transaction: number
  readonly startedAt: number
}

/** A group's committed offset was asked for; `noOffset`: there is none. */
export type Committed = {
  readonly kind: 'committed'
  readonly group: number
  readonly partition: number
  readonly offset: number
  readonly startedAt: number
}

/** Records below `start` may be gone from now on: retention, or DeleteRecords. */
export type Trim = { readonly kind: 'trim'; readonly partition: number; readonly start: number }

/**
 * The machine lost what was not synced: in each partition named, what lies at or behind `kept` may be gone, as a tail, and its
 * offsets may be given out again. What ended before is listed before.
 */
export type Cut = {
  readonly kind: 'cut'
  readonly kept: readonly (readonly [partition: number, offset: number])[]
  /** Whether offsets that groups had committed must have survived. */
  readonly areCommitsKept: boolean
}

export type Operation = Send | Poll | Assign | Subscribe | Transaction | Commit | Committed | Trim | Cut

/** What a reader wants to see, and whether it reads whole partitions once all the rest has ended. */
export type ReaderFacts = { readonly isolation: 'committed' | 'uncommitted'; readonly isFinal: boolean }

/** What was done, by whom, in order. */
export class History {
  readonly operations: Operation[] = []
  readonly readers = new Map<number, ReaderFacts>()

  /** The `startedAt` of what begins now. */
  get now(): number {
    return this.operations.length
  }

  /** Notes what has ended. */
  add(operation: Operation): void {
    this.operations.push(operation)
  }
}
