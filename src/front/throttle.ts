/** What requests that a front answers itself cost their clients, and for how long those have to wait then. */

import type { QuotaUse } from '../api/api.ts'
import type { Quotas } from '../api/ports.ts'
import type { Clock } from '../base/clock.ts'
import { anonymous, type Client, type ClientQuotas } from '../metrics/client-quotas.ts'

/** The longest that a client can be told to wait. */
const throttleMsMax = 2_147_483_647

export class Throttle implements Quotas {
  readonly #quotas: ClientQuotas
  readonly #clock: Clock

  constructor(options: { readonly quotas: ClientQuotas; readonly clock: Clock }) {
    this.#quotas = options.quotas
    this.#clock = options.clock
  }

  get isOn(): boolean {
    return this.#quotas.isOn
  }

  /** Whether the time that a request takes has to be known. */
  get timesRequests(): boolean {
    return this.#quotas.timesRequests
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  fetchBytesMax(clientId: string | null): number {
    return this.#quotas.fetchBytesMax(clientOf(clientId))
  }

  /** Counts a request; answers for how many milliseconds its client is to wait, which for a fetch means that it gets nothing. */
  charge(clientId: string | null, tookMs: number, use: QuotaUse | undefined): number {
    const quotas = this.#quotas
    const client = clientOf(clientId)
    const nowMs = this.#clock.nowMs()
    const isTimed = quotas.timesRequests && use?.isUntimed !== true
    const forTime = isTimed ? quotas.throttleTime(client, { tookMs, nowMs }) : 0
    const forBytes = use === undefined ? 0 : quotas.throttleBytes(use.key, client, { bytes: use.bytes, nowMs })
    const throttleMs = Math.max(forTime, forBytes)
    if (throttleMs > 0 && use?.key === 'consumer_byte_rate') quotas.takeBackBytes(client, { bytes: use.bytes, nowMs })
    return Math.min(throttleMs, throttleMsMax)
  }
}

function clientOf(clientId: string | null): Client {
  return { user: anonymous, clientId: clientId ?? '' }
}
