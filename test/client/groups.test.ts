/** Producer, consumers and groups of the client against a whole broker in this thread. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Admin } from '../../src/client/admin.ts'
import { KafkaClient } from '../../src/client/client.ts'
import { Consumer } from '../../src/client/consumer.ts'
import { GroupConsumer } from '../../src/client/group-consumer.ts'
import { Producer } from '../../src/client/producer.ts'
import { startTestBroker, type TestBroker } from '../broker/test-broker.ts'

type Context = { broker: TestBroker; client: KafkaClient; others: KafkaClient[] }
const test = suite<Context>('client with a broker', {
  broker: undefined,
  client: undefined,
  others: [],
} as unknown as Context)

test.before(async (context) => {
  context.broker = await startTestBroker({ owners: 0 })
  context.client = new KafkaClient({ brokers: [context.broker.address] })
})
test.after(async (context) => {
  for (const client of [context.client, ...context.others]) await client.close()
  await context.broker.close()
})

async function fill(client: KafkaClient, topic: string, count: number, options: object = {}): Promise<void> {
  const producer = new Producer({ client, ...options })
  const sends = Array.from({ length: count }, (_, index) =>
    producer.send({
      topic,
      value: Buffer.from(`value ${index}`),
      key: index % 2 === 0 ? null : Buffer.from(`k${index}`),
    }),
  )
  await Promise.all(sends)
  await producer.close()
}

test('what is produced with each codec is consumed, with keys and headers', async ({ client }) => {
  const admin = new Admin(client)
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const topic = `codec-${compression}`
    await admin.createTopic({ name: topic, partitions: 1 })
    const producer = new Producer({ client, compression, isIdempotent: true })
    const headers = [{ key: 'h', value: Buffer.from('1') }]
    await Promise.all(
      [1, 2].map((n) => producer.send({ topic, key: Buffer.from(`k${n}`), value: Buffer.from(`v${n}`), headers })),
    )
    const consumer = new Consumer({ client })
    await consumer.assign([{ topic, partition: 0, offset: 'beginning' }])
    const records = []
    while (!consumer.isAtEnd) records.push(...(await consumer.poll()))
    assert.equal(
      records.map(({ offset, key, value, headers: [header] }) => [offset, `${key}`, `${value}`, `${header?.value}`]),
      [
        [0, 'k1', 'v1', '1'],
        [1, 'k2', 'v2', '1'],
      ],
    )
  }
})

test('a consumer starts in the middle of a batch, at the end, or where the log begins', async ({ client }) => {
  await new Admin(client).createTopic({ name: 'middle', partitions: 1 })
  await fill(client, 'middle', 10)
  const read = async (offset: number | 'end') => {
    const consumer = new Consumer({ client, maxWaitMs: 10 })
    await consumer.assign([{ topic: 'middle', partition: 0, offset }])
    const records = await consumer.poll()
    return records.length > 0 || consumer.isAtEnd ? records : consumer.poll()
  }
  assert.equal(
    (await read(7)).map(({ offset }) => offset),
    [7, 8, 9],
  )
  assert.equal(await read('end'), [])
  assert.is((await read(99)).length, 10, 'an offset that is not there starts from the beginning')
})

test('a group divides the partitions, takes over from who leaves, and forgets nothing', async ({
  client,
  broker,
  others,
}) => {
  const admin = new Admin(client)
  await admin.createTopic({ name: 'shared', partitions: 4 })
  await fill(client, 'shared', 100)
  const member = () => {
    const own = new KafkaClient({ brokers: [broker.address] })
    others.push(own)
    return new GroupConsumer({ client: own, groupId: 'billing', topics: ['shared'], heartbeatMs: 20, maxWaitMs: 20 })
  }
  const seen = new Set<string>()
  const first = member()
  const second = member()
  let isStopped = false
  const drain = async (consumer: GroupConsumer, until: () => boolean): Promise<void> => {
    while (!until()) for (const { partition, offset } of await consumer.poll()) seen.add(`${partition}/${offset}`)
  }
  const isShared = () => first.assignment.get('shared')?.length === 2 && second.assignment.get('shared')?.length === 2
  await drain(first, () => seen.size === 100)
  await Promise.all([drain(first, isShared), drain(second, isShared)])
  const described = await admin.describeGroup('billing')
  assert.is(described.members.length, 2)
  const loops = [drain(first, () => isStopped), drain(second, () => isStopped)]
  await fill(client, 'shared', 100)
  while (seen.size < 200) await client.pause(5)
  isStopped = true
  await Promise.all(loops)
  await second.close()
  await drain(first, () => first.assignment.get('shared')?.length === 4)
  await first.close()
  const offsets = await admin.groupOffsets('billing')
  assert.is(
    offsets.reduce((sum, { committedOffset }) => sum + committedOffset, 0),
    200,
  )
  assert.ok(offsets.every(({ committedOffset, endOffset }) => committedOffset === endOffset))
  const groups = await admin.listGroups()
  assert.equal(
    groups.map(({ groupId, groupState }) => [groupId, groupState]),
    [['billing', 'Empty']],
  )
})

test('errors say what was tried, and what the broker said', async ({ client }) => {
  const admin = new Admin(client)
  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'none',
      (reason) => reason.message,
    )
  await admin.createTopic({ name: 'twice', partitions: 1 })
  assert.match(
    await reasonOf(admin.createTopic({ name: 'twice' })),
    /creating topic 'twice': TOPIC_ALREADY_EXISTS: Topic/,
  )
  assert.match(await reasonOf(admin.deleteTopic('missing')), /deleting topic 'missing': UNKNOWN_TOPIC_OR_PARTITION/)
  assert.is(await reasonOf(admin.describeTopic('missing')), "there is no topic 'missing'")
  assert.match(await reasonOf(admin.describeGroup('missing')), /group 'missing'/)
})

test.run()
