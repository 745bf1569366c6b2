/** Clients' metrics (KIP-714) over time, and within bounds. How Kafka answers single requests is in kafka-answers. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { clientMatchOf } from '../../src/coordinator/configs/client-metrics.ts'
import type { ConfigMap } from '../../src/coordinator/configs/effective.ts'
import { TelemetryCoordinator } from '../../src/coordinator/telemetry/coordinator.ts'
import { clientInstancesMax } from '../../src/coordinator/telemetry/instances.ts'
import { ReceivedMetrics } from '../../src/coordinator/telemetry/received.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  type GetTelemetrySubscriptionsResponse,
  getTelemetrySubscriptionsApi,
} from '../../src/wire/generated/get-telemetry-subscriptions.ts'
import { type PushTelemetryResponse, pushTelemetryApi } from '../../src/wire/generated/push-telemetry.ts'

const intervalMs = 300_000

class Fixture {
  readonly clock = new VirtualClock()
  readonly received = new ReceivedMetrics(2_200)
  subscriptions: ReadonlyMap<string, ConfigMap> = new Map()
  readonly #coordinator = new TelemetryCoordinator({
    clock: this.clock,
    random: seededRandom(3),
    subscriptions: () => this.subscriptions,
    pushBytesMax: 600,
    received: this.received,
  })

  subscribe(name: string, configs: Readonly<Record<string, string>>): void {
    this.subscriptions = new Map([...this.subscriptions, [name, new Map(Object.entries(configs))]])
  }

  get(client: number, more: { readonly clientId?: string; readonly connectionId?: string } = {}) {
    const request = { clientInstanceId: idOf(client) }
    return this.#ask<GetTelemetrySubscriptionsResponse>(getTelemetrySubscriptionsApi.key, request, more)
  }

  push(
    client: number,
    subscriptionId: number,
    more: { readonly metrics?: Buffer; readonly terminating?: boolean } = {},
  ) {
    const fixed = { clientInstanceId: idOf(client), subscriptionId, compressionType: 0 }
    const request = { ...fixed, terminating: more.terminating ?? false, metrics: more.metrics ?? Buffer.from('m') }
    return this.#ask<PushTelemetryResponse>(pushTelemetryApi.key, request, {}).errorCode
  }

  close(connectionId: string): void {
    this.#coordinator.connectionClosed(connectionId)
  }

  #ask<Response>(apiKey: number, request: unknown, more: object): Response {
    const context = {
      apiKey,
      apiVersion: 0,
      clientId: 'app-1',
      clientHost: '/10.0.0.1',
      clientPort: 4_321,
      softwareName: 'lib',
      softwareVersion: '1.2.3',
      connectionId: '1',
      listenerName: 'PLAINTEXT',
      ...more,
    }
    let answer: unknown
    this.#coordinator.handle(context, request, (response) => {
      answer = response
    })
    return answer as Response
  }
}

function idOf(client: number): Buffer {
  const id = Buffer.alloc(16, 0xa5)
  id.writeUInt32BE(client, 0)
  return id
}

test('a client may ask and push again once its interval has passed', () => {
  const fixture = new Fixture()
  const { subscriptionId } = fixture.get(1)
  assert.is(fixture.push(1, subscriptionId), ErrorCode.NONE)
  fixture.clock.advance(intervalMs - 1)
  assert.is(fixture.push(1, subscriptionId), ErrorCode.THROTTLING_QUOTA_EXCEEDED)
  assert.is(fixture.get(1).errorCode, ErrorCode.THROTTLING_QUOTA_EXCEEDED)
  fixture.clock.advance(1)
  assert.is(fixture.push(1, subscriptionId), ErrorCode.NONE)
})

test('the last push of a client is taken early, and nothing after it', () => {
  const fixture = new Fixture()
  const { subscriptionId } = fixture.get(1)
  assert.is(fixture.push(1, subscriptionId), ErrorCode.NONE)
  assert.is(fixture.push(1, subscriptionId, { terminating: true }), ErrorCode.NONE)
  assert.is(fixture.push(1, subscriptionId), ErrorCode.INVALID_REQUEST)
})

test('a change of subscriptions reaches a client at its next push, and it may ask at once', () => {
  const fixture = new Fixture()
  const before = fixture.get(1)
  fixture.subscribe('all', { metrics: 'a.', 'interval.ms': '1000' })
  assert.is(fixture.push(1, before.subscriptionId), ErrorCode.UNKNOWN_SUBSCRIPTION_ID)
  const after = fixture.get(1)
  assert.is(after.pushIntervalMs, 1_000)
  assert.equal(after.requestedMetrics, ['a.'])
  // That push counted, as in Kafka: the next one waits for its time.
  assert.is(fixture.push(1, after.subscriptionId), ErrorCode.THROTTLING_QUOTA_EXCEEDED)
  fixture.clock.advance(1_000)
  assert.is(fixture.push(1, after.subscriptionId), ErrorCode.NONE)
})

test('a subscription is for clients of which every named trait matches as a whole', () => {
  const matching: readonly (readonly [string, boolean])[] = [
    ['client_id=app-[0-9]', true],
    ['client_id=app', false],
    ['client_id=app.*,client_software_name=lib,client_software_version=1\\.2\\..*', true],
    ['client_id=app.*,client_software_name=other', false],
    ['client_source_address=10\\.0\\.0\\.1,client_source_port=4321', true],
    [`client_instance_id=${idOf(1).toString('base64url')}`, true],
  ]
  for (const [match, expected] of matching) {
    const fixture = new Fixture()
    fixture.subscribe('some', { metrics: 'a.', match })
    assert.is(fixture.get(1).requestedMetrics.length, expected ? 1 : 0, match)
  }
})

test('a pattern that would hold a backtracking matcher for ever is matched at once', () => {
  const fixture = new Fixture()
  fixture.subscribe('hostile', { metrics: 'a.', match: 'client_id=(a+)+$' })
  assert.equal(fixture.get(1, { clientId: `${'a'.repeat(5_000)}!` }).requestedMetrics, [])
  assert.type(clientMatchOf('client_id=(a)\\1'), 'string')
})

test('a client is forgotten with its connection, and after three intervals', () => {
  const fixture = new Fixture()
  fixture.get(1, { connectionId: 'gone' })
  fixture.close('gone')
  assert.is(fixture.get(1).errorCode, ErrorCode.NONE)
  const { subscriptionId } = fixture.get(2)
  fixture.push(2, subscriptionId, { terminating: true })
  fixture.clock.advance(3 * intervalMs)
  assert.is(fixture.push(2, subscriptionId), ErrorCode.NONE)
})

test('only so many clients are remembered, those longest unheard of go first', () => {
  const fixture = new Fixture()
  for (let client = 1; client <= clientInstancesMax + 1; client++) fixture.get(client)
  assert.is(fixture.get(2).errorCode, ErrorCode.THROTTLING_QUOTA_EXCEEDED)
  assert.is(fixture.get(1).errorCode, ErrorCode.NONE)
})

test('the last push of each client is kept, within its bound, and counted', () => {
  const fixture = new Fixture()
  for (const client of [1, 2, 3]) {
    const { subscriptionId } = fixture.get(client)
    assert.is(fixture.push(client, subscriptionId, { metrics: Buffer.alloc(400, client) }), ErrorCode.NONE)
  }
  assert.equal(
    [...fixture.received.latest()].map(({ metrics }) => metrics[0]),
    [2, 3],
  )
  const { pushes, dropped, bytes } = fixture.received.counts()
  assert.equal([pushes, dropped], [3, 1])
  assert.ok(bytes > 800 && bytes <= 2_200)
  const { subscriptionId } = fixture.get(4)
  assert.is(fixture.push(4, subscriptionId, { metrics: Buffer.alloc(601) }), ErrorCode.TELEMETRY_TOO_LARGE)
  assert.is(fixture.received.counts().pushes, 3)
})

test('pushes of next to nothing from ever new clients with long names are bounded too', () => {
  const bytesMax = 1_000_000
  const received = new ReceivedMetrics(bytesMax)
  for (const length of [0, 30_000]) {
    for (let client = 0; client < 3_000; client++) {
      received.take({
        clientInstanceId: `${length}-${client}`,
        clientId: 'x'.repeat(length),
        softwareName: '',
        softwareVersion: '',
        clientHost: '/127.0.0.1',
        receivedMs: 0,
        isTerminating: false,
        compressionType: 0,
        metrics: Buffer.from('m'),
      })
    }
    const kept = [...received.latest()]
    assert.ok(kept.length > 0 && kept.length * Math.max(500, 2 * length) <= bytesMax)
  }
})

test.run()
