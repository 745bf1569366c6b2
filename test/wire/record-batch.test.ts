/** Record batches: built, read in place, read as records, damaged. */

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DecodeError } from '../../src/wire/reader.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchCompression,
  batchCrc,
  batchHeaderBytes,
  batchIsControl,
  batchIsTransactional,
  batchLastOffset,
  batchLastOffsetDelta,
  batchLeaderEpoch,
  batchMagic,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  batchSizeBytes,
  batchTimestampType,
  buildBatch,
  computeBatchCrc,
  eachBatch,
  readRecords,
  setBatchBaseOffset,
  setBatchLeaderEpoch,
  stampBatchLogAppendTime,
} from '../../src/wire/record-batch.ts'
import { EncodeError } from '../../src/wire/writer.ts'
import { testBudgetMs, testSeed } from './message-arbitraries.ts'

const isDecodeError = (error: unknown): boolean => error instanceof DecodeError

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
const record = fc.record(
  {
    key: fc.option(bytes, { nil: null }),
    value: fc.option(bytes, { nil: null }),
    headers: fc.array(
      fc.record(
        { key: fc.string({ maxLength: 6 }), value: fc.option(bytes, { nil: null }) },
        { noNullPrototype: true },
      ),
      { maxLength: 3 },
    ),
    timestampMs: fc.integer({ min: -1, max: 4_000_000_000_000 }),
  },
  { noNullPrototype: true },
)
const batchInput = fc.record({
  records: fc.array(record, { minLength: 1, maxLength: 8 }),
  baseOffset: fc.maxSafeInteger().map(Math.abs),
  compression: fc.integer({ min: 0, max: 4 }),
})

const sample = {
  records: [
    { key: null, value: Buffer.from('one'), timestampMs: 1_700_000_000_500 },
    { key: Buffer.from('k'), value: null, timestampMs: 1_700_000_000_900 },
    { key: null, value: Buffer.from('three'), timestampMs: 1_700_000_000_100 },
  ],
}

test('records come back from a batch as they went in, in each codec', () => {
  const seed = testSeed()
  let count = 0
  fc.assert(
    fc.property(batchInput, (input) => {
      count++
      const batch = buildBatch({ ...input, baseOffset: input.baseOffset % 2 ** 50 })
      const first = input.baseOffset % 2 ** 50
      assert.is(batchSizeBytes(batch, 0), batch.length)
      assert.is(batchCrc(batch, 0), computeBatchCrc(batch, 0))
      assert.is(batchCompression(batch, 0), input.compression)
      assert.is(batchRecordCount(batch, 0), input.records.length)
      assert.is(batchMaxTimestamp(batch, 0), Math.max(...input.records.map(({ timestampMs }) => timestampMs)))
      const expected = input.records.map((each, index) => ({ offset: first + index, ...each }))
      assert.equal(
        readRecords(batch, 0),
        expected.map(({ offset, timestampMs, key, value, headers }) => ({ offset, timestampMs, key, value, headers })),
      )
    }),
    { seed, numRuns: 100_000, interruptAfterTimeLimit: testBudgetMs(500) },
  )
  console.log(`seed ${seed}: ${count} batches`)
})

test('every field is where Kafka has it', () => {
  const batch = buildBatch({
    ...sample,
    baseOffset: 2 ** 40 + 5,
    leaderEpoch: 3,
    producerId: 2 ** 33 + 1,
    producerEpoch: 7,
    baseSequence: 99,
    isTransactional: true,
    isControl: true,
  })
  const shifted = Buffer.concat([Buffer.alloc(11, 0xee), batch])
  assert.is(batchBaseOffset(shifted, 11), 2 ** 40 + 5)
  assert.is(batchLastOffset(shifted, 11), 2 ** 40 + 7)
  assert.is(batchLeaderEpoch(shifted, 11), 3)
  assert.is(batchMagic(shifted, 11), 2)
  assert.is(batchAttributes(shifted, 11), 0x30)
  assert.is(batchIsTransactional(shifted, 11), true)
  assert.is(batchIsControl(shifted, 11), true)
  assert.is(batchLastOffsetDelta(shifted, 11), 2)
  assert.is(batchBaseTimestamp(shifted, 11), 1_700_000_000_500)
  assert.is(batchMaxTimestamp(shifted, 11), 1_700_000_000_900)
  assert.is(batchProducerId(shifted, 11), 2 ** 33 + 1)
  assert.is(batchProducerEpoch(shifted, 11), 7)
  assert.is(batchBaseSequence(shifted, 11), 99)
  assert.is(batchRecordCount(shifted, 11), 3)
  const plain = buildBatch(sample)
  assert.is(batchProducerId(plain, 0), -1)
  assert.is(batchProducerEpoch(plain, 0), -1)
  assert.is(batchBaseSequence(plain, 0), -1)
  assert.is(batchAttributes(plain, 0), 0)
})

