/** What a topic's configs do to its records, as clients see it: timestamps, limits, retention, and changes while it runs. */

import kafkajs, { type Admin, type Kafka as KafkaClient, type Message } from 'kafkajs'
import { test as single, suite } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import type { BrokerConfig } from '../../src/broker/config.ts'
import { shapes, startTestBroker, type TestBroker, until } from './test-broker.ts'

const { ConfigResourceTypes, Kafka, logLevel } = kafkajs

const few: ReadonlyMap<string, string> = new Map([
  ['offsets.topic.num.partitions', '1'],
  ['transaction.state.log.num.partitions', '1'],
])

function clientOf(broker: TestBroker): KafkaClient {
  return new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
}

async function createTopic(admin: Admin, topic: string, configs: Readonly<Record<string, string>>): Promise<void> {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  await admin.createTopics({ topics: [{ topic, configEntries }] })
}

async function alter(admin: Admin, topic: string, configs: Readonly<Record<string, string>>): Promise<void> {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }]
  await admin.alterConfigs({ validateOnly: false, resources })
}

/** The name of the error that sending ends with; '' where it does not. */
async function errorOfSend(kafka: KafkaClient, topic: string, messages: Message[]): Promise<string> {
  const producer = kafka.producer()
  await producer.connect()
  try {
    await producer.send({ topic, messages })
    return ''
  } catch (thrown) {
    return thrown instanceof Error && 'type' in thrown ? String(thrown.type) : String(thrown)
  } finally {
    await producer.disconnect()
  }
}

/** The timestamps of the records of each topic, once there are `count` of all. */
async function timesOf(kafka: KafkaClient, topics: string[], count: number): Promise<number[][]> {
  const consumer = kafka.consumer({ groupId: 'readers' })
  const times = new Map<string, number[]>(topics.map((topic) => [topic, []]))
  await consumer.connect()
  await consumer.subscribe({ topics, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ topic, message }) => void times.get(topic)?.push(Number(message.timestamp)),
  })
  await until('all records are read', () => [...times.values()].flat().length >= count)
  await consumer.disconnect()
  return [...times.values()]
}

for (const shape of shapes) {
  const test = suite<{ broker: TestBroker; kafka: KafkaClient; admin: Admin }>(`topic rules, ${shape.name}`)

  test.before(async (context) => {
    context.broker = await startTestBroker({ owners: shape.owners, fronts: shape.fronts, kafka: few })
    context.kafka = clientOf(context.broker)
    context.admin = context.kafka.admin()
    await context.admin.connect()
  })

  test.after(async ({ broker, admin }) => {
    await admin.disconnect()
    await broker.close()
  })

  test('a topic with LogAppendTime gives each record the time at which it came, one with CreateTime does not', async (context) => {
    const { admin, kafka } = context
    const messages = ['5', '6'].map((timestamp) => ({ value: 'x', timestamp }))
    const before = Date.now()
    await createTopic(admin, 'appended', { 'message.timestamp.type': 'LogAppendTime' })
    await createTopic(admin, 'created', {})
    assert.is(await errorOfSend(kafka, 'appended', messages), '')
    assert.is(await errorOfSend(kafka, 'created', messages), '')
    const [appended = [], created] = await timesOf(kafka, ['appended', 'created'], 4)
    assert.equal(created, [5, 6])
    assert.ok(appended.every((timeMs) => timeMs >= before && timeMs <= Date.now() && timeMs === appended[0]))
  })

  test('bounds of timestamps and sizes are kept, and hold as soon as they change', async ({ admin, kafka }) => {
    await createTopic(admin, 'bounded', { 'message.timestamp.before.max.ms': '60000', 'max.message.bytes': '1000' })
    const old = [{ value: 'x', timestamp: String(Date.now() - 120_000) }]
    const large = [{ value: 'x'.repeat(2_000) }]
    assert.is(await errorOfSend(kafka, 'bounded', old), 'INVALID_TIMESTAMP')
    assert.is(await errorOfSend(kafka, 'bounded', large), 'MESSAGE_TOO_LARGE')
    assert.is(await errorOfSend(kafka, 'bounded', [{ value: 'x' }]), '')
    await alter(admin, 'bounded', { 'message.timestamp.before.max.ms': '600000', 'max.message.bytes': '5000' })
    assert.is(await errorOfSend(kafka, 'bounded', old), '')
    assert.is(await errorOfSend(kafka, 'bounded', large), '')
    const future = [{ value: 'x', timestamp: String(Date.now() + 7_200_000) }]
    assert.is(await errorOfSend(kafka, 'bounded', future), 'INVALID_TIMESTAMP')
  })

  test('every sync policy answers, and they may change while the topic is written to', async ({ admin, kafka }) => {
    await createTopic(admin, 'synced', { 'flush.messages': '3' })
    for (const configs of [{}, { 'flush.messages': '1' }, { 'flush.ms': '5' }, { 'flush.ms': '0' }, {}]) {
      await alter(admin, 'synced', configs)
      for (let count = 0; count < 4; count++) assert.is(await errorOfSend(kafka, 'synced', [{ value: 'x' }]), '')
    }
    assert.is((await admin.fetchTopicOffsets('synced'))[0]?.high, '20')
  })

  test.run()
}

async function withVirtualTime(
  change: Partial<BrokerConfig>,
  work: (broker: TestBroker, clock: VirtualClock) => Promise<void>,
): Promise<void> {
  const clock = new VirtualClock()
  const kafka = new Map([...few, ['log.retention.check.interval.ms', '1000']])
  const broker = await startTestBroker({ owners: 0, fronts: 1, kafka, ...change }, { parts: { clock } })
  try {
    await work(broker, clock)
  } finally {
    await broker.close()
  }
}

single(
  'retention that is set while the topic runs takes all that is too old, and the next record follows it',
  async () => {
    await withVirtualTime({}, async (broker, clock) => {
      const kafka = clientOf(broker)
      const admin = kafka.admin()
      await admin.connect()
      await createTopic(admin, 'kept', {})
      const timestamp = String(clock.nowMs() - 3_600_000)
      await errorOfSend(
        kafka,
        'kept',
        Array.from({ length: 10 }, () => ({ value: 'x', timestamp })),
      )
      const lowAfter = async (ms: number): Promise<string | undefined> => {
        for (let passed = 0; passed < ms; passed += 1_000) {
          clock.advance(1_000)
          await new Promise((resolve) => setImmediate(resolve))
        }
        return (await admin.fetchTopicOffsets('kept'))[0]?.low
      }
      assert.is(await lowAfter(20_000), '0')
      await alter(admin, 'kept', { 'retention.ms': '3700000' })
      assert.is(await lowAfter(20_000), '0')
      assert.is(await lowAfter(100_000), '10')
      await errorOfSend(kafka, 'kept', [{ value: 'x', timestamp: String(clock.nowMs()) }])
      assert.is((await admin.fetchTopicOffsets('kept'))[0]?.high, '11')
      assert.is(await lowAfter(20_000), '10')
      await admin.disconnect()
    })
  },
)

single.run()
