/** `compression.type` in the front: small batches at once, large ones in the thread pool, and never out of order. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Random, seededRandom } from '../../src/base/random.ts'
import type { PartitionSettings } from '../../src/base/topology.ts'
import { BatchRecompression, recompressedAtOnceBytesMax, recompressionsMax } from '../../src/front/recompression.ts'
import { BatchValidator } from '../../src/partition/validate-batch.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  batchCompression,
  buildBatch,
  computeBatchCrc,
  eachBatch,
  readRecords,
  setBatchCrc,
} from '../../src/wire/record-batch.ts'
import { Collapsed } from './collapsed.ts'
import { produceCodec, produceOf, sendFetch, sendProduce, slotOf, takeFetched, takeProduced } from './requests.ts'

const nowMs = 1_700_000_000_000
const gzip: Partial<PartitionSettings> = { compressionType: 'gzip', compressionLevel: 1 }

function batchWith(valueBytes: number, mark: string, compression = 0): Buffer {
  const value = Buffer.alloc(valueBytes, 'abcdefgh')
  value.write(mark)
  return buildBatch({ records: [{ key: null, value, timestampMs: 1_700_000_000_000 }], compression })
}

/** Settles until the thread pool has answered too. */
async function settleUntil(broker: Collapsed, isDone: () => boolean): Promise<void> {
  do await broker.settle()
  while (!isDone())
}

test('large batches wait for the thread pool, and what comes behind them on the connection stays behind them', async () => {
  const broker = new Collapsed({ topicSettings: gzip })
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  const bystander = broker.connect()
  const sizes = [10, 300_000, 20, 400_000, 30, 30]
  for (const [index, size] of sizes.entries())
    sendProduce(client, produceOf(topic, 0, batchWith(size, `#${index}.`)), index)
  sendProduce(bystander, produceOf(topic, 0, batchWith(40, 'other.')))
  await settleUntil(broker, () => broker.table.highWatermark(slotOf(topic)) === sizes.length + 1)
  assert.is(takeProduced(bystander)?.baseOffset, 1, 'others pass while the thread pool works')
  const offsets: number[] = []
  for (const [index] of sizes.entries()) {
    const { correlationId, response } = client.take(produceCodec, 9)
    assert.is(correlationId, index)
    offsets.push(response.responses[0]?.partitionResponses[0]?.baseOffset ?? -1)
  }
  assert.equal(offsets, [0, 2, 3, 4, 5, 6])
  sendFetch(client, topic, { offset: 0 })
  await broker.settle()
  const stored = takeFetched(client)?.records ?? Buffer.alloc(0)
  const marks: string[] = []
  eachBatch(stored, (at) => {
    assert.is(batchCompression(stored, at), 1)
    for (const { value } of readRecords(stored, at)) marks.push(value?.toString('latin1').split('.')[0] ?? '')
  })
  assert.equal(marks, ['#0', 'other', '#1', '#2', '#3', '#4', '#5'])
})

test('what gets too large by losing its codec is refused, however large it says to be, at once or later', async () => {
  const broker = new Collapsed({ topicSettings: { compressionType: 'uncompressed', maxMessageBytes: 200_000 } })
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  for (const [size, errorCode] of [
    [1_000, ErrorCode.NONE],
    [190_000, ErrorCode.NONE],
    [201_000, ErrorCode.MESSAGE_TOO_LARGE],
    [90_000_000, ErrorCode.MESSAGE_TOO_LARGE],
  ] as const) {
    const batch = batchWith(size, 'x', 4)
    assert.ok(batch.length < 200_000)
    sendProduce(client, produceOf(topic, 0, batch))
    let answer: ReturnType<typeof takeProduced>
    await settleUntil(broker, () => {
      answer = client.hasFrame ? takeProduced(client) : undefined
      return answer !== undefined
    })
    assert.is(answer?.errorCode, errorCode, `${size} bytes`)
  }
  assert.is(broker.table.highWatermark(slotOf(topic)), 2)
  assert.ok((broker.rings.get(slotOf(topic))?.dataBytes ?? 0) < 1_000_000, 'no ring was grown for them')
})

test('batches that keep their codec are passed on as they are', async () => {
  const recompression = new BatchRecompression()
  const settings = new Collapsed({ topicSettings: gzip }).settingsOf()
  const producer: PartitionSettings = { ...settings, compressionType: 'producer' }
  for (const batch of [batchWith(100, 'a'), batchWith(500_000, 'a'), batchWith(500_000, 'a', 1)]) {
    assert.is(recompression.now(producer, batch), batch)
    assert.is(await recompression.later(producer, batch), batch)
  }
  const packed = batchWith(500_000, 'a', 1)
  assert.is(recompression.now(settings, packed), packed)
})

