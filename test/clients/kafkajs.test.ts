/** kafkajs, unmodified, against a whole broker in every shape: codecs, groups, rebalances, commits, idempotence, admin. */

import kafkajs, { type Consumer, type Kafka as KafkaClient } from 'kafkajs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compress, decompress } from '../../src/wire/compression/compress.ts'
import { shapes, startTestBroker, type TestBroker, until } from '../broker/test-broker.ts'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs

const codecs = [
  ['none', CompressionTypes.None, 0],
  ['gzip', CompressionTypes.GZIP, 1],
  ['snappy', CompressionTypes.Snappy, 2],
  ['lz4', CompressionTypes.LZ4, 3],
  ['zstd', CompressionTypes.ZSTD, 4],
] as const

// kafkajs brings gzip only: the others are ours, which the wire tests hold against other implementations.
const registry: Record<number, unknown> = CompressionCodecs
for (const [, type, codec] of codecs.slice(2)) {
  registry[type] = () => ({
    compress: async (encoder: { buffer: Buffer }) => compress(codec, encoder.buffer),
    decompress: async (bytes: Buffer) => decompress(codec, bytes, 16 * 1024 * 1024),
  })
}

type Seen = { topic: string; partition: number; offset: number; key: string; value: string }

function clientOf(broker: TestBroker): KafkaClient {
  return new Kafka({
    clientId: 'kafkajs-test',
    brokers: [broker.address],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50 },
  })
}

async function collect(consumer: Consumer, topic: string, seen: Seen[]): Promise<void> {
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const text = (bytes: Buffer | null): string => bytes?.toString() ?? ''
      seen.push({
        topic,
        partition,
        offset: Number(message.offset),
        key: text(message.key),
        value: text(message.value),
      })
    },
  })
}

function joined(consumer: Consumer): Promise<void> {
  return new Promise((resolve) => {
    const stop = consumer.on(consumer.events.GROUP_JOIN, () => {
      stop()
      resolve()
    })
  })
}

