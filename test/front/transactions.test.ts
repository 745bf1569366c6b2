/** Transactions as clients of a front meet them: who asks main, what is refused, and what careful readers are told. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertDefined } from '../../src/base/assert.ts'
import type { CatalogTopic } from '../../src/base/topology.ts'
import { Bell } from '../../src/ring/bell.ts'
import { EntryKind } from '../../src/ring/slot.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  decodeListOffsetsResponse,
  encodeListOffsetsRequest,
  makeListOffsetsRequest,
} from '../../src/wire/generated/list-offsets.ts'
import { batchLastOffset, buildBatch, eachBatch } from '../../src/wire/record-batch.ts'
import { buildMarker } from '../../src/wire/transaction-marker.ts'
import { encodeTransactionOpen } from '../../src/wire/transaction-open.ts'
import { Collapsed, type CollapsedOptions } from './collapsed.ts'
import { type FakeDuplex, requestFrame } from './fake-duplex.ts'
import { batchOf, produceCodec, produceOf, sendFetch, sendProduce, takeFetched, takeProduced } from './requests.ts'

const readCommitted = 1
const listOffsetsCodec = { key: 2, encode: encodeListOffsetsRequest, decode: decodeListOffsetsResponse }

type Producer = { readonly producerId: number; readonly producerEpoch: number }
const one: Producer = { producerId: 1, producerEpoch: 0 }
const two: Producer = { producerId: 2, producerEpoch: 0 }

/** A broker with one topic, written to by main and by one client. */
class Scene {
  readonly broker: Collapsed
  readonly topic: CatalogTopic
  readonly client: FakeDuplex

  private constructor(broker: Collapsed, topic: CatalogTopic) {
    this.broker = broker
    this.topic = topic
    this.client = broker.connect()
  }

  static async make(options: CollapsedOptions = {}): Promise<Scene> {
    const broker = new Collapsed(options)
    const scene = new Scene(broker, await broker.createTopic('t'))
    const attached = broker.attachRing(scene.slot, options.ringBytes ?? 65_536)
    await broker.settle()
    await attached
    return scene
  }

  get slot(): number {
    return assertDefined(this.topic.partitions[0], 'a partition').slot
  }

  /** Main's own entries settle within a call of a front. */
  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) await this.broker.settle()
  }

  open(producer: Producer): Promise<void> {
    return this.#note(encodeTransactionOpen(producer), EntryKind.open)
  }

  end(producer: Producer, isCommit: boolean): Promise<void> {
    return this.#note(buildMarker({ ...producer, isCommit, coordinatorEpoch: 0 }, 1), EntryKind.marker)
  }

  async write(producer: Producer, baseSequence: number, count = 1): Promise<void> {
    this.send(producer, baseSequence, { count, version: 9 })
    await this.broker.settle()
    assert.is(this.taken(9), ErrorCode.NONE)
  }

  send(
    producer: Producer,
    baseSequence: number,
    { count = 1, version = 12, id = 'my-id' as string | null } = {},
  ): void {
    const record = { key: null, value: Buffer.from('x'), timestampMs: 1 }
    const records = Array.from({ length: count }, () => record)
    const batch = buildBatch({ records, ...producer, baseSequence, isTransactional: true })
    const request = { ...produceOf(this.topic, 0, batch), transactionalId: id }
    this.client.send(requestFrame(produceCodec, request, { version }))
  }

  taken(version = 12): number | undefined {
    return this.client.take(produceCodec, version).response.responses[0]?.partitionResponses[0]?.errorCode
  }

  /** What a fetch from `offset` is told. */
  async fetch(offset: number, isolationLevel = readCommitted, bytesMax = 1_048_576) {
    sendFetch(this.client, this.topic, { offset, isolationLevel, partitionBytesMax: bytesMax })
    await this.broker.settle()
    const data = assertDefined(takeFetched(this.client), 'a fetched partition')
    const records = data.records ?? Buffer.alloc(0)
    let endOffset = offset
    eachBatch(records, (at) => {
      endOffset = batchLastOffset(records, at) + 1
    })
    const { errorCode, highWatermark, lastStableOffset, abortedTransactions } = data
    const aborted = abortedTransactions?.map(({ producerId, firstOffset }) => [producerId, firstOffset]) ?? null
    return { errorCode, highWatermark, lastStableOffset, endOffset, aborted }
  }

  async latest(isolationLevel: number): Promise<number | undefined> {
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }]
    const request = makeListOffsetsRequest({ isolationLevel, topics: [{ name: this.topic.name, partitions }] })
    this.client.send(requestFrame(listOffsetsCodec, request, { version: 6 }))
    await this.broker.settle()
    return this.client.take(listOffsetsCodec, 6).response.topics[0]?.partitions[0]?.offset
  }

  async #note(bytes: Buffer, kind: EntryKind): Promise<void> {
    const ring = assertDefined(this.broker.rings.get(this.slot), 'a ring')
    const entry = ring.append(bytes, 0, bytes.length, 0, kind)
    new Bell(assertDefined(this.broker.topology.ownerBells[0], 'a bell')).markAndRing(this.slot)
    await this.broker.settle()
    assert.is(ring.outcome(entry), ErrorCode.NONE)
    ring.markAnswered(entry)
  }
}

