/** Clients beyond their quota: told so in the answer, and not read from for as long (KIP-219); connections that come too fast. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClientLimits, EntityLimits } from '../../src/metrics/client-quotas.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  decodeListGroupsResponse,
  encodeListGroupsRequest,
  encodeListGroupsResponse,
  makeListGroupsRequest,
  makeListGroupsResponse,
} from '../../src/wire/generated/list-groups.ts'
import {
  decodeMetadataResponse,
  encodeMetadataRequest,
  makeMetadataRequest,
} from '../../src/wire/generated/metadata.ts'
import { Writer } from '../../src/wire/writer.ts'
import { Collapsed } from './collapsed.ts'
import { type FakeDuplex, requestFrame } from './fake-duplex.ts'
import { batchOf, fetchCodec, fetchOf, produceCodec, produceOf, produceValues, sendProduce } from './requests.ts'

const unlimited: ClientLimits['connections'] = {
  max: 100,
  perAddressMax: 100,
  perAddressOverrides: {},
  ratePerSecond: Number.POSITIVE_INFINITY,
}
const listGroupsCodec = { key: 16, encode: encodeListGroupsRequest, decode: decodeListGroupsResponse }
const metadataCodec = { key: 3, encode: encodeMetadataRequest, decode: decodeMetadataResponse }

async function limitedBroker(entities: readonly EntityLimits[], connections = unlimited) {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  await broker.front.applyLimits({ entities, connections })
  return { broker, topic }
}

/** How long the client is told to wait by the answer to a produce. */
function throttleOf(client: FakeDuplex): number {
  return client.take(produceCodec, 9).response.throttleTimeMs
}

test('a producer beyond its quota is answered at once, told to wait, and not read from meanwhile', async () => {
  const { broker, topic } = await limitedBroker([{ clientId: null, values: { producer_byte_rate: 100 } }])
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(['x'.repeat(3_000)])))
  await broker.settle()
  const waitMs = throttleOf(client)
  assert.ok(waitMs > 20_000 && waitMs < 25_000, `3,000 bytes at 100 a second, less those of ten seconds: ${waitMs} ms`)
  assert.ok(client.isPaused)
  sendProduce(client, produceOf(topic, 0, batchOf(['y'])), 2)
  broker.clock.advance(waitMs - 1)
  await broker.settle()
  assert.is(client.takeFrame(), undefined)
  broker.clock.advance(1)
  await broker.settle()
  assert.is(client.take(produceCodec, 9).correlationId, 2)
})

test('requests that have been taken on before are answered, in order', async () => {
  const { broker, topic } = await limitedBroker([{ clientId: null, values: { producer_byte_rate: 100 } }])
  const client = broker.connect()
  const frames = [1, 2].map((correlationId) =>
    requestFrame(produceCodec, produceOf(topic, 0, batchOf(['x'.repeat(3_000)])), { version: 9, correlationId }),
  )
  client.send(Buffer.concat(frames))
  await broker.settle()
  assert.is(client.take(produceCodec, 9).correlationId, 1)
  assert.is(client.take(produceCodec, 9).correlationId, 2)
})

test('a producer that wants no answer waits all the same', async () => {
  const { broker, topic } = await limitedBroker([{ clientId: null, values: { producer_byte_rate: 100 } }])
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(['x'.repeat(3_000)]), 0))
  await broker.settle()
  assert.is(client.takeFrame(), undefined)
  assert.ok(client.isPaused)
})

test('a consumer beyond its quota gets nothing at all, and its records later', async () => {
  const { broker, topic } = await limitedBroker([{ clientId: null, values: { consumer_byte_rate: 200 } }])
  await produceValues(broker, topic, ['x'.repeat(1_500)])
  const client = broker.connect()
  const fetch = (): void => client.send(requestFrame(fetchCodec, fetchOf(topic, 0, { offset: 0 }), { version: 12 }))
  fetch()
  await broker.settle()
  assert.is(client.take(fetchCodec, 12).response.responses.length, 1)
  fetch()
  await broker.settle()
  const { response } = client.take(fetchCodec, 12)
  assert.equal([response.errorCode, response.responses], [ErrorCode.NONE, []])
  assert.ok(response.throttleTimeMs > 0)
  broker.clock.advance(12_000)
  fetch()
  await broker.settle()
  assert.is(client.take(fetchCodec, 12).response.responses.length, 1)
})

test('nobody waits where nobody is limited, nor a client that the limits do not name', async () => {
  for (const entities of [[], [{ clientId: 'other', values: { producer_byte_rate: 1 } }]]) {
    const { broker, topic } = await limitedBroker(entities)
    const client = broker.connect()
    sendProduce(client, produceOf(topic, 0, batchOf(['x'.repeat(3_000)])))
    await broker.settle()
    assert.is(throttleOf(client), 0)
    assert.not.ok(client.isPaused)
  }
})

