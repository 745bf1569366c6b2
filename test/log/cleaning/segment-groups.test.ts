/** Segments are grouped up to the size of one, of its indexes, and of the offsets that those can hold. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { groupSegments, type SizedSegment, segmentsPerGroupMax } from '../../../src/log/cleaning/segment-groups.ts'

const limits = { segmentBytes: 100, segmentIndexBytes: 80 }

function segmentsOf(...sizes: readonly Partial<SizedSegment>[]): SizedSegment[] {
  return sizes.map((size, place) => ({
    baseOffset: place * 10,
    endOffset: place * 10 + 10,
    sizeBytes: 10,
    indexBytes: 8,
    timeIndexBytes: 12,
    ...size,
  }))
}

function basesOf(segments: readonly SizedSegment[]): number[][] {
  return groupSegments(segments, limits).map((group) => group.map(({ baseOffset }) => baseOffset))
}

test('neighbours share a segment while their bytes fit, to the last byte', () => {
  assert.equal(basesOf([]), [])
  assert.equal(basesOf(segmentsOf({ sizeBytes: 50 }, { sizeBytes: 50 }, { sizeBytes: 1 })), [[0, 10], [20]])
  assert.equal(basesOf(segmentsOf({ sizeBytes: 500 }, { sizeBytes: 1 }, { sizeBytes: 1 })), [[0], [10, 20]])
})

test('their indexes must fit too', () => {
  assert.equal(basesOf(segmentsOf({ indexBytes: 40 }, { indexBytes: 40 }, { indexBytes: 8 })), [[0, 10], [20]])
  assert.equal(basesOf(segmentsOf({ timeIndexBytes: 72 }, {}, {})), [[0], [10, 20]])
})

test('offsets reach no farther from the first than an index entry can say, but empty segments do not count', () => {
  const far = 2 ** 31
  const reaching = segmentsOf({ endOffset: far - 1 }, { baseOffset: far - 1, endOffset: far })
  assert.equal(basesOf(reaching), [[0, far - 1]])
  const beyond = segmentsOf({ endOffset: far }, { baseOffset: far, endOffset: far + 1 })
  assert.equal(basesOf(beyond), [[0], [far]])
  const empty = segmentsOf({ endOffset: far }, { baseOffset: far, endOffset: far + 1, sizeBytes: 0 })
  assert.equal(basesOf(empty), [[0, far]])
})

test('no more are replaced in one go than an owner removes at once', () => {
  const many = segmentsOf(
    ...Array.from({ length: segmentsPerGroupMax + 1 }, () => ({ sizeBytes: 1, indexBytes: 0, timeIndexBytes: 0 })),
  )
  assert.equal(
    basesOf(many).map((group) => group.length),
    [segmentsPerGroupMax, 1],
  )
})

test.run()