test('stamping offset and epoch leaves the CRC alone; log-append time renews it', () => {
  const batch = buildBatch(sample)
  const crc = batchCrc(batch, 0)
  setBatchBaseOffset(batch, 0, 2 ** 52)
  setBatchLeaderEpoch(batch, 0, 12)
  assert.is(batchBaseOffset(batch, 0), 2 ** 52)
  assert.is(computeBatchCrc(batch, 0), crc)
  stampBatchLogAppendTime(batch, 0, 1_800_000_000_000)
  assert.is.not(batchCrc(batch, 0), crc)
  assert.is(batchCrc(batch, 0), computeBatchCrc(batch, 0))
  assert.is(batchTimestampType(batch, 0), 'LogAppendTime')
  assert.equal(
    readRecords(batch, 0).map(({ timestampMs }) => timestampMs),
    Array(3).fill(1_800_000_000_000),
  )
})

test('batches in a row are visited one by one, and a cut one is left', () => {
  const batch = buildBatch(sample)
  const row = Buffer.concat([batch, batch, batch])
  const visited: number[] = []
  assert.is(
    eachBatch(row, (at) => visited.push(at)),
    row.length,
  )
  assert.equal(visited, [0, batch.length, 2 * batch.length])
  for (const cut of [1, 11, 12, 60, batch.length - 1]) {
    assert.is(
      eachBatch(row.subarray(0, batch.length + cut), () => {}),
      batch.length,
    )
  }
  assert.is(
    eachBatch(Buffer.alloc(0), () => assert.unreachable()),
    0,
  )
  const broken = Buffer.from(batch)
  broken.writeInt32BE(batchHeaderBytes - 13, 8)
  assert.throws(() => eachBatch(broken, () => {}), isDecodeError)
})

test('a damaged batch is refused with a DecodeError, whatever the damage', () => {
  const seed = testSeed()
  let refused = 0
  fc.assert(
    fc.property(batchInput, fc.nat(), fc.integer({ min: 0, max: 255 }), (input, place, value) => {
      const batch = buildBatch({ ...input, baseOffset: 1 })
      batch[place % batch.length] = value
      try {
        readRecords(batch, 0)
      } catch (thrown) {
        refused++
        if (!(thrown instanceof DecodeError)) throw thrown
      }
    }),
    { seed, numRuns: 100_000, interruptAfterTimeLimit: testBudgetMs(500) },
  )
  console.log(`seed ${seed}: ${refused} damaged batches refused`)
})

test('a record count that cannot be is refused before anything is made of it', () => {
  const batch = buildBatch(sample)
  batch.writeInt32BE(0x7fff_ffff, 57)
  assert.throws(() => readRecords(batch, 0), isDecodeError)
  batch.writeInt32BE(-1, 57)
  assert.throws(() => readRecords(batch, 0), isDecodeError)
  batch.writeInt32BE(2, 57)
  assert.throws(() => readRecords(batch, 0), isDecodeError)
})

test('a batch is bounded when it is unpacked', () => {
  const batch = buildBatch({ records: [{ key: null, value: Buffer.alloc(1_000_000), timestampMs: 0 }], compression: 4 })
  assert.is(readRecords(batch, 0, 1_000_100)[0]?.value?.length, 1_000_000)
  assert.throws(() => readRecords(batch, 0, 999_999), isDecodeError)
})

test('there is no batch without records', () => {
  assert.throws(
    () => buildBatch({ records: [] }),
    (error: unknown) => error instanceof EncodeError,
  )
})

test.run()
