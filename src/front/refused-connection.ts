/** A connection that is not served: it is held for a while without being read, then closed. */

import type { Clock, Timer } from '../base/clock.ts'
import type { Duplex, DuplexListener } from './duplex.ts'

/** Refused connections that a front holds at a time; further ones are closed at once. */
export const heldConnectionsMax = 1_000

/** All that a front holds. */
export class RefusedConnections {
  readonly #clock: Clock
  readonly #held = new Map<Duplex, Timer>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#held.size
  }

  /** Closes the connection after `delayMs`, or at once where that is 0 or too many are held. */
  refuse(duplex: Duplex, delayMs: number): DuplexListener {
    if (delayMs === 0 || this.#held.size >= heldConnectionsMax) duplex.destroy()
    else {
      duplex.pause()
      this.#held.set(
        duplex,
        this.#clock.startTimer(delayMs, () => this.#end(duplex)),
      )
    }
    return {
      readTarget: () => Buffer.allocUnsafe(1),
      received: () => undefined,
      drained: () => undefined,
      ended: () => this.#end(duplex),
      closed: () => this.#forget(duplex),
    }
  }

  closeAll(): void {
    for (const duplex of [...this.#held.keys()]) this.#end(duplex)
  }

  #end(duplex: Duplex): void {
    this.#forget(duplex)
    duplex.destroy()
  }

  #forget(duplex: Duplex): void {
    this.#held.get(duplex)?.cancel()
    this.#held.delete(duplex)
  }
}
