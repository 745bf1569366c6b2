/** Requests of clients that push their metrics (KIP-714), to a broker that takes them. */

import type { Family, Step } from './family.ts'

const incremental = 44
const subscriptions = 71
const push = 72

const clientMetrics = 16
const set = 0
const none = 0
const client = (letter: string): string => `${letter}1b2c3d4e5f60718293a4b5c6d7e8f90`

function subscribing(label: string, name: string, values: Readonly<Record<string, string>>): Step {
  const configs = Object.entries(values).map(([key, value]) => ({ name: key, configOperation: set, value }))
  const resources = [{ resourceType: clientMetrics, resourceName: name, configs }]
  return { label, api: incremental, versions: [1], request: { resources } }
}

function asking(label: string, clientInstanceId: string, without: readonly string[] = []): Step {
  return { label, api: subscriptions, request: { clientInstanceId }, without }
}

function pushing(label: string, clientInstanceId: string, more: object): Step {
  return { label, api: push, request: { clientInstanceId, compressionType: none, metrics: 'abc', ...more } }
}

/** The id that the broker gave this client's subscriptions. */
const idOf = (label: string): string => `$of:${label}:subscriptionId`

export const telemetry: Family = {
  name: 'telemetry',
  takesTelemetry: true,
  configs: { 'telemetry.max.bytes': '1000' },
  unordered: ['requestedMetrics'],
  steps: [
    asking('no subscriptions', client('a')),
    asking('again too soon', client('a')),
    asking('without an id', '0'.repeat(32), ['clientInstanceId', 'subscriptionId']),
    pushing('push', client('a'), { subscriptionId: idOf('no subscriptions') }),
    pushing('push again too soon', client('a'), { subscriptionId: idOf('no subscriptions') }),
    pushing('push by who never asked', client('b'), { subscriptionId: 7 }),
    pushing('push without an id', '0'.repeat(32), { subscriptionId: 7 }),
    pushing('push by the reserved id', `${'0'.repeat(31)}1`, { subscriptionId: 7 }),
    asking('another client', client('c')),
    pushing('push for an unknown subscription', client('c'), { subscriptionId: 12_345 }),
    asking('after an unknown subscription', client('c')),
    pushing('push for what was told then', client('c'), { subscriptionId: idOf('after an unknown subscription') }),
    asking('a third client', client('d')),
    pushing('push in an unknown codec', client('d'), { subscriptionId: idOf('a third client'), compressionType: 9 }),
    asking('a fourth client', client('e')),
    pushing('push the most', client('e'), { subscriptionId: idOf('a fourth client'), metrics: 'm'.repeat(1_000) }),
    asking('a fifth client', client('f')),
    pushing('push too much', client('f'), { subscriptionId: idOf('a fifth client'), metrics: 'm'.repeat(1_001) }),
    asking('a sixth client', client('9')),
    pushing('push nothing', client('9'), { subscriptionId: idOf('a sixth client'), metrics: '' }),
    pushing('push the last', client('9'), { subscriptionId: idOf('a sixth client'), terminating: true }),
    pushing('push after the last', client('9'), { subscriptionId: idOf('a sixth client'), terminating: true }),
    subscribing('subscribe', 'first', { 'interval.ms': '200000', metrics: 'org.apache.kafka.consumer' }),
    asking('subscribed', client('a')),
    asking('subscribed, again too soon', client('a')),
    pushing('push for what was before', client('e'), { subscriptionId: idOf('a fourth client') }),
    asking('after what was before', client('e')),
    pushing('push for what is now', client('e'), { subscriptionId: idOf('after what was before') }),
    subscribing('subscribe more', 'second', { 'interval.ms': '100000', metrics: 'org.apache.kafka.producer' }),
    asking('subscribed to two', client('a'), ['subscriptionId']),
    subscribing('subscribe another client', 'third', { metrics: 'x', match: 'client_id=another.*' }),
    asking('not that client', client('a'), ['subscriptionId']),
    subscribing('subscribe this client', 'fourth', {
      metrics: 'x.y',
      match: 'client_id=as.er,client_source_address=127.*',
    }),
    asking('this client', client('a'), ['subscriptionId']),
    subscribing('subscribe by part of the name', 'fifth', { metrics: 'part', match: 'client_id=ask' }),
    asking('by part of the name', client('a'), ['subscriptionId']),
    subscribing('subscribe to everything', 'sixth', { metrics: '*' }),
    asking('everything', client('a')),
    pushing('push everything', client('a'), { subscriptionId: idOf('everything') }),
  ],
}
