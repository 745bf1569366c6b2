/** Real sockets on the loopback: both ways of reading them, book-keeping, and errors. */

import net from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { silentLogger } from '../../src/base/logger.ts'
import { Acceptor } from '../../src/front/acceptor.ts'
import type { Duplex, DuplexListener, OpenDuplex } from '../../src/front/duplex.ts'
import { openByEvents } from '../../src/front/socket-duplex.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  decodeMetadataResponse,
  encodeMetadataRequest,
  makeMetadataRequest,
} from '../../src/wire/generated/metadata.ts'
import { decodeProduceResponse, encodeProduceRequest } from '../../src/wire/generated/produce.ts'
import { Collapsed } from './collapsed.ts'
import { type Codec, FakeDuplex, requestFrame } from './fake-duplex.ts'
import { batchOf, produceOf } from './requests.ts'

const spec = { name: 'PLAINTEXT', host: '127.0.0.1', port: 0 }
const produceCodec = { key: 0, encode: encodeProduceRequest, decode: decodeProduceResponse }
const metadataCodec = { key: 3, encode: encodeMetadataRequest, decode: decodeMetadataResponse }

async function until(isTrue: () => boolean, broker?: Collapsed): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (isTrue()) return
    await broker?.settle()
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  assert.unreachable('waited in vain')
}

/** A client whose responses are collected as a FakeDuplex would. */
function dial(port: number): { socket: net.Socket; inbox: FakeDuplex } {
  const socket = net.connect(port, '127.0.0.1')
  const inbox = new FakeDuplex()
  socket.on('data', (bytes: Buffer) => inbox.write([bytes]))
  socket.on('close', () => inbox.destroy())
  socket.on('error', () => {})
  return { socket, inbox }
}

test('requests larger than the shared buffer, of several clients at once, arrive whole', async () => {
  const broker = new Collapsed({ ringBytes: 4_194_304, maxMessageBytes: 4_000_000 })
  const topic = await broker.createTopic('t')
  const [port = 0] = await broker.front.listen([spec])
  const clients = [dial(port), dial(port), dial(port)]
  for (const [index, { socket }] of clients.entries()) {
    for (const version of [9, 9]) {
      const batch = batchOf([String(index).repeat(1_200_000)])
      socket.write(requestFrame(produceCodec, produceOf(topic, 0, batch), { version }))
    }
  }
  for (const { inbox } of clients) {
    for (let taken = 0; taken < 2; taken++) {
      let frame: Buffer | undefined
      await until(() => {
        frame = inbox.takeFrame()
        return frame !== undefined
      }, broker)
      const [answer] = responseOf(frame, produceCodec, 9).responses
      assert.is(answer?.partitionResponses[0]?.errorCode, ErrorCode.NONE)
    }
  }
  assert.is(broker.table.highWatermark(topic.partitions[0]?.slot ?? -1), 6)
  for (const { socket } of clients) socket.destroy()
  await until(() => broker.front.connectionCount === 0, broker)
  await broker.front.stop(false)
})

test('Metadata answers with the address that the client dialled, or with the advertised one', async () => {
  const broker = new Collapsed()
  const advertised = { host: 'kafka.example', port: 12_345 }
  const ports = await broker.front.listen([spec, { ...spec, host: '::', advertised }, { ...spec, host: '::' }])
  const hosts: string[] = []
  for (const port of ports) {
    const { socket, inbox } = dial(port)
    socket.write(requestFrame(metadataCodec, makeMetadataRequest({ topics: [] }), { version: 9 }))
    let frame: Buffer | undefined
    await until(() => {
      frame = inbox.takeFrame()
      return frame !== undefined
    })
    const [node] = responseOf(frame, metadataCodec, 9).brokers
    hosts.push(`${node?.host}:${node?.port}`)
    socket.destroy()
  }
  assert.equal(hosts, [`127.0.0.1:${ports[0]}`, 'kafka.example:12345', `127.0.0.1:${ports[2]}`])
  await broker.front.stop(true)
})

test('an abrupt stop closes every socket and the port', async () => {
  const broker = new Collapsed()
  const [port = 0] = await broker.front.listen([spec])
  const { inbox } = dial(port)
  await until(() => broker.front.connectionCount === 1)
  await broker.front.stop(true)
  await until(() => inbox.isDestroyed)
  const late = dial(port)
  await until(() => late.inbox.isDestroyed)
})

test('a port in use is said in one sentence', async () => {
  const broker = new Collapsed()
  const [port = 0] = await broker.front.listen([spec])
  const other = new Collapsed()
  let message = ''
  await other.front.listen([{ ...spec, port }]).catch((error: Error) => {
    message = error.message
  })
  assert.match(message, `cannot listen on 127.0.0.1:${port}`)
  await broker.front.stop(true)
})

test('connections over the limit are closed, and the closed ones are counted no more', async () => {
  const broker = new Collapsed({ settings: { connectionsMax: 1 } })
  const [port = 0] = await broker.front.listen([spec])
  for (let round = 0; round < 3; round++) {
    const first = dial(port)
    await until(() => broker.front.connectionCount === 1)
    const second = dial(port)
    await until(() => second.inbox.isDestroyed)
    assert.not(first.inbox.isDestroyed)
    first.socket.destroy()
    await until(() => broker.front.connectionCount === 0)
  }
  await broker.front.stop(true)
})

test('data events serve where a socket has no handle to take over', async () => {
  const echo = (duplex: Duplex): DuplexListener => ({
    readTarget: () => Buffer.alloc(0),
    received: (bytes, length) => duplex.write([Buffer.from(bytes.subarray(0, length))]),
    drained() {},
    ended: () => duplex.end(),
    closed: () => server.close(),
  })
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => openByEvents(socket, echo))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const { socket, inbox } = dial(address !== null && typeof address === 'object' ? address.port : 0)
  socket.end(Buffer.from([0, 0, 0, 1, 42]))
  await until(() => inbox.isDestroyed)
  assert.equal(inbox.takeFrame(), Buffer.from([42]))
})

test('several acceptors share a port where the system lets them', async () => {
  if (process.platform !== 'linux') return
  const accepted: OpenDuplex[] = []
  const make = (): Acceptor =>
    new Acceptor({ reusePort: true, logger: silentLogger, accept: (_spec, open) => accepted.push(open) > Infinity })
  const [first, second] = [make(), make()]
  const port = await first.listen(spec)
  assert.is(await second.listen({ ...spec, port }), port)
  first.close()
  second.close()
})

function responseOf<Request, Response>(
  frame: Buffer | undefined,
  codec: Codec<Request, Response>,
  version: number,
): Response {
  const inbox = new FakeDuplex()
  const size = Buffer.alloc(4)
  size.writeInt32BE(frame?.length ?? 0)
  inbox.write([size, frame ?? Buffer.alloc(0)])
  return inbox.take(codec, version).response
}

test.run()
