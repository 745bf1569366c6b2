/** Placement: every partition gets a place of its own, owners share them evenly, and places come back last. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Placement } from '../../src/broker/placement.ts'

test('partitions spread evenly over owners, and a full table says so', () => {
  const placement = new Placement({ capacity: 7, owners: 3 })
  const places = Array.from({ length: 7 }, () => placement.take())
  assert.equal(
    places.map((place) => place?.slot),
    [0, 1, 2, 3, 4, 5, 6],
  )
  assert.equal(
    [0, 1, 2].map((owner) => places.filter((place) => place?.owner === owner).length),
    [3, 2, 2],
  )
  assert.is(placement.take(), undefined)
  assert.is(placement.room, 0)
})

test('a place that came back is used again only when no fresh one is left', () => {
  const placement = new Placement({ capacity: 3, owners: 2 })
  const first = placement.take()
  assert.ok(first)
  placement.giveBack(first)
  assert.is(placement.room, 3)
  assert.equal(
    [placement.take(), placement.take(), placement.take()].map((place) => place?.slot),
    [1, 2, 0],
  )
})

test('the owner with the fewest partitions gets the next one', () => {
  const placement = new Placement({ capacity: 10, owners: 2 })
  const [first, , third] = [placement.take(), placement.take(), placement.take()]
  assert.ok(first && third)
  placement.giveBack(first)
  placement.giveBack(third)
  assert.equal([placement.take()?.owner, placement.take()?.owner], [0, 0])
})

test.run()
