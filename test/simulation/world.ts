/** What all parts of a seed share: chance, time, the history, the broker's present life, and the first thing that went wrong. */

import type { Random } from '../../src/base/random.ts'
import { History } from '../history/history.ts'
import type { Life } from './life.ts'
import type { Scheduler } from './scheduler.ts'

/** A partition of the topics that clients work on; histories know it by its place in the list. */
export type Place = { readonly topic: string; readonly index: number; readonly sync: 'never' | 'interval' | 'every' }

/** What a broker did that it must never do, or what a defect of it was. */
export class Violation extends Error {}

export class World {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly places: readonly Place[]
  readonly history = new History()
  /** Whether clients are to finish what they began, and end. */
  isWindingDown = false
  life: Life | undefined
  failure: Error | undefined
  /** Whether a power cut has taken what some partitions had not synced: their producers may find their sequences gone. */
  hasLostTails = false
  #lastValue = 0
  #lastReader = 0
  #lastProcess = 0
  #lastTransaction = 0

  constructor(scheduler: Scheduler, random: Random, places: readonly Place[]) {
    this.scheduler = scheduler
    this.random = random
    this.places = places
  }

  nextValue(): number {
    return ++this.#lastValue
  }

  nextTransaction(): number {
    return ++this.#lastTransaction
  }

  nextProcess(): number {
    return ++this.#lastProcess
  }

  addReader(isolation: 'committed' | 'uncommitted', isFinal = false): number {
    const reader = ++this.#lastReader
    this.history.readers.set(reader, { isolation, isFinal })
    return reader
  }

  /**
   * Those that sync as strictly as the coordinator's own logs do: where a power cut takes the marker of a transaction whose end the
   * coordinator remembers, no broker can keep its word.
   */
  get steadyPartitions(): readonly number[] {
    const strict = this.places.flatMap(({ sync }, partition) => (sync === 'every' ? [partition] : []))
    return strict.length > 0 ? strict : this.places.map((_, partition) => partition)
  }

  /**
   * Whether records were deleted there: after a crash a partition may know less of their producers than it did, as in Kafka, which
   * rebuilds its producers from the log start on (UnifiedLog).
   */
  wasTrimmed(partition: number): boolean {
    return this.history.operations.some(
      (operation) => operation.kind === 'trim' && operation.partition === partition && operation.start > 0,
    )
  }

  /** The first failure counts: what follows may be its consequence. */
  fail(reason: unknown): void {
    this.failure ??= reason instanceof Error ? reason : new Error(String(reason))
  }

  place(partition: number): Place {
    const place = this.places[partition]
    if (place === undefined) throw new Error(`there is no partition ${partition}`)
    return place
  }

  /** One of `count` times in a hundred. */
  chance(percent: number): boolean {
    return this.random.below(100) < percent
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.random.below(items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }
}
