/** A batch in another codec is the same batch: its header, its records, and what must be left alone. */

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Codec } from '../../src/wire/compression/compress.ts'
import { isRecompressed, recompress, recompressAsync } from '../../src/wire/recompress.ts'
import {
  batchAttributes,
  batchBaseSequence,
  batchBaseTimestamp,
  batchCompression,
  batchCrc,
  batchHeaderBytes,
  batchIsTransactional,
  batchLastOffsetDelta,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchSizeBytes,
  buildBatch,
  computeBatchCrc,
  readRecords,
  setBatchCrc,
} from '../../src/wire/record-batch.ts'
import { testBudgetMs, testSeed } from './message-arbitraries.ts'

const codecs = Object.entries(Codec)
const target = { level: 1, decompressedBytesMax: 1 << 20 }

function batchOf(valueBytes: number, compression: number, change = {}): Buffer {
  const value = Buffer.alloc(valueBytes, 'value ')
  const records = [0, 1, 2].map((index) => ({ key: Buffer.from(`${index}`), value, timestampMs: 1_000 + index }))
  return buildBatch({ records, compression, producerId: 7, producerEpoch: 3, baseSequence: 90, ...change })
}

function headerOf(batch: Buffer): number[] {
  return [
    batchAttributes(batch, 0) & ~7,
    batchLastOffsetDelta(batch, 0),
    batchBaseTimestamp(batch, 0),
    batchMaxTimestamp(batch, 0),
    batchProducerId(batch, 0),
    batchProducerEpoch(batch, 0),
    batchBaseSequence(batch, 0),
  ]
}

test('from each codec to each other the header and the records stay, at once and in the thread pool', async () => {
  for (const [from, source] of codecs) {
    for (const [to, codec] of codecs) {
      for (const isTransactional of [false, true]) {
        const batch = batchOf(5_000, source, { isTransactional })
        const before = Buffer.from(batch)
        for (const made of [
          recompress(batch, { ...target, codec }),
          await recompressAsync(batch, { ...target, codec }),
        ]) {
          assert.ok(made !== undefined)
          assert.is(batchCompression(made, 0), codec, `${from} to ${to}`)
          assert.is(batchSizeBytes(made, 0), made.length)
          assert.is(batchCrc(made, 0), computeBatchCrc(made, 0))
          assert.equal(headerOf(made), headerOf(batch))
          assert.is(batchIsTransactional(made, 0), isTransactional)
          assert.equal(readRecords(made, 0), readRecords(batch, 0))
          assert.is(made === batch, source === codec)
        }
        assert.ok(batch.equals(before), 'the batch itself must not change')
      }
    }
  }
})

test('there and back gives the bytes that were, whatever the records hold', () => {
  const options = { seed: testSeed(), interruptAfterTimeLimit: testBudgetMs(1_000) }
  const bytes = fc.option(fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)))
  const record = fc.record({ key: bytes, value: bytes, timestampMs: fc.integer({ min: 0, max: 2 ** 40 }) })
  const codec = fc.constantFrom(1, 2, 3, 4)
  let count = 0
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), codec, (records, there) => {
      const batch = buildBatch({ records })
      const packed = recompress(batch, { ...target, codec: there })
      assert.ok(packed !== undefined)
      assert.ok(recompress(packed, { ...target, codec: 0 })?.equals(batch))
      count++
    }),
    options,
  )
  console.log(`seed ${options.seed}: ${count} batches there and back`)
})

test('the level counts for gzip and zstd', () => {
  const text = Array.from({ length: 3_000 }, (_, index) => `${index} is ${(index * 7_919) % 1_009}; `).join('')
  const batch = buildBatch({ records: [{ key: null, value: Buffer.from(text), timestampMs: 1 }] })
  const sizeOf = (codec: number, level: number): number => {
    return recompress(batch, { codec, level, decompressedBytesMax: 1 << 20 })?.length ?? 0
  }
  assert.ok(sizeOf(Codec.gzip, 9) < sizeOf(Codec.gzip, 1))
  assert.ok(sizeOf(Codec.zstd, 19) < sizeOf(Codec.zstd, -20))
})

test('control batches, unknown codecs and damaged batches are left as they came', async () => {
  const control = batchOf(100, 0, { isControl: true })
  const wrongCrc = batchOf(100, 0)
  wrongCrc.writeUInt8(wrongCrc.readUInt8(80) ^ 1, 80)
  const damaged = batchOf(5_000, Codec.zstd)
  damaged.fill(0, batchHeaderBytes + 4)
  setBatchCrc(damaged, 0, computeBatchCrc(damaged, 0))
  const unknown = batchOf(100, 0)
  unknown.writeUInt16BE(6, 21)
  setBatchCrc(unknown, 0, computeBatchCrc(unknown, 0))
  const short = batchOf(100, 0).subarray(0, batchHeaderBytes - 1)
  for (const batch of [control, wrongCrc, damaged, unknown, short]) {
    assert.is(recompress(batch, { ...target, codec: Codec.gzip }), batch)
    assert.is(await recompressAsync(batch, { ...target, codec: Codec.gzip }), batch)
    assert.is(isRecompressed(batch, Codec.gzip), batch === damaged)
  }
})

test('records that are more than may be unpacked are told, from each codec', async () => {
  for (const [name, source] of codecs) {
    const codec = source === Codec.gzip ? Codec.lz4 : Codec.gzip
    const batch = batchOf(2_000, source)
    const limits = { codec, level: 1, decompressedBytesMax: 6_000 }
    assert.is(recompress(batch, limits), undefined, name)
    assert.is(await recompressAsync(batch, limits), undefined, name)
    assert.ok(recompress(batch, { ...limits, decompressedBytesMax: 7_000 }) !== undefined, name)
  }
})

test.run()
