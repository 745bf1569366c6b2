/** The ring's promises in one thread: claim, copy, publish, cursors, seal, and every boundary of room and slots. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ENTRY_TOO_LARGE, isSlot, RING_FULL, RING_SEALED, slotAfter, slotDistance } from '../../src/ring/cursor.ts'
import { positionWrapUnits } from '../../src/ring/layout.ts'
import { Ring } from '../../src/ring/ring.ts'
import { EntryKind, Verdict } from '../../src/ring/slot.ts'
import { content, SmallOwner } from './small-owner.ts'

function append(ring: Ring, length: number, seed = 1, writer = 0): number {
  const bytes = content(length, seed)
  return ring.append(bytes, 0, length, writer)
}

test('an appended entry is published with its bytes, writer and kind', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024, slots: 8 }))
  const source = content(100, 5)
  const slot = ring.append(source, 10, 60, 3, EntryKind.marker)
  assert.is(slot, 0)
  assert.ok(ring.isPublished(slot))
  assert.not(ring.isPublished(slotAfter(slot)))
  assert.equal(Buffer.from(ring.view(slot)), source.subarray(10, 60))
  assert.is(ring.writer(slot), 3)
  assert.is(ring.kind(slot), EntryKind.marker)
  assert.is(ring.length(slot), 50)
  assert.is(ring.verdict(slot), Verdict.pending)
  assert.not(ring.isAnswered(slot))
})

test('an entry is marked as checked only where its claimer found it right, in this lap alone', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024, slots: 2 }))
  const owner = new SmallOwner(ring)
  const source = content(100, 5)
  const marks: boolean[] = []
  for (const verdict of [true, false, undefined, true]) {
    const check = verdict === undefined ? undefined : () => verdict
    const slot = ring.append(source, 3, 90, 7, EntryKind.data, check)
    marks.push(ring.isChecked(slot))
    assert.is(ring.writer(slot), 7)
    assert.equal(Buffer.from(ring.view(slot)), source.subarray(3, 90))
    owner.reveal()
    owner.retire()
  }
  assert.equal(marks, [true, false, false, true])
})

test('target and source lie at the same place modulo 8 bytes', () => {
  const ring = new Ring(Ring.create({ dataBytes: 4096 }))
  const source = Buffer.alloc(200)
  for (let start = 0; start < 8; start++) {
    const slot = ring.append(source, start, 100, 0)
    assert.is(ring.position(slot) % 8, (source.byteOffset + start) % 8)
  }
})

test('a new ring is empty, and every view sees the same words', () => {
  const memory = Ring.create({ dataBytes: 1024 })
  const ring = new Ring(memory)
  const other = new Ring(memory)
  assert.is(ring.usedBytes(), 0)
  assert.is(ring.usedSlots(), 0)
  assert.is(ring.startOffset(), -1)
  append(ring, 10)
  assert.is(other.claimed(), 1)
  assert.ok(other.isPublished(0))
  assert.is(other.usedBytes(), 16)
})

test('the data takes entries until it is full, and not one more', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024, slots: 64 }))
  const owner = new SmallOwner(ring)
  for (let entry = 0; entry < 8; entry++) assert.ok(isSlot(append(ring, 128, entry)))
  assert.is(ring.usedBytes(), 1024)
  assert.is(append(ring, 1), RING_FULL)
  owner.reveal()
  assert.is(append(ring, 1), RING_FULL)
  owner.retire(7)
  assert.is(append(ring, 129), RING_FULL)
  assert.ok(isSlot(append(ring, 128)))
  assert.is(append(ring, 1), RING_FULL)
})

test('slots may run out before bytes do', () => {
  const ring = new Ring(Ring.create({ dataBytes: 65_536, slots: 4 }))
  const owner = new SmallOwner(ring)
  for (let entry = 0; entry < 4; entry++) assert.ok(isSlot(append(ring, 8, entry)))
  assert.is(append(ring, 8), RING_FULL)
  owner.reveal()
  owner.retire(3)
  assert.is(append(ring, 8), 4)
  assert.is(append(ring, 8), RING_FULL)
})

test('an entry that would cross the end goes to the start, behind a padding slot', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024, slots: 16 }))
  const owner = new SmallOwner(ring)
  append(ring, 512)
  append(ring, 312)
  owner.reveal()
  owner.retire()
  const slot = append(ring, 208, 9)
  assert.is(slot, 3)
  assert.is(ring.kind(2), EntryKind.padding)
  assert.is(ring.length(2), 200)
  assert.ok(ring.isPublished(2))
  assert.ok(ring.isAnswered(2))
  assert.is(ring.position(slot), 0)
  assert.equal(Buffer.from(ring.view(slot)), content(208, 9))
  assert.is(ring.usedBytes(), 408)
})

test('an entry that ends exactly at the end takes no padding', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024, slots: 16 }))
  const owner = new SmallOwner(ring)
  append(ring, 512)
  append(ring, 312)
  owner.reveal()
  owner.retire()
  const slot = append(ring, 200)
  assert.is(slot, 2)
  assert.is(ring.kind(2), EntryKind.data)
  const next = append(ring, 8)
  assert.is(next, 3)
  assert.is(ring.position(next), 0)
})

test('padding and its entry need two slots: with one left the ring is full', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024, slots: 4 }))
  const owner = new SmallOwner(ring)
  for (const length of [512, 312, 8]) append(ring, length)
  owner.reveal()
  owner.retire(0)
  for (const length of [8, 8, 8]) assert.ok(isSlot(append(ring, length)))
  assert.is(append(ring, 400), RING_FULL)
  assert.ok(isSlot(append(ring, 8)))
})

test('an empty ring takes the longest entry wherever its end is, at every skew', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024, slots: 16 }))
  const owner = new SmallOwner(ring)
  assert.is(ring.entryBytesMax, 512)
  const source = content(600, 3)
  for (let round = 0; round < 500; round++) {
    const start = round % 8
    for (const length of [512, 511, 505, 8 + (round % 300)]) {
      const slot = ring.append(source, start, start + length, 0)
      assert.ok(isSlot(slot), `round ${round}, ${length} bytes`)
      assert.equal(Buffer.from(ring.view(slot)), source.subarray(start, start + length))
      owner.reveal()
      owner.retire()
    }
  }
})

test('an entry longer than half of the data is refused and leaves no trace', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024, slots: 16 }))
  assert.is(append(ring, 513), ENTRY_TOO_LARGE)
  assert.is(ring.claimed(), 0)
  assert.is(ring.usedBytes(), 0)
})

test('an empty entry, and one that ends beyond its source, are bugs', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024 }))
  const source = Buffer.alloc(10)
  assert.throws(() => ring.append(source, 5, 5, 0), /must have a length/)
  assert.throws(() => ring.append(source, 5, 11, 0), /beyond its source/)
  assert.throws(() => ring.append(source, 0, 5, 32), /no such writer/)
  assert.is(ring.claimed(), 0)
})

test('slot numbers and positions wrap without a seam', () => {
  const dataBytes = 960
  const firstPositionUnits = positionWrapUnits(dataBytes) - 240
  const firstSlot = 2 ** 31 - 20
  const ring = new Ring(Ring.create({ dataBytes, slots: 8, firstSlot, firstPositionUnits }))
  const owner = new SmallOwner(ring)
  let expected = firstSlot | 0
  for (let entry = 0; entry < 200; entry++) {
    const length = 1 + ((entry * 53) % 300)
    const slot = append(ring, length, entry)
    assert.ok(isSlot(slot), `entry ${entry}`)
    if (slotDistance(expected, slot) === 1) assert.is(ring.kind(expected), EntryKind.padding)
    else assert.is(slot, expected | 0)
    expected = slotAfter(slot)
    assert.equal(Buffer.from(ring.view(slot)), content(length, entry))
    owner.reveal()
    owner.retire(1)
  }
  assert.ok(ring.claimed() < 0, 'slot numbers went past 2^31')
  assert.ok(ring.headBytes() > 9600)
})

test('slot numbers wrap past 2^32 into the numbers of a new ring', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024, slots: 8, firstSlot: -3 }))
  const owner = new SmallOwner(ring)
  for (let entry = 0; entry < 30; entry++) {
    const slot = append(ring, 24, entry)
    assert.is(slot, entry - 3)
    assert.ok(ring.isPublished(slot))
    assert.not(ring.isPublished(slotAfter(slot, -8)), 'the lap before is no longer there')
    assert.not(ring.isPublished(slotAfter(slot, 8)))
    owner.reveal()
    owner.retire()
  }
})

test('a sealed ring takes no claim, and is drained once all that was claimed is readable', () => {
  const memory = Ring.create({ dataBytes: 1024 })
  const ring = new Ring(memory)
  const other = new Ring(memory)
  const owner = new SmallOwner(ring)
  append(ring, 10)
  const claimed = ring.claim(20, 0)
  assert.not(ring.isDrained())
  other.seal()
  other.seal()
  assert.ok(ring.isSealed())
  assert.is(append(ring, 10), RING_SEALED)
  assert.is(append(other, 10), RING_SEALED)
  assert.is(ring.claimed(), 2)
  assert.is(ring.usedBytes(), 40)
  owner.reveal()
  assert.is(ring.readable(), 1)
  assert.not(ring.isDrained(), 'a claim before the seal is waited for')
  ring.copy(claimed, content(20, 4), 0, 20)
  ring.publish(claimed)
  owner.reveal()
  assert.ok(ring.isDrained())
  owner.retire()
  assert.ok(ring.isDrained())
})

test('an empty ring that is sealed is drained at once', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024 }))
  ring.seal()
  assert.ok(ring.isDrained())
})

test('nothing of a claim is seen before it is published, and later entries wait behind it', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024 }))
  const owner = new SmallOwner(ring)
  const first = ring.claim(16, 1)
  append(ring, 16, 2)
  assert.not(ring.isPublished(first))
  owner.reveal()
  assert.is(ring.stamped(), 0)
  ring.copy(first, content(16, 1), 0, 16)
  ring.publish(first)
  owner.reveal()
  assert.is(ring.readable(), 2)
})

test('an append is published only after its bytes were copied', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024 }))
  const source = content(100, 1)
  let wasPublished: boolean | undefined
  source.copy = (target, targetStart, sourceStart, sourceEnd) => {
    wasPublished = ring.isPublished(0)
    return Buffer.prototype.copy.call(source, target, targetStart, sourceStart, sourceEnd)
  }
  assert.is(ring.append(source, 0, 100, 0), 0)
  assert.is(wasPublished, false)
  assert.ok(ring.isPublished(0))
})

test('a cursor neither goes back nor passes the one before it', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024 }))
  const owner = new SmallOwner(ring)
  append(ring, 16)
  append(ring, 16)
  assert.throws(() => ring.setWritten(1), /must not pass/)
  assert.throws(() => ring.setReadable(1), /must not pass/)
  assert.throws(() => ring.setStamped(1), /decided on/)
  owner.reveal()
  assert.throws(() => ring.setReadable(1), /must not go back/)
  assert.throws(() => ring.retire(1), /unanswered/)
  assert.throws(() => ring.retire(3), /must not pass readable/)
  assert.throws(() => ring.setStamped(3), /unpublished/)
})

test('offsets must grow from batch to batch', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024 }))
  for (const baseOffset of [10, 10]) {
    const slot = append(ring, 16)
    ring.setVerdict(slot, Verdict.accepted)
    ring.setBaseOffset(slot, baseOffset)
    ring.setLastOffset(slot, baseOffset + 4)
  }
  ring.setStamped(1)
  assert.throws(() => ring.setStamped(2), /offsets must grow/)
})

test('a reused slot has forgotten its last entry', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024, slots: 2 }))
  const owner = new SmallOwner(ring)
  const first = append(ring, 16)
  ring.setOutcome(first, 87)
  owner.reveal(Verdict.refused)
  owner.retire()
  append(ring, 16)
  const again = append(ring, 16)
  assert.is(again, 2)
  assert.is(ring.outcome(again), 0)
  assert.is(ring.verdict(again), Verdict.pending)
  assert.not(ring.isAnswered(again))
})

test('the start offset follows what is retired, also over slots without offsets', () => {
  const ring = new Ring(Ring.create({ dataBytes: 1024 }))
  const owner = new SmallOwner(ring)
  owner.nextOffset = 1000
  append(ring, 16)
  owner.reveal(Verdict.refused)
  assert.is(ring.startOffset(), -1)
  append(ring, 16)
  owner.reveal(Verdict.accepted, 5)
  append(ring, 16)
  owner.reveal(Verdict.duplicate)
  assert.is(ring.startOffset(), 1000)
  assert.is(ring.lastOffset(0), -1)
  assert.is(ring.lastOffset(2), 1004)
  owner.retire(2)
  assert.is(ring.startOffset(), 1000)
  owner.retire(0)
  assert.is(ring.startOffset(), 1005)
})

test('memory that is no ring is refused', () => {
  assert.throws(() => new Ring(new SharedArrayBuffer(4096)), /no ring/)
})

test('a ring of default shape has a slot for each 512 data bytes, within limits', () => {
  assert.is(new Ring(Ring.create({ dataBytes: 1 })).dataBytes, 64)
  assert.is(new Ring(Ring.create({ dataBytes: 262_144 })).slotCount, 512)
  assert.is(new Ring(Ring.create({ dataBytes: 100_000_000 })).slotCount, 65_536)
  assert.is(new Ring(Ring.create({ dataBytes: 100_000_001 })).dataBytes, 100_000_064)
})

test.run()
