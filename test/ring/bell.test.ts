/** The bell and its bitmap: nobody sleeps through a ring, and each mark is taken once. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { Bell } from '../../src/ring/bell.ts'

function drained(bell: Bell): number[] {
  const slots: number[] = []
  const count = bell.drain((slot) => slots.push(slot))
  assert.is(count, slots.length)
  return slots
}

test('marks are taken once, in order, at the edges of words too', () => {
  const bell = new Bell(Bell.create(65_536))
  const marked = [0, 31, 32, 63, 1023, 1024, 40_000, 65_535]
  for (const slot of [...marked].reverse()) bell.mark(slot)
  bell.mark(32)
  assert.equal(drained(bell), marked)
  assert.equal(drained(bell), [])
})

test('all partitions may be marked at once', () => {
  const capacity = 3000
  const bell = new Bell(Bell.create(capacity))
  for (let slot = 0; slot < capacity; slot++) bell.mark(slot)
  assert.equal(
    drained(bell),
    Array.from({ length: capacity }, (_, slot) => slot),
  )
})

test('a bell for one partition works, and a partition outside is a bug', () => {
  const bell = new Bell(Bell.create(1))
  bell.mark(0)
  assert.equal(drained(bell), [0])
  assert.throws(() => bell.mark(-1), /outside/)
  assert.throws(() => bell.mark(32), /outside/)
})

test('a mark made while draining is taken now or at the next time', () => {
  const seed = Number(process.env.SEED ?? 7)
  const random = seededRandom(seed)
  const bell = new Bell(Bell.create(4096))
  const due = new Set<number>()
  for (let round = 0; round < 200; round++) {
    for (let count = 0; count < 20; count++) {
      const slot = random.below(4096)
      bell.mark(slot)
      due.add(slot)
    }
    bell.drain((slot) => {
      assert.ok(due.delete(slot), `seed ${seed}: ${slot} was not marked`)
      if (random.below(3) > 0) return
      const another = random.below(4096)
      bell.mark(another)
      due.add(another)
    })
  }
  drained(bell).forEach((slot) => {
    due.delete(slot)
  })
  assert.is(due.size, 0, `seed ${seed}`)
})

test('a sleeper wakes when the bell rings', async () => {
  const memory = Bell.create(10)
  const bell = new Bell(memory)
  const waiting = bell.waitFor(bell.value())
  assert.ok(waiting !== undefined)
  new Bell(memory).markAndRing(3)
  await waiting
  assert.equal(drained(bell), [3])
})

test('who looks at the value first never sleeps through a ring', () => {
  const bell = new Bell(Bell.create(10))
  const value = bell.value()
  bell.ring()
  assert.is(bell.waitFor(value), undefined)
})

test('a mark alone wakes nobody', async () => {
  const bell = new Bell(Bell.create(10))
  let isAwake = false
  const waiting = bell.waitFor(bell.value())
  assert.ok(waiting !== undefined)
  void waiting.then(() => {
    isAwake = true
  })
  bell.mark(1)
  await new Promise((resolve) => setImmediate(resolve))
  assert.not(isAwake)
  bell.ring()
  await waiting
})

test.run()
