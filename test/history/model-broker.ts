/** A broker in a few lines that is right by its simplicity: one list a partition, and who may see what. */

import type { Random } from '../../src/base/random.ts'
import { noTransaction } from './history.ts'

/** A record, or the marker that ends a transaction. */
type Entry = { readonly value: number; readonly transaction: number; readonly isMarker: boolean }

type Log = { start: number; readonly entries: Entry[] }

export type ModelRead = { readonly offsets: number[]; readonly values: number[]; readonly next: number }

export class ModelBroker {
  /** Grows with each crash. */
  generation = 0
  readonly #logs: readonly Log[]
  readonly #committed = new Set<number>()
  readonly #open = new Set<number>()

  constructor(partitionCount: number) {
    this.#logs = Array.from({ length: partitionCount }, () => ({ start: 0, entries: [] }))
  }

  start(partition: number): number {
    return this.#log(partition).start
  }

  endOf(partition: number): number {
    return this.#log(partition).entries.length
  }

  /** The first offset of a transaction that is still open, or the end. */
  stableEnd(partition: number): number {
    const { entries, start } = this.#log(partition)
    const found = entries.findIndex(({ transaction }, offset) => offset >= start && this.#open.has(transaction))
    return found === -1 ? entries.length : found
  }

  /** Appends a record; answers its offset. */
  append(partition: number, value: number, transaction: number): number {
    if (transaction !== noTransaction) this.#open.add(transaction)
    return this.#log(partition).entries.push({ value, transaction, isMarker: false }) - 1
  }

  /** Ends a transaction with a marker in each partition that has something of it. */
  end(transaction: number, isCommit: boolean): void {
    this.#open.delete(transaction)
    if (isCommit) this.#committed.add(transaction)
    for (const { entries } of this.#logs) {
      if (entries.some((entry) => entry.transaction === transaction)) {
        entries.push({ value: -1, transaction, isMarker: true })
      }
    }
  }

  read(
    partition: number,
    { from, isCommitted, recordsMax }: { from: number; isCommitted: boolean; recordsMax: number },
  ): ModelRead {
    const { entries } = this.#log(partition)
    const end = isCommitted ? this.stableEnd(partition) : entries.length
    const read: ModelRead = { offsets: [], values: [], next: from }
    let next = from
    while (next < end && read.offsets.length < recordsMax) {
      const entry = entries[next]
      if (entry !== undefined && this.#isVisible(entry, isCommitted)) {
        read.offsets.push(next)
        read.values.push(entry.value)
      }
      next++
    }
    return { ...read, next }
  }

  /** A crash that keeps all below `kept`, and of the rest what chance decides: a beginning. */
  cut(partition: number, kept: number, random: Random): void {
    this.generation++
    const { entries } = this.#log(partition)
    entries.splice(kept + random.below(entries.length - kept + 1))
  }

  trim(partition: number, start: number): void {
    this.#log(partition).start = start
  }

  #isVisible({ isMarker, transaction }: Entry, isCommitted: boolean): boolean {
    if (isMarker) return false
    return !isCommitted || transaction === noTransaction || this.#committed.has(transaction)
  }

  #log(partition: number): Log {
    const log = this.#logs[partition]
    if (log === undefined) throw new Error(`there is no partition ${partition}`)
    return log
  }
}
