/** Reading from a full ring: the search among few and many slots, and the copy of small and large batches. */

import { assert } from '../../../src/base/assert.ts'
import { isSlot, slotAfter } from '../../../src/ring/cursor.ts'
import { readFrom } from '../../../src/ring/read.ts'
import { Ring } from '../../../src/ring/ring.ts'
import { Verdict } from '../../../src/ring/slot.ts'
import { type Case, measure, type Result } from './measure.ts'

const reads = 200

/** A ring full of batches of one record each. */
function fullRing(dataBytes: number, batchBytes: number): { ring: Ring; batches: number } {
  const ring = new Ring(Ring.create({ dataBytes }))
  const batch = Buffer.alloc(batchBytes, 7)
  let batches = 0
  for (let slot = 0; isSlot(ring.append(batch, 0, batchBytes, 0)); slot = slotAfter(slot)) {
    ring.setVerdict(slot, Verdict.accepted)
    ring.setBaseOffset(slot, batches)
    ring.setLastOffset(slot, batches)
    batches++
  }
  ring.setStamped(batches)
  ring.setWritten(batches)
  ring.setReadable(batches)
  return { ring, batches }
}

function readCase({
  dataBytes,
  batchBytes,
  bytesMax,
}: {
  dataBytes: number
  batchBytes: number
  bytesMax: number
}): Case {
  const { ring, batches } = fullRing(dataBytes, batchBytes)
  const round = (): void => {
    for (let count = 0; count < reads; count++) {
      // Places all over the ring, in no order.
      const offset = (count * 7919) % batches
      const read = readFrom(ring, offset, bytesMax, batches, true)
      assert(typeof read !== 'string', 'all offsets are there')
    }
  }
  const name = `read ${bytesMax / 1024} KiB of ${batchBytes} B batches, ${dataBytes / 1024} KiB ring`
  return { name, operations: reads, round }
}

export async function run({ isTiny }: { isTiny: boolean }): Promise<Result[]> {
  const large = isTiny ? 2 ** 20 : 2 ** 26
  const cases = [
    readCase({ dataBytes: 2 ** 18, batchBytes: 128, bytesMax: 128 }),
    readCase({ dataBytes: large, batchBytes: 128, bytesMax: 128 }),
    readCase({ dataBytes: 2 ** 18, batchBytes: 1024, bytesMax: 65_536 }),
    readCase({ dataBytes: large, batchBytes: 1024, bytesMax: 65_536 }),
    readCase({ dataBytes: 2 ** 20, batchBytes: 65_536, bytesMax: 65_536 }),
    readCase({ dataBytes: large, batchBytes: 65_536, bytesMax: 2 ** 20 }),
  ]
  return measure(cases, { isTiny })
}
