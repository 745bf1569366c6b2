/** Ring memory comes back to writers in time, and not before it may. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { roomRetryMs } from '../../src/partition/retire.ts'
import { RING_FULL } from '../../src/ring/cursor.ts'
import { readFrom } from '../../src/ring/read.ts'
import type { Ring } from '../../src/ring/ring.ts'
import { batchBaseOffset } from '../../src/wire/record-batch.ts'
import { answerAll, goodBatch, OwnerKit, rung, writerFront } from './owner-kit.ts'

const ringBytes = 65_536

/** Appends until the ring says that it is full; answers how many batches fitted. */
function fill(kit: OwnerKit, ring: Ring): number {
  const batch = goodBatch(kit.clock.nowMs())
  let count = 0
  while (ring.append(batch, 0, batch.length, writerFront) !== RING_FULL) count++
  kit.ownerBell.markAndRing(0)
  return count
}

test('a slot that nobody has answered holds its memory, written or not', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, {}, ringBytes)
  fill(kit, ring)
  kit.table.addRoomInterest(0, writerFront)
  kit.work()
  assert.equal(ring.readable(), ring.claimed())
  assert.equal(ring.retired(), 0)
})

test('a slot that is not written holds its memory, answered or not', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, {}, ringBytes)
  kit.engine(0).isWriting = false
  const count = fill(kit, ring)
  for (let slot = 0; slot < count; slot++) ring.markAnswered(slot)
  kit.table.addRoomInterest(0, writerFront)
  kit.work()
  assert.equal(ring.retired(), 0)
})

test('where a log keeps the data, half of the ring stays for hot reads, and the rest is free at once', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, {}, ringBytes)
  for (let round = 0; round < 400; round++) {
    kit.append(0)
    kit.append(0)
    kit.work()
    answerAll(ring)
    assert.ok(ring.usedBytes() <= ringBytes / 2 + 512)
  }
  assert.ok(ring.usedBytes() > ringBytes / 4 || ring.usedSlots() > ring.slotCount / 4)
  const last = kit.table.highWatermark(0) - 1
  const read = readFrom(ring, last - 30, 1 << 20, last + 1, true)
  assert.ok(read !== 'gone' && read !== 'beyond')
  assert.ok(batchBaseOffset(read.bytes, 0) <= last - 30)
  assert.equal(kit.table.logStartOffset(0), 0)
})

test('a writer that waits for room is woken once there is some, and a second wait gets it all', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, {}, ringBytes)
  fill(kit, ring)
  kit.work()
  answerAll(ring)
  kit.table.addRoomInterest(0, writerFront)
  kit.ownerBell.markAndRing(0)
  rung(kit.frontBell)
  kit.work()
  assert.equal(rung(kit.frontBell), [0])
  assert.equal(kit.table.roomInterest(0), 0)
  assert.ok(ring.usedBytes() <= ringBytes / 2)
  const large = goodBatch(kit.clock.nowMs(), 1, ringBytes / 2 - 200)
  if (ring.append(large, 0, large.length, writerFront) === RING_FULL) {
    kit.table.addRoomInterest(0, writerFront)
    kit.ownerBell.markAndRing(0)
    kit.work()
    assert.ok(ring.append(large, 0, large.length, writerFront) !== RING_FULL)
  }
})

test('the interest stays while there is no room, and the owner looks again by itself', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, {}, ringBytes)
  fill(kit, ring)
  kit.table.addRoomInterest(0, writerFront)
  kit.work()
  assert.ok(kit.table.roomInterest(0) !== 0)
  answerAll(ring)
  assert.equal(kit.agent.doWork(), 0)
  kit.clock.advance(roomRetryMs)
  kit.work()
  assert.ok(ring.usedBytes() <= ringBytes / 2)
  assert.equal(kit.table.roomInterest(0), 0)
})

test('a ring topic keeps most of its ring, and its log start is where the ring starts', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, { storage: 'ring', ringBytes }, ringBytes)
  for (let round = 0; round < 1000; round++) {
    kit.append(0, goodBatch(kit.clock.nowMs(), 1, 400))
    kit.work()
    answerAll(ring)
    assert.ok(ring.usedBytes() <= ringBytes)
    const first = ring.retired()
    assert.ok(!ring.isInLog(first) || kit.table.logStartOffset(0) === ring.baseOffset(first))
  }
  assert.ok(ring.usedBytes() >= ringBytes * 0.8 || ring.usedSlots() >= ring.slotCount * 0.8)
  const start = kit.table.logStartOffset(0)
  assert.ok(start > 0)
  assert.equal(start, ring.startOffset())
  assert.equal(kit.engine(0).startOffset, start)
  const read = readFrom(ring, start, 1000, kit.table.highWatermark(0), true)
  assert.ok(read !== 'gone' && read !== 'beyond')
  assert.equal(batchBaseOffset(read.bytes, 0), start)
  assert.equal(readFrom(ring, start - 1, 1000, kit.table.highWatermark(0), true), 'gone')
})

test('a ring topic that gets another ring starts anew at its high watermark', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, { storage: 'ring', ringBytes }, ringBytes)
  kit.append(0)
  kit.work()
  ring.seal()
  const detached = kit.agent.detachRing(0)
  kit.work()
  await detached
  assert.equal(kit.table.logStartOffset(0), 3)
  assert.equal(kit.table.highWatermark(0), 3)
})

test.run()
