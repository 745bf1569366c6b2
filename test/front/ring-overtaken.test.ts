/** A search through a ring whose oldest batches the owner takes away meanwhile goes on with the rest. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ringAborted } from '../../src/front/ring-aborted.ts'
import { ringMaxTimestamp, ringOffsetForTimestamp } from '../../src/front/timestamps.ts'
import { slotAfter } from '../../src/ring/cursor.ts'
import { Ring } from '../../src/ring/ring.ts'
import { Verdict } from '../../src/ring/slot.ts'
import { batchLastOffsetDelta, buildBatch } from '../../src/wire/record-batch.ts'
import { buildMarker } from '../../src/wire/transaction-marker.ts'

/** A ring in which ten records were readable, with an aborted transaction at offsets 6 and 7; the first four are gone. */
function overtakenRing(): Ring {
  const ring = new Ring(Ring.create({ dataBytes: 65_536 }))
  for (let offset = 0; offset < 10; offset++) {
    const isTransactional = offset === 6
    const producer = isTransactional ? { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional } : {}
    const records = [{ key: null, value: Buffer.from('x'), timestampMs: 100 + offset }]
    const marker = { producerId: 9, producerEpoch: 0, isCommit: false, coordinatorEpoch: 0 }
    const bytes = offset === 7 ? buildMarker(marker, 1) : buildBatch({ records, ...producer })
    bytes.writeBigInt64BE(BigInt(offset), 0)
    const slot = ring.append(bytes, 0, bytes.length, 1)
    ring.setBaseOffset(slot, offset)
    ring.setLastOffset(slot, offset + batchLastOffsetDelta(bytes, 0))
    ring.setVerdict(slot, Verdict.accepted)
    const end = slotAfter(slot)
    ring.setStamped(end)
    ring.setWritten(end)
    ring.setReadable(end)
    ring.markAnswered(slot)
    if (offset === 3) ring.retire(end)
  }
  return ring
}

test('a search by time', () => {
  const range = { startOffset: 0, endOffset: 10 }
  assert.equal(ringOffsetForTimestamp(overtakenRing(), 0, range), { offset: 4, timestampMs: 104 })
  assert.equal(ringMaxTimestamp(overtakenRing(), range), { offset: 9, timestampMs: 109 })
})

test('a search for aborted transactions, unless what was asked for has gone itself', () => {
  const log = { logStart: 0, abortedEnd: 8 }
  assert.equal(ringAborted(overtakenRing(), log, { startOffset: 5, endOffset: 10 }), [
    { producerId: 9, firstOffset: 6 },
  ])
  assert.is(ringAborted(overtakenRing(), log, { startOffset: 3, endOffset: 10 }), undefined)
})

test.run()
