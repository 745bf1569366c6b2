/** Transactions in a log that is compacted all the time: careful readers never see what was aborted, and at last all that was not. */

import kafkajs, { type Producer } from 'kafkajs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { silentLogger } from '../../src/base/logger.ts'
import { fetchCall } from '../../src/client/calls.ts'
import type { BrokerConnection } from '../../src/client/connection.ts'
import { makeFetchRequest, makeFetchRequestFetchPartition } from '../../src/wire/generated/fetch.ts'
import {
  batchIsControl,
  batchLastOffset,
  batchProducerId,
  eachBatch,
  readRecords,
} from '../../src/wire/record-batch.ts'
import { readMarker } from '../../src/wire/transaction-marker.ts'
import { openConnection } from './raw-requests.ts'
import { createTopic } from './records.ts'
import { startTestBroker } from './test-broker.ts'

const { Kafka, logLevel } = kafkajs
const topic = 'ledger'
const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 2_000)
/** How long a busy machine may take to compact something at last. */
const waitMs = 10_000

const kafka = new Map([
  ['log.cleaner.backoff.ms', '10'],
  ['offsets.topic.num.partitions', '1'],
  ['transaction.state.log.num.partitions', '1'],
])
const configs = {
  'cleanup.policy': 'compact',
  'internal.segment.bytes': '8192',
  'min.cleanable.dirty.ratio': '0.01',
  'delete.retention.ms': '100',
}

/** Transactions of five records each, every other one aborted, until told to stop; answers what each key was last set to. */
async function write(producer: Producer, name: string, isOver: () => boolean): Promise<Map<string, string>> {
  const table = new Map<string, string>()
  for (let round = 0; !isOver() || round < 10; round++) {
    const word = round % 2 === 0 ? 'good' : 'aborted'
    const messages = Array.from({ length: 5 }, (_, place) => ({
      key: `${name} ${(round * 5 + place) % 15}`,
      value: `${word} ${round} ${'x'.repeat(200)}`,
    }))
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages })
    if (word === 'aborted') await transaction.abort()
    else {
      await transaction.commit()
      for (const { key, value } of messages) table.set(key, value)
    }
  }
  return table
}

/** Reads the log once as Kafka's own consumer does with read_committed. */
async function readCommitted(connection: BrokerConnection): Promise<Map<string, string>> {
  const table = new Map<string, string>()
  for (let offset = 0; ; ) {
    const place = { partition: 0, fetchOffset: offset, currentLeaderEpoch: -1, partitionMaxBytes: 20_000 }
    const partitions = [makeFetchRequestFetchPartition(place)]
    const topics = [{ topic, topicId: Buffer.alloc(16), partitions }]
    const request = makeFetchRequest({ minBytes: 1, maxBytes: 20_000, isolationLevel: 1, sessionEpoch: -1, topics })
    const response = await connection.send(fetchCall, request, { version: 12 })
    const answer = response.responses[0]?.partitions[0]
    assert.is(answer?.errorCode, 0)
    const bytes = answer?.records ?? Buffer.alloc(0)
    if (bytes.length === 0) return table
    const starts = [...(answer?.abortedTransactions ?? [])].sort((one, other) => one.firstOffset - other.firstOffset)
    const aborted = new Set<number>()
    eachBatch(bytes, (at) => {
      while ((starts[0]?.firstOffset ?? Number.POSITIVE_INFINITY) <= batchLastOffset(bytes, at)) {
        aborted.add(starts.shift()?.producerId ?? -1)
      }
      const producerId = batchProducerId(bytes, at)
      if (batchIsControl(bytes, at)) {
        if (readMarker(bytes, at)?.isCommit === false) aborted.delete(producerId)
      } else if (!aborted.has(producerId)) {
        for (const { key, value } of readRecords(bytes, at)) table.set(String(key), String(value))
      }
      offset = Math.max(offset, batchLastOffset(bytes, at) + 1)
    })
  }
}

test('readers see no aborted record however often the log is compacted under them', async () => {
  let cleanings = 0
  const info = (message: string, fields?: object): void => {
    if (message === 'compacted a log' && Object.values(fields ?? {}).includes(`${topic}-0`)) cleanings++
  }
  const broker = await startTestBroker(
    { owners: 2, fronts: 2, kafka },
    { parts: { logger: { ...silentLogger, info } } },
  )
  await createTopic(broker.address, { name: topic, partitions: 1, configs })
  const client = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  const names = ['first', 'second']
  const producers = names.map((name) =>
    client.producer({ transactionalId: name, idempotent: true, maxInFlightRequests: 1 }),
  )
  await Promise.all(producers.map((producer) => producer.connect()))
  const connection = await openConnection(broker.address)
  try {
    const until = Date.now() + budgetMs
    const writing = Promise.all(
      producers.map((producer, index) => write(producer, names[index] ?? '', () => Date.now() > until)),
    )
    let reads = 0
    for (let isOver = false; !isOver; reads++) {
      for (const value of (await readCommitted(connection)).values()) assert.ok(value.startsWith('good'), value)
      isOver = Date.now() > until && (cleanings > 0 || Date.now() > until + waitMs)
    }
    assert.ok(cleanings > 0, 'the log was compacted meanwhile')
    const expected = (await writing).flatMap((table) => [...table])
    assert.equal([...(await readCommitted(connection))].sort(), expected.sort())
    console.log(`${reads} reads beside ${cleanings} cleanings`)
  } finally {
    connection.close()
    await Promise.all(producers.map((producer) => producer.disconnect()))
    await broker.close()
  }
})

test.run()
