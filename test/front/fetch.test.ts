/** Fetch through a front with a real owner: parking, limits, bounds, and what has left the ring. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertDefined } from '../../src/base/assert.ts'
import { Bell } from '../../src/ring/bell.ts'
import { Ring } from '../../src/ring/ring.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeFetchRequest, makeFetchRequestFetchPartition } from '../../src/wire/generated/fetch.ts'
import { eachBatch } from '../../src/wire/record-batch.ts'
import { Collapsed } from './collapsed.ts'
import { requestFrame } from './fake-duplex.ts'
import {
  batchOf,
  type FetchWish,
  fetchCodec,
  produceOf,
  produceValues,
  sendFetch,
  sendProduce,
  slotOf,
  takeFetched,
  takeProduced,
} from './requests.ts'

test('a parked fetch wakes when data comes, and not before', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  sendFetch(client, topic, { offset: 0, waitMs: 500 })
  await broker.settle()
  assert.is(client.takeFrame(), undefined)
  await produceValues(broker, topic, ['x'])
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
  await produceValues(broker, topic, ['x'])
  await produceValues(broker, topic, ['x'])
  assert.is(patient.takeFrame(), undefined)
  broker.clock.advance(299)
  assert.is(hasty.takeFrame(), undefined)
  broker.clock.advance(1)
  assert.is(takeFetched(hasty)?.records?.length, 2 * batchBytes)
  await produceValues(broker, topic, ['x'])
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
  await produceValues(broker, topic, ['x'])
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

test('offsets outside of the log and wrong epochs are refused', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('t')
  await produceValues(broker, topic, ['x', 'y'])
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
    for (let index = 0; index < 40; index++) await produceValues(broker, topic, [`${index}`.padEnd(200)])
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
