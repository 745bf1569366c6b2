/** The client's transactions, by both versions of the protocol, and its readers of committed records, against a whole broker. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Admin } from '../../src/client/admin.ts'
import { KafkaClient } from '../../src/client/client.ts'
import { Consumer } from '../../src/client/consumer.ts'
import { fetchCommitted } from '../../src/client/group-member.ts'
import { TransactionalProducer } from '../../src/client/transactional-producer.ts'
import type { RecordInput } from '../../src/wire/record-batch.ts'
import { startTestBroker, type TestBroker } from '../broker/test-broker.ts'

type Context = { broker: TestBroker; client: KafkaClient }
const test = suite<Context>('transactions of the client', {
  broker: undefined,
  client: undefined,
} as unknown as Context)

test.before(async (context) => {
  context.broker = await startTestBroker({ owners: 0 })
  context.client = new KafkaClient({ brokers: [context.broker.address], retryBackoffMs: 5 })
})
test.after(async (context) => {
  await context.client.close()
  await context.broker.close()
})

function records(...values: readonly string[]): RecordInput[] {
  return values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: 1_700_000_000_000 }))
}

async function read(client: KafkaClient, topic: string, isolation: 'committed' | 'uncommitted'): Promise<string[]> {
  const consumer = new Consumer({ client, isolation, maxWaitMs: 0 })
  await consumer.assign([{ topic, partition: 0, offset: 'beginning' }])
  const values: string[] = []
  do values.push(...(await consumer.poll()).map(({ value }) => `${value}`))
  while (!consumer.isAtEnd)
  return values
}

for (const protocol of [1, 2] as const) {
  test(`protocol ${protocol}: what is committed can be read, what is aborted or open can not`, async ({ client }) => {
    const topic = `seen-${protocol}`
    await new Admin(client).createTopic({ name: topic, partitions: 1 })
    const producer = new TransactionalProducer({ client, transactionalId: topic, protocol })
    await producer.init()
    assert.is(await producer.send(topic, 0, records('a', 'b')), 0)
    assert.equal(await read(client, topic, 'committed'), [])
    await producer.end(true)
    assert.is(await producer.send(topic, 0, records('c')), 3)
    await producer.end(false)
    assert.is(await producer.send(topic, 0, records('d')), 5)
    assert.is(await producer.send(topic, 0, records('e')), 6)
    await producer.end(true)
    await producer.send(topic, 0, records('open'))
    assert.equal(await read(client, topic, 'committed'), ['a', 'b', 'd', 'e'])
    assert.equal(await read(client, topic, 'uncommitted'), ['a', 'b', 'c', 'd', 'e', 'open'])
  })

  test(`protocol ${protocol}: offsets count with their transaction, or not at all`, async ({ client }) => {
    const topic = `offsets-${protocol}`
    await new Admin(client).createTopic({ name: topic, partitions: 2 })
    const producer = new TransactionalProducer({ client, transactionalId: topic, protocol })
    await producer.init()
    const committed = async (): Promise<(readonly [number, number])[]> => {
      const positions = await fetchCommitted(client, topic, new Map([[topic, [0, 1]]]), true)
      return positions.map(({ partition, offset }) => [partition, offset] as const)
    }
    await producer.sendOffsets(topic, [
      { topic, partition: 0, offset: 5 },
      { topic, partition: 1, offset: 7 },
    ])
    await producer.end(true)
    assert.equal(await committed(), [
      [0, 5],
      [1, 7],
    ])
    await producer.sendOffsets(topic, [{ topic, partition: 0, offset: 9 }])
    await producer.end(false)
    assert.equal(await committed(), [
      [0, 5],
      [1, 7],
    ])
  })

  test(`protocol ${protocol}: who takes an id over aborts what was open, and its former user is refused`, async ({
    client,
  }) => {
    const topic = `fenced-${protocol}`
    await new Admin(client).createTopic({ name: topic, partitions: 1 })
    const [first, second] = [1, 2].map(() => new TransactionalProducer({ client, transactionalId: topic, protocol }))
    await first?.init()
    await first?.send(topic, 0, records('left open'))
    await second?.init()
    const refusal = await first?.end(true).catch((thrown: unknown) => thrown)
    assert.match(String(refusal), /INVALID_PRODUCER_EPOCH|PRODUCER_FENCED/)
    await second?.send(topic, 0, records('taken over'))
    await second?.end(true)
    assert.equal(await read(client, topic, 'committed'), ['taken over'])
  })
}

test.run()