test('only as much as is quick is done at once, also of what is small when compressed', () => {
  const recompression = new BatchRecompression()
  const settings = new Collapsed({ topicSettings: gzip }).settingsOf()
  assert.ok(recompression.now(settings, batchWith(recompressedAtOnceBytesMax - 200, 'a')) !== undefined)
  assert.is(recompression.now(settings, batchWith(recompressedAtOnceBytesMax, 'a')), undefined)
  const small = batchWith(recompressedAtOnceBytesMax, 'a', 4)
  assert.ok(small.length < 1_000)
  assert.is(recompression.now(settings, small), undefined)
})

test('slow levels are left to the thread pool for all but the smallest batches', () => {
  const recompression = new BatchRecompression()
  for (const [compressionType, quick, slow] of [
    ['gzip', 6, 9],
    ['zstd', 9, 10],
  ] as const) {
    const base = { ...new Collapsed({ topicSettings: { compressionType } }).settingsOf() }
    const batch = batchWith(2_000, 'a')
    assert.ok(recompression.now({ ...base, compressionLevel: quick }, batch) !== undefined)
    assert.is(recompression.now({ ...base, compressionLevel: slow }, batch), undefined)
    assert.ok(recompression.now({ ...base, compressionLevel: slow }, batchWith(500, 'a')) !== undefined)
  }
})

test('no more than so many large batches are unpacked at a time, and all get their turn', async () => {
  const recompression = new BatchRecompression()
  const settings = new Collapsed({ topicSettings: gzip }).settingsOf()
  const batches = Array.from({ length: recompressionsMax * 3 }, (_, index) => batchWith(400_000, `#${index}.`))
  let started = 0
  const done = batches.map(async (batch) => {
    started++
    const made = await recompression.later(settings, batch)
    assert.ok(made !== undefined)
    assert.ok(recompression.runningCount <= recompressionsMax)
    assert.equal(readRecords(made, 0), readRecords(batch, 0))
  })
  assert.is(started, batches.length)
  assert.is(recompression.runningCount, recompressionsMax)
  await Promise.all(done)
  assert.is(recompression.runningCount, 0)
})

test('what is left in another codec than the topic names, its owner refuses; nothing else becomes acceptable', () => {
  const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 1_000)
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  const random = seededRandom(seed)
  const recompression = new BatchRecompression()
  const validator = new BatchValidator()
  const settings = new Collapsed().settingsOf()
  const types = ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'] as const
  const counts = { left: 0, made: 0, refused: 0 }
  const start = performance.now()
  while (performance.now() - start < budgetMs) {
    const bytes = damagedBatch(random)
    for (const [codec, compressionType] of types.entries()) {
      const made = recompression.now({ ...settings, compressionType }, bytes)
      assert.ok(made !== undefined)
      const before = validator.validate(Buffer.from(bytes), settings, nowMs)
      const after = validator.validate(made, settings, nowMs)
      assert.is(after === ErrorCode.NONE, before === ErrorCode.NONE, `seed ${seed}: ${bytes.toString('hex')}`)
      if (after !== ErrorCode.NONE) counts.refused++
      else if (made === bytes) counts.left++
      else counts.made++
      if (after === ErrorCode.NONE) assert.is(batchCompression(made, 0), codec, `seed ${seed}`)
    }
  }
  console.log(`seed ${seed}: ${JSON.stringify(counts)}`)
  assert.ok(counts.left > 0 && counts.made > 0 && counts.refused > 0)
})

/** A batch in which a few bytes were changed, mostly with its length and CRC made right again. */
function damagedBatch(random: Random): Buffer {
  const value = Buffer.alloc(random.below(60), 'abc')
  const records = [0, 1, 2].map(() => ({ key: Buffer.from('key'), value, timestampMs: nowMs }))
  const bytes = buildBatch({ records, compression: random.below(5) })
  for (let count = random.below(3); count > 0; count--) bytes.writeUInt8(random.below(256), random.below(bytes.length))
  if (random.below(8) > 0) {
    bytes.writeInt32BE(bytes.length - 12, 8)
    bytes.writeInt8(2, 16)
    setBatchCrc(bytes, 0, computeBatchCrc(bytes, 0))
  }
  return bytes
}

test.run()
