/** The owner's duty cycle and its control calls, with real rings and fake engines. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isSlot, RING_SEALED } from '../../src/ring/cursor.ts'
import { Ring } from '../../src/ring/ring.ts'
import { Verdict } from '../../src/ring/slot.ts'
import { PartitionState } from '../../src/ring/table.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  batchAttributes,
  batchCrc,
  batchLeaderEpoch,
  batchMaxTimestamp,
  computeBatchCrc,
} from '../../src/wire/record-batch.ts'
import { accepted, answerAll, goodBatch, OwnerKit, outcomeOf, rung, writerFront } from './owner-kit.ts'

test('a batch becomes readable at its offset, and the writer that waits is woken once', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(3)
  rung(kit.frontBell)
  kit.table.addInterest(3, writerFront)
  const first = kit.append(3)
  const second = kit.append(3)
  const value = kit.frontBell.value()
  assert.ok(kit.agent.doWork() > 0)
  assert.equal(kit.frontBell.value(), value + 1)
  assert.equal(rung(kit.frontBell), [3])
  assert.equal(outcomeOf(ring, first), accepted(0))
  assert.equal(outcomeOf(ring, second), accepted(3))
  assert.equal(ring.readable(), ring.claimed())
  assert.equal(kit.table.highWatermark(3), 6)
  assert.equal(kit.table.lastStableOffset(3), 6)
  assert.equal(kit.engine(3).written.length, 2)
  assert.equal(batchLeaderEpoch(kit.engine(3).written[1] ?? Buffer.alloc(0), 0), 0)
})

test('an owner without work says so', async () => {
  const kit = new OwnerKit()
  await kit.open(0)
  kit.work()
  assert.equal(kit.agent.doWork(), 0)
})

test('sync policy every reveals only what is synced; the others what is written', async () => {
  const kit = new OwnerKit()
  const strict = await kit.open(0, { sync: 'every' })
  const loose = await kit.open(1, { sync: 'interval' })
  kit.engine(0).isSyncing = false
  kit.engine(1).isSyncing = false
  kit.append(0)
  kit.append(1)
  kit.work()
  assert.equal(strict.readable(), 0)
  assert.equal(strict.written(), 1)
  assert.equal(kit.table.highWatermark(0), 0)
  assert.equal(loose.readable(), 1)
  kit.engine(0).isSyncing = true
  kit.work()
  assert.equal(strict.readable(), 1)
  assert.equal(kit.table.highWatermark(0), 3)
})

test('with a count of messages fewer than that are revealed unsynced', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, { sync: 'every', flushMessages: 7 })
  kit.engine(0).isSyncing = false
  // Three records each: after the second, six wait for a sync.
  for (let count = 0; count < 4; count++) kit.append(0)
  kit.work()
  assert.equal(ring.written(), 4)
  assert.equal(ring.readable(), 2)
  assert.equal(kit.table.highWatermark(0), 6)
  kit.engine(0).isSyncing = true
  kit.work()
  assert.equal(ring.readable(), 4)
  kit.engine(0).isSyncing = false
  kit.append(0)
  kit.append(0)
  kit.work()
  assert.equal(ring.readable(), 6, 'counting begins anew after a sync')
})

test('nothing is revealed before it is written', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0)
  kit.engine(0).isWriting = false
  kit.append(0)
  kit.work()
  assert.equal(ring.stamped(), 1)
  assert.equal(ring.readable(), 0)
  kit.engine(0).isWriting = true
  kit.work()
  assert.equal(ring.readable(), 1)
})

test('a storage failure answers everything unread with KAFKA_STORAGE_ERROR, and other partitions live on', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0)
  const other = await kit.open(1)
  const good = kit.append(0)
  kit.work()
  kit.engine(0).isWriting = false
  const unread = kit.append(0)
  kit.work()
  kit.engine(0).failure = new Error('EIO')
  const late = kit.append(0)
  kit.append(1)
  kit.work()
  assert.equal(outcomeOf(ring, good), accepted(0))
  for (const slot of [unread, late]) {
    assert.equal(ring.verdict(slot), Verdict.refused)
    assert.equal(ring.outcome(slot), ErrorCode.KAFKA_STORAGE_ERROR)
  }
  assert.equal(ring.readable(), ring.claimed())
  assert.equal(kit.table.highWatermark(0), 3)
  assert.equal(kit.table.state(0), PartitionState.failed)
  const batch = goodBatch(kit.clock.nowMs())
  assert.equal(ring.append(batch, 0, batch.length, writerFront), RING_SEALED)
  assert.equal(other.readable(), 1)
  assert.equal(kit.table.state(1), PartitionState.online)
  const fresh = new Ring(Ring.create({ dataBytes: 4096 }))
  assert.ok(isSlot(fresh.append(batch, 0, batch.length, writerFront)))
})

test('a ring swap drains the old ring first; its unanswered slots stay readable', async () => {
  const kit = new OwnerKit()
  const old = await kit.open(0)
  kit.engine(0).isWriting = false
  const last = kit.append(0)
  old.seal()
  let isAttached = false
  const memory = Ring.create({ dataBytes: 131_072 })
  const attached = kit.agent.attachRing(0, memory).then(() => {
    isAttached = true
  })
  kit.work()
  await Promise.resolve()
  assert.equal(isAttached, false)
  kit.engine(0).isWriting = true
  kit.work()
  await attached
  assert.equal(outcomeOf(old, last), accepted(0))
  assert.equal(old.isAnswered(last), false)
  const ring = new Ring(memory)
  kit.rings.set(0, ring)
  const next = kit.append(0)
  kit.work()
  assert.equal(outcomeOf(ring, next), accepted(3))
})

test('what was appended to the new ring before the owner saw it is served after the old ring', async () => {
  const kit = new OwnerKit()
  const old = await kit.open(0)
  const before = kit.append(0)
  old.seal()
  const memory = Ring.create({ dataBytes: 131_072 })
  const attached = kit.agent.attachRing(0, memory)
  const ring = new Ring(memory)
  kit.rings.set(0, ring)
  const after = kit.append(0)
  kit.work()
  await attached
  assert.equal(outcomeOf(old, before), accepted(0))
  assert.equal(outcomeOf(ring, after), accepted(3))
})

test('a detached partition has no ring, and takes a new one later', async () => {
  const kit = new OwnerKit()
  const old = await kit.open(0)
  kit.append(0)
  old.seal()
  const detached = kit.agent.detachRing(0)
  kit.work()
  await detached
  assert.equal((await kit.agent.describe([0]))[0]?.ringBytes, 0)
  const memory = Ring.create({ dataBytes: 65_536 })
  const attached = kit.agent.attachRing(0, memory)
  kit.work()
  await attached
  kit.rings.set(0, new Ring(memory))
  const slot = kit.append(0)
  kit.work()
  assert.equal(new Ring(memory).baseOffset(slot), 3)
})

test('a removed partition answers what is left with UNKNOWN_TOPIC_OR_PARTITION and drops its data', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0)
  kit.engine(0).isWriting = false
  const stamped = kit.append(0)
  kit.work()
  const published = kit.append(0)
  ring.seal()
  await kit.agent.remove([0])
  kit.work()
  for (const slot of [stamped, published]) assert.equal(ring.outcome(slot), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  assert.equal(ring.readable(), ring.claimed())
  assert.equal(kit.table.state(0), PartitionState.removed)
  assert.ok(kit.engine(0).calls.includes('removeFiles'))
  assert.equal(await kit.agent.describe([0]), [])
  await kit.agent.attachRing(0, Ring.create({ dataBytes: 4096 }))
})

test('deleteRecords moves the log start, up to the high watermark and no further', async () => {
  const kit = new OwnerKit()
  await kit.open(0)
  kit.append(0)
  kit.append(0)
  kit.work()
  assert.equal(await kit.agent.deleteRecords(0, 4), { errorCode: 0, startOffset: 4 })
  assert.equal(kit.table.logStartOffset(0), 4)
  assert.equal(await kit.agent.deleteRecords(0, 2), { errorCode: 0, startOffset: 4 })
  const beyond = await kit.agent.deleteRecords(0, 7)
  assert.equal(beyond.errorCode, ErrorCode.OFFSET_OUT_OF_RANGE)
  assert.equal((await kit.agent.deleteRecords(0, -2)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE)
  assert.equal(await kit.agent.deleteRecords(0, -1), { errorCode: 0, startOffset: 6 })
  assert.equal((await kit.agent.deleteRecords(9, 0)).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
})

test('a log start that the disk did not keep is not shown', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, {}, 65_536)
  const batch = goodBatch(kit.clock.nowMs())
  ring.append(batch, 0, batch.length, 1)
  kit.ownerBell.markAndRing(0)
  kit.work()
  const engine = kit.engine(0)
  engine.deleteRecordsBefore = () => {
    engine.failure = new Error('EIO: planted')
  }
  assert.is((await kit.agent.deleteRecords(0, 1)).errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
  assert.is(kit.table.logStartOffset(0), 0)
})

test('LogAppendTime is stamped in place, with a CRC that holds', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, { timestampType: 'LogAppendTime' })
  const slot = kit.append(0, goodBatch(5))
  kit.work()
  const stored = kit.engine(0).written[0] ?? Buffer.alloc(0)
  assert.equal(batchMaxTimestamp(stored, 0), kit.clock.nowMs())
  assert.equal(batchAttributes(stored, 0) & 0x08, 0x08)
  assert.equal(batchCrc(stored, 0), computeBatchCrc(stored, 0))
  assert.equal(ring.logAppendTime(slot), kit.clock.nowMs())
})

test('every partition is maintained about once a second, by the clock', async () => {
  const kit = new OwnerKit()
  await kit.open(0)
  await kit.open(1)
  kit.work()
  kit.clock.advance(2000)
  const value = kit.ownerBell.value()
  kit.work()
  assert.equal(kit.engine(0).calls, ['maintain'])
  assert.equal(kit.engine(1).calls, ['maintain'])
  kit.append(0)
  kit.work()
  kit.clock.advance(1000)
  assert.ok(kit.ownerBell.value() > value)
  kit.work()
  assert.equal(kit.engine(0).calls, ['maintain', 'maintain'])
})

test('an idle partition is maintained more rarely', async () => {
  const kit = new OwnerKit()
  await kit.open(0)
  for (let second = 0; second < 60; second++) {
    kit.clock.advance(1000)
    kit.work()
  }
  const count = kit.engine(0).calls.length
  assert.ok(count >= 5 && count <= 8, `${count} times`)
})

test('a changed segment list is told to readers before the batches in it', async () => {
  const kit = new OwnerKit()
  await kit.open(0)
  const generation = kit.table.segmentsGeneration(0)
  kit.engine(0).segmentsVersion++
  kit.append(0)
  kit.work()
  assert.is.not(kit.table.segmentsGeneration(0), generation)
})

test('stop drains, keeps the producers, closes, and does nothing afterwards', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, { sync: 'every' })
  kit.engine(0).isSyncing = false
  const slot = kit.append(0)
  await kit.agent.stop()
  assert.equal(outcomeOf(ring, slot), accepted(0))
  assert.equal(ring.readable(), ring.claimed())
  assert.equal(kit.engine(0).calls, ['sync', 'close'])
  assert.equal(
    kit.engine(0).snapshots.map((snapshot) => snapshot.offset),
    [3],
  )
  assert.equal(kit.agent.doWork(), 0)
})

test('describe tells where a ring stands', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, {}, 4096)
  for (let count = 0; count < 100; count++) {
    kit.append(0)
    kit.work()
    answerAll(ring)
  }
  const [facts] = await kit.agent.describe([0])
  assert.ok(facts !== undefined)
  assert.equal(facts.ringBytes, 4096)
  assert.equal(facts.ringTail - facts.ringHead, ring.usedBytes())
  assert.equal(facts.ringWraps, Math.floor(facts.ringTail / 4096))
  assert.ok(facts.ringWraps >= 2)
})

test.run()
