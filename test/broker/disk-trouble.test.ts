/** A whole broker whose disk is full, or gone in part: what cannot be stored is refused and retried, and all of it comes back. */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lineLogger, silentLogger } from '../../src/base/logger.ts'
import { Admin } from '../../src/client/admin.ts'
import { deleteRecordsCall, fetchCall, offsetCommitCall } from '../../src/client/calls.ts'
import type { KafkaClient } from '../../src/client/client.ts'
import { KafkaError } from '../../src/client/errors.ts'
import { fetchCommitted } from '../../src/client/group-member.ts'
import { Producer } from '../../src/client/producer.ts'
import {
  makeDeleteRecordsRequest,
  makeDeleteRecordsRequestDeleteRecordsPartition,
  makeDeleteRecordsRequestDeleteRecordsTopic,
} from '../../src/wire/generated/delete-records.ts'
import { ErrorCode, isRetriable } from '../../src/wire/generated/errors.ts'
import {
  makeFetchRequest,
  makeFetchRequestFetchPartition,
  makeFetchRequestFetchTopic,
} from '../../src/wire/generated/fetch.ts'
import {
  makeOffsetCommitRequest,
  makeOffsetCommitRequestOffsetCommitRequestPartition,
  makeOffsetCommitRequestOffsetCommitRequestTopic,
} from '../../src/wire/generated/offset-commit.ts'
import { fillDisk } from './full-disk.ts'
import { clientOf, createTopic, readPartition, sendValues, valuesOf, withClient } from './records.ts'
import { shapes, startTestBroker, until } from './test-broker.ts'

const { Kafka, logLevel, Partitioners } = kafkajs
const topic = 'kept'
const fewLogs = new Map([
  ['offsets.topic.num.partitions', '1'],
  ['transaction.state.log.num.partitions', '1'],
])

/** The error code of one attempt without a retry. */
async function errorOfSend(address: string, partition: number): Promise<number> {
  const client = clientOf(address, 0)
  const producer = new Producer({ client })
  try {
    await producer.send({ topic, partition, value: Buffer.from('late') })
    return ErrorCode.NONE
  } catch (thrown) {
    return thrown instanceof KafkaError ? thrown.errorCode : -1
  } finally {
    await producer.close().catch(() => undefined)
    await client.close()
  }
}

test('kafkajs produces and commits through a time of full disk, and all that was acknowledged is there', async () => {
  const broker = await startTestBroker({ owners: 0, kafka: fewLogs }, { parts: { logger: silentLogger } })
  const kafka = new Kafka({
    brokers: [broker.address],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 300, retries: 60 },
  })
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  try {
    await createTopic(broker.address, { name: topic, partitions: 3 })
    await producer.connect()
    const acknowledged: string[] = []
    let isOver = false
    const sending = (async () => {
      for (let sent = 0; !isOver; sent++) {
        const messages = [0, 1, 2].map((partition) => ({ partition, value: `${partition}/${sent}` }))
        await producer.send({ topic, acks: -1, messages })
        acknowledged.push(...messages.map(({ value }) => value))
      }
    })()
    const committing = commitOn(broker.address, () => isOver)
    await until('some are sent', () => acknowledged.length > 60)
    const disk = fillDisk()
    const before = acknowledged.length
    await until('all partitions are offline', async () => (await offlineCount(broker.address)) === 3)
    assert.ok(acknowledged.length <= before + 3, 'nothing is acknowledged that has no room')
    await withClient(broker.address, async (client) => {
      await assertRefused(new Admin(client).createTopic({ name: 'more', partitions: 1 }))
    })
    disk.free()
    await until('they are back', () => acknowledged.length > before + 60)
    isOver = true
    const [, { committed, refusals }] = await Promise.all([sending, committing])
    assert.ok(refusals.size > 0, 'commits were refused meanwhile')
    for (const errorCode of refusals) assert.ok(isRetriable(errorCode), `commits were refused with ${errorCode}`)
    const told = await withClient(broker.address, (client) => fetchCommitted(client, 'g', null))
    assert.equal(
      told.map(({ offset }) => offset),
      [committed],
    )
    const found = new Set<string>()
    await withClient(broker.address, async (client) => {
      for (const partition of [0, 1, 2]) {
        for (const value of valuesOf(await readPartition(client, topic, partition))) found.add(value)
      }
    })
    assert.equal(
      acknowledged.filter((value) => !found.has(value)),
      [],
    )
    await createTopic(broker.address, { name: 'more', partitions: 1 })
  } finally {
    await producer.disconnect()
    await broker.close()
  }
})

