/** Reading a ring by offset: whole batches, limits, and what was overwritten meanwhile. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { slotAfter } from '../../src/ring/cursor.ts'
import { type RingRead, readFrom } from '../../src/ring/read.ts'
import { Ring } from '../../src/ring/ring.ts'
import { EntryKind, Verdict } from '../../src/ring/slot.ts'
import { content, SmallOwner } from './small-owner.ts'

const noLimit = 1_000_000

function make(shape: { dataBytes: number; slots?: number; firstSlot?: number }): { ring: Ring; owner: SmallOwner } {
  const ring = new Ring(Ring.create(shape))
  return { ring, owner: new SmallOwner(ring) }
}

/** Appends a batch of `records` records, whose bytes follow from its base offset. */
function append(ring: Ring, owner: SmallOwner, length: number, records = 1): void {
  ring.append(content(length, owner.nextOffset), 0, length, 0)
  owner.reveal(Verdict.accepted, records)
}

function batches(read: RingRead): { bytes: Buffer; nextOffset: number } {
  if (typeof read === 'string') throw new Error(`expected batches, got ${read}`)
  return read
}

test('a read starts with the batch that holds the offset, also from its middle', () => {
  const { ring, owner } = make({ dataBytes: 4096 })
  append(ring, owner, 100, 10)
  append(ring, owner, 50, 5)
  append(ring, owner, 30, 1)
  for (const offset of [10, 12, 14]) {
    const read = batches(readFrom(ring, offset, noLimit, 100, false))
    assert.is(read.nextOffset, 16)
    assert.equal(read.bytes, Buffer.concat([content(50, 10), content(30, 15)]))
  }
  assert.is(batches(readFrom(ring, 0, noLimit, 100, false)).bytes.length, 180)
})

test('the end of what is readable is beyond', () => {
  const { ring, owner } = make({ dataBytes: 4096 })
  append(ring, owner, 100, 10)
  ring.append(content(10, 1), 0, 10, 0)
  assert.is(readFrom(ring, 10, noLimit, 100, true), 'beyond')
  assert.is(readFrom(ring, 500, noLimit, 1000, true), 'beyond')
})

test('what was before the ring, or left it, is gone', () => {
  const { ring, owner } = make({ dataBytes: 4096 })
  owner.nextOffset = 100
  assert.is(readFrom(ring, 50, noLimit, 100, true), 'gone', 'an untouched ring knows nothing: ask the log')
  assert.is(readFrom(ring, 100, noLimit, 100, true), 'beyond')
  append(ring, owner, 100, 10)
  append(ring, owner, 100, 10)
  assert.is(readFrom(ring, 99, noLimit, 200, true), 'gone')
  owner.retire(1)
  assert.is(readFrom(ring, 109, noLimit, 200, true), 'gone')
  assert.is(batches(readFrom(ring, 110, noLimit, 200, true)).nextOffset, 120)
  owner.retire()
  assert.is(readFrom(ring, 119, noLimit, 120, true), 'gone')
  assert.is(readFrom(ring, 120, noLimit, 121, true), 'beyond', 'revealed in the table a moment before the ring')
})

test('whole batches up to the limit of bytes, and the first one in any case where asked to', () => {
  const { ring, owner } = make({ dataBytes: 4096 })
  for (let batch = 0; batch < 4; batch++) append(ring, owner, 100)
  assert.is(batches(readFrom(ring, 0, 299, 100, false)).nextOffset, 2)
  assert.is(batches(readFrom(ring, 0, 300, 100, false)).nextOffset, 3)
  assert.is(batches(readFrom(ring, 0, 300, 100, true)).nextOffset, 3)
  assert.equal(readFrom(ring, 1, 99, 100, false), { bytes: Buffer.alloc(0), nextOffset: 1 })
  assert.is(batches(readFrom(ring, 1, 99, 100, true)).nextOffset, 2)
  assert.is(batches(readFrom(ring, 1, 0, 100, true)).bytes.length, 100)
})

test('nothing at or after the isolation end is read', () => {
  const { ring, owner } = make({ dataBytes: 4096 })
  append(ring, owner, 100, 10)
  append(ring, owner, 100, 10)
  assert.is(batches(readFrom(ring, 0, noLimit, 10, true)).nextOffset, 10)
  assert.is(batches(readFrom(ring, 0, noLimit, 19, true)).nextOffset, 10)
  assert.is(batches(readFrom(ring, 0, noLimit, 20, true)).nextOffset, 20)
  assert.is(readFrom(ring, 10, noLimit, 10, true), 'beyond')
})

