/** What a connection promises: order, limits, and that nothing a client sends harms anybody else. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { responseBytesWaitingMax } from '../../src/front/respond.ts'
import {
  decodeApiVersionsResponse,
  encodeApiVersionsRequest,
  makeApiVersionsRequest,
} from '../../src/wire/generated/api-versions.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { decodeFetchResponse, encodeFetchRequest } from '../../src/wire/generated/fetch.ts'
import {
  decodeHeartbeatResponse,
  encodeHeartbeatRequest,
  encodeHeartbeatResponse,
  makeHeartbeatRequest,
  makeHeartbeatResponse,
} from '../../src/wire/generated/heartbeat.ts'
import { decodeProduceResponse, encodeProduceRequest } from '../../src/wire/generated/produce.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import { Collapsed } from './collapsed.ts'
import { requestFrame } from './fake-duplex.ts'
import { batchOf, fetchOf, produceOf } from './requests.ts'

const apiVersionsCodec = { key: 18, encode: encodeApiVersionsRequest, decode: decodeApiVersionsResponse }
const produceCodec = { key: 0, encode: encodeProduceRequest, decode: decodeProduceResponse }
const fetchCodec = { key: 1, encode: encodeFetchRequest, decode: decodeFetchResponse }
const heartbeatCodec = { key: 12, encode: encodeHeartbeatRequest, decode: decodeHeartbeatResponse }

const hello = (correlationId: number): Buffer =>
  requestFrame(apiVersionsCodec, makeApiVersionsRequest(), { version: 0, correlationId })

function correlationIds(client: { takeFrame(): Buffer | undefined }): number[] {
  const ids: number[] = []
  for (let frame = client.takeFrame(); frame !== undefined; frame = client.takeFrame()) ids.push(frame.readInt32BE(0))
  return ids
}

test('responses leave in the order of the requests, whatever each had to wait for', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  client.send(
    requestFrame(fetchCodec, fetchOf(topic, 0, { offset: 0, waitMs: 500 }), { version: 12, correlationId: 1 }),
  )
  client.send(hello(2))
  client.send(requestFrame(heartbeatCodec, makeHeartbeatRequest(), { version: 3, correlationId: 3 }))
  client.send(requestFrame(produceCodec, produceOf(topic, 0, batchOf(['x'])), { version: 9, correlationId: 4 }))
  client.send(hello(5))
  await broker.settle()
  // The produce wakes the fetch before it; the heartbeat is still main's.
  assert.equal(correlationIds(client), [1, 2])
  const forwarded = broker.forwarded[0]
  assert.is(forwarded?.kind, 'request')
  const writer = new Writer()
  encodeHeartbeatResponse(writer, makeHeartbeatResponse({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID }), 3)
  if (forwarded?.kind === 'request') broker.answer(forwarded.requestId, writer.finishJoined())
  await broker.settle()
  assert.is(client.take(heartbeatCodec, 3).response.errorCode, ErrorCode.UNKNOWN_MEMBER_ID)
  assert.equal(correlationIds(client), [4, 5])
})

test('requests of one read are answered in one write', () => {
  const broker = new Collapsed()
  const client = broker.connect()
  client.send(Buffer.concat(Array.from({ length: 50 }, (_, index) => hello(index))))
  assert.is(client.writes, 1)
  assert.equal(
    correlationIds(client),
    Array.from({ length: 50 }, (_, index) => index),
  )
})

test('requests cut into pieces of any size are understood', async () => {
  const seed = Number(process.env.SEED ?? 77)
  const random = seededRandom(seed)
  const broker = new Collapsed({ ringBytes: 1_048_576 })
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  const other = broker.connect()
  const stream = Buffer.concat(
    Array.from({ length: 200 }, (_, index) =>
      requestFrame(produceCodec, produceOf(topic, 0, batchOf([`${index}`, 'y'.repeat(random.below(2_000))])), {
        version: 9,
        correlationId: index,
      }),
    ),
  )
  for (let at = 0; at < stream.length; ) {
    const length = 1 + random.below(5_000)
    client.send(stream.subarray(at, at + length))
    other.send(hello(1))
    at += length
    if (random.below(10) === 0) await broker.settle()
  }
  await broker.settle()
  for (let index = 0; index < 200; index++) {
    const { correlationId, response } = client.take(produceCodec, 9)
    assert.is(correlationId, index, `SEED=${seed}`)
    assert.is(response.responses[0]?.partitionResponses[0]?.baseOffset, index * 2, `SEED=${seed}`)
  }
})

test('what cannot be understood closes its own connection and no other', async () => {
  const broker = new Collapsed()
  const bystander = broker.connect()
  const header = (key: number, version: number): Buffer => {
    const frame = hello(1)
    frame.writeInt16BE(key, 4)
    frame.writeInt16BE(version, 6)
    return frame
  }
  const rubbish: [string, Buffer][] = [
    ['an unknown key', header(999, 0)],
    ['a negative key', header(-1, 0)],
    ...[52, 53, 54, 55, 56, 58, 59, 62, 80, 81, 82].map((key): [string, Buffer] => [
      `controller key ${key}`,
      header(key, 0),
    ]),
    ['Metadata in a later version', header(3, 99)],
    ['Produce before version 3', header(0, 2)],
    ['Produce 1 with acks 0', header(0, 1)],
    ['a frame of nothing', Buffer.alloc(4)],
    ['a negative size', Buffer.from([255, 255, 255, 255])],
    ['a huge size', Buffer.from([127, 255, 255, 255])],
    ['half a header', Buffer.from([0, 0, 0, 3, 0, 18, 0])],
    [
      'a body cut short',
      Buffer.concat([Buffer.from([0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 255, 255]), Buffer.alloc(4, 9)]),
    ],
  ]
  for (const [what, bytes] of rubbish) {
    const client = broker.connect()
    client.send(bytes)
    await broker.settle()
    assert.ok(client.isDestroyed, what)
    assert.equal(correlationIds(client), [], what)
  }
  bystander.send(hello(8))
  assert.equal(correlationIds(bystander), [8])
  assert.is(broker.front.connectionCount, 1)
})

test('a client that sends on after a refusal is not listened to', () => {
  const broker = new Collapsed()
  const client = broker.connect()
  const unknown = hello(1)
  unknown.writeInt16BE(999, 4)
  client.send(Buffer.concat([hello(0), unknown, hello(2)]))
  assert.ok(client.isDestroyed)
  assert.is(broker.front.connectionCount, 0)
})

test('random bytes never harm the front', async () => {
  const seed = Number(process.env.SEED ?? 12_345)
  const random = seededRandom(seed)
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const valid = [
    requestFrame(produceCodec, produceOf(topic, 0, batchOf(['x'])), { version: 9 }),
    requestFrame(fetchCodec, fetchOf(topic, 0, { offset: 0 }), { version: 16 }),
    hello(1),
  ]
  for (let round = 0; round < 1_500; round++) {
    const frame = Buffer.from(valid[random.below(valid.length)] ?? hello(1))
    for (let flips = 1 + random.below(6); flips > 0; flips--) {
      frame[4 + random.below(frame.length - 4)] = random.below(256)
    }
    const client = broker.connect()
    client.send(frame)
    if (round % 50 === 0) await broker.settle()
    client.destroy()
  }
  await broker.settle()
  const client = broker.connect()
  client.send(hello(3))
  assert.equal(correlationIds(client), [3], `SEED=${seed}`)
})

test('a client that does not read its responses is not read from, until it does', async () => {
  const broker = new Collapsed({ ringBytes: 1_048_576 })
  const client = broker.connect()
  client.unsentBytes = responseBytesWaitingMax + 1
  client.send(Buffer.concat([hello(1), hello(2)]))
  assert.ok(client.isPaused)
  client.send(hello(3))
  assert.equal(correlationIds(client), [])
  client.drain()
  assert.not(client.isPaused)
  assert.equal(correlationIds(client), [1, 2, 3])
})

test('half-received frames over the limit cost the stalest connection', async () => {
  const broker = new Collapsed({ settings: { halfReceivedBytesMax: 300_000 } })
  const announce = Buffer.alloc(4 + 30_000)
  announce.writeInt32BE(50_000_000)
  const silent = broker.connect()
  silent.send(announce)
  const busy = broker.connect()
  busy.send(announce)
  busy.send(Buffer.alloc(30_000))
  busy.send(Buffer.alloc(30_000))
  busy.send(Buffer.alloc(30_000))
  assert.ok(silent.isDestroyed)
  assert.not(busy.isDestroyed)
})

test('more connections than allowed are refused', () => {
  const broker = new Collapsed({ settings: { connectionsMax: 2 } })
  const clients = [broker.connect(), broker.connect(), broker.connect()]
  assert.equal(
    clients.map(({ isDestroyed }) => isDestroyed),
    [false, false, true],
  )
  clients[0]?.destroy()
  assert.not(broker.connect().isDestroyed)
})

test('main hears that a connection closed, after all of its requests', async () => {
  const broker = new Collapsed({ queueBytes: 1_024 })
  const client = broker.connect()
  for (let index = 0; index < 40; index++) {
    client.send(
      requestFrame(heartbeatCodec, makeHeartbeatRequest({ groupId: 'g'.repeat(90) }), {
        version: 3,
        correlationId: index,
      }),
    )
  }
  await broker.settle()
  client.destroy()
  await broker.settle()
  assert.is(broker.forwarded.length, 41)
  assert.is(broker.forwarded.at(-1)?.kind, 'connection-closed')
  const bodies = broker.forwarded.flatMap((message) => (message.kind === 'request' ? [message] : []))
  assert.ok(bodies.every(({ body }) => new Reader(body).readString() === 'g'.repeat(90)))
  assert.ok(bodies.every(({ clientHost, connectionId }) => clientHost === '/10.0.0.7' && connectionId === '1-1'))
})

test('what still waits for the queue to main when its connection goes is not forwarded', async () => {
  const broker = new Collapsed({ queueBytes: 1_024 })
  const client = broker.connect()
  for (let index = 0; index < 40; index++) {
    client.send(
      requestFrame(heartbeatCodec, makeHeartbeatRequest({ groupId: 'g'.repeat(90) }), {
        version: 3,
        correlationId: index,
      }),
    )
  }
  client.destroy()
  await broker.settle()
  assert.ok(broker.forwarded.length < 40)
  assert.is(broker.forwarded.at(-1)?.kind, 'connection-closed')
  assert.is(broker.front.connectionCount, 0)
})

test('main may ask to close a connection instead of answering', async () => {
  const broker = new Collapsed()
  const client = broker.connect()
  client.send(requestFrame(heartbeatCodec, makeHeartbeatRequest(), { version: 3 }))
  await broker.settle()
  const forwarded = broker.forwarded[0]
  if (forwarded?.kind === 'request') broker.answer(forwarded.requestId, 'close')
  await broker.settle()
  assert.ok(client.isDestroyed)
})

test('a client that hangs up after its last request is still served', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  const first = requestFrame(produceCodec, produceOf(topic, 0, batchOf(['x']), 0), { version: 9, correlationId: 1 })
  const second = requestFrame(produceCodec, produceOf(topic, 0, batchOf(['y'])), { version: 9, correlationId: 2 })
  client.send(Buffer.concat([first, second]))
  client.hangUp()
  assert.not(client.isDestroyed)
  await broker.settle()
  assert.ok(client.isEnded)
  assert.is(broker.table.highWatermark(topic.partitions[0]?.slot ?? -1), 2)
  assert.equal(correlationIds(client), [2])
})

test('stop answers what was received, wakes parked fetches, and then closes', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  client.send(
    requestFrame(fetchCodec, fetchOf(topic, 0, { offset: 0, waitMs: 60_000 }), { version: 12, correlationId: 1 }),
  )
  client.send(requestFrame(produceCodec, produceOf(topic, 0, batchOf(['x'])), { version: 9, correlationId: 2 }))
  const stopped = broker.front.stop(false)
  await broker.settle()
  await stopped
  assert.equal(correlationIds(client), [1, 2])
  assert.ok(client.isEnded)
  assert.ok(broker.connect().isDestroyed)
})

test.run()