/** Commits one offset after the other, without retries; answers the last one that was acknowledged. */
async function commitOn(address: string, isOver: () => boolean): Promise<{ committed: number; refusals: Set<number> }> {
  const refusals = new Set<number>()
  let committed = -1
  await withClient(address, async (client) => {
    for (let offset = 0; !isOver(); offset++) {
      const partitions = [
        makeOffsetCommitRequestOffsetCommitRequestPartition({ partitionIndex: 0, committedOffset: offset }),
      ]
      const topics = [makeOffsetCommitRequestOffsetCommitRequestTopic({ name: topic, partitions })]
      const response = await client.callAny(offsetCommitCall, makeOffsetCommitRequest({ groupId: 'g', topics }))
      const errorCode = response.topics[0]?.partitions[0]?.errorCode ?? -1
      if (errorCode === ErrorCode.NONE) committed = offset
      else refusals.add(errorCode)
    }
  })
  return { committed, refusals }
}

/** With a metadata log that takes nothing, no topic is made: clients are told to look for the controller again. */
async function assertRefused(creating: Promise<void>): Promise<void> {
  const outcome = await creating.then(
    () => 'created',
    (thrown: unknown) => String(thrown),
  )
  assert.match(outcome, /NOT_CONTROLLER|TIMED_OUT/i)
}

async function offlineCount(address: string): Promise<number> {
  return withClient(address, async (client) => {
    const errorCodes = await Promise.all([0, 1, 2].map((partition) => errorOfSend(address, partition)))
    await client.topic(topic)
    return errorCodes.filter((errorCode) => errorCode === ErrorCode.KAFKA_STORAGE_ERROR).length
  })
}

for (const { name, owners, fronts } of [shapes[0], shapes[2]]) {
  test(`a folder that vanishes is one partition's trouble until it returns: ${name}`, async () => {
    const broker = await startTestBroker({ owners, fronts, kafka: fewLogs }, { parts: { logger: silentLogger } })
    const folder = join(broker.directory, `${topic}-0`)
    try {
      await createTopic(broker.address, { name: topic, partitions: 2 })
      await withClient(broker.address, async (client) => {
        assert.equal(await sendValues(client, { topic, partition: 0, values: ['a', 'b'] }), [0, 1])
        assert.equal(await sendValues(client, { topic, partition: 1, values: ['c'] }), [0])
        renameSync(folder, `${folder}.aside`)
        await until(
          'it is offline',
          async () => (await errorOfSend(broker.address, 0)) === ErrorCode.KAFKA_STORAGE_ERROR,
        )
        assert.equal(await sendValues(client, { topic, partition: 1, values: ['d'] }), [1])
        assert.equal(valuesOf(await readPartition(client, topic, 1)), ['c', 'd'])
        renameSync(`${folder}.aside`, folder)
        await sendValues(client, { topic, partition: 0, values: ['e'] })
        const values = valuesOf(await readPartition(client, topic, 0))
        assert.equal([...values.slice(0, 2), values.at(-1)], ['a', 'b', 'e'])
      })
    } finally {
      await broker.close()
    }
  })
}

