/** What a broker bounds, and what it answers to clients that send nonsense: it refuses them and lives on. */

import { rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { batchOf, dial, fetch, openConnection, produce } from './raw-requests.ts'
import { createTopic, withClient } from './records.ts'
import { shapes, startTestBroker, until } from './test-broker.ts'

const kibibyte = 1024
/** Raft and controller APIs that no client port serves, two that do not exist, and two that cannot. */
const foreignKeys = [52, 53, 54, 55, 80, 81, 82, 4, 999, 32_767, -1, -32_768]

function frameOf(size: number, body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(size)
  return Buffer.concat([length, body])
}

function requestFrame(apiKey: number, version: number): Buffer {
  const body = Buffer.alloc(64, 1)
  body.writeInt16BE(apiKey, 0)
  body.writeInt16BE(version, 2)
  body.writeInt32BE(7, 4)
  body.writeInt16BE(-1, 8)
  return frameOf(body.length, body)
}

/** Pseudo-random bytes, the same in each run. */
function noise(seed: number, length: number): Buffer {
  let state = seed
  return Buffer.from(
    Array.from({ length }, () => {
      state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
      return state >>> 16
    }),
  )
}

function noisyRequest(seed: number, bytes: Buffer): Buffer {
  const body = Buffer.from(bytes)
  body.writeInt16BE(seed % 76, 0)
  body.writeInt16BE(seed % 5, 2)
  body.writeInt32BE(seed, 4)
  return frameOf(body.length, body)
}

function isGone(socket: Socket): boolean {
  return socket.destroyed || socket.readableEnded
}

/** Sends bytes on a connection of their own and waits until the broker has answered or closed. */
async function provoke(address: string, bytes: Buffer): Promise<void> {
  const socket = await dial(address)
  let received = 0
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  socket.write(bytes)
  await until('the broker answers or closes', () => received > 0 || isGone(socket))
  socket.destroy()
}

async function isAlive(address: string): Promise<void> {
  await withClient(address, async (client) => void (await client.metadata([])))
}

for (const { name, owners, fronts } of shapes) {
  const test = suite(`limits, ${name}`)

  test('connections beyond the limit are closed at once, and a place that gets free is given again', async () => {
    const connectionsMax = 10
    const broker = await startTestBroker({ owners, fronts, connectionsMax, storage: 'memory' })
    const sockets: Socket[] = []
    for (let index = 0; index < connectionsMax * fronts * 4; index++) {
      const socket = await dial(broker.address)
      socket.resume()
      sockets.push(socket)
    }
    const open = (): Socket[] => sockets.filter((socket) => !isGone(socket))
    await until('those beyond the limit are closed', () => open().length <= connectionsMax * fronts)
    assert.ok(open().length >= connectionsMax)
    for (const socket of open()) socket.destroy()
    await until('there is room again', () =>
      isAlive(broker.address).then(
        () => true,
        () => false,
      ),
    )
    await broker.close()
  })

  test('clients that announce much and fall silent lose their place to those that send', async () => {
    const requestBytesMax = 1024 * kibibyte
    const broker = await startTestBroker({
      owners,
      fronts,
      requestBytesMax,
      halfReceivedBytesMax: requestBytesMax,
    })
    await createTopic(broker.address, { name: 'topic', partitions: 1 })
    const silent: Socket[] = []
    for (let index = 0; index < 30 * fronts; index++) {
      const socket = await dial(broker.address)
      socket.resume()
      socket.write(frameOf(1_000_000, Buffer.alloc(100 * kibibyte)))
      silent.push(socket)
    }
    await until('some were closed', () => silent.filter(isGone).length >= 10 * fronts)
    const connection = await openConnection(broker.address)
    const batch = batchOf([Buffer.alloc(900 * kibibyte)])
    assert.is((await produce(connection, { topic: 'topic', partition: 0, batch })).errorCode, ErrorCode.NONE)
    connection.close()
    for (const socket of silent) socket.destroy()
    await broker.close()
  })

  test('a request beyond the largest, an impossible size and a half frame cost only their connection', async () => {
    const broker = await startTestBroker({ owners, fronts, requestBytesMax: 64 * kibibyte, storage: 'memory' })
    for (const size of [64 * kibibyte + 1, 0, -1, 0x7fffffff]) {
      const socket = await dial(broker.address)
      socket.resume()
      socket.write(frameOf(size, Buffer.alloc(100)))
      await until(`a frame of ${size} bytes is refused`, () => isGone(socket))
    }
    const vanishing = await dial(broker.address)
    vanishing.write(frameOf(1_000, Buffer.alloc(10)))
    vanishing.resetAndDestroy()
    await isAlive(broker.address)
    await broker.close()
  })

  test('keys that are not for clients, and noise, get an error or a closed connection', async () => {
    const broker = await startTestBroker({ owners, fronts, storage: 'memory' })
    for (const apiKey of foreignKeys) {
      for (const version of [0, 1, 100, -1]) await provoke(broker.address, requestFrame(apiKey, version))
    }
    for (let seed = 1; seed <= 40; seed++) {
      const bytes = noise(seed, 200)
      // Half of them begin like a request that is offered, so that its decoder meets the noise.
      await provoke(broker.address, seed % 2 === 0 ? frameOf(bytes.length, bytes) : noisyRequest(seed, bytes))
    }
    await isAlive(broker.address)
    await broker.close()
  })

  test('a partition whose folder cannot be made answers KAFKA_STORAGE_ERROR; the others go on, and a restart mends it', async () => {
    let broker = await startTestBroker({ owners, fronts })
    const place = { topic: 'topic', batch: batchOf(['value']) }
    await createTopic(broker.address, { name: 'topic', partitions: 2 })
    const folder = join(broker.directory, 'topic-0')
    rmSync(folder, { recursive: true, force: true })
    writeFileSync(folder, 'in the way')
    const connection = await openConnection(broker.address)
    assert.is((await produce(connection, { ...place, partition: 0 })).errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
    assert.is((await produce(connection, { ...place, partition: 0 })).errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
    assert.is((await produce(connection, { ...place, partition: 1 })).errorCode, ErrorCode.NONE)
    const unread = await fetch(connection, { topic: 'topic', partition: 0, offset: 0 })
    assert.is(unread.errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
    assert.is((await fetch(connection, { topic: 'topic', partition: 1, offset: 0 })).records.length, 1)
    connection.close()
    rmSync(folder)
    broker = await broker.restart()
    const again = await openConnection(broker.address)
    assert.equal(await produce(again, { ...place, partition: 0 }), { errorCode: ErrorCode.NONE, baseOffset: 0 })
    again.close()
    await broker.close()
  })

  test.run()
}
