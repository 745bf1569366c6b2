/** Compacted topics of a whole broker: old values go while producers and consumers go on, also over restarts. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Admin } from '../../src/client/admin.ts'
import { offsetCommitCall, offsetFetchCall } from '../../src/client/calls.ts'
import type { KafkaClient } from '../../src/client/client.ts'
import type { BrokerConnection } from '../../src/client/connection.ts'
import { Producer } from '../../src/client/producer.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  makeOffsetCommitRequest,
  makeOffsetCommitRequestOffsetCommitRequestPartition as makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestOffsetCommitRequestTopic as makeOffsetCommitRequestTopic,
} from '../../src/wire/generated/offset-commit.ts'
import {
  makeOffsetFetchRequest,
  makeOffsetFetchRequestOffsetFetchRequestGroup as makeOffsetFetchRequestGroup,
  makeOffsetFetchRequestOffsetFetchRequestTopics as makeOffsetFetchRequestTopics,
} from '../../src/wire/generated/offset-fetch.ts'
import { openConnection } from './raw-requests.ts'
import { clientOf, createTopic, readPartition } from './records.ts'
import { shapes, startTestBroker, type TestBroker, until } from './test-broker.ts'

const topic = 'table'
const keys = 50

const kafka = new Map([
  ['offsets.topic.num.partitions', '1'],
  ['transaction.state.log.num.partitions', '1'],
  ['log.cleaner.backoff.ms', '20'],
  ['log.cleaner.io.buffer.size', '16384'],
])
const configs = {
  'cleanup.policy': 'compact',
  'internal.segment.bytes': '16384',
  'min.cleanable.dirty.ratio': '0.01',
}

/** Writes `count` values to keys in turn, from `start` on; a tombstone each now and then. */
async function write(client: KafkaClient, start: number, count: number): Promise<Map<string, string>> {
  const producer = new Producer({ client, batchBytes: 2_000 })
  const written = new Map<string, string>()
  const sent = Array.from({ length: count }, (_, place) => {
    const index = start + place
    const key = `key ${(index * 7) % keys}`
    const value = index % 11 === 0 ? null : `value ${index} ${'v'.repeat(index % 100)}`
    if (value === null) written.delete(key)
    else written.set(key, value)
    return producer.send({
      topic,
      partition: 0,
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    })
  })
  await Promise.all(sent)
  await producer.close()
  return written
}

async function readTable(client: KafkaClient): Promise<{ table: Map<string, string>; records: number; end: number }> {
  const records = await readPartition(client, topic, 0)
  const table = new Map<string, string>()
  let last = -1
  for (const { key, value, offset } of records) {
    assert.ok(offset > last, 'offsets go up')
    last = offset
    if (value === null) table.delete(String(key))
    else table.set(String(key), String(value))
  }
  return { table, records: records.length, end: last + 1 }
}

const sorted = (table: ReadonlyMap<string, string>): [string, string][] => [...table].sort()

for (const { name, owners, fronts } of shapes) {
  for (const storage of owners === 1 ? (['local', 'memory'] as const) : (['local'] as const)) {
    const test = suite<{ broker: TestBroker; client: KafkaClient }>(`compaction, ${name}, ${storage} storage`)

    test.before.each(async (context) => {
      context.broker = await startTestBroker({ owners, fronts, storage, kafka, memoryBytesMax: 32 << 20 })
      context.client = clientOf(context.broker.address)
    })
    test.after.each(async ({ broker, client }) => {
      await client.close()
      await broker.close()
    })

    test('old values go, the latest stay, and both ends go on meanwhile', async ({ broker, client }) => {
      await createTopic(broker.address, { name: topic, partitions: 1, configs })
      const written = new Map<string, string>()
      for (let start = 0; start < 4_000; start += 1_000) {
        for (const key of Array.from({ length: keys }, (_, index) => `key ${index}`)) written.delete(key)
        for (const [key, value] of await write(client, start, 1_000)) written.set(key, value)
        const { table, end } = await readTable(client)
        assert.equal(sorted(table), sorted(written))
        assert.is(end, start + 1_000)
      }
      await until('the log is compacted', async () => (await readTable(client)).records < 800)
      const { table, end } = await readTable(client)
      assert.equal(sorted(table), sorted(written))
      assert.is(end, 4_000)
    })

    test('a topic that is being compacted can be deleted and made again', async ({ broker, client }) => {
      const admin = new Admin(client)
      for (let round = 0; round < 2; round++) {
        await createTopic(broker.address, { name: topic, partitions: 1, configs })
        const written = await write(client, round * 1_500, 1_500)
        const { table, end } = await readTable(client)
        assert.equal(sorted(table), sorted(written))
        assert.is(end, 1_500)
        await admin.deleteTopic(topic)
      }
    })

    test.run()
  }
}

