/** What was checked once is known again, and no more than was checked. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { CheckedRanges, rangesMax } from '../../src/log/local/checked-ranges.ts'

test('ranges that touch become one, and others stay apart', () => {
  const ranges = new CheckedRanges()
  ranges.add({ start: 10, end: 20 })
  ranges.add({ start: 30, end: 40 })
  assert.equal(ranges.around({ start: 20, end: 25 }), { start: 10, end: 20 })
  assert.equal(ranges.around({ start: 21, end: 30 }), { start: 0, end: 0 })
  ranges.add({ start: 20, end: 30 })
  assert.equal(ranges.around({ start: 12, end: 13 }), { start: 10, end: 40 })
})

test('whatever is added, nothing counts as checked that was not', () => {
  const random = seededRandom(7)
  for (let round = 0; round < 200; round++) {
    const ranges = new CheckedRanges()
    const isChecked = new Array<boolean>(1000).fill(false)
    for (let step = 0; step < 30; step++) {
      const start = random.below(990)
      const end = start + 1 + random.below(10)
      ranges.add({ start, end })
      isChecked.fill(true, start, end)
      const from = random.below(990)
      const found = ranges.around({ start: from, end: from + 10 })
      assert.ok(isChecked.slice(found.start, found.end).every(Boolean))
      if (isChecked[from]) assert.ok(found.start <= from + 9 && found.end > from, 'and what was is found')
    }
  }
})

test('ranges are bounded: the oldest is forgotten', () => {
  const ranges = new CheckedRanges()
  for (let place = 0; place <= rangesMax; place++) ranges.add({ start: place * 10, end: place * 10 + 5 })
  assert.equal(ranges.around({ start: 0, end: 5 }), { start: 0, end: 0 })
  assert.equal(ranges.around({ start: 10, end: 15 }), { start: 10, end: 15 })
})

test.run()
