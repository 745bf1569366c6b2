/** Consumer groups of the new protocol (KIP-848) through @platformatic/kafka, unmodified, against a whole broker in every shape. */

import {
  Admin,
  Consumer,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Admin as OwnAdmin } from '../../src/client/admin.ts'
import { KafkaClient } from '../../src/client/client.ts'
import { shapes, startTestBroker, type TestBroker, until } from '../broker/test-broker.ts'

const partitionCount = 4
/** The broker tells members how often to heartbeat: often, so that the test is short. */
const kafka = new Map([
  ['group.consumer.heartbeat.interval.ms', '50'],
  ['group.consumer.min.heartbeat.interval.ms', '1'],
  ['group.consumer.assignment.interval.ms', '0'],
])

type TextConsumer = Consumer<string, string, string, string>

function baseOf(broker: TestBroker) {
  return { clientId: 'protocol-test', bootstrapBrokers: [broker.address], retries: 400, retryDelay: 25, timeout: 1_500 }
}

/** A consumer that reads into `values`, and commits by itself. */
async function startConsumer(broker: TestBroker, topic: string, values: string[]): Promise<TextConsumer> {
  const consumer: TextConsumer = new Consumer({
    ...baseOf(broker),
    groupId: 'protocol',
    groupProtocol: 'consumer',
    deserializers: stringDeserializers,
    maxWaitTime: 50,
    minBytes: 1,
  })
  const stream = await consumer.consume({
    topics: [topic],
    mode: MessagesStreamModes.COMMITTED,
    fallbackMode: MessagesStreamFallbackModes.EARLIEST,
    autocommit: 100,
    maxWaitTime: 50,
  })
  stream.on('data', ({ value }) => values.push(value))
  stream.on('error', () => undefined)
  return consumer
}

function held(consumer: TextConsumer): number[] {
  return consumer.assignments?.flatMap(({ partitions }) => partitions) ?? []
}

/** Whether these consumers, and nobody else, hold every partition once. */
function isShared(...consumers: readonly TextConsumer[]): boolean {
  const all = consumers.flatMap(held).sort()
  return all.length === partitionCount && new Set(all).size === partitionCount
}

/** The group as the own client describes it: what it is, and how many partitions each member has. */
async function describedAs(broker: TestBroker): Promise<{ type: string; shares: number[] }> {
  const client = new KafkaClient({ brokers: [broker.address] })
  const { type, members } = await new OwnAdmin(client).describeGroup('protocol')
  await client.close()
  return { type, shares: members.map(({ partitions }) => partitions.get('shared')?.length ?? 0) }
}

async function send(broker: TestBroker, topic: string, prefix: string): Promise<string[]> {
  const producer = new Producer({ ...baseOf(broker), serializers: stringSerializers })
  const values = Array.from({ length: 40 }, (_, index) => `${prefix}-${index}`)
  const messages = values.map((value, index) => ({ topic, value, partition: index % partitionCount }))
  await producer.send({ messages })
  await producer.close()
  return values
}

for (const shape of shapes) {
  test(`${shape.name}: members share a topic, go on over a restart, and take over from one that leaves`, async () => {
    const topic = 'shared'
    let broker = await startTestBroker({ owners: shape.owners, fronts: shape.fronts, kafka })
    const admin = new Admin(baseOf(broker))
    await admin.createTopics({ topics: [topic], partitions: partitionCount, replicas: 1 })
    const read: string[] = []
    const first = await startConsumer(broker, topic, read)
    await until('one member has all', () => held(first).length === partitionCount)
    const second = await startConsumer(broker, topic, read)
    await until('two members share', () => held(first).length === 2 && held(second).length === 2)
    assert.ok(isShared(first, second))
    assert.equal(await describedAs(broker), { type: 'consumer', shares: [2, 2] })
    const sent = await send(broker, topic, 'before')
    await until('all is read', () => new Set(read).size === sent.length)

    broker = await broker.restart()
    sent.push(...(await send(broker, topic, 'after')))
    await until('all is read after the restart', () => new Set(read).size === sent.length)
    assert.ok(isShared(first, second))
    await second.close(true)
    await until('one member has all again', () => held(first).length === partitionCount)
    sent.push(...(await send(broker, topic, 'alone')))
    await until('one member reads all', () => new Set(read).size === sent.length)
    assert.equal([...new Set(read)].sort(), sent.sort())
    await first.close(true)
    await admin.close()
    await broker.close()
  })
}

// A consumer that closes while its heartbeat is under way goes on to plan the next one, for ever.
test.after(() => void setTimeout(() => process.exit(), 300).unref())

test.run()
