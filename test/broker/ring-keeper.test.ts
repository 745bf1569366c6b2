/** The ring keeper: rings are made on demand, grow up to a limit, and together stay within their budget. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import type { PartitionSettings, StorageKind } from '../../src/base/topology.ts'
import { type KeptPartition, RingKeeper, ringBytesFirst } from '../../src/broker/ring-keeper.ts'
import { isSlot } from '../../src/ring/cursor.ts'
import type { Ring } from '../../src/ring/ring.ts'
import { FakeFront, FakeOwner, partitionSettings } from './fake-agents.ts'

function keeperWith(
  options: { storage?: StorageKind; memoryBytesMax?: number; ringBytes?: number; ringBytesMax?: number } = {},
) {
  const owner = new FakeOwner()
  const front = new FakeFront()
  const clock = new VirtualClock()
  const settings: PartitionSettings = {
    ...partitionSettings,
    storage: options.storage ?? 'local',
    ringBytes: options.ringBytes ?? 1024 * 1024,
  }
  const find = (slot: number): KeptPartition | undefined => (slot < 1_000 ? { slot, owner: 0, settings } : undefined)
  const keeper = new RingKeeper({
    owners: [owner],
    fronts: [front],
    clock,
    ringBytesMax: options.ringBytesMax ?? 4 * 1024 * 1024,
    memoryBytesMax: options.memoryBytesMax ?? 64 * 1024 * 1024,
    find,
  })
  return { keeper, owner, front, clock }
}

function ringAt(keeper: RingKeeper, slot: number): Ring {
  const ring = keeper.ringOf(slot)
  assert.ok(ring)
  return ring
}

test('the first ring is small, and owner and fronts have it before its asker is told', async () => {
  const { keeper, owner, front } = keeperWith()
  assert.is(await keeper.ensure(3, 1_000, false), true)
  assert.is(ringAt(keeper, 3).dataBytes, ringBytesFirst)
  assert.ok(owner.rings.get(3))
  assert.is(owner.rings.get(3), front.rings.get(3))
})

test('where even the first ring would be larger than allowed, it is as large as allowed', async () => {
  const { keeper } = keeperWith({ ringBytesMax: 16_384 })
  await keeper.ensure(0, 100, false)
  assert.is(ringAt(keeper, 0).dataBytes, 16_384)
})

test('an entry that the first ring could not take gets a ring that can', async () => {
  const { keeper } = keeperWith()
  await keeper.ensure(0, 1_000_000, false)
  const ring = ringAt(keeper, 0)
  assert.ok(ring.entryBytesMax >= 1_000_000)
  assert.ok(isSlot(ring.append(Buffer.alloc(1_000_000), 0, 1_000_000, 1)))
})

test('a full ring grows step by step up to its limit, the old one is sealed', async () => {
  const { keeper } = keeperWith()
  await keeper.ensure(0, 100, false)
  const first = ringAt(keeper, 0)
  await keeper.ensure(0, 100, true)
  assert.ok(first.isSealed())
  assert.is(ringAt(keeper, 0).dataBytes, 4 * ringBytesFirst)
  for (let asked = 0; asked < 5; asked++) await keeper.ensure(0, 100, true)
  assert.is(ringAt(keeper, 0).dataBytes, 4 * 1024 * 1024)
})

test('many that ask at once for the same ring get one', async () => {
  const { keeper, owner } = keeperWith()
  const answers = await Promise.all(Array.from({ length: 20 }, () => keeper.ensure(5, 100, false)))
  assert.ok(answers.every((isThere) => isThere))
  assert.is(owner.attachments, 1)
})

test('a ring topic has its whole fixed size at once and never grows', async () => {
  const { keeper } = keeperWith({ storage: 'ring', ringBytes: 1024 * 1024 })
  await keeper.ensure(0, 100, false)
  assert.is(ringAt(keeper, 0).dataBytes, 1024 * 1024)
  await keeper.ensure(0, 100, true)
  assert.is(ringAt(keeper, 0).dataBytes, 1024 * 1024)
  assert.is(await keeper.ensure(1, 900_000, false), false)
})

test('at the budget the rings that are idle longest are taken back; busy ones stay', async () => {
  const { keeper, owner, front, clock } = keeperWith({ memoryBytesMax: 40 * (ringBytesFirst * 1.2) })
  for (let slot = 0; slot < 200; slot++) {
    clock.advance(10)
    assert.is(await keeper.ensure(slot, 100, false), true)
    if (slot === 0) ringAt(keeper, 0).append(Buffer.from('unread'), 0, 6, 1)
    assert.ok(keeper.bytes <= 40 * (ringBytesFirst * 1.2))
  }
  assert.ok(keeper.ringOf(0), 'a ring with an unread entry is never taken back')
  assert.is(keeper.ringOf(1), undefined)
  assert.is(owner.rings.get(1), undefined)
  assert.is(front.rings.get(1), undefined)
  assert.ok(keeper.ringOf(199))
})

test('while all rings are busy the next one has to wait', async () => {
  const { keeper } = keeperWith({ memoryBytesMax: 4 * (ringBytesFirst * 1.2) })
  const answers: boolean[] = []
  for (let slot = 0; slot < 6; slot++) {
    answers.push(await keeper.ensure(slot, 100, false))
    keeper.ringOf(slot)?.append(Buffer.from('unread'), 0, 6, 1)
  }
  assert.equal(answers.slice(-2), [false, false])
})

test('two that need the same memory at once take no ring back twice, and stay within the budget', async () => {
  const memoryBytesMax = 80 * (ringBytesFirst * 1.2)
  const { keeper, owner } = keeperWith({ memoryBytesMax })
  for (let slot = 0; slot < 80; slot++) await keeper.ensure(slot, 100, false)
  const entryBytes = 6 * 1024 * 1024
  await Promise.all([keeper.ensure(100, entryBytes, false), keeper.ensure(101, entryBytes, false)])
  let bytes = 0
  for (const memory of owner.rings.values()) bytes += memory.byteLength
  assert.is(keeper.bytes, bytes)
  assert.ok(bytes <= memoryBytesMax * 1.2, `${bytes} bytes`)
})

test('an entry larger than the ring has to wait while the budget is spent', async () => {
  const { keeper } = keeperWith({ memoryBytesMax: 2 * (ringBytesFirst * 1.2) })
  await keeper.ensure(0, 100, false)
  assert.is(await keeper.ensure(0, 1_000_000, false), false)
  assert.is(await keeper.ensure(0, 100, true), true, 'the present ring serves smaller ones')
})

test('what main writes gets a ring while the budget is spent, but no larger one than it needs', async () => {
  const { keeper } = keeperWith({ storage: 'ring', memoryBytesMax: 2 * 1024 * 1024 * 1.2 })
  for (let slot = 0; slot < 2; slot++) await keeper.ensure(slot, 100, false)
  assert.is(await keeper.ensure(2, 100, false), false, 'rings of ring topics are never taken back')
  assert.is(await keeper.ensure(2, 100, false, true), true)
  const bytes = keeper.bytes
  assert.is(await keeper.ensure(2, 100, true, true), true)
  assert.is(keeper.bytes, bytes)
})

test('a partition that is gone gets no ring, a dropped ring is sealed', async () => {
  const { keeper } = keeperWith()
  assert.is(await keeper.ensure(5_000, 100, false), false)
  await keeper.ensure(7, 100, false)
  const ring = ringAt(keeper, 7)
  await keeper.drop(7)
  assert.ok(ring.isSealed())
  assert.is(keeper.ringOf(7), undefined)
  assert.is(keeper.bytes, 0)
})

test.run()
