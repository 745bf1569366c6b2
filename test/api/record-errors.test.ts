/** Which records are told to be at fault; what Kafka's words are is compared in front/produce-kafka-answers. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Place } from '../../src/api/ports.ts'
import {
  explainedBytesMax,
  messageOfRecordErrors,
  recordErrorsMax,
  recordErrorsOf,
} from '../../src/api/record-errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { PartitionSettings } from '../../src/base/topology.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { testSettings } from '../partition/one-ring.ts'

const nowMs = 1_700_000_000_000

function placeWith(change: Partial<PartitionSettings>): Place {
  const partition = { index: 3, slot: 5, owner: 0, leaderEpoch: 0 }
  const topic = { name: 't', id: 'a'.repeat(32), isInternal: false, settings: testSettings(change), partitions: [] }
  return { topic, partition }
}

function keyless(count: number, valueBytes = 0, compression = 0): Buffer {
  const value = Buffer.alloc(valueBytes)
  const records = Array.from({ length: count }, () => ({ key: null, value, timestampMs: nowMs }))
  return buildBatch({ records, compression })
}

test('no more than a limit of records are told, however many are at fault', () => {
  const compacted = placeWith({ isCompacted: true })
  assert.is(recordErrorsOf(keyless(recordErrorsMax), compacted, nowMs).length, recordErrorsMax)
  const errors = recordErrorsOf(keyless(recordErrorsMax + 1), compacted, nowMs)
  assert.is(errors.length, recordErrorsMax)
  assert.is(errors.at(-1)?.batchIndex, recordErrorsMax - 1)
})

test('of batches that are too large, also when unpacked, none is told, and neither of damaged ones', () => {
  const compacted = placeWith({ isCompacted: true })
  assert.is(recordErrorsOf(keyless(1, explainedBytesMax - 100), compacted, nowMs).length, 1)
  assert.is(recordErrorsOf(keyless(1, explainedBytesMax), compacted, nowMs).length, 0)
  const packed = keyless(1, explainedBytesMax, 4)
  assert.ok(packed.length < 1_000)
  assert.is(recordErrorsOf(packed, compacted, nowMs).length, 0)
  const damaged = keyless(2, 50)
  damaged.writeUInt8(0xff, 61)
  assert.is(recordErrorsOf(damaged, compacted, nowMs).length, 0)
  assert.is(recordErrorsOf(damaged.subarray(0, 60), compacted, nowMs).length, 0)
  assert.is(recordErrorsOf(damaged.subarray(0, 20), compacted, nowMs).length, 0)
})

test('a batch of which no record is at fault, as settings are by now, has none', () => {
  assert.equal(recordErrorsOf(keyless(3), placeWith({}), nowMs), [])
  assert.is(messageOfRecordErrors(ErrorCode.INVALID_RECORD, []), null)
  assert.type(messageOfRecordErrors(ErrorCode.INVALID_TIMESTAMP, []), 'string')
})

test('bounds without a limit wrap as in Java', () => {
  const records = [{ key: null, value: null, timestampMs: nowMs + 2 }]
  const bounds = { timestampBeforeMaxMs: 2 ** 63, timestampAfterMaxMs: 1 }
  const [error] = recordErrorsOf(buildBatch({ records }), placeWith(bounds), nowMs)
  assert.match(error?.batchIndexErrorMessage ?? '', `within [-9223370336854775807, ${nowMs + 1}]`)
  const early = [{ key: null, value: null, timestampMs: 5 }]
  const open = { timestampBeforeMaxMs: 1, timestampAfterMaxMs: 2 ** 63 }
  const [other] = recordErrorsOf(buildBatch({ records: early }), placeWith(open), nowMs)
  assert.match(other?.batchIndexErrorMessage ?? '', `within [${nowMs - 1}, -9223370336854775809]`)
})

test('whatever the bytes are, it answers: a front must not stumble over what its owner refused', () => {
  const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 500)
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  const random = seededRandom(seed)
  const place = placeWith({ isCompacted: true, timestampBeforeMaxMs: 1_000, timestampAfterMaxMs: 1_000 })
  let batches = 0
  let told = 0
  for (const start = performance.now(); performance.now() - start < budgetMs; batches++) {
    const bytes = keyless(3, random.below(50), random.below(5))
    for (let count = random.below(4); count > 0; count--)
      bytes.writeUInt8(random.below(256), random.below(bytes.length))
    const isCut = random.below(4) === 0
    const errors = recordErrorsOf(isCut ? bytes.subarray(0, random.below(bytes.length)) : bytes, place, nowMs)
    told += errors.length
  }
  console.log(`seed ${seed}: ${batches} batches, ${told} records told`)
  assert.ok(batches > 10 && told > 10)
})

test.run()
