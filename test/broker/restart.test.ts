/** What a broker keeps over a restart, clean or abrupt, and what it forgets by design. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { topicIdHex } from '../../src/base/ids.ts'
import { Admin } from '../../src/client/admin.ts'
import { initProducerIdCall } from '../../src/client/calls.ts'
import type { KafkaClient } from '../../src/client/client.ts'
import { GroupConsumer } from '../../src/client/group-consumer.ts'
import { fetchCommitted } from '../../src/client/group-member.ts'
import { Producer } from '../../src/client/producer.ts'
import { makeInitProducerIdRequest } from '../../src/wire/generated/init-producer-id.ts'
import { clientOf, createTopic, readPartition, sendValues, valuesOf, withClient } from './records.ts'
import { shapes, startTestBroker, type TestBroker } from './test-broker.ts'

const topic = 'kept'
const partitionCount = 4
const groupId = 'readers'

async function producerIdOf(client: KafkaClient): Promise<number> {
  const request = makeInitProducerIdRequest({ transactionalId: null, transactionTimeoutMs: 60_000 })
  return (await client.callAny(initProducerIdCall, request)).producerId
}

/** Reads everything in a group and commits it. */
async function readInGroup(client: KafkaClient, wanted: number): Promise<number> {
  const consumer = new GroupConsumer({ client, groupId, topics: [topic], maxWaitMs: 20 })
  let count = 0
  while (count < wanted || !consumer.isAtEnd) count += (await consumer.poll()).length
  await consumer.commit()
  await consumer.close()
  return count
}

/** Everything of a broker that has to be the same after a restart. */
async function factsOf(client: KafkaClient) {
  const admin = new Admin(client)
  const known = await client.topic(topic)
  const configs = await admin.describeTopicConfigs(topic, ['retention.ms', 'max.message.bytes'])
  const values: string[][] = []
  for (let partition = 0; partition < partitionCount; partition++) {
    const records = await readPartition(client, topic, partition)
    records.forEach(({ offset }, index) => void assert.is(offset, index))
    values.push(valuesOf(records))
  }
  const committed = await fetchCommitted(client, groupId, null)
  return {
    id: topicIdHex(known.id),
    leaders: known.leaders,
    configs: configs.map(({ name, value }) => `${name}=${value}`).sort(),
    values,
    committed: committed.map(({ partition, offset }) => `${partition}: ${offset}`).sort(),
    groups: (await admin.listGroups()).map((group) => group.groupId),
  }
}

async function fill(broker: TestBroker): Promise<void> {
  await createTopic(broker.address, {
    name: topic,
    partitions: partitionCount,
    configs: { 'retention.ms': '123456789', 'max.message.bytes': '54321' },
  })
  await withClient(broker.address, async (client) => {
    for (let partition = 0; partition < partitionCount; partition++) {
      const values = Array.from({ length: 50 + partition }, (_, index) => `${partition}/${index}`)
      await sendValues(client, { topic, partition, values })
    }
    assert.is(await readInGroup(client, 206), 206)
  })
}

for (const shape of shapes) {
  const test = suite(`restart, ${shape.name}`)
  const { owners, fronts } = shape

  for (const isAbrupt of [false, true]) {
    const way = isAbrupt ? 'an abrupt stop' : 'a stop'
    test(`records, offsets, topic ids, configs, groups and commits survive ${way}`, async () => {
      let broker = await startTestBroker({ owners, fronts })
      try {
        await fill(broker)
        const before = await withClient(broker.address, factsOf)
        assert.equal(
          before.committed,
          [0, 1, 2, 3].map((partition) => `${partition}: ${50 + partition}`),
        )
        if (isAbrupt) await broker.broker.stop(true)
        broker = await broker.restart()
        assert.equal(await withClient(broker.address, factsOf), before)
        await withClient(broker.address, async (client) => {
          assert.equal(await sendValues(client, { topic, partition: 0, values: ['next'] }), [50])
        })
      } finally {
        await broker.close()
      }
    })
  }

  test('producer ids go on, and a producer that lived through a restart goes on with its sequences', async () => {
    let broker = await startTestBroker({ owners, fronts })
    const client = clientOf(broker.address)
    try {
      await createTopic(broker.address, { name: topic, partitions: 1 })
      const first = await producerIdOf(client)
      const producer = new Producer({ client, isIdempotent: true })
      const send = (value: string) => producer.send({ topic, partition: 0, value: Buffer.from(value) })
      assert.is((await send('before')).offset, 0)
      assert.is((await send('before, too')).offset, 1)
      broker = await broker.restart()
      assert.is((await send('after')).offset, 2)
      await producer.close()
      const second = await producerIdOf(client)
      assert.ok(second > first + 1, `${second} comes after ${first} and the producer's own`)
      assert.equal(valuesOf(await readPartition(client, topic, 0)), ['before', 'before, too', 'after'])
    } finally {
      await client.close()
      await broker.close()
    }
  })

  for (const storage of ['memory', 'ring'] as const) {
    test(`a broker whose storage is ${storage} starts empty`, async () => {
      let broker = await startTestBroker({ owners, fronts, storage })
      try {
        await createTopic(broker.address, { name: topic, partitions: 1 })
        await withClient(broker.address, async (client) => {
          assert.equal(await sendValues(client, { topic, partition: 0, values: ['a', 'b'] }), [0, 1])
          assert.equal(valuesOf(await readPartition(client, topic, 0)), ['a', 'b'])
        })
        broker = await broker.restart()
        const names = await withClient(broker.address, async (client) =>
          (await new Admin(client).listTopics()).map(({ name }) => name),
        )
        assert.not.ok(names.includes(topic))
      } finally {
        await broker.close()
      }
    })
  }

  test.run()
}
