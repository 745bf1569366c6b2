/** @platformatic/kafka, unmodified, against a whole broker in every shape. */

import {
  Admin,
  type CompressionAlgorithmValue,
  ConfigResourceTypes,
  Consumer,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { shapes, startTestBroker, type TestBroker, until } from '../broker/test-broker.ts'

const codecs: readonly CompressionAlgorithmValue[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

function baseOf(broker: TestBroker) {
  return {
    clientId: 'platformatic-test',
    bootstrapBrokers: [broker.address],
    retries: 5,
    timeout: 5_000,
    autocreateTopics: true,
  }
}

function producerOf(broker: TestBroker, idempotent = false): Producer<string, string, string, string> {
  return new Producer({ ...baseOf(broker), serializers: stringSerializers, idempotent })
}

function consumerOf(broker: TestBroker, groupId: string): Consumer<string, string, string, string> {
  return new Consumer({
    ...baseOf(broker),
    groupId,
    deserializers: stringDeserializers,
    sessionTimeout: 6_000,
    heartbeatInterval: 100,
    rebalanceTimeout: 6_000,
    maxWaitTime: 50,
    minBytes: 1,
  })
}

/** Reads `wanted` values of a topic in a group, commits behind them, and leaves. */
async function consume(broker: TestBroker, topic: string, groupId: string, wanted: number): Promise<string[]> {
  const consumer = consumerOf(broker, groupId)
  const values: string[] = []
  const next = new Map<number, bigint>()
  const stream = await consumer.consume({
    topics: [topic],
    mode: MessagesStreamModes.COMMITTED,
    fallbackMode: MessagesStreamFallbackModes.EARLIEST,
    autocommit: false,
    maxWaitTime: 50,
  })
  stream.on('data', (message) => {
    values.push(message.value)
    next.set(message.partition, message.offset + 1n)
  })
  await until(`${wanted} records of ${topic} are read`, () => values.length >= wanted)
  const offsets = [...next].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 }))
  await consumer.commit({ offsets })
  await stream.close()
  await consumer.close(true)
  return values
}

for (const shape of shapes) {
  const test = suite<{ broker: TestBroker; admin: Admin }>(`@platformatic/kafka, ${shape.name}`)

  test.before(async (context) => {
    context.broker = await startTestBroker({ owners: shape.owners, fronts: shape.fronts })
    context.admin = new Admin(baseOf(context.broker))
  })

  test.after(async ({ admin, broker }) => {
    await admin.close()
    await broker.close()
  })

  test('the admin creates, describes, configures, trims and deletes topics', async ({ admin, broker }) => {
    const topic = 'admin'
    await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 })
    assert.is((await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)?.partitionsCount, 3)
    await admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: ConfigResourceTypes.TOPIC,
          resourceName: topic,
          configs: [{ name: 'retention.ms', configOperation: 0, value: '123456789' }],
        },
      ],
    })
    const [described] = await admin.describeConfigs({
      resources: [
        { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configurationKeys: ['retention.ms'] },
      ],
    })
    assert.is(described?.configs[0]?.value, '123456789')
    const producer = producerOf(broker)
    await producer.send({ messages: Array.from({ length: 10 }, () => ({ topic, value: 'v', partition: 0 })) })
    await producer.close()
    const [trimmed] = await admin.deleteRecords({
      topics: [{ name: topic, partitions: [{ partition: 0, offset: 5n }] }],
    })
    assert.is(trimmed?.partitions[0]?.lowWatermark, 5n)
    const [listed] = await admin.listOffsets({
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -2n }] }],
    })
    assert.is(listed?.partitions[0]?.offset, 5n)
    await admin.deleteTopics({ topics: [topic] })
    assert.not((await admin.listTopics()).includes(topic))
  })

  for (const codec of codecs) {
    test(`records compressed with ${codec} come back as they were sent`, async ({ broker }) => {
      const topic = `codec-${codec}`
      const values = Array.from({ length: 100 }, (_, index) => `value-${index}-${'x'.repeat(index)}`)
      const producer = producerOf(broker)
      const messages = values.map((value, index) => ({ topic, key: `key-${index % 5}`, value }))
      await producer.send({ acks: -1, compression: codec, messages })
      await producer.close()
      assert.equal((await consume(broker, topic, `codec-${codec}`, values.length)).sort(), values.sort())
    })
  }

  test('a group resumes behind what it committed', async ({ broker, admin }) => {
    const topic = 'resume'
    const producer = producerOf(broker, true)
    const send = (from: number): Promise<unknown> =>
      producer.send({ messages: Array.from({ length: 20 }, (_, index) => ({ topic, value: `${from + index}` })) })
    await send(0)
    assert.is((await consume(broker, topic, 'resume', 20)).length, 20)
    await send(20)
    await producer.close()
    const more = await consume(broker, topic, 'resume', 20)
    assert.equal(
      more,
      Array.from({ length: 20 }, (_, index) => `${20 + index}`),
    )
    assert.ok((await admin.listGroups()).has('resume'))
    assert.is((await admin.describeGroups({ groups: ['resume'] })).get('resume')?.state, 'EMPTY')
    await admin.deleteGroups({ groups: ['resume'] })
    assert.not((await admin.listGroups()).has('resume'))
  })

  test.run()
}
