/** Which metrics a client is to push, and how often: the subscriptions that match it, put together (KIP-714). */

import { crc32c } from '../../wire/crc32c.ts'
import { type ClientMatch, type ClientTrait, clientMatchOf } from '../configs/client-metrics.ts'
import type { ConfigMap } from '../configs/effective.ts'
import { listOf } from '../configs/validate.ts'

/** Where no subscription says otherwise. */
const pushIntervalMsDefault = 300_000
/** Among the metrics of a subscription: all that the client has. */
const allMetrics = '*'

type Subscription = {
  readonly metrics: readonly string[]
  readonly pushIntervalMs: number
  readonly match: ClientMatch
}

/** What one client is told. */
export type Wish = {
  /** Changes with the metrics, the interval and the client. */
  readonly subscriptionId: number
  /** Prefixes of metrics' names. */
  readonly metrics: readonly string[]
  readonly pushIntervalMs: number
}

/** What a client is like; null: not known, which matches nothing. */
export type ClientTraits = Readonly<Record<ClientTrait, string | null>>

/** All subscriptions, read from their configs. */
export function subscriptionsOf(configs: ReadonlyMap<string, ConfigMap>): readonly Subscription[] {
  return [...configs.values()].map((values) => {
    const match = clientMatchOf(values.get('match') ?? '')
    return {
      metrics: listOf(values.get('metrics') ?? ''),
      pushIntervalMs: Number(values.get('interval.ms') ?? pushIntervalMsDefault),
      // What does not make sense was refused when it was to be set.
      match: typeof match === 'string' ? new Map() : match,
    }
  })
}

/** The wish that all subscriptions for a client come to; `clientInstanceId` is its 16 bytes. */
export function wishFor(subscriptions: readonly Subscription[], traits: ClientTraits, clientInstanceId: Buffer): Wish {
  const metrics = new Set<string>()
  let pushIntervalMs = pushIntervalMsDefault
  for (const subscription of subscriptions) {
    if (!isMatch(subscription.match, traits)) continue
    for (const metric of subscription.metrics) metrics.add(metric)
    pushIntervalMs = Math.min(pushIntervalMs, subscription.pushIntervalMs)
  }
  const asked = metrics.has(allMetrics) ? [allMetrics] : [...metrics]
  const text = Buffer.from(`[${asked.join(', ')}]${pushIntervalMs}`)
  return { subscriptionId: crc32c(text) ^ uuidHash(clientInstanceId), metrics: asked, pushIntervalMs }
}

function isMatch(match: ClientMatch, traits: ClientTraits): boolean {
  for (const [trait, pattern] of match) {
    const value = traits[trait]
    if (value === null || !pattern.matches(value)) return false
  }
  return true
}

/** What Java's Uuid.hashCode answers. */
function uuidHash(uuid: Buffer): number {
  return uuid.readInt32BE(0) ^ uuid.readInt32BE(4) ^ uuid.readInt32BE(8) ^ uuid.readInt32BE(12)
}
