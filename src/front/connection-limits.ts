/** Which new connections a front takes on: how many at once, how many from one address, and how fast they may come. */

import type { Clock } from '../base/clock.ts'
import type { ClientLimits, ClientQuotas } from '../metrics/client-quotas.ts'

/** What is done with a connection. `delayMs`: it is served only after that, or closed only after that. */
export type Admission = { readonly isTaken: boolean; readonly delayMs: number }

const taken: Admission = { isTaken: true, delayMs: 0 }
const refused: Admission = { isTaken: false, delayMs: 0 }
/** Under this name the rate of all connections together is kept. */
const allConnections = 'connections'

/** As Kafka's ConnectionQuotas: rates are those of all fronts together, counts are this front's own. */
export class ConnectionLimits {
  readonly #quotas: ClientQuotas
  readonly #clock: Clock
  readonly #counts = new Map<string, number>()
  #limits: ClientLimits['connections']

  constructor(options: { readonly quotas: ClientQuotas; readonly clock: Clock; readonly max: number }) {
    this.#quotas = options.quotas
    this.#clock = options.clock
    const unlimited = Number.POSITIVE_INFINITY
    this.#limits = { max: options.max, perAddressMax: unlimited, perAddressOverrides: {}, ratePerSecond: unlimited }
  }

  /** Connections at once. */
  get max(): number {
    return this.#limits.max
  }

  apply(limits: ClientLimits['connections']): void {
    this.#limits = limits
  }

  /** Decides about one connection; what is taken is to be reported when it closes. */
  admit(address: string): Admission {
    const nowMs = this.#clock.nowMs()
    const addressRate = this.#quotas.book.connectionRateOf(address)
    if (addressRate !== undefined) {
      const closeMs = this.#quotas.throttleConnection(`${allConnections} ${address}`, addressRate, nowMs)
      // Kafka lets a client that comes too often wait before it finds itself refused.
      if (closeMs > 0) return { isTaken: false, delayMs: closeMs }
    }
    const { perAddressMax, perAddressOverrides, ratePerSecond } = this.#limits
    const count = this.#counts.get(address) ?? 0
    if (count >= (perAddressOverrides[address] ?? perAddressMax)) return refused
    this.#counts.set(address, count + 1)
    if (!Number.isFinite(ratePerSecond)) return taken
    return { isTaken: true, delayMs: this.#quotas.throttleConnection(allConnections, ratePerSecond, nowMs) }
  }

  closed(address: string): void {
    const count = this.#counts.get(address) ?? 0
    if (count > 1) this.#counts.set(address, count - 1)
    else this.#counts.delete(address)
  }
}
