/** Syncs of one partition's files in the thread pool: one at a time a partition, so that one sync covers all that came before it. */

import type { Offset } from '../../base/ids.ts'

/** Something that can be made durable. */
export type Syncable = { syncAsync(): Promise<void> }

/** A segment that was rolled but not synced yet. */
export type UnsyncedSegment = {
  readonly baseOffset: Offset
  readonly endOffset: Offset
  readonly parts: readonly (Syncable & { sync(): void; close(): void })[]
}

/** How a sync ended. */
export type SyncOutcome = {
  /** Everything below is durable; only where the active segment was part of it. */
  readonly syncedEnd: Offset | undefined
  /** Rolled segments that end at or below are durable; -1 for none. */
  readonly rolledEnd: Offset
}

/** Holds the files that wait for a sync. The caller polls nothing: `settle` comes once for each start, never at once. */
export class SyncWork {
  readonly #settle: (outcome: SyncOutcome | undefined, error: unknown) => void
  #unsynced: UnsyncedSegment[] = []
  /** Those of the sync that is under way. */
  #underWay: readonly UnsyncedSegment[] = []
  #isBusy = false
  /** What belongs to segments that were removed or let go: it cannot be synced any more, and need not be. */
  readonly #dropped = new WeakSet<Syncable>()

  /** `settle` gets an outcome or an error. */
  constructor(settle: (outcome: SyncOutcome | undefined, error: unknown) => void) {
    this.#settle = settle
  }

  get isBusy(): boolean {
    return this.#isBusy
  }

  get hasRolled(): boolean {
    return this.#unsynced.length > 0
  }

  addRolled(segment: UnsyncedSegment): void {
    this.#unsynced.push(segment)
  }

  /** Forgets a segment that is about to be removed. */
  dropRolled(baseOffset: Offset): void {
    for (const segment of [...this.#underWay, ...this.#unsynced]) {
      if (segment.baseOffset === baseOffset) for (const part of segment.parts) this.#dropped.add(part)
    }
    for (const segment of this.#unsynced) if (segment.baseOffset === baseOffset) closeAll(segment)
    this.#unsynced = this.#unsynced.filter((segment) => segment.baseOffset !== baseOffset)
    this.#underWay = this.#underWay.filter((segment) => segment.baseOffset !== baseOffset)
  }

  /**
   * Starts a sync of all rolled segments, and of `more` (the active segment, changed folders). `syncedEnd`: what will be durable
   * then, undefined where the active segment is left out. Does nothing while one is under way.
   */
  start(more: readonly Syncable[], syncedEnd: Offset | undefined): void {
    if (this.#isBusy) return
    this.#isBusy = true
    const segments = this.#unsynced
    this.#unsynced = []
    this.#underWay = segments
    const parts = [...segments.flatMap((segment) => segment.parts), ...more]
    Promise.all(parts.map((part) => this.#syncPart(part))).then(
      () => {
        this.#finish(segments)
        this.#settle({ syncedEnd, rolledEnd: segments.at(-1)?.endOffset ?? -1 }, undefined)
      },
      (error: unknown) => {
        this.#finish(segments)
        this.#settle(undefined, error)
      },
    )
  }

  /** Syncs all rolled segments now, also those of a sync that is under way; blocks. */
  syncRolled(): void {
    for (const segment of [...this.#underWay, ...this.#unsynced]) for (const part of segment.parts) part.sync()
    this.close()
  }

  /** Lets go of the files without a sync. */
  close(): void {
    for (const segment of this.#unsynced) {
      for (const part of segment.parts) this.#dropped.add(part)
      closeAll(segment)
    }
    this.#unsynced = []
  }

  async #syncPart(part: Syncable): Promise<void> {
    try {
      await part.syncAsync()
    } catch (thrown) {
      if (!this.#dropped.has(part)) throw thrown
    }
  }

  #finish(segments: readonly UnsyncedSegment[]): void {
    this.#isBusy = false
    this.#underWay = []
    for (const segment of segments) closeAll(segment)
  }
}

function closeAll(segment: UnsyncedSegment): void {
  for (const part of segment.parts) part.close()
}