test('refused, duplicate and padding slots, and notes to the owner, are passed over', () => {
  const { ring, owner } = make({ dataBytes: 1024, slots: 32 })
  append(ring, owner, 300)
  const refused = ring.append(content(100, 90), 0, 100, 0)
  owner.reveal(Verdict.refused)
  const open = ring.append(content(16, 91), 0, 16, 0, EntryKind.open)
  owner.reveal(Verdict.duplicate)
  append(ring, owner, 300)
  owner.retire(4)
  append(ring, owner, 200)
  owner.retire(4)
  append(ring, owner, 200)
  assert.is(ring.kind(slotAfter(ring.claimed(), -2)), EntryKind.padding)
  assert.ok(refused < open)
  assert.equal(readFrom(ring, 1, noLimit, 100, true), {
    bytes: Buffer.concat([content(300, 1), content(200, 2), content(200, 3)]),
    nextOffset: 4,
  })
  for (const offset of [0, 1, 2, 3]) {
    const read = readFrom(ring, offset, 1, 100, true)
    if (offset > 0) assert.equal(batches(read).bytes.subarray(0, 4), content(4, offset), `offset ${offset}`)
  }
})

test('a ring that holds only refused slots has nothing of the log', () => {
  const { ring, owner } = make({ dataBytes: 1024 })
  ring.append(content(10, 1), 0, 10, 0)
  owner.reveal(Verdict.refused)
  assert.is(readFrom(ring, 0, noLimit, 1, true), 'gone')
  assert.is(readFrom(ring, 0, noLimit, 0, true), 'beyond')
})

test('every offset is found in a full ring, whatever its slots hold and wherever numbers wrap', () => {
  for (const firstSlot of [0, 2 ** 31 - 30, -30]) {
    const { ring, owner } = make({ dataBytes: 2048, slots: 32, firstSlot })
    for (let entry = 0; entry < 200; entry++) {
      owner.retire(7)
      const length = 20 + ((entry * 37) % 120)
      ring.append(content(length, owner.nextOffset), 0, length, 0)
      const verdict = entry % 5 === 3 ? Verdict.refused : Verdict.accepted
      owner.reveal(verdict, 1 + (entry % 3))
      checkAll(ring, owner.nextOffset)
    }
  }
})

function checkAll(ring: Ring, endOffset: number): void {
  const startOffset = ring.startOffset()
  let offset = startOffset
  while (offset < endOffset) {
    const read = batches(readFrom(ring, offset, 1, endOffset, true))
    assert.ok(read.nextOffset > offset)
    offset = read.nextOffset
  }
  assert.is(offset, endOffset)
  if (startOffset > 0) assert.is(readFrom(ring, startOffset - 1, 1, endOffset, true), 'gone')
}

test('the bytes read are a copy: writers may go on', () => {
  const { ring, owner } = make({ dataBytes: 1024, slots: 16 })
  append(ring, owner, 100)
  const read = batches(readFrom(ring, 0, noLimit, 100, true))
  for (let entry = 0; entry < 50; entry++) {
    append(ring, owner, 200)
    owner.retire()
  }
  assert.equal(read.bytes, content(100, 0))
})

test('the reader may bring its own memory, of which just the bytes read are asked for', () => {
  const { ring, owner } = make({ dataBytes: 1024, slots: 16 })
  append(ring, owner, 100)
  append(ring, owner, 60)
  const memory = Buffer.alloc(500)
  const asked: number[] = []
  const allocate = (bytes: number): Buffer => {
    asked.push(bytes)
    return memory.subarray(0, bytes)
  }
  const read = batches(readFrom(ring, 0, noLimit, 100, true, allocate))
  assert.equal(asked, [160])
  assert.is(read.bytes.buffer, memory.buffer)
  assert.equal(read.bytes, Buffer.concat([content(100, 0), content(60, 1)]))
})

test('a read that is overtaken between copy and re-check answers from the log, not with what it copied', () => {
  const { ring, owner } = make({ dataBytes: 1024, slots: 16 })
  append(ring, owner, 200)
  append(ring, owner, 200)
  let overtaken = 0
  const overtake = (): void => {
    overtaken++
    append(ring, owner, 200)
    owner.retire()
    for (let entry = 0; entry < 5; entry++) append(ring, owner, 200)
  }
  const read = readFrom(interrupted(ring, 'copyOut', overtake), 0, 200, 100, true)
  assert.is(overtaken, 1)
  assert.is(read, 'gone')
})

test('a search that slots are reused under looks again', () => {
  const { ring, owner } = make({ dataBytes: 65_536, slots: 32 })
  for (let entry = 0; entry < 30; entry++) append(ring, owner, 100)
  const overtake = (): void => {
    owner.retire(4)
    for (let entry = 0; entry < 25; entry++) append(ring, owner, 100)
  }
  const view = interrupted(ring, 'lastOffset', overtake)
  const read = batches(readFrom(view, 28, 100, 1000, true))
  assert.equal(read.bytes, content(100, 28))
  assert.is(readFrom(ring, 3, 100, 1000, true), 'gone')
})

/** A view of the ring that calls `interrupt` once, right after the first call of `method`. */
function interrupted(ring: Ring, method: 'copyOut' | 'lastOffset', interrupt: () => void): Ring {
  let isArmed = true
  return new Proxy(ring, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...given: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(member, target, given)
        if (name === method && isArmed) {
          isArmed = false
          interrupt()
        }
        return answer
      }
    },
  })
}

test.run()
