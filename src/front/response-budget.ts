/** Bounds the memory of fetch responses over all connections of a front: the more of it waits, the less each fetch gets. */

import type { FetchBudget } from '../api/ports.ts'

/** Responses that are being read or sent may hold about this much. Twice Kafka's largest response, so that one always gets it. */
export const responseBytesMax = 134_217_728
/** What a fetch gets in any case, so that every consumer gets on; a first batch comes whole even where it is larger. */
export const fetchBytesLeast = 65_536

export class ResponseBudget implements FetchBudget {
  #bytes = 0

  /** Bytes of responses that are being read, or wait to be sent. */
  get bytes(): number {
    return this.#bytes
  }

  reserve(bytesMax: number): number {
    const share = Math.max(fetchBytesLeast, Math.floor((responseBytesMax - this.#bytes) / 2))
    const bytes = Math.max(0, Math.min(bytesMax, share))
    this.#bytes += bytes
    return bytes
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }

  /** A response waits to be sent. */
  add(bytes: number): void {
    this.#bytes += bytes
  }
}
