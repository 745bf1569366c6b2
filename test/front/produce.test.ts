/** Produce through a front with a real owner: answers, waiting for room, failures, and connections that die. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topicIdBytes } from '../../src/base/ids.ts'
import { PartitionState } from '../../src/ring/table.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { Collapsed } from './collapsed.ts'
import { requestFrame } from './fake-duplex.ts'
import {
  batchOf,
  produceCodec,
  produceOf,
  produceValues,
  sendFetch,
  sendProduce,
  slotOf,
  takeFetched,
  takeProduced,
} from './requests.ts'

test('each partition of a produce gets its own answer, in the order of the request', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t', 2)
  const internal = await broker.createTopic('__consumer_offsets', 1, true)
  const client = broker.connect()
  const noId = Buffer.alloc(16)
  const batch = batchOf(['x'])
  const transactional = buildBatch({
    records: [{ key: null, value: Buffer.from('x'), headers: [], timestampMs: 1 }],
    isTransactional: true,
    producerId: 1,
    producerEpoch: 0,
    baseSequence: 0,
  })
  const broken = Buffer.from(batch)
  broken.writeUInt8(broken.readUInt8(broken.length - 1) ^ 1, broken.length - 1)
  const request = makeProduceRequest({
    acks: 1,
    timeoutMs: 30_000,
    topicData: [
      { name: 'nowhere', topicId: noId, partitionData: [{ index: 0, records: batch }] },
      {
        name: topic.name,
        topicId: noId,
        partitionData: [
          { index: 1, records: batch },
          { index: 9, records: batch },
          { index: 0, records: broken },
          { index: 0, records: null },
          { index: 0, records: Buffer.concat([batch, batch]) },
          { index: 0, records: transactional },
        ],
      },
      { name: internal.name, topicId: noId, partitionData: [{ index: 0, records: batch }] },
    ],
  })
  sendProduce(client, request)
  await broker.settle()
  const { responses } = client.take(produceCodec, 9).response
  assert.equal(
    responses.map(({ name, partitionResponses }) => [
      name,
      partitionResponses.map(({ index, errorCode }) => [index, errorCode]),
    ]),
    [
      ['nowhere', [[0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]]],
      [
        't',
        [
          [1, ErrorCode.NONE],
          [9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
          [0, ErrorCode.CORRUPT_MESSAGE],
          [0, ErrorCode.INVALID_RECORD],
          [0, ErrorCode.INVALID_RECORD],
          [0, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED],
        ],
      ],
      ['__consumer_offsets', [[0, ErrorCode.INVALID_TOPIC_EXCEPTION]]],
    ],
  )
})

test('an unknown topic id, strange acks and a batch over the limit get their own errors', async () => {
  const broker = new Collapsed({ maxMessageBytes: 200 })
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  const stranger = { ...topic, id: 'f'.repeat(32) }
  client.send(requestFrame(produceCodec, produceOf(stranger, 0, batchOf(['x'])), { version: 13 }))
  const answer = client.take(produceCodec, 13).response.responses[0]
  assert.is(answer?.partitionResponses[0]?.errorCode, ErrorCode.UNKNOWN_TOPIC_ID)
  assert.ok(answer?.topicId.equals(topicIdBytes(stranger.id)))
  sendProduce(client, produceOf(topic, 0, batchOf(['x']), 2))
  assert.is(takeProduced(client)?.errorCode, ErrorCode.INVALID_REQUIRED_ACKS)
  sendProduce(client, produceOf(topic, 0, batchOf(['x'.repeat(200)])))
  const tooLarge = takeProduced(client)
  assert.is(tooLarge?.errorCode, ErrorCode.MESSAGE_TOO_LARGE)
  assert.is(tooLarge?.baseOffset, -1)
})

test('acks=0 gets no response; an error closes its connection', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(['x']), 0))
  await broker.settle()
  assert.is(client.takeFrame(), undefined)
  assert.not(client.isDestroyed)
  assert.is(broker.table.highWatermark(slotOf(topic)), 1)
  const broken = batchOf(['x'])
  broken.writeUInt8(99, broken.length - 1)
  sendProduce(client, produceOf(topic, 0, broken, 0))
  await broker.settle()
  assert.ok(client.isDestroyed)
})

test('LogAppendTime is told to the producer', async () => {
  const broker = new Collapsed({ timestampType: 'LogAppendTime' })
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(['x'], 5)))
  await broker.settle()
  assert.is(takeProduced(client)?.logAppendTimeMs, broker.clock.nowMs())
})

test('a full ring stops reading from its connection, and nothing is lost or reordered', async () => {
  const broker = new Collapsed({ ringBytes: 4_096 })
  const topic = await broker.createTopic('t')
  await produceValues(broker, topic, ['first'])
  broker.isOwnerRunning = false
  const client = broker.connect()
  const bystander = broker.connect()
  for (let index = 0; index < 100; index++)
    sendProduce(client, produceOf(topic, 0, batchOf([`${index}`.padEnd(100)])), index)
  await broker.settle()
  assert.ok(client.isPaused)
  assert.not(bystander.isPaused)
  broker.isOwnerRunning = true
  broker.owner.doWork()
  await broker.settle()
  for (let index = 0; index < 100; index++) {
    const { correlationId, response } = client.take(produceCodec, 9)
    assert.is(correlationId, index)
    assert.is(response.responses[0]?.partitionResponses[0]?.baseOffset, 1 + index)
  }
  assert.not(client.isPaused)
})

test('a ring that is full again and again is grown', async () => {
  const broker = new Collapsed({ ringBytes: 4_096 })
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  for (let index = 0; index < 400; index++) sendProduce(client, produceOf(topic, 0, batchOf(['x'.repeat(900)])), index)
  await broker.settle()
  for (let index = 0; index < 400; index++) assert.is(takeProduced(client)?.errorCode, ErrorCode.NONE)
  assert.ok((broker.rings.get(slotOf(topic))?.dataBytes ?? 0) > 4_096)
})

test('a batch larger than the ring allows gets a larger ring', async () => {
  const broker = new Collapsed({ ringBytes: 4_096 })
  const topic = await broker.createTopic('t')
  await produceValues(broker, topic, ['small'])
  await produceValues(broker, topic, ['x'.repeat(100_000)])
  assert.is(broker.table.highWatermark(slotOf(topic)), 2)
})

test('a batch that a fixed ring can never hold is too large', async () => {
  const broker = new Collapsed({ storage: 'ring', ringBytes: 4_096 })
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(['x'.repeat(3_000)])))
  await broker.settle()
  assert.is(takeProduced(client)?.errorCode, ErrorCode.MESSAGE_TOO_LARGE)
})

test('without memory for a ring a produce waits, and times out in the end', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  broker.hasRingMemory = false
  const client = broker.connect()
  const other = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(['x'])))
  for (let step = 0; step < 20; step++) {
    await broker.settle()
    broker.clock.advance(2_000)
  }
  await broker.settle()
  assert.is(takeProduced(client)?.errorCode, ErrorCode.REQUEST_TIMED_OUT)
  sendProduce(other, produceOf(topic, 0, batchOf(['x'])))
  await broker.settle()
  assert.ok(other.isPaused)
  broker.hasRingMemory = true
  broker.clock.advance(100)
  await broker.settle()
  assert.is(takeProduced(other)?.errorCode, ErrorCode.NONE)
})

test('slots of a connection that died are answered all the same', async () => {
  const broker = new Collapsed({ ringBytes: 4_096 })
  const topic = await broker.createTopic('t')
  await produceValues(broker, topic, ['x'])
  for (let round = 0; round < 50; round++) {
    broker.isOwnerRunning = false
    const client = broker.connect()
    sendProduce(client, produceOf(topic, 0, batchOf(['y'.repeat(500)])))
    client.destroy()
    broker.isOwnerRunning = true
    await broker.settle()
  }
  await produceValues(broker, topic, ['z'.repeat(1_000)])
  assert.is(broker.table.highWatermark(slotOf(topic)), 52)
})

test('a partition whose storage failed refuses reads and writes', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  await produceValues(broker, topic, ['x'])
  broker.table.setState(slotOf(topic), PartitionState.failed)
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(['x'])))
  assert.is(takeProduced(client)?.errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
  sendFetch(client, topic, { offset: 0 })
  assert.is(takeFetched(client)?.errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
})

test('a produce that waits for room is answered once its topic is deleted', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  broker.hasRingMemory = false
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(['x'])))
  await broker.settle()
  await broker.front.applyCatalog([{ kind: 'remove', name: topic.name, id: topic.id }])
  await broker.settle()
  assert.is(takeProduced(client)?.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
})

test.run()
