/** Two listeners, one of them behind a proxy that maps its port, as a container's engine does: clients of both work at once. */

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import kafkajs, { type Kafka as KafkaClient } from 'kafkajs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withClient } from './records.ts'
import { shapes, startTestBroker, until } from './test-broker.ts'

const { Kafka, logLevel } = kafkajs

/** Hands every connection on to `target`, byte for byte. */
class PortMapping {
  target = 0
  connections = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor() {
    this.#server = createServer((outer) => {
      this.connections++
      const inner = connect(this.target, '127.0.0.1')
      for (const socket of [outer, inner]) {
        this.#sockets.add(socket)
        socket.on('error', () => undefined)
      }
      outer.pipe(inner).pipe(outer)
    })
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return portOf(this.#server.address())
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

function kafkaAt(port: number): KafkaClient {
  return new Kafka({ clientId: `at-${port}`, brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING })
}

/** Produces `count` records and reads `wanted` in a group of its own. */
async function exchange(kafka: KafkaClient, name: string, count: number, wanted: number): Promise<string[]> {
  const producer = kafka.producer()
  await producer.connect()
  const messages = Array.from({ length: count }, (_, index) => ({ value: `${name} ${index}` }))
  await producer.send({ topic: 'shared', messages })
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: `group-${name}`, maxWaitTimeInMs: 50 })
  const seen: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: 'shared', fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(message.value?.toString() ?? '') })
  await until('everything is read', () => seen.length >= wanted)
  await consumer.disconnect()
  return seen.sort()
}

for (const { name, owners, fronts } of shapes) {
  const test = suite(`listeners, ${name}`)

  test('clients at the inner address and behind a port mapping work at once, each with its own address', async () => {
    const mapping = new PortMapping()
    const mapped = await mapping.listen()
    const listeners = [
      { name: 'PLAINTEXT', host: '127.0.0.1', port: 0 },
      { name: 'OUTER', host: '127.0.0.1', port: 0, advertised: { host: '127.0.0.1', port: mapped } },
    ]
    const broker = await startTestBroker({ owners, fronts, listeners })
    try {
      const [inner, outer] = broker.broker.addresses
      mapping.target = outer?.port ?? 0
      assert.is.not(inner?.port, outer?.port)
      const told = async (port: number): Promise<number[]> =>
        withClient(`127.0.0.1:${port}`, async (client) => (await client.metadata([])).brokers.map((node) => node.port))
      assert.equal(await told(inner?.port ?? 0), [inner?.port])
      assert.equal(await told(mapped), [mapped])
      const before = mapping.connections
      const [fromInner, fromOuter] = await Promise.all([
        exchange(kafkaAt(inner?.port ?? 0), 'inner', 40, 100),
        exchange(kafkaAt(mapped), 'outer', 60, 100),
      ])
      assert.is(fromInner.length, 100)
      assert.equal(fromOuter, fromInner)
      assert.ok(mapping.connections > before, 'the outer client came through the mapping')
    } finally {
      mapping.close()
      await broker.close()
    }
  })

  test.run()
}
