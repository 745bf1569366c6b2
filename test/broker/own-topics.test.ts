/** The broker's own topics stay as they were made. */

import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import kafkajs, { type Admin } from 'kafkajs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KafkaClient } from '../../src/client/client.ts'
import { batchCompression, eachBatch } from '../../src/wire/record-batch.ts'
import { startTestBroker } from './test-broker.ts'

const { Kafka, logLevel } = kafkajs

for (const [topic, name] of [
  ['__consumer_offsets', 'offsets.topic.num.partitions'],
  ['__transaction_state', 'transaction.state.log.num.partitions'],
] as const) {
  test(`${topic} keeps the number of partitions that it was made with, whatever ${name} says later`, async () => {
    const first = await startTestBroker({ owners: 0, fronts: 1, kafka: new Map([[name, '3']]) })
    await first.broker.stop()
    const second = await startTestBroker({ owners: 0, fronts: 1 }, { directory: first.directory })
    const client = new KafkaClient({ brokers: [second.address] })
    assert.is((await client.topic(topic)).leaders.length, 3)
    await client.close()
    await second.close()
    rmSync(first.directory, { recursive: true, force: true })
  })
}

test('offsets are kept in the codec of offsets.topic.compression.codec, and found again after a restart', async () => {
  const kafka = new Map([
    ['offsets.topic.compression.codec', '4'],
    ['offsets.topic.num.partitions', '1'],
    ['transaction.state.log.num.partitions', '1'],
  ])
  let broker = await startTestBroker({ owners: 0, fronts: 1, kafka })
  const commits = async (work: (admin: Admin) => Promise<unknown>): Promise<void> => {
    const admin = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await work(admin)
    await admin.disconnect()
  }
  const partitions = Array.from({ length: 20 }, (_, partition) => ({ partition, offset: '0' }))
  await commits(async (admin) => {
    await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: partitions.length }] })
    await admin.setOffsets({ groupId: 'readers', topic: 'orders', partitions })
  })
  broker = await broker.restart()
  await commits(async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId: 'readers', topics: ['orders'] })
    const known = found?.partitions.filter(({ offset }) => offset === '0') ?? []
    assert.is(known.length, partitions.length)
  })
  const log = readFileSync(join(broker.directory, '__consumer_offsets-0', '00000000000000000000.log'))
  const found: number[] = []
  eachBatch(log, (at) => found.push(batchCompression(log, at)))
  await broker.close()
  assert.ok(found.length > 0)
  assert.ok(found.every((codec) => codec === 4))
})

test.run()
