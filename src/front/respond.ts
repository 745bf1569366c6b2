/** A connection's responses: they leave in the order of their requests, many in one write. */

import type { BytePool } from './byte-pool.ts'
import type { Duplex } from './duplex.ts'
import type { ResponseBudget } from './response-budget.ts'

/** Requests of one connection that may be in work at once; more are not read. Clients use 5, benches some hundreds. */
export const responsesInWorkMax = 1_024
/** Bytes of finished responses that may wait for a slow reader before its requests are not read any more. */
export const responseBytesWaitingMax = 1_048_576
/** Up to this much is joined into one chunk: cheaper than handing many small ones to the system. */
const joinedBytesMax = 65_536

/** One response's place in the order. */
export class ResponsePlace {
  chunks: readonly Buffer[] | undefined
  bytes = 0
  next: ResponsePlace | undefined
}

/** The queue of one connection. */
export class Responses {
  readonly #duplex: Duplex
  readonly #pool: BytePool
  readonly #budget: ResponseBudget
  #first: ResponsePlace | undefined
  #last: ResponsePlace | undefined
  #count = 0
  #finishedBytes = 0
  /** Bytes that the budget was told of. */
  #countedBytes = 0
  #isClosed = false

  constructor(options: {
    readonly duplex: Duplex
    /** Chunks that came from here are given back once they were sent. */
    readonly pool: BytePool
    readonly budget: ResponseBudget
  }) {
    this.#duplex = options.duplex
    this.#pool = options.pool
    this.#budget = options.budget
  }

  /** Responses not yet handed to the stream. */
  get count(): number {
    return this.#count
  }

  /** False while no more requests should be taken on. */
  hasRoom(): boolean {
    if (this.#count >= responsesInWorkMax) return false
    return this.#finishedBytes + this.#duplex.pendingBytes() <= responseBytesWaitingMax
  }

  /** Opens the place of the next response. */
  open(): ResponsePlace {
    const place = new ResponsePlace()
    if (this.#last === undefined) this.#first = place
    else this.#last.next = place
    this.#last = place
    this.#count += 1
    return place
  }

  /** Fills a place; without chunks nothing is sent for it. True where it can leave now. */
  fill(place: ResponsePlace, chunks: readonly Buffer[]): boolean {
    place.chunks = chunks
    for (const chunk of chunks) place.bytes += chunk.length
    this.#finishedBytes += place.bytes
    this.#countBytes(place.bytes)
    return place === this.#first
  }

  /** Sends all that are finished and next in order. */
  flush(): void {
    const chunks: Buffer[] = []
    let bytes = 0
    while (this.#first?.chunks !== undefined) {
      const place: ResponsePlace = this.#first
      for (const chunk of place.chunks ?? []) chunks.push(chunk)
      bytes += place.bytes
      this.#first = place.next
      this.#count -= 1
    }
    if (this.#first === undefined) this.#last = undefined
    this.#finishedBytes -= bytes
    if (chunks.length === 0) return
    if (bytes > joinedBytesMax) {
      this.#duplex.write(chunks, () => {
        this.#giveBack(chunks)
        this.#countBytes(-bytes)
      })
      return
    }
    this.#countBytes(-bytes)
    // Small enough to be one's own: nobody waits for its end.
    this.#duplex.write(chunks.length > 1 ? [Buffer.concat(chunks, bytes)] : chunks)
    if (chunks.length > 1) this.#giveBack(chunks)
  }

  /** The connection is gone, and its responses with it. */
  close(): void {
    this.#countBytes(-this.#countedBytes)
    this.#isClosed = true
  }

  #countBytes(bytes: number): void {
    // Chunks may still be reported as sent after the end.
    if (this.#isClosed) return
    this.#countedBytes += bytes
    this.#budget.add(bytes)
  }

  #giveBack(chunks: readonly Buffer[]): void {
    for (const chunk of chunks) this.#pool.giveBack(chunk)
  }
}
