/** What the threads of the ring's stress test share. */

export type StressWorld = {
  readonly ring: SharedArrayBuffer
  readonly table: SharedArrayBuffer
  readonly ownerBell: SharedArrayBuffer
  /** Bells of writers and readers, by index: also the number that they write to the ring and the interest masks with. */
  readonly bells: readonly SharedArrayBuffer[]
  readonly control: SharedArrayBuffer
  readonly writers: number
  readonly seed: number
  readonly entryBytesMax: number
  /** Batches that a writer has in flight at most. */
  readonly pendingMax: number
  /** Whether readers of the oldest batches go on at once, not only after the next reveal. */
  readonly isEager: boolean
}

export type StressThread = { readonly role: 'writer' | 'owner' | 'reader'; readonly index: number }

/** Words of the control memory. */
export const control = {
  /** Grows while anybody gets on. */
  progress: 0,
  /** 1 once the owner has drained the sealed ring: the high watermark is final. */
  isDrained: 1,
  /** Batches stamped so far. */
  batches: 2,
} as const

/** The one partition of the test. */
export const partition = 0

/** A forbidden outcome ends the test with its name. */
export function forbid(isForbidden: boolean, outcome: string): void {
  if (isForbidden) throw new Error(outcome)
}
