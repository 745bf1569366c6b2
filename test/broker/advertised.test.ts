/** Clients reach a broker through a mapped port and through its inner address at once, each by what its listener advertises. */

import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import kafkajs from 'kafkajs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Broker, startBroker } from '../../src/broker/broker.ts'
import { configWith } from '../../src/broker/config.ts'

const { Kafka, logLevel, Partitioners } = kafkajs

/** A port that leads to another, as a container engine maps them. */
type PortMap = { readonly port: number; connections: number; target: number; close(): void }

async function mapPort(): Promise<PortMap> {
  const server: Server = createServer((outer) => {
    map.connections += 1
    const inner = connect(map.target, '127.0.0.1')
    outer.pipe(inner).pipe(outer)
    for (const socket of [outer, inner]) {
      socket.on('error', () => undefined)
      socket.on('close', () => (socket === outer ? inner : outer).destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const map: PortMap = { port, connections: 0, target: 0, close: () => server.close() }
  return map
}

const clientOf = (port: number) =>
  new Kafka({ clientId: 'advertised', brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING })

function portOf(broker: Broker, listener: string): number {
  const address = broker.addresses.find((candidate) => candidate.listener === listener)
  assert.ok(address)
  return address?.port ?? 0
}

async function brokerPorts(port: number): Promise<number[]> {
  const admin = clientOf(port).admin()
  await admin.connect()
  const { brokers } = await admin.describeCluster()
  await admin.disconnect()
  return brokers.map((broker) => broker.port)
}

test('one listener advertises a mapped port, another its own, and records cross between them', async () => {
  const map = await mapPort()
  const broker = await startBroker(
    configWith({
      storage: 'memory',
      owners: 0,
      memoryBytesMax: 32 * 1024 * 1024,
      listeners: [
        { name: 'OUTSIDE', host: '127.0.0.1', port: 0, advertised: { host: '127.0.0.1', port: map.port } },
        { name: 'INSIDE', host: '127.0.0.1', port: 0 },
      ],
    }),
  )
  map.target = portOf(broker, 'OUTSIDE')
  const inside = portOf(broker, 'INSIDE')
  try {
    assert.equal(await brokerPorts(map.port), [map.port])
    assert.equal(await brokerPorts(inside), [inside])

    const admin = clientOf(inside).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'crossing', numPartitions: 1 }] })
    await admin.disconnect()

    const consumer = clientOf(inside).consumer({ groupId: 'inside' })
    const received = Promise.withResolvers<string>()
    await consumer.connect()
    await consumer.subscribe({ topics: ['crossing'], fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => received.resolve(String(message.value)) })

    const before = map.connections
    const producer = clientOf(map.port).producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    await producer.send({ topic: 'crossing', messages: [{ value: 'through the mapped port' }] })
    assert.ok(map.connections > before, 'the producer went around the mapped port')
    assert.is(await received.promise, 'through the mapped port')
    await producer.disconnect()
    await consumer.disconnect()
  } finally {
    await broker.stop()
    map.close()
  }
})

test('without an advertised address, a client is told the address that it dialled', async () => {
  const broker = await startBroker(
    configWith({
      storage: 'memory',
      owners: 0,
      memoryBytesMax: 32 * 1024 * 1024,
      listeners: [{ name: 'PLAINTEXT', host: '0.0.0.0', port: 0 }],
    }),
  )
  try {
    const port = portOf(broker, 'PLAINTEXT')
    for (const host of ['127.0.0.1', '127.0.0.2']) {
      const admin = new Kafka({ brokers: [`${host}:${port}`], logLevel: logLevel.NOTHING }).admin()
      await admin.connect()
      const { brokers } = await admin.describeCluster()
      assert.equal(
        brokers.map((told) => `${told.host}:${told.port}`),
        [`${host}:${port}`],
      )
      await admin.disconnect()
    }
  } finally {
    await broker.stop()
  }
})

test.run()
