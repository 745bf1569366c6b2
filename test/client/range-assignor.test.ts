/** The range assignor gives what Kafka's gives. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { assignRanges } from '../../src/client/range-assignor.ts'

const plain = (assigned: ReturnType<typeof assignRanges>) =>
  Object.fromEntries([...assigned].map(([member, topics]) => [member, Object.fromEntries(topics)]))

test('the first members by id get one more where it does not come out even', () => {
  const members = ['b', 'a', 'c'].map((memberId) => ({ memberId, topics: ['t'] }))
  assert.equal(plain(assignRanges(members, new Map([['t', 4]]))), { b: { t: [2] }, a: { t: [0, 1] }, c: { t: [3] } })
})

test('a member gets only topics that it wants, or nothing', () => {
  const members = [
    { memberId: 'a', topics: ['t', 'u'] },
    { memberId: 'b', topics: ['t'] },
    { memberId: 'c', topics: ['missing'] },
  ]
  const counts = new Map([
    ['t', 1],
    ['u', 2],
  ])
  assert.equal(plain(assignRanges(members, counts)), { a: { t: [0], u: [0, 1] }, b: {}, c: {} })
})

test('every partition has one reader, and shares differ by one at most', () => {
  const random = seededRandom(3)
  for (let round = 0; round < 200; round++) {
    const memberCount = 1 + random.below(9)
    const partitionCount = random.below(30)
    const members = Array.from({ length: memberCount }, (_, index) => ({ memberId: `m${index}`, topics: ['t'] }))
    const shares = [...assignRanges(members, new Map([['t', partitionCount]])).values()].map(
      (topics) => topics.get('t') ?? [],
    )
    assert.equal(
      shares.flat().sort((left, right) => left - right),
      Array.from({ length: partitionCount }, (_, index) => index),
    )
    const sizes = shares.map(({ length }) => length)
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
  }
})

test.run()
