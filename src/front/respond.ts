/** A connection's responses: they leave in the order of their requests, many in one write. */

import type { BytePool } from './byte-pool.ts'
import type { Duplex } from './duplex.ts'

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
  #first: ResponsePlace | undefined
  #last: ResponsePlace | undefined
  #count = 0
  #finishedBytes = 0

  /** Chunks that came from `pool` are given back to it once they were sent. */
  constructor(duplex: Duplex, pool: BytePool) {
    this.#duplex = duplex
    this.#pool = pool
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
      this.#duplex.write(chunks, () => this.#giveBack(chunks))
      return
    }
    // Small enough to be one's own: nobody waits for its end.
    this.#duplex.write(chunks.length > 1 ? [Buffer.concat(chunks, bytes)] : chunks)
    if (chunks.length > 1) this.#giveBack(chunks)
  }

  #giveBack(chunks: readonly Buffer[]): void {
    for (const chunk of chunks) this.#pool.giveBack(chunk)
  }
}