for (const shape of shapes) {
  const test = suite<{ broker: TestBroker; kafka: KafkaClient }>(`kafkajs, ${shape.name}`)

  test.before(async (context) => {
    context.broker = await startTestBroker({ owners: shape.owners, fronts: shape.fronts })
    context.kafka = clientOf(context.broker)
  })

  test.after(async ({ broker }) => {
    await broker.close()
  })

  test('whatever codec a producer uses, a topic with a codec of its own is read back whole', async ({ kafka }) => {
    const admin = kafka.admin()
    const producer = kafka.producer()
    await Promise.all([admin.connect(), producer.connect()])
    const types = ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd']
    const topics = types.map((type) => ({
      topic: `own-${type}`,
      configEntries: [{ name: 'compression.type', value: type }],
    }))
    await admin.createTopics({ topics })
    const large = 'text '.repeat(60_000)
    for (const { topic } of topics) {
      for (const [name, compression] of codecs) {
        await producer.send({ topic, compression, messages: [{ key: name, value: `${name}.` }] })
        await producer.send({ topic, compression, messages: [{ key: name, value: large }] })
      }
    }
    const consumer = kafka.consumer({ groupId: 'readers-of-codecs' })
    const seen = new Map<string, string[]>(topics.map(({ topic }) => [topic, []]))
    await consumer.connect()
    await consumer.subscribe({ topics: [...seen.keys()], fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ topic, message }) => void seen.get(topic)?.push(`${message.key}: ${message.value}`),
    })
    const expected = codecs.flatMap(([name]) => [`${name}: ${name}.`, `${name}: ${large}`])
    await until('every record is read', () => [...seen.values()].every(({ length }) => length === expected.length))
    await consumer.disconnect()
    for (const [topic, texts] of seen) assert.equal(texts, expected, topic)
    await Promise.all([admin.disconnect(), producer.disconnect()])
  })

  test('the admin creates, lists, describes, grows and deletes topics', async ({ kafka }) => {
    const admin = kafka.admin()
    await admin.connect()
    assert.is(await admin.createTopics({ topics: [{ topic: 'admin', numPartitions: 3 }] }), true)
    assert.is(await admin.createTopics({ topics: [{ topic: 'admin', numPartitions: 3 }] }), false)
    assert.ok((await admin.listTopics()).includes('admin'))
    const described = await admin.fetchTopicMetadata({ topics: ['admin'] })
    assert.is(described.topics[0]?.partitions.length, 3)
    await admin.createPartitions({ topicPartitions: [{ topic: 'admin', count: 5 }] })
    assert.is((await admin.fetchTopicMetadata({ topics: ['admin'] })).topics[0]?.partitions.length, 5)
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: 2, name: 'admin', configEntries: [{ name: 'retention.ms', value: '12345' }] }],
    })
    const configs = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: 'admin' }] })
    assert.is(
      configs.resources[0]?.configEntries.find((entry) => entry.configName === 'retention.ms')?.configValue,
      '12345',
    )
    await admin.deleteTopics({ topics: ['admin'] })
    assert.not((await admin.listTopics()).includes('admin'))
    await admin.disconnect()
  })

  for (const [name, type] of codecs) {
    test(`records compressed with ${name} come back as they were sent`, async ({ kafka }) => {
      const topic = `codec-${name}`
      const producer = kafka.producer({ allowAutoTopicCreation: true })
      await producer.connect()
      const messages = Array.from({ length: 100 }, (_, index) => ({
        key: `key-${index % 7}`,
        value: `value-${index}-${'x'.repeat(index)}`,
        headers: { index: `${index}` },
      }))
      await producer.send({ topic, compression: type, messages })
      await producer.disconnect()
      const seen: Seen[] = []
      const consumer = kafka.consumer({ groupId: `codec-${name}`, maxWaitTimeInMs: 50 })
      await collect(consumer, topic, seen)
      await until('all records are read', () => seen.length >= messages.length)
      await consumer.disconnect()
      assert.equal(seen.map(({ value }) => value).sort(), messages.map(({ value }) => value).sort())
    })
  }

  test('a group commits, and resumes at the next record', async ({ kafka }) => {
    const topic = 'resume'
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic, messages: Array.from({ length: 50 }, (_, index) => ({ value: `${index}` })) })
    const first: Seen[] = []
    const before = kafka.consumer({ groupId: 'resume', maxWaitTimeInMs: 50 })
    await collect(before, topic, first)
    await until('the first half is read', () => first.length === 50)
    await before.disconnect()
    await producer.send({ topic, messages: Array.from({ length: 50 }, (_, index) => ({ value: `${index + 50}` })) })
    await producer.disconnect()
    const second: Seen[] = []
    const after = kafka.consumer({ groupId: 'resume', maxWaitTimeInMs: 50 })
    await collect(after, topic, second)
    await until('the second half is read', () => second.length >= 50)
    await after.disconnect()
    assert.equal(
      second.map(({ value }) => value),
      Array.from({ length: 50 }, (_, index) => `${index + 50}`),
    )
  })

  test('members share the partitions as they join, leave and crash', async ({ kafka }) => {
    const topic = 'shared'
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: 4 }] })
    const assigned = new Map<string, number[]>()
    const member = async (name: string): Promise<Consumer> => {
      const consumer = kafka.consumer({
        groupId: 'shared',
        sessionTimeout: 6_000,
        heartbeatInterval: 100,
        maxWaitTimeInMs: 50,
      })
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        assigned.set(name, payload.memberAssignment[topic] ?? [])
      })
      const isIn = joined(consumer)
      await consumer.connect()
      await consumer.subscribe({ topic })
      await consumer.run({ eachMessage: async () => undefined })
      await isIn
      return consumer
    }
    const owned = (...names: string[]): number[] => names.flatMap((name) => assigned.get(name) ?? []).sort()
    const first = await member('first')
    assert.equal(owned('first'), [0, 1, 2, 3])
    const second = await member('second')
    await until(
      'two members share four partitions',
      () => owned('first').length === 2 && owned('first', 'second').length === 4,
    )
    assert.equal(owned('first', 'second'), [0, 1, 2, 3])
    await second.disconnect()
    await until('the one left has all', () => owned('first').length === 4)
    await first.disconnect()
    await admin.disconnect()
  })

  test('an idempotent producer writes each record once, in order', async ({ kafka }) => {
    const topic = 'idempotent'
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    for (let round = 0; round < 10; round++) {
      const messages = Array.from({ length: 10 }, (_, index) => ({ value: `${round * 10 + index}`, partition: 0 }))
      await producer.send({ topic, acks: -1, messages })
    }
    await producer.disconnect()
    const seen: Seen[] = []
    const consumer = kafka.consumer({ groupId: 'idempotent', maxWaitTimeInMs: 50 })
    await collect(consumer, topic, seen)
    await until('all records are read', () => seen.length >= 100)
    await consumer.disconnect()
    assert.equal(
      seen.map(({ value }) => value),
      Array.from({ length: 100 }, (_, index) => `${index}`),
    )
  })

  test.run()
}