const restarts = suite('compaction over restarts')

restarts('what was cleaned is remembered, in the file that Kafka has for it', async () => {
  const first = await startTestBroker({ owners: 1, kafka })
  let broker = first
  try {
    await createTopic(broker.address, { name: topic, partitions: 1, configs })
    let client = clientOf(broker.address)
    const written = await write(client, 0, 2_000)
    const checkpoint = join(broker.directory, 'cleaner-offset-checkpoint')
    const cleanedEnd = (): number => {
      const text = existsSync(checkpoint) ? readFileSync(checkpoint, 'utf8') : ''
      return Number(/^0\n\d+\n(?:.*\n)*?table 0 (\d+)\n/.exec(text)?.[1] ?? -1)
    }
    await until('a cleaning ended', () => cleanedEnd() > 1_000)
    await client.close()
    const end = cleanedEnd()
    broker = await broker.restart()
    client = clientOf(broker.address)
    const { table } = await readTable(client)
    assert.equal(sorted(table), sorted(written))
    assert.is(cleanedEnd(), end)
    const folder = join(broker.directory, `${topic}-0`)
    const segments = readdirSync(folder).filter((file) => file.endsWith('.log'))
    const bytes = segments.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)
    assert.ok(bytes < 100_000, `${bytes} bytes are left`)
    await client.close()
  } finally {
    await broker.close()
  }
})

restarts('what groups committed over and over is compacted, and found again', async () => {
  const ratio = ['log.cleaner.min.cleanable.ratio', '0.01'] as const
  const sizes = ['offsets.topic.segment.bytes', '1048576'] as const
  let broker = await startTestBroker({
    owners: 1,
    kafka: new Map([...kafka, ratio, sizes]),
  })
  try {
    await createTopic(broker.address, { name: topic, partitions: 1 })
    let connection = await openConnection(broker.address)
    const commits = Array.from({ length: 450 }, (_, offset) => commitOffset(connection, `group ${offset % 3}`, offset))
    for (const errorCode of await Promise.all(commits)) assert.is(errorCode, ErrorCode.NONE)
    const first = join(broker.directory, '__consumer_offsets-0', `${'0'.repeat(20)}.log`)
    const bytes = (): number => statSync(first, { throwIfNoEntry: false })?.size ?? Number.POSITIVE_INFINITY
    await until('the commits are compacted', () => bytes() < 50_000)
    connection.close()
    broker = await broker.restart()
    connection = await openConnection(broker.address)
    for (const group of [0, 1, 2]) assert.is(await committedOffset(connection, `group ${group}`), 447 + group)
    connection.close()
  } finally {
    await broker.close()
  }
})

/** Commits an offset as a client without a group does, with a long note. */
async function commitOffset(connection: BrokerConnection, groupId: string, offset: number): Promise<number> {
  const partition = makeOffsetCommitRequestPartition({
    partitionIndex: 0,
    committedOffset: offset,
    committedMetadata: 'm'.repeat(4_000),
  })
  const request = makeOffsetCommitRequest({
    groupId,
    generationIdOrMemberEpoch: -1,
    topics: [makeOffsetCommitRequestTopic({ name: topic, partitions: [partition] })],
  })
  const response = await connection.send(offsetCommitCall, request, { version: 8 })
  return response.topics[0]?.partitions[0]?.errorCode ?? -1
}

async function committedOffset(connection: BrokerConnection, groupId: string): Promise<number> {
  const group = makeOffsetFetchRequestGroup({
    groupId,
    topics: [makeOffsetFetchRequestTopics({ name: topic, partitionIndexes: [0] })],
  })
  const request = makeOffsetFetchRequest({ groups: [group] })
  const response = await connection.send(offsetFetchCall, request, { version: 8 })
  return response.groups[0]?.topics[0]?.partitions[0]?.committedOffset ?? -1
}

restarts.run()