for (const storage of ['memory', 'ring'] as const) {
  test(`a careful fetch ends at the last stable offset, and is told what was aborted within it (${storage})`, async () => {
    const scene = await Scene.make({ storage })
    await scene.open(one)
    await scene.open(two)
    await scene.write(one, 0, 2)
    await scene.write(two, 0)
    assert.equal(await scene.fetch(0), {
      errorCode: 0,
      highWatermark: 3,
      lastStableOffset: 0,
      endOffset: 0,
      aborted: [],
    })
    assert.equal(await scene.fetch(0, 0), {
      errorCode: 0,
      highWatermark: 3,
      lastStableOffset: 0,
      endOffset: 3,
      aborted: null,
    })
    assert.equal([await scene.latest(1), await scene.latest(0)], [0, 3])
    await scene.end(one, false)
    const stopped = { errorCode: 0, highWatermark: 4, lastStableOffset: 2, endOffset: 2, aborted: [[1, 0]] }
    assert.equal(await scene.fetch(0), stopped)
    await scene.end(two, true)
    assert.equal(await scene.fetch(0), { ...stopped, highWatermark: 5, lastStableOffset: 5, endOffset: 5 })
    assert.equal((await scene.fetch(3)).aborted, [[1, 0]])
    assert.equal((await scene.fetch(4)).aborted, [])
    assert.equal(await scene.latest(1), 5)
    // An aborted transaction behind what fits into the response is not told of.
    await scene.open(two)
    await scene.write(two, 1)
    await scene.end(two, false)
    assert.equal((await scene.fetch(0, readCommitted, 1)).aborted, [[1, 0]])
    assert.equal((await scene.fetch(0)).aborted, [
      [1, 0],
      [2, 5],
    ])
    assert.equal((await scene.fetch(5)).aborted, [[2, 5]])
  })
}

test('a batch that gets another codec is made part of its transaction all the same, large or small', async () => {
  const scene = await Scene.make({ topicSettings: { compressionType: 'gzip', compressionLevel: 1 } })
  let added = 0
  scene.broker.addToTransaction = async () => {
    if (added++ === 0) await scene.open(one)
    return ErrorCode.NONE
  }
  for (const [baseSequence, valueBytes] of [
    [0, 10],
    [1, 300_000],
    [2, 10],
  ] as const) {
    const records = [{ key: null, value: Buffer.alloc(valueBytes, 'text'), timestampMs: 1 }]
    const batch = buildBatch({ records, ...one, baseSequence, isTransactional: true })
    const request = { ...produceOf(scene.topic, 0, batch), transactionalId: 'my-id' }
    scene.client.send(requestFrame(produceCodec, request, { version: 12 }))
  }
  for (let answers = 0; answers < 3; ) {
    await scene.broker.settle()
    if (!scene.client.hasFrame) continue
    assert.is(scene.taken(), ErrorCode.NONE)
    answers++
  }
  assert.is(added, 1)
  assert.is((await scene.fetch(0)).lastStableOffset, 0)
  await scene.end(one, true)
  assert.equal(await scene.fetch(0), {
    errorCode: 0,
    highWatermark: 4,
    lastStableOffset: 4,
    endOffset: 4,
    aborted: [],
  })
})

