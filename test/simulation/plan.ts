/** What a seed is to be: the broker's settings, its topics, and the faults that will come. */

import type { Random } from '../../src/base/random.ts'
import type { Place } from './world.ts'

/** `mixed`: everything is synced at once, but for one topic. */
export const policies = ['every', 'interval', 'never', 'mixed'] as const
export type Policy = (typeof policies)[number]

export const faultKinds = [
  'kill',
  'stop',
  'power',
  'write-error',
  'sync-error',
  'read-error',
  'name-error',
  'cut-off',
  'stall',
] as const
export type FaultKind = (typeof faultKinds)[number]

/** A fault, and how many operations must have ended before it comes. */
export type Fault = { readonly kind: FaultKind; readonly after: number }

export type Plan = {
  readonly policy: Policy
  readonly owners: number
  readonly ringBytesMax: number
  readonly ringMemoryBytesMax: number
  readonly kafka: ReadonlyMap<string, string>
  readonly places: readonly Place[]
  readonly topics: ReadonlyMap<string, readonly (readonly [string, string])[]>
  readonly operations: number
  readonly faults: readonly Fault[]
}

const operationsMin = 1_000
const faultsMin = 6
/** The last fault comes no later: lives between faults make operations of their own. */
const operationsWithFaults = 700
const syncIntervalMs = 300

export function makePlan(random: Random): Plan {
  const policy = policies[random.below(policies.length)] ?? 'every'
  const brokerSync = policy === 'mixed' ? 'every' : policy
  const looseSync = policy === 'mixed' ? 'interval' : brokerSync
  const topics = new Map<string, readonly (readonly [string, string])[]>([
    ['orders', []],
    ['events', policy === 'mixed' ? [['flush.ms', String(syncIntervalMs)]] : []],
  ])
  const places: Place[] = [
    { topic: 'orders', index: 0, sync: brokerSync },
    { topic: 'orders', index: 1, sync: brokerSync },
    { topic: 'events', index: 0, sync: looseSync },
    { topic: 'events', index: 1, sync: looseSync },
  ]
  const kafka = new Map([
    ['safka.sync', brokerSync],
    ['safka.sync.interval.ms', String(syncIntervalMs)],
    ['offsets.topic.num.partitions', '2'],
    ['transaction.state.log.num.partitions', '2'],
    ['log.segment.bytes', String(8_000 + random.below(24_000))],
    ['log.index.interval.bytes', String(1 + random.below(4_000))],
    ['log.retention.ms', '-1'],
  ])
  const ringBytesMax = 4_096 * 2 ** random.below(7)
  const crash = random.below(2) === 0 ? 'kill' : 'power'
  const faultCount = faultsMin + random.below(5)
  const faults = Array.from({ length: faultCount }, (_, index): Fault => {
    const kind = faultKinds[random.below(faultKinds.length)] ?? 'kill'
    // A seed without a crash would prove little.
    const after = Math.floor(((index + 1) * operationsWithFaults) / faultCount)
    return { kind: index === 0 ? crash : kind, after }
  })
  return {
    policy,
    owners: 1 + random.below(2),
    // Small rings fill up and wrap around; with little memory they are taken back from partitions that pause.
    ringBytesMax,
    ringMemoryBytesMax: ringBytesMax * (random.below(3) === 0 ? 7 : 100),
    kafka,
    places,
    topics,
    operations: operationsMin + random.below(100),
    faults,
  }
}

/** Whether a power cut may take what was acknowledged: then only tails may go. */
export function losesTails({ policy }: Plan): boolean {
  return policy !== 'every'
}