test('a client that hangs up while it waits gets the answers to what it has sent', async () => {
  const { broker, topic } = await limitedBroker([{ clientId: null, values: { producer_byte_rate: 100 } }])
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(['x'.repeat(3_000)])))
  await broker.settle()
  assert.ok(throttleOf(client) > 0)
  client.hangUp()
  await broker.settle()
  assert.ok(client.isEnded)
})

test('a client is throttled by what main says of a forwarded request', async () => {
  const { broker } = await limitedBroker([])
  const client = broker.connect()
  const frame = (correlationId: number): Buffer =>
    requestFrame(listGroupsCodec, makeListGroupsRequest(), { version: 0, correlationId })
  client.send(frame(1))
  await broker.settle()
  const [forwarded] = broker.forwarded
  const body = new Writer()
  encodeListGroupsResponse(body, makeListGroupsResponse(), 0)
  broker.answer(forwarded?.kind === 'request' ? forwarded.requestId : -1, body.finishJoined(), 300)
  await broker.settle()
  assert.is(client.take(listGroupsCodec, 0).correlationId, 1)
  client.send(frame(2))
  await broker.settle()
  assert.is(broker.forwarded.length, 1)
  broker.clock.advance(300)
  await broker.settle()
  assert.is(broker.forwarded.length, 2)
})

test('of several waits that a client is told of the longest counts', async () => {
  const { broker } = await limitedBroker([])
  const client = broker.connect()
  const frame = (correlationId: number): Buffer =>
    requestFrame(listGroupsCodec, makeListGroupsRequest(), { version: 0, correlationId })
  client.send(Buffer.concat([frame(1), frame(2)]))
  await broker.settle()
  const body = new Writer()
  encodeListGroupsResponse(body, makeListGroupsResponse(), 0)
  const bytes = body.finishJoined()
  for (const [index, waitMs] of [1_000, 300].entries()) {
    const forwarded = broker.forwarded[index]
    broker.answer(forwarded?.kind === 'request' ? forwarded.requestId : -1, bytes, waitMs)
  }
  await broker.settle()
  client.send(frame(3))
  broker.clock.advance(999)
  await broker.settle()
  assert.is(broker.forwarded.length, 2)
  broker.clock.advance(1)
  await broker.settle()
  assert.is(broker.forwarded.length, 3)
})

test('a fetch that began before time was limited costs its client none', async () => {
  const { broker, topic } = await limitedBroker([])
  broker.clock.advance(3_600_000)
  const client = broker.connect()
  client.send(requestFrame(fetchCodec, fetchOf(topic, 0, { offset: 0, waitMs: 500 }), { version: 12 }))
  await broker.settle()
  const entities = [{ clientId: null, values: { request_percentage: 1 } }]
  await broker.front.applyLimits({ entities, connections: unlimited })
  broker.clock.advance(500)
  await broker.settle()
  assert.is(client.take(fetchCodec, 12).response.throttleTimeMs, 0)
})

test('an address that connects too often is held for a while, then closed', async () => {
  const limits = [{ ip: '10.0.0.7', values: { connection_creation_rate: 1 } }]
  const { broker } = await limitedBroker(limits)
  for (let count = 0; count < 10; count++) broker.connect()
  assert.is(broker.front.connectionCount, 10)
  const eleventh = broker.connect()
  assert.is(broker.front.connectionCount, 10)
  assert.not.ok(eleventh.isDestroyed)
  broker.clock.advance(1_000)
  assert.ok(eleventh.isDestroyed)
})

test('connections of one address are counted, also those that have closed, and some may have more', async () => {
  const { broker } = await limitedBroker([], { ...unlimited, perAddressMax: 2 })
  const clients = [broker.connect(), broker.connect()]
  assert.ok(broker.connect().isDestroyed)
  clients[0]?.destroy()
  assert.not.ok(broker.connect().isDestroyed)
  const perAddressOverrides = { '10.0.0.7': 3 }
  await broker.front.applyLimits({ entities: [], connections: { ...unlimited, perAddressMax: 2, perAddressOverrides } })
  assert.not.ok(broker.connect().isDestroyed)
  assert.ok(broker.connect().isDestroyed)
})

test('connections that come too fast altogether are served a little later', async () => {
  const { broker } = await limitedBroker([], { ...unlimited, ratePerSecond: 1 })
  for (let count = 0; count < 10; count++) broker.connect()
  const late = broker.connect()
  late.send(requestFrame(metadataCodec, makeMetadataRequest({ topics: [] }), { version: 9 }))
  await broker.settle()
  assert.is(late.takeFrame(), undefined)
  broker.clock.advance(1_000)
  await broker.settle()
  assert.is(late.take(metadataCodec, 9).response.errorCode, ErrorCode.NONE)
})

test('the most connections at once can change while the broker runs', async () => {
  const { broker } = await limitedBroker([], { ...unlimited, max: 1 })
  broker.connect()
  assert.ok(broker.connect().isDestroyed)
  await broker.front.applyLimits({ entities: [], connections: unlimited })
  assert.not.ok(broker.connect().isDestroyed)
})

test.run()
