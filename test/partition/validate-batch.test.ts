/** Batches are judged without trusting a byte of them; what Kafka says of each is replayed in hostile-batches. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { BatchValidator, decompressedBatchBytesMax } from '../../src/partition/validate-batch.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { buildBatch, computeBatchCrc, setBatchCrc } from '../../src/wire/record-batch.ts'
import { testSettings } from './one-ring.ts'

const nowMs = 1_700_000_000_000
const settings = testSettings()

function batchOf(valueBytes: number, compression: number, count = 3): Buffer {
  const value = Buffer.alloc(valueBytes, 7)
  const records = Array.from({ length: count }, () => ({ key: Buffer.from('key'), value, timestampMs: nowMs }))
  return buildBatch({ records, compression })
}

test('a batch that decompresses beyond the limit is refused with MESSAGE_TOO_LARGE, in each codec', () => {
  const validator = new BatchValidator(100_000)
  for (const codec of [1, 2, 3, 4]) {
    assert.equal(validator.validate(batchOf(30_000, codec), settings, nowMs), ErrorCode.NONE)
    assert.equal(validator.validate(batchOf(40_000, codec), settings, nowMs), ErrorCode.MESSAGE_TOO_LARGE)
  }
  assert.ok(decompressedBatchBytesMax >= 100 * 1024 * 1024)
})

test('a small batch that claims to be huge costs no memory', () => {
  const validator = new BatchValidator(20_000_000)
  const batch = batchOf(60_000_000, 4, 1)
  assert.ok(batch.length < 10_000)
  const before = process.memoryUsage().arrayBuffers
  assert.equal(validator.validate(batch, settings, nowMs), ErrorCode.MESSAGE_TOO_LARGE)
  assert.ok(process.memoryUsage().arrayBuffers - before < 50_000_000)
})

test('a checksum that was compared before is not compared again; everything else still is', () => {
  const validator = new BatchValidator()
  const batch = batchOf(100, 0)
  setBatchCrc(batch, 0, computeBatchCrc(batch, 0) ^ 1)
  assert.equal(validator.validate(batch, settings, nowMs), ErrorCode.CORRUPT_MESSAGE)
  assert.equal(validator.validate(batch, settings, nowMs, true), ErrorCode.NONE)
  batch.writeInt32BE(batch.readInt32BE(57) + 1, 57)
  assert.equal(validator.validate(batch, settings, nowMs, true), ErrorCode.INVALID_RECORD)
})

test('the latest timestamp of all records is found', () => {
  const validator = new BatchValidator()
  const timestamps = [nowMs - 5000, nowMs + 900, nowMs - 1, -1]
  const records = timestamps.map((timestampMs) => ({ key: null, value: null, timestampMs }))
  assert.equal(validator.validate(buildBatch({ records }), settings, nowMs), ErrorCode.NONE)
  assert.equal(validator.maxTimestampMs, nowMs + 900)
})

test('a batch with random bytes changed and the CRC made right is refused or accepted, never thrown at', () => {
  const random = seededRandom(Number(process.env.SEED ?? 5))
  const validator = new BatchValidator(1_000_000)
  const originals = [0, 1, 2, 3, 4].map((codec) => batchOf(40, codec))
  let accepted = 0
  for (let round = 0; round < 5000; round++) {
    const original = originals[random.below(originals.length)]
    assert.ok(original !== undefined)
    const bytes = Buffer.from(original.subarray(0, random.below(20) === 0 ? random.below(original.length) : undefined))
    for (let count = random.below(4); count >= 0; count--) {
      if (bytes.length > 0) bytes.writeUInt8(random.below(256), random.below(bytes.length))
    }
    if (bytes.length >= 61 && random.below(4) > 0) {
      bytes.writeInt32BE(bytes.length - 12, 8)
      setBatchCrc(bytes, 0, computeBatchCrc(bytes, 0))
    }
    if (bytes.length > 0 && validator.validate(bytes, settings, nowMs) === ErrorCode.NONE) accepted++
  }
  assert.ok(accepted > 50 && accepted < 4000, `${accepted} accepted`)
})

test.run()
