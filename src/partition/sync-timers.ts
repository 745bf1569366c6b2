/** Syncs that are to follow a write sooner than the owner's next look at all partitions. */

import type { Clock } from '../base/clock.ts'
import { maintainEveryMs } from './maintenance.ts'
import type { Partition } from './partition.ts'

/** One timer a partition at most, and none while nothing is written: idle partitions cost nothing. */
export class SyncTimers {
  readonly #clock: Clock
  readonly #maintain: (partition: Partition) => void
  readonly #waiting = new Set<Partition>()

  /** `maintain` starts the sync where it is due. */
  constructor(clock: Clock, maintain: (partition: Partition) => void) {
    this.#clock = clock
    this.#maintain = maintain
  }

  /** Something was appended to the partition. */
  appended(partition: Partition): void {
    const { sync, flushMs, storage } = partition.settings
    // With a longer interval the owner's own look comes often enough.
    if (sync === 'never' || flushMs >= maintainEveryMs || storage !== 'local' || this.#waiting.has(partition)) return
    this.#waiting.add(partition)
    this.#clock.startTimer(flushMs, () => this.#fire(partition))
  }

  #fire(partition: Partition): void {
    this.#waiting.delete(partition)
    this.#maintain(partition)
    if (partition.state !== 'online') return
    // What came meanwhile, or is under way, is looked after again.
    const { writtenEnd, syncedEnd } = partition.engine.poll()
    if (syncedEnd < writtenEnd) this.appended(partition)
  }
}
