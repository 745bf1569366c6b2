/** Produce and fetch under pressure: full rings, dead clients, parked fetches, limits, refusals. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertDefined } from '../../src/base/assert.ts'
import { topicIdBytes } from '../../src/base/ids.ts'
import type { CatalogTopic } from '../../src/base/topology.ts'
import { Bell } from '../../src/ring/bell.ts'
import { Ring } from '../../src/ring/ring.ts'
import { PartitionState } from '../../src/ring/table.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeFetchRequest, makeFetchRequestFetchPartition } from '../../src/wire/generated/fetch.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import { buildBatch, eachBatch } from '../../src/wire/record-batch.ts'
import { Collapsed } from './collapsed.ts'
import { requestFrame } from './fake-duplex.ts'
import {
  batchOf,
  type FetchWish,
  fetchCodec,
  produceCodec,
  produceOf,
  sendFetch,
  sendProduce,
  takeFetched,
  takeProduced,
} from './requests.ts'

async function produce(broker: Collapsed, topic: CatalogTopic, values: readonly string[]): Promise<void> {
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(values)))
  await broker.settle()
  assert.is(takeProduced(client)?.errorCode, ErrorCode.NONE)
  client.destroy()
}

function slotOf(topic: CatalogTopic): number {
  return topic.partitions[0]?.slot ?? -1
}

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
  await produce(broker, topic, ['first'])
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
  await produce(broker, topic, ['small'])
  await produce(broker, topic, ['x'.repeat(100_000)])
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
  await produce(broker, topic, ['x'])
  for (let round = 0; round < 50; round++) {
    broker.isOwnerRunning = false
    const client = broker.connect()
    sendProduce(client, produceOf(topic, 0, batchOf(['y'.repeat(500)])))
    client.destroy()
    broker.isOwnerRunning = true
    await broker.settle()
  }
  await produce(broker, topic, ['z'.repeat(1_000)])
  assert.is(broker.table.highWatermark(slotOf(topic)), 52)
})

test('a partition whose storage failed refuses reads and writes', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  await produce(broker, topic, ['x'])
  broker.table.setState(slotOf(topic), PartitionState.failed)
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(['x'])))
  assert.is(takeProduced(client)?.errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
  sendFetch(client, topic, { offset: 0 })
  assert.is(takeFetched(client)?.errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
})

test('a parked fetch wakes when data comes, and not before', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  sendFetch(client, topic, { offset: 0, waitMs: 500 })
  await broker.settle()
  assert.is(client.takeFrame(), undefined)
  await produce(broker, topic, ['x'])
  const data = takeFetched(client)
  assert.is(data?.highWatermark, 1)
  assert.ok((data?.records?.length ?? 0) > 0)
})

test('a parked fetch waits for as many bytes as it asks for, or until its time is up', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const batchBytes = batchOf(['x']).length
  const patient = broker.connect()
  const hasty = broker.connect()
  sendFetch(patient, topic, { offset: 0, waitMs: 5_000, bytesMin: 3 * batchBytes })
  sendFetch(hasty, topic, { offset: 0, waitMs: 300, bytesMin: 3 * batchBytes })
  await produce(broker, topic, ['x'])
  await produce(broker, topic, ['x'])
  assert.is(patient.takeFrame(), undefined)
  broker.clock.advance(299)
  assert.is(hasty.takeFrame(), undefined)
  broker.clock.advance(1)
  assert.is(takeFetched(hasty)?.records?.length, 2 * batchBytes)
  await produce(broker, topic, ['x'])
  assert.is(takeFetched(patient)?.records?.length, 3 * batchBytes)
})

test('an empty fetch is answered when its time is up, with the bounds of the log', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  sendFetch(client, topic, { offset: 0, waitMs: 100, isolationLevel: 1 })
  broker.clock.advance(100)
  const data = takeFetched(client)
  assert.is(data?.errorCode, ErrorCode.NONE)
  assert.is(data?.highWatermark, 0)
  assert.is(data?.lastStableOffset, 0)
  assert.equal(data?.abortedTransactions, [])
  assert.is(data?.records?.length, 0)
})

test('more fetches than may be parked are answered at once, and dead ones make room', async () => {
  const broker = new Collapsed({ settings: { parkedFetchesMax: 1 } })
  const topic = await broker.createTopic('t')
  const [first, second, third] = [broker.connect(), broker.connect(), broker.connect()]
  sendFetch(first, topic, { offset: 0, waitMs: 1_000_000 })
  sendFetch(second, topic, { offset: 0, waitMs: 1_000_000 })
  assert.is(first.takeFrame(), undefined)
  assert.is(takeFetched(second)?.errorCode, ErrorCode.NONE)
  first.destroy()
  sendFetch(third, topic, { offset: 0, waitMs: 1_000_000 })
  assert.is(third.takeFrame(), undefined)
})

test('a parked fetch of a topic that is deleted is answered', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  sendFetch(client, topic, { offset: 0, waitMs: 1_000_000 })
  await broker.owner.remove([slotOf(topic)])
  await broker.front.applyCatalog([{ kind: 'remove', name: topic.name, id: topic.id }])
  await broker.settle()
  assert.is(takeFetched(client)?.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
})

test('a parked fetch is answered too where the front hears of the deletion first, as it does', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  sendFetch(client, topic, { offset: 0, waitMs: 1_000_000 })
  await broker.front.applyCatalog([{ kind: 'remove', name: topic.name, id: topic.id }])
  await broker.owner.remove([slotOf(topic)])
  await broker.settle()
  assert.is(takeFetched(client)?.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
})

test('a parked fetch hears of what others wrote into a ring that its front got only later', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  await produce(broker, topic, ['x'])
  const slot = slotOf(topic)
  const client = broker.connect()
  sendFetch(client, topic, { offset: 1, waitMs: 1_000_000 })
  const memory = Ring.create({ dataBytes: 65_536 })
  broker.rings.get(slot)?.seal()
  const attached = broker.owner.attachRing(slot, memory)
  await broker.settle()
  await attached
  const batch = batchOf(['y'])
  new Ring(memory).append(batch, 0, batch.length, 0)
  new Bell(assertDefined(broker.topology.ownerBells[0], 'the owner has a bell')).markAndRing(slot)
  await broker.settle()
  await broker.front.attachRing(slot, memory)
  await broker.settle()
  const fetched = takeFetched(client)
  assert.is(fetched?.highWatermark, 2)
  assert.ok((fetched?.records?.length ?? 0) > 0)
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

test('offsets outside of the log and wrong epochs are refused', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  await produce(broker, topic, ['x', 'y'])
  const client = broker.connect()
  const wishes: [FetchWish, number][] = [
    [{ offset: 3, waitMs: 1_000 }, ErrorCode.OFFSET_OUT_OF_RANGE],
    [{ offset: -1, waitMs: 1_000 }, ErrorCode.OFFSET_OUT_OF_RANGE],
    [{ offset: 0, currentLeaderEpoch: 1 }, ErrorCode.UNKNOWN_LEADER_EPOCH],
    [{ offset: 0, currentLeaderEpoch: -2 }, ErrorCode.NONE],
    [{ offset: 0, currentLeaderEpoch: 0 }, ErrorCode.NONE],
    [{ offset: 2 }, ErrorCode.NONE],
  ]
  for (const [wish, errorCode] of wishes) {
    sendFetch(client, topic, wish)
    assert.is(takeFetched(client)?.errorCode, errorCode, JSON.stringify(wish))
  }
})

test('what has left the ring is read from the log, and a fixed ring forgets it', async () => {
  for (const storage of ['memory', 'ring'] as const) {
    const broker = new Collapsed({ storage, ringBytes: 4_096 })
    const topic = await broker.createTopic('t')
    for (let index = 0; index < 40; index++) await produce(broker, topic, [`${index}`.padEnd(200)])
    const client = broker.connect()
    sendFetch(client, topic, { offset: 0 })
    await broker.settle()
    const data = takeFetched(client)
    if (storage === 'ring') {
      assert.is(data?.errorCode, ErrorCode.OFFSET_OUT_OF_RANGE)
      const startOffset = broker.table.logStartOffset(slotOf(topic))
      assert.ok(startOffset > 0)
      sendFetch(client, topic, { offset: startOffset })
      assert.is(takeFetched(client)?.errorCode, ErrorCode.NONE)
    } else {
      assert.is(data?.errorCode, ErrorCode.NONE)
      let batches = 0
      eachBatch(data?.records ?? Buffer.alloc(0), () => {
        batches += 1
      })
      assert.is(batches, 40)
    }
  }
})

test('byte limits hold over partitions in the order of the request, but for the first batch', async () => {
  const broker = new Collapsed({ ringBytes: 65_536 })
  const topic = await broker.createTopic('t', 3)
  const client = broker.connect()
  const batch = batchOf(['x'.repeat(1_000)])
  for (const index of [0, 1, 2]) {
    sendProduce(client, produceOf(topic, index, batch))
    sendProduce(client, produceOf(topic, index, batch))
  }
  await broker.settle()
  for (let taken = 0; taken < 6; taken++) assert.is(takeProduced(client)?.errorCode, ErrorCode.NONE)
  const fetchSizes = (maxBytes: number, partitionMaxBytes: number): number[] => {
    const partitions = [2, 0, 1].map((partition) => makeFetchRequestFetchPartition({ partition, partitionMaxBytes }))
    const topics = [{ topic: 't', topicId: Buffer.alloc(16), partitions }]
    client.send(requestFrame(fetchCodec, makeFetchRequest({ maxBytes, minBytes: 1, topics }), { version: 12 }))
    const answer = client.take(fetchCodec, 12).response.responses[0]?.partitions ?? []
    assert.equal(
      answer.map(({ partitionIndex }) => partitionIndex),
      [2, 0, 1],
    )
    return answer.map(({ records }) => (records?.length ?? 0) / batch.length)
  }
  assert.equal(fetchSizes(1_000_000, 1_000_000), [2, 2, 2])
  assert.equal(fetchSizes(1_000_000, batch.length), [1, 1, 1])
  assert.equal(fetchSizes(3 * batch.length, 1_000_000), [2, 1, 0])
  assert.equal(fetchSizes(1, 1), [1, 0, 0])
})

test.run()
