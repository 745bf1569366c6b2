/** The partition table: words of a partition are its own, and interest is never lost. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PartitionState, PartitionTable } from '../../src/ring/table.ts'

test('each partition has words of its own, seen by every view', () => {
  const memory = PartitionTable.create(3)
  const table = new PartitionTable(memory)
  const other = new PartitionTable(memory)
  assert.is(other.capacity, 3)
  for (let slot = 0; slot < 3; slot++) {
    table.setHighWatermark(slot, slot * 10 + 1)
    table.setLastStableOffset(slot, slot * 10 + 2)
    table.setLogStartOffset(slot, slot * 10 + 3)
    table.setMaxTimestamp(slot, slot * 10 + 4)
    table.setMaxTimestampOffset(slot, slot * 10 + 5)
    table.setState(slot, slot === 1 ? PartitionState.failed : PartitionState.online)
    for (let count = 0; count <= slot; count++) table.bumpSegmentsGeneration(slot)
    table.bumpRingGeneration(slot)
    table.addInterest(slot, slot)
    table.addRoomInterest(slot, slot + 8)
  }
  for (let slot = 0; slot < 3; slot++) {
    assert.is(other.highWatermark(slot), slot * 10 + 1)
    assert.is(other.lastStableOffset(slot), slot * 10 + 2)
    assert.is(other.logStartOffset(slot), slot * 10 + 3)
    assert.is(other.maxTimestamp(slot), slot * 10 + 4)
    assert.is(other.maxTimestampOffset(slot), slot * 10 + 5)
    assert.is(other.state(slot), slot === 1 ? PartitionState.failed : PartitionState.online)
    assert.is(other.segmentsGeneration(slot), slot + 1)
    assert.is(other.ringGeneration(slot), 1)
    assert.is(other.takeInterest(slot), 1 << slot)
    assert.is(other.takeRoomInterest(slot), 1 << (slot + 8))
  }
})

test('offsets up to 2^53 and the sentinel -1 are kept exactly', () => {
  const table = new PartitionTable(PartitionTable.create(1))
  for (const offset of [0, -1, 2 ** 31, 2 ** 53 - 1]) {
    table.setHighWatermark(0, offset)
    assert.is(table.highWatermark(0), offset)
  }
})

test('interest of all writers is taken once', () => {
  const table = new PartitionTable(PartitionTable.create(2))
  for (let writer = 0; writer < 32; writer++) table.addInterest(1, writer)
  assert.is(table.takeInterest(0), 0)
  assert.is(table.takeInterest(1), -1)
  assert.is(table.takeInterest(1), 0)
  table.addRoomInterest(1, 31)
  assert.is(table.takeInterest(1), 0)
  assert.is(table.takeRoomInterest(1), 1 << 31)
})

test('a new table is absent throughout, and partitions outside of it are bugs', () => {
  const table = new PartitionTable(PartitionTable.create(2))
  assert.is(table.state(1), PartitionState.absent)
  assert.throws(() => table.highWatermark(2), /outside/)
  assert.throws(() => table.addInterest(-1, 0), /outside/)
  assert.throws(() => PartitionTable.create(0), /limits/)
  assert.throws(() => new PartitionTable(new SharedArrayBuffer(1024)), /no partition table/)
})

test('a table of 65,536 partitions costs little memory while most are untouched', () => {
  const residentBefore = process.memoryUsage.rss()
  const table = new PartitionTable(PartitionTable.create(65_536))
  for (let slot = 0; slot < 100; slot++) table.setHighWatermark(slot, 1)
  const grownBytes = process.memoryUsage.rss() - residentBefore
  assert.ok(grownBytes < 4 * 2 ** 20, `${grownBytes} bytes`)
})

test.run()
