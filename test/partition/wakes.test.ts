/** Wakes: one ring a cycle for small batches, and an early one once much has been persisted. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { earlyRingBytes, Wakes } from '../../src/partition/wakes.ts'
import { Bell } from '../../src/ring/bell.ts'

function makeWakes() {
  const bells = [0, 1].map(() => new Bell(Bell.create(8)))
  return { bells, wakes: new Wakes(bells) }
}

test('small batches of many partitions share one ring, at the end of the cycle', () => {
  const { bells, wakes } = makeWakes()
  for (let slot = 0; slot < 5; slot++) {
    wakes.add(slot, 0b11)
    wakes.persisted(1_000)
  }
  assert.equal(
    bells.map((bell) => bell.value()),
    [0, 0],
  )
  wakes.ring()
  assert.equal(
    bells.map((bell) => bell.value()),
    [1, 1],
  )
  assert.is(
    bells[0]?.drain(() => undefined),
    5,
  )
})

test('once much was persisted those who wait are rung for at once, and counting starts anew', () => {
  const { bells, wakes } = makeWakes()
  wakes.add(3, 0b10)
  wakes.persisted(earlyRingBytes - 1)
  assert.is(bells[1]?.value(), 0)
  wakes.persisted(1)
  assert.equal(
    bells.map((bell) => bell.value()),
    [0, 1],
  )
  wakes.persisted(earlyRingBytes)
  assert.equal(
    bells.map((bell) => bell.value()),
    [0, 1],
    'nobody waits',
  )
  wakes.add(4, 0b01)
  wakes.persisted(earlyRingBytes - 1)
  assert.equal(
    bells.map((bell) => bell.value()),
    [0, 1],
  )
})

test.run()
