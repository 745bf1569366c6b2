/** The producer: batches, order through retries, bounds, errors. Against a broker of a few lines. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KafkaClient } from '../../src/client/client.ts'
import { Producer } from '../../src/client/producer.ts'
import { RecordQueue } from '../../src/client/record-queue.ts'
import { ApiKey } from '../../src/wire/generated/api-keys.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { decodeProduceRequest, encodeProduceResponse, makeProduceResponse } from '../../src/wire/generated/produce.ts'
import { readRecords } from '../../src/wire/record-batch.ts'
import { FakeBroker, type Received } from './fake-broker.ts'

type Context = { broker: FakeBroker; client: KafkaClient }
const test = suite<Context>('producer', { broker: undefined, client: undefined } as unknown as Context)

test.before.each(async (context) => {
  context.broker = await FakeBroker.start()
  context.client = new KafkaClient({ brokers: [context.broker.address] })
})
test.after.each(async (context) => {
  await context.client.close()
  await context.broker.close()
})

/** Answers Metadata, and Produce with the code that `codeOf` gives the n-th request; keeps the values it was sent. */
function serve(broker: FakeBroker, codeOf: (request: number) => number, partitions = 1): string[][] {
  const batches: string[][] = []
  let end = 0
  broker.respond = (received: Received) => {
    if (received.header.apiKey === ApiKey.Metadata) return broker.answerMetadata(received, 'orders', partitions)
    const { topicData } = decodeProduceRequest(received.reader, received.header.apiVersion)
    const data = topicData[0]?.partitionData[0]
    const values = data?.records === undefined || data.records === null ? [] : readRecords(data.records, 0)
    const errorCode = codeOf(batches.length)
    batches.push(values.map(({ value }) => String(value)))
    const baseOffset = errorCode === 0 ? end : -1
    if (errorCode === 0) end += values.length
    const partitionResponse = {
      index: data?.index ?? 0,
      errorCode,
      baseOffset,
      logAppendTimeMs: -1,
      logStartOffset: 0,
      recordErrors: [],
      errorMessage: null,
      currentLeader: { leaderId: -1, leaderEpoch: -1 },
    }
    const response = makeProduceResponse({
      responses: [{ name: 'orders', topicId: Buffer.alloc(16), partitionResponses: [partitionResponse] }],
    })
    received.answer((writer, version) => encodeProduceResponse(writer, response, version))
  }
  return batches
}
const value = (text: string | number) => ({ topic: 'orders', value: Buffer.from(String(text)) })

test('records sent in one turn share a batch, and each learns its offset', async ({ broker, client }) => {
  const batches = serve(broker, () => 0)
  const producer = new Producer({ client })
  const sent = await Promise.all([1, 2, 3].map((text) => producer.send(value(text))))
  assert.equal(batches, [['1', '2', '3']])
  assert.equal(
    sent.map(({ offset }) => offset),
    [0, 1, 2],
  )
  assert.is(broker.requests.filter(({ apiKey }) => apiKey === ApiKey.Metadata).length, 1)
})

test('a retriable error is tried again, and nothing overtakes', async ({ broker, client }) => {
  const batches = serve(broker, (request) => (request < 2 ? ErrorCode.NOT_LEADER_OR_FOLLOWER : 0))
  const producer = new Producer({ client, batchBytes: 1 })
  const sent = await Promise.all([1, 2].map((text) => producer.send(value(text))))
  assert.equal(batches, [['1'], ['1'], ['1'], ['2']])
  assert.equal(
    sent.map(({ offset }) => offset),
    [0, 1],
  )
})

test('an error that retrying does not mend is told to those in the batch only', async ({ broker, client }) => {
  serve(broker, (request) => (request === 0 ? ErrorCode.MESSAGE_TOO_LARGE : 0))
  const producer = new Producer({ client, batchBytes: 1 })
  const [first, second] = await Promise.allSettled([1, 2].map((text) => producer.send(value(text))))
  assert.is(first?.status, 'rejected')
  assert.match(first?.status === 'rejected' ? first.reason.message : '', 'producing to orders-0: MESSAGE_TOO_LARGE')
  assert.is(second?.status, 'fulfilled')
})

test('a full buffer makes senders wait, in order, and never loses one', async ({ broker, client }) => {
  const batches = serve(broker, () => 0)
  const producer = new Producer({ client, bufferBytesMax: 100, batchBytes: 60 })
  const texts = Array.from({ length: 50 }, (_, index) => String(index).padEnd(1 + ((index * 7) % 40), '.'))
  await Promise.all(texts.map((text) => producer.send(value(text))))
  assert.equal(batches.flat(), texts)
  await producer.flush()
})

test('a record larger than the buffer goes alone', async ({ broker, client }) => {
  const batches = serve(broker, () => 0)
  const producer = new Producer({ client, bufferBytesMax: 10 })
  await producer.send(value('x'.repeat(1_000)))
  assert.is(batches.length, 1)
})

test('keyless records go to the partitions in turn', async ({ broker, client }) => {
  serve(broker, () => 0, 3)
  const producer = new Producer({ client })
  const sent = await Promise.all([1, 2, 3, 4, 5, 6].map((text) => producer.send(value(text))))
  assert.equal(
    sent.map(({ partition }) => partition),
    [0, 1, 2, 0, 1, 2],
  )
})

test('a partition that is not there is an error, and so is sending after close', async ({ broker, client }) => {
  serve(broker, () => 0)
  const producer = new Producer({ client })
  const reasonOf = (promise: Promise<unknown>) => promise.then(String, (reason) => reason.message)
  assert.match(await reasonOf(producer.send({ ...value(1), partition: 5 })), "topic 'orders' has no partition 5")
  await producer.close()
  assert.match(await reasonOf(producer.send(value(1))), 'the producer is closed')
})

test('the queue cuts batches by size, one record at least', () => {
  const queue = new RecordQueue()
  const entry = (sizeBytes: number) => ({
    record: { key: null, value: null, timestampMs: 0 },
    sizeBytes,
    resolve: () => {},
    reject: () => {},
  })
  for (const sizeBytes of [5, 5, 50, 5]) queue.push(entry(sizeBytes))
  const sizes = () => queue.take(10).map(({ sizeBytes }) => sizeBytes)
  assert.equal([sizes(), sizes(), sizes(), sizes()], [[5, 5], [50], [5], []])
  assert.is(queue.sizeBytes, 0)
  assert.is(queue.isEmpty, true)
})

test.run()
