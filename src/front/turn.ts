/** What one turn of the event loop gathers: who is to be flushed, which partitions moved and which threads to wake, once each. */

/** What happens at the end of a turn. */
export interface TurnEnd {
  /** Partitions that got entries: wake their owners and see whether they are readable already. */
  partitionsMoved(slots: ReadonlySet<number>): void
  /** Owners that have something to look at, by partition. */
  ownersWanted(slots: ReadonlySet<number>): void
  mainWanted(): void
}

/** Something that has responses to send. */
export interface Flushable {
  flush(): void
}

/** Gathers until the outermost `within` ends; outside of any, until the next microtask. */
export class Turn {
  readonly #end: TurnEnd
  #depth = 0
  #isScheduled = false
  #isMainWanted = false
  #moved = new Set<number>()
  #wanted = new Set<number>()
  #flushables = new Set<Flushable>()

  constructor(end: TurnEnd) {
    this.#end = end
  }

  /** Runs `work`, then finishes the turn. */
  within(work: () => void): void {
    this.#depth += 1
    try {
      work()
    } finally {
      this.#depth -= 1
      if (this.#depth === 0) this.#finish()
    }
  }

  partitionMoved(slot: number): void {
    this.#moved.add(slot)
    this.#schedule()
  }

  wantOwner(slot: number): void {
    this.#wanted.add(slot)
    this.#schedule()
  }

  wantMain(): void {
    this.#isMainWanted = true
    this.#schedule()
  }

  wantFlush(flushable: Flushable): void {
    this.#flushables.add(flushable)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#depth > 0 || this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      if (this.#depth === 0) this.#finish()
    })
  }

  /** Each step may cause more of the others. */
  #finish(): void {
    this.#depth += 1
    try {
      while (this.#isWanted()) {
        this.#finishPartitions()
        this.#finishFlushables()
      }
    } finally {
      this.#depth -= 1
    }
  }

  #isWanted(): boolean {
    return this.#moved.size > 0 || this.#wanted.size > 0 || this.#flushables.size > 0 || this.#isMainWanted
  }

  #finishPartitions(): void {
    if (this.#moved.size > 0) {
      const moved = this.#moved
      this.#moved = new Set()
      this.#end.partitionsMoved(moved)
    }
    if (this.#wanted.size > 0) {
      const wanted = this.#wanted
      this.#wanted = new Set()
      this.#end.ownersWanted(wanted)
    }
    if (this.#isMainWanted) {
      this.#isMainWanted = false
      this.#end.mainWanted()
    }
  }

  #finishFlushables(): void {
    if (this.#flushables.size === 0) return
    const flushables = this.#flushables
    this.#flushables = new Set()
    for (const flushable of flushables) flushable.flush()
  }
}