test('a batch that rots on the disk is refused, what lies before and behind it is served, and can be reached', async () => {
  let broker = await startTestBroker({ owners: 0, kafka: fewLogs })
  const { directory, port, address } = broker
  const lines: string[] = []
  const options = { directory, port, parts: { logger: lineLogger('error', (line) => lines.push(line)) } }
  try {
    await createTopic(address, { name: topic, partitions: 1 })
    await withClient(address, async (client) => {
      for (const value of ['first', 'second', 'third'])
        await sendValues(client, { topic, partition: 0, values: [value] })
    })
    await broker.broker.stop()
    const path = join(directory, `${topic}-0`, '00000000000000000000.log')
    const bytes = readFileSync(path)
    bytes.write('S', bytes.indexOf('second'))
    writeFileSync(path, bytes)
    broker = await startTestBroker({ owners: 0, kafka: fewLogs }, options)
    await withClient(address, async (client) => {
      assert.equal(await fetchAt(client, 0), { errorCode: ErrorCode.NONE, text: ['first'] })
      for (let round = 0; round < 3; round++) {
        assert.equal(await fetchAt(client, 1), { errorCode: ErrorCode.CORRUPT_MESSAGE, text: [] })
      }
      assert.equal(await fetchAt(client, 2), { errorCode: ErrorCode.NONE, text: ['third'] })
      assert.equal(await sendValues(client, { topic, partition: 0, values: ['fourth'] }), [3])
      const partitions = [makeDeleteRecordsRequestDeleteRecordsPartition({ partitionIndex: 0, offset: 2 })]
      const topics = [makeDeleteRecordsRequestDeleteRecordsTopic({ name: topic, partitions })]
      await client.callAny(deleteRecordsCall, makeDeleteRecordsRequest({ topics }))
      assert.equal(valuesOf(await readPartition(client, topic, 0)), ['third', 'fourth'])
    })
    assert.is(lines.filter((line) => line.includes('records cannot be read')).length, 1, 'it is said once')
    assert.match(lines.join(), /partition=0 offset=1 reason=0+\.log at byte \d+: a batch fails its checksum/)
  } finally {
    await broker.close()
  }
})

/** What a fetch at an offset answers: which of the values that the test sends are in it. */
async function fetchAt(client: KafkaClient, fetchOffset: number): Promise<{ errorCode: number; text: string[] }> {
  const { id: topicId } = await client.topic(topic)
  const partitions = [makeFetchRequestFetchPartition({ partition: 0, fetchOffset, partitionMaxBytes: 1 })]
  const topics = [makeFetchRequestFetchTopic({ topic, topicId, partitions })]
  const response = await client.callAny(fetchCall, makeFetchRequest({ maxBytes: 1 << 20, topics }))
  const answer = response.responses[0]?.partitions[0]
  const records = answer?.records?.toString('latin1') ?? ''
  const text = ['first', 'second', 'Second', 'third'].filter((value) => records.includes(value))
  return { errorCode: answer?.errorCode ?? -1, text }
}

test('a broker starts although the log of its groups cannot be read, and serves them once it can', async () => {
  let broker = await startTestBroker({ owners: 0, kafka: fewLogs })
  const changes = { owners: 0, kafka: fewLogs }
  const { directory, port } = broker
  const folder = join(directory, '__consumer_offsets-0')
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING, retry: { retries: 1 } })
  const admin = kafka.admin()
  try {
    await createTopic(broker.address, { name: topic, partitions: 1 })
    await admin.connect()
    await admin.setOffsets({ groupId: 'g', topic, partitions: [{ partition: 0, offset: '3' }] })
    await broker.broker.stop()
    renameSync(folder, join(directory, 'aside'))
    writeFileSync(folder, 'a file where a folder should be')
    broker = await startTestBroker(changes, { directory, port, parts: { logger: silentLogger } })
    await withClient(broker.address, async (client) => {
      assert.equal(await sendValues(client, { topic, partition: 0, values: ['a'] }), [0])
    })
    const early = await admin.fetchOffsets({ groupId: 'g', topics: [topic] }).then(
      () => 'told',
      (thrown: unknown) => String(thrown),
    )
    assert.match(early, /loading|coordinator/i)
    rmSync(folder)
    renameSync(join(directory, 'aside'), folder)
    const offsetOf = async (): Promise<string | undefined> => {
      const told = await admin.fetchOffsets({ groupId: 'g', topics: [topic] }).catch(() => [])
      return told[0]?.partitions[0]?.offset
    }
    await until('the groups are back', async () => (await offsetOf()) === '3')
  } finally {
    await admin.disconnect()
    await broker.close()
  }
})

test('a data folder that is gone keeps no broker from stopping', async () => {
  const broker = await startTestBroker({ owners: 0, kafka: fewLogs }, { parts: { logger: silentLogger } })
  await createTopic(broker.address, { name: topic, partitions: 1 })
  await withClient(broker.address, (client) => sendValues(client, { topic, partition: 0, values: ['a'] }))
  renameSync(broker.directory, `${broker.directory}.aside`)
  mkdirSync(broker.directory)
  await broker.broker.stop()
  rmSync(`${broker.directory}.aside`, { recursive: true })
  await broker.close()
})

test.run()