test('a fetch of cold data is told what was aborted, too', async () => {
  const scene = await Scene.make({ ringBytes: 4096 })
  await scene.open(one)
  await scene.write(one, 0)
  await scene.end(one, false)
  for (let count = 0; count < 20; count++) {
    sendProduce(scene.client, produceOf(scene.topic, 0, batchOf(['x'.repeat(900)])))
    await scene.broker.settle()
    assert.is(takeProduced(scene.client)?.errorCode, ErrorCode.NONE)
  }
  const ring = assertDefined(scene.broker.rings.get(scene.slot), 'a ring')
  assert.ok(ring.startOffset() > 2, 'the transaction has left the ring')
  assert.equal((await scene.fetch(0)).aborted, [[1, 0]])
  assert.equal((await scene.fetch(0, 0)).aborted, null)
})

test('a fetch that waits wakes when the transaction before it ends', async () => {
  const scene = await Scene.make()
  await scene.open(one)
  await scene.write(one, 0)
  sendFetch(scene.client, scene.topic, { offset: 0, waitMs: 10_000, isolationLevel: readCommitted })
  await scene.broker.settle()
  assert.is(scene.client.takeFrame(), undefined)
  await scene.end(one, true)
  assert.is(takeFetched(scene.client)?.lastStableOffset, 2)
})

test('a produce of version 12 asks main once for its partition, older ones never', async () => {
  const scene = await Scene.make()
  const asked: object[] = []
  scene.broker.addToTransaction = async (addition) => {
    asked.push(addition)
    await scene.open(one)
    return ErrorCode.NONE
  }
  for (const [version, errorCode] of [
    [10, ErrorCode.INVALID_TXN_STATE],
    [11, ErrorCode.TRANSACTION_ABORTABLE],
  ] as const) {
    scene.send(one, 0, { version })
    await scene.settle()
    assert.is(scene.taken(version), errorCode)
  }
  assert.equal(asked, [])
  // Both are on their way before main has answered.
  scene.send(one, 0)
  scene.send(one, 1)
  await scene.settle()
  assert.equal([scene.taken(), scene.taken()], [0, 0])
  assert.equal(asked, [{ transactionalId: 'my-id', ...one, topic: 't', partition: 0 }])
  // With its end the partition knows the transaction no more, and main is asked anew after the refusal.
  await scene.end(one, true)
  scene.send(one, 2)
  await scene.settle()
  assert.is(scene.taken(), ErrorCode.TRANSACTION_ABORTABLE)
  scene.send(one, 2)
  await scene.settle()
  assert.is(scene.taken(), ErrorCode.NONE)
  assert.is(asked.length, 2)
})

test('while main cannot add a partition yet, the producer is told to come again, and nothing overtakes', async () => {
  const scene = await Scene.make()
  let answer: number = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
  scene.broker.addToTransaction = async () => {
    if (answer === ErrorCode.NONE) await scene.open(one)
    return answer
  }
  scene.send(one, 0)
  await scene.settle()
  assert.is(scene.taken(), ErrorCode.NOT_ENOUGH_REPLICAS)
  answer = ErrorCode.NONE
  scene.send(one, 1)
  await scene.settle()
  assert.is(scene.taken(), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  scene.send(one, 0)
  scene.send(one, 1)
  await scene.settle()
  assert.equal([scene.taken(), scene.taken()], [0, 0])
  answer = ErrorCode.INVALID_PRODUCER_EPOCH
  scene.send({ ...one, producerEpoch: 1 }, 0)
  await scene.settle()
  assert.is(scene.taken(), ErrorCode.INVALID_PRODUCER_EPOCH)
})

test('while the last transaction still ends, main is asked again for a while', async () => {
  const scene = await Scene.make()
  let asked = 0
  scene.broker.addToTransaction = async () => {
    asked += 1
    if (asked < 4) return ErrorCode.CONCURRENT_TRANSACTIONS
    await scene.open(one)
    return ErrorCode.NONE
  }
  scene.send(one, 0)
  for (let round = 0; round < 4; round++) {
    await scene.settle()
    scene.broker.clock.advance(5)
  }
  await scene.settle()
  assert.is(scene.taken(), ErrorCode.NONE)
  assert.is(asked, 4)
})

test('data of a transaction without a transactional id is refused', async () => {
  const scene = await Scene.make()
  scene.send(one, 0, { id: null })
  await scene.settle()
  assert.is(scene.taken(), ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
})

test.run()
