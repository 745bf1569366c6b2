/** What the client does when brokers are old, slow, gone or mad. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock, VirtualClock } from '../../src/base/clock.ts'
import { metadataCall, produceCall } from '../../src/client/calls.ts'
import { KafkaClient, parseAddress } from '../../src/client/client.ts'
import { BrokerConnection } from '../../src/client/connection.ts'
import { ApiKey } from '../../src/wire/generated/api-keys.ts'
import { makeMetadataRequest } from '../../src/wire/generated/metadata.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import { FakeBroker } from './fake-broker.ts'

const test = suite('client connection', { broker: undefined as unknown as FakeBroker })

test.before.each(async (context) => {
  context.broker = await FakeBroker.start()
})
test.after.each((context) => context.broker.close())

const open = (broker: FakeBroker, clock = systemClock, requestTimeoutMs = 5_000) =>
  BrokerConnection.open({
    host: '127.0.0.1',
    port: broker.port,
    clientId: 'test',
    clock,
    connectTimeoutMs: 5_000,
    requestTimeoutMs,
  })
const rejection = (promise: Promise<unknown>): Promise<Error & { code?: string }> =>
  promise.then(
    () => Promise.reject(new Error('it resolved')),
    (reason) => reason,
  )

test('the highest version that both speak is used', async ({ broker }) => {
  broker.versions = new Map([
    [ApiKey.ApiVersions, [0, 4]],
    [ApiKey.Metadata, [0, 9]],
    [ApiKey.Produce, [3, 99]],
  ])
  const connection = await open(broker)
  assert.is(connection.versionOf(metadataCall), 9)
  assert.is(connection.versionOf(produceCall), produceCall.versionMax)
  connection.close()
})

test('a broker that knows no newer ApiVersions is asked again in its own version', async ({ broker }) => {
  broker.versions = new Map([
    [ApiKey.ApiVersions, [0, 2]],
    [ApiKey.Metadata, [0, 1]],
  ])
  const connection = await open(broker)
  assert.equal(
    broker.requests.map(({ apiVersion }) => apiVersion),
    [4, 2],
  )
  assert.is(connection.versionOf(metadataCall), 1)
  connection.close()
})

test('an API that the broker lacks is an error that says so', async ({ broker }) => {
  broker.versions = new Map([[ApiKey.ApiVersions, [0, 4]]])
  const connection = await open(broker)
  const reason = await rejection(connection.send(metadataCall, makeMetadataRequest()))
  assert.match(reason.message, /speaks no version of Metadata/)
  connection.close()
})

test('pipelined requests get their own answers, in whatever order these come', async ({ broker }) => {
  const held: (() => void)[] = []
  broker.respond = (received) => {
    held.push(() => broker.answerMetadata(received, `topic-${received.header.correlationId}`))
    if (held.length === 3) for (const answer of held.reverse()) answer()
  }
  const connection = await open(broker)
  const responses = await Promise.all([1, 2, 3].map(() => connection.send(metadataCall, makeMetadataRequest())))
  assert.equal(
    responses.map(({ topics }) => topics[0]?.name),
    ['topic-2', 'topic-3', 'topic-4'],
  )
  connection.close()
})

test('an answer that arrives byte by byte is put together', async ({ broker }) => {
  broker.respond = (received) => {
    const write = received.socket.write.bind(received.socket)
    received.socket.setNoDelay(true)
    received.socket.write = (bytes: Buffer | string | Uint8Array) => {
      for (const byte of Buffer.from(bytes as Buffer)) write(Buffer.from([byte]))
      return true
    }
    broker.answerMetadata(received, 'orders')
  }
  const connection = await open(broker)
  const response = await connection.send(metadataCall, makeMetadataRequest())
  assert.is(response.topics[0]?.name, 'orders')
  connection.close()
})

test('a broker that does not answer in time loses the connection', async ({ broker }) => {
  const clock = new VirtualClock()
  const connection = await open(broker, clock, 1_000)
  const waiting = rejection(connection.send(metadataCall, makeMetadataRequest()))
  clock.advance(1_000)
  assert.match((await waiting).message, /did not answer Metadata within 1000 ms/)
  assert.is(connection.isOpen, false)
})

test('a broker that closes ends what was in flight, and the next call connects anew', async ({ broker }) => {
  let isFirst = true
  broker.respond = (received) => {
    if (isFirst) received.socket.destroy()
    else broker.answerMetadata(received, 'orders')
    isFirst = false
  }
  const client = new KafkaClient({ brokers: [broker.address] })
  const reason = await rejection(client.metadata(null))
  assert.is(reason.code, 'SAFKA_CLIENT_CONNECTION')
  assert.is((await client.metadata(null)).topics[0]?.name, 'orders')
  await client.close()
})

test('a frame of an impossible length, or for nobody, is not believed', async ({ broker }) => {
  for (const frame of ['7fffffff00000000', 'ffffffff00000000', '0000000400ffffff']) {
    broker.respond = ({ socket }) => void socket.write(Buffer.from(frame, 'hex'))
    const connection = await open(broker)
    const reason = await rejection(connection.send(metadataCall, makeMetadataRequest()))
    assert.is(reason.code, 'SAFKA_CLIENT_CONNECTION')
    assert.is(connection.isOpen, false)
  }
})

test('acks=0 sends without waiting', async ({ broker }) => {
  const connection = await open(broker)
  const arrived = new Promise<number>((resolve) => {
    broker.respond = ({ header }) => resolve(header.apiKey)
  })
  connection.sendOnly(produceCall, makeProduceRequest({ acks: 0 }))
  assert.is(await arrived, ApiKey.Produce)
  connection.close()
})

test('nobody listening is one clear sentence', async ({ broker }) => {
  const { address } = broker
  await broker.close()
  const client = new KafkaClient({ brokers: [address] })
  assert.match((await rejection(client.metadata(null))).message, `cannot connect to ${address}`)
  await client.close()
})

test('addresses are host:port, also for IPv6', () => {
  assert.equal(parseAddress('localhost:9000'), { host: 'localhost', port: 9_000 })
  assert.equal(parseAddress('[::1]:9000'), { host: '::1', port: 9_000 })
  for (const text of ['localhost', ':9000', 'localhost:', 'localhost:70000', '']) {
    assert.throws(() => parseAddress(text), /no address of the form host:port/)
  }
})

test.run()
