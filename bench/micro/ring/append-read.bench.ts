/** Appending and reading cost the same in a ring of 64 KiB as in one of 256 MiB: O(1), but for what the caches hold. */

import { assert } from '../../../src/base/assert.ts'
import { isSlot, slotAfter } from '../../../src/ring/cursor.ts'
import { readFrom } from '../../../src/ring/read.ts'
import { Ring } from '../../../src/ring/ring.ts'
import { EntryKind, Verdict } from '../../../src/ring/slot.ts'
import { type Case, measure, type Result } from './measure.ts'

const kibibyte = 1024
const ringSizes = [64 * kibibyte, kibibyte ** 2, 16 * kibibyte ** 2, 256 * kibibyte ** 2]
const batchSizes = [100, kibibyte, 64 * kibibyte]
const operations = 1000

/** The whole way of a batch through a ring in one thread: append, stamp, reveal, read hot, answer, retire. */
class Journey {
  readonly #ring: Ring
  readonly #batch: Buffer
  readonly #isRead: boolean
  #nextOffset = 0

  constructor(dataBytes: number, batchBytes: number, isRead: boolean) {
    this.#ring = new Ring(Ring.create({ dataBytes }))
    // As frames lie in a read buffer: anywhere.
    this.#batch = Buffer.alloc(batchBytes + 3, 7).subarray(3)
    this.#isRead = isRead
    this.#fill()
  }

  /** Keeps the ring as full as it is. */
  readonly round = (): void => {
    for (let count = 0; count < operations; count++) {
      this.#append()
      if (this.#isRead) this.#read()
    }
  }

  #fill(): void {
    const limit = Math.min(this.#ring.dataBytes / this.#batch.length, this.#ring.slotCount) / 2
    for (let count = 0; count < limit - 1; count++) this.#append()
  }

  #append(): void {
    const ring = this.#ring
    while (!isSlot(ring.append(this.#batch, 0, this.#batch.length, 0))) ring.retire(slotAfter(ring.retired()))
    let slot = ring.stamped()
    while (slot !== ring.claimed()) {
      if (ring.kind(slot) !== EntryKind.padding) this.#accept(slot)
      slot = slotAfter(slot)
    }
    ring.setStamped(slot)
    ring.setWritten(slot)
    ring.setReadable(slot)
  }

  #accept(slot: number): void {
    this.#ring.setVerdict(slot, Verdict.accepted)
    this.#ring.setBaseOffset(slot, this.#nextOffset)
    this.#ring.setLastOffset(slot, this.#nextOffset)
    this.#ring.markAnswered(slot)
    this.#nextOffset++
  }

  #read(): void {
    const read = readFrom(this.#ring, this.#nextOffset - 1, this.#batch.length, this.#nextOffset, true)
    assert(typeof read !== 'string', 'the newest batch is there')
  }
}

export async function run({ isTiny }: { isTiny: boolean }): Promise<Result[]> {
  const cases: Case[] = []
  for (const batchBytes of batchSizes) {
    for (const dataBytes of isTiny ? ringSizes.slice(0, 2) : ringSizes) {
      // The longest entry is half of a ring.
      if (batchBytes * 2 > dataBytes) continue
      const shape = `${batchBytes} B batches, ${dataBytes / kibibyte} KiB ring`
      cases.push({ name: `append, ${shape}`, operations, round: new Journey(dataBytes, batchBytes, false).round })
      cases.push({ name: `append + read, ${shape}`, operations, round: new Journey(dataBytes, batchBytes, true).round })
    }
  }
  return measure(cases, { isTiny })
}
