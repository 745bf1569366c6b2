/** What a partition remembers of idempotent producers; Kafka's answers themselves are replayed in hostile-batches. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  nextSequence,
  ProducerStates,
  producerExpirationMs,
  producersPerPartitionMax,
  wrapSequence,
} from '../../src/partition/producer-state.ts'
import { decodeSnapshot, encodeSnapshot } from '../../src/partition/snapshot.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'

function batch(producerId: number, firstSequence: number, baseOffset: number, epoch = 0) {
  const lastOffset = baseOffset + 2
  const lastSequence = wrapSequence(firstSequence + 2)
  return {
    producerId,
    epoch,
    firstSequence,
    lastSequence,
    baseOffset,
    lastOffset,
    timestampMs: 1000,
    isTransactional: false,
  }
}

test('sequences wrap after 2^31 - 1', () => {
  assert.equal(nextSequence(2_147_483_647), 0)
  assert.equal(nextSequence(5), 6)
  assert.equal(wrapSequence(2_147_483_648), 0)
  assert.equal(wrapSequence(-1), 2_147_483_647)
})

test('a silent producer is forgotten after a day, and taken as unknown then', () => {
  const states = new ProducerStates()
  states.append(batch(1, 0, 0), 0)
  states.append(batch(2, 0, 3), 10)
  assert.equal(states.check(batch(1, 9, 6)), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.equal(states.expire(producerExpirationMs), 1)
  assert.equal(states.check(batch(1, 9, 6)), ErrorCode.NONE)
  assert.equal(states.check(batch(2, 9, 6)), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
})

test('the number of producers is bounded: the longest silent go first', () => {
  const states = new ProducerStates()
  for (let producerId = 0; producerId <= producersPerPartitionMax; producerId++) {
    states.append(batch(producerId, 0, producerId * 3), producerId)
  }
  assert.ok(states.size <= producersPerPartitionMax)
  assert.equal(states.check(batch(0, 9, 0)), ErrorCode.NONE)
  assert.equal(states.check(batch(producersPerPartitionMax, 9, 0)), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
})

test('a snapshot keeps each producer with its last batch', () => {
  const states = new ProducerStates()
  states.append(batch(1, 0, 0), 500)
  states.append(batch(1, 3, 3), 600)
  states.append(batch(7, 2_147_483_646, 6, 4), 700)
  const restored = new ProducerStates()
  restored.restore(decodeSnapshot(encodeSnapshot(states.facts())))
  assert.equal(restored.facts(), states.facts())
  assert.equal(restored.check(batch(1, 6, 9)), ErrorCode.NONE)
  assert.equal(restored.check(batch(1, 3, 9)), ErrorCode.DUPLICATE_SEQUENCE_NUMBER)
  assert.equal(restored.known.baseOffset, 3)
  assert.equal(restored.check(batch(1, 0, 9)), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.equal(restored.check(batch(7, 2_147_483_646, 9, 4)), ErrorCode.DUPLICATE_SEQUENCE_NUMBER)
  assert.equal(restored.check(batch(7, 1, 9, 4)), ErrorCode.NONE)
  assert.equal(restored.check(batch(7, 1, 9, 3)), ErrorCode.INVALID_PRODUCER_EPOCH)
})

test('a snapshot of a partition keeps every batch that may come again, and Kafka finds the newest last', () => {
  const states = new ProducerStates()
  for (let place = 0; place < 7; place++) states.append(batch(1, place * 3, place * 3), 500)
  states.append({ ...batch(7, 0, 21, 4), isTransactional: true }, 700)
  states.append({ ...batch(7, 3, 24, 4), isTransactional: true }, 700)
  const kept = decodeSnapshot(encodeSnapshot(states.snapshotFacts()))
  const lastOfEach = new Map(kept.map((facts) => [facts.producerId, facts]))
  assert.equal([...lastOfEach.values()], states.facts())
  assert.equal(
    kept.filter(({ transactionStart }) => transactionStart >= 0).length,
    1,
    'one open transaction, told once',
  )
  const restored = new ProducerStates()
  restored.restore(kept)
  assert.equal(restored.facts(), states.facts())
  for (let place = 2; place < 7; place++) {
    assert.equal(restored.check(batch(1, place * 3, 99)), ErrorCode.DUPLICATE_SEQUENCE_NUMBER)
    assert.equal(restored.known.baseOffset, place * 3)
  }
  assert.equal(restored.check(batch(1, 3, 99)), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.equal(restored.transactionStartOf(7), 21)
})

test('a damaged snapshot is noticed, wherever the damage is', () => {
  const states = new ProducerStates()
  states.append(batch(1, 0, 0), 500)
  const bytes = encodeSnapshot(states.facts())
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at)
    assert.throws(
      () => decodeSnapshot(damaged),
      (thrown: Error & { code?: string }) => thrown.code === 'SAFKA_DECODE',
    )
  }
  assert.throws(() => decodeSnapshot(bytes.subarray(0, -1)))
  assert.equal(decodeSnapshot(encodeSnapshot([])), [])
})

test.run()
