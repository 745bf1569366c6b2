/** Bounds the memory of half-received frames over all connections of a front. */

/** A connection that holds part of a frame. */
export interface Holder {
  /** Told when its memory is needed for others: closes the connection. Must answer with `change(holder, 0)`. */
  evict(): void
}

/**
 * Counts what each connection holds. Over the limit the one whose frame has made no progress for longest goes: a client that
 * announces much and falls silent loses against those that send.
 */
export class HalfReceived {
  readonly #bytesMax: number
  /** In order of last progress. */
  readonly #held = new Map<Holder, number>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The holder has made progress and holds this much now. */
  change(holder: Holder, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(holder) ?? 0)
    this.#held.delete(holder)
    if (bytes > 0) this.#held.set(holder, bytes)
    while (this.#bytes > this.#bytesMax) {
      const [stalest] = this.#held.keys()
      if (stalest === undefined) return
      this.#drop(stalest)
      stalest.evict()
    }
  }

  #drop(holder: Holder): void {
    this.#bytes -= this.#held.get(holder) ?? 0
    this.#held.delete(holder)
  }
}
