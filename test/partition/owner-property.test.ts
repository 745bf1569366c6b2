/**
 * Goal: whatever writers send, the log holds exactly the accepted batches in ring order, and each writer learns what a
 * simple model says. Method: seeded random batches of several producers (good, damaged, repeated, with gaps), an engine
 * that stops writing or syncing at random, rings that are swapped, small enough to be full often.
 */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/base/clock.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { RING_FULL, RING_SEALED, slotAfter } from '../../src/ring/cursor.ts'
import { Ring } from '../../src/ring/ring.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { batchBaseOffset, buildBatch } from '../../src/wire/record-batch.ts'
import { OwnerKit, writerFront } from './owner-kit.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 2000)
const firstSeed = Number(process.env.SEED ?? 1)

/** What the model expects of an entry. */
type Expected = { readonly ring: Ring; readonly slot: number; readonly outcome: number; readonly baseOffset: number }

class Run {
  readonly kit = new OwnerKit()
  readonly #random: Random
  readonly #sequences = [0, 0, 0]
  readonly #sent: { producer: number; bytes: Buffer; baseOffset: number }[][] = [[], [], []]
  #nextOffset = 0
  readonly #log: { baseOffset: number; bytes: Buffer }[] = []
  #pending: Expected[] = []
  #checked = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  async play(steps: number): Promise<number> {
    const sync = this.#random.below(2) === 0 ? 'every' : 'never'
    await this.kit.open(0, { sync }, 4096)
    for (let step = 0; step < steps; step++) await this.#step()
    this.kit.engine(0).isWriting = true
    this.kit.engine(0).isSyncing = true
    this.kit.ownerBell.markAndRing(0)
    this.kit.work()
    this.#check()
    assert.equal(this.#pending.length, 0)
    assert.equal(this.kit.table.highWatermark(0), this.#nextOffset)
    const { written } = this.kit.engine(0)
    assert.equal(written.length, this.#log.length)
    written.forEach((bytes, index) => {
      const expected = this.#log[index]
      assert.equal(batchBaseOffset(bytes, 0), expected?.baseOffset)
      assert.ok(bytes.subarray(16).equals(expected?.bytes.subarray(16) ?? Buffer.alloc(0)))
    })
    return this.#checked
  }

  async #step(): Promise<void> {
    const choice = this.#random.below(20)
    const engine = this.kit.engine(0)
    if (choice < 12) this.#send()
    else if (choice < 13) engine.isWriting = this.#random.below(3) > 0
    else if (choice < 14) engine.isSyncing = this.#random.below(3) > 0
    else if (choice < 15 && this.#random.below(10) === 0) await this.#swap()
    else {
      this.kit.agent.doWork()
      this.#check()
    }
  }

  #send(): void {
    const producer = this.#random.below(3)
    const sent = this.#sent[producer] ?? []
    const sequence = this.#sequences[producer] ?? 0
    const count = 1 + this.#random.below(4)
    const kind = this.#random.below(8)
    if (kind === 0) this.#append(plain(this.#random, count, {}, true), ErrorCode.CORRUPT_MESSAGE, -1)
    else if (kind === 1) {
      const bytes = plain(this.#random, count, { producerId: producer, producerEpoch: 0, baseSequence: sequence + 5 })
      if (sequence > 0) this.#append(bytes, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1)
    } else if (kind === 2) {
      const again = sent.at(-1 - this.#random.below(5))
      if (again !== undefined) this.#append(again.bytes, ErrorCode.NONE, again.baseOffset)
    } else if (kind === 3) {
      this.#accept(plain(this.#random, count, {}), count)
    } else {
      const bytes = plain(this.#random, count, { producerId: producer, producerEpoch: 0, baseSequence: sequence })
      const baseOffset = this.#nextOffset
      if (!this.#accept(bytes, count)) return
      this.#sequences[producer] = sequence + count
      sent.push({ producer, bytes, baseOffset })
    }
  }

  #accept(bytes: Buffer, count: number): boolean {
    const baseOffset = this.#nextOffset
    if (!this.#append(bytes, ErrorCode.NONE, baseOffset)) return false
    this.#log.push({ baseOffset, bytes })
    this.#nextOffset += count
    return true
  }

  #append(bytes: Buffer, outcome: number, baseOffset: number): boolean {
    const ring = this.kit.rings.get(0)
    if (ring === undefined) return false
    const slot = ring.append(bytes, 0, bytes.length, writerFront)
    if (slot === RING_FULL || slot === RING_SEALED) {
      this.kit.table.addRoomInterest(0, writerFront)
      this.kit.ownerBell.markAndRing(0)
      return false
    }
    this.kit.ownerBell.markAndRing(0)
    this.#pending.push({ ring, slot, outcome, baseOffset })
    return true
  }

  /** Compares what has become readable with the model, and answers it. */
  #check(): void {
    this.#pending = this.#pending.filter(({ ring, slot, outcome, baseOffset }) => {
      if (((ring.readable() - slot) | 0) <= 0) return true
      assert.equal(ring.outcome(slot), outcome)
      if (baseOffset >= 0) assert.equal(ring.baseOffset(slot), baseOffset)
      ring.markAnswered(slot)
      this.#checked++
      return false
    })
  }

  async #swap(): Promise<void> {
    this.kit.rings.get(0)?.seal()
    const memory = Ring.create({ dataBytes: 2048 + this.#random.below(4096), firstSlot: slotAfter(0, -3) })
    void this.kit.agent.attachRing(0, memory)
    this.kit.rings.set(0, new Ring(memory))
  }
}

type Producer = { producerId?: number; producerEpoch?: number; baseSequence?: number }

function plain(random: Random, count: number, producer: Producer, isDamaged = false): Buffer {
  const value = Buffer.alloc(random.below(120), random.below(256))
  const records = Array.from({ length: count }, () => ({ key: null, value, timestampMs: 1_700_000_000_000 }))
  const bytes = buildBatch({ records, ...producer, compression: random.below(10) === 0 ? 4 : 0 })
  if (isDamaged) bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  return bytes
}

test('the log equals the model, whatever is sent and however the engine stumbles', async () => {
  const endMs = systemClock.monotonicMs() + budgetMs
  let seed = firstSeed
  let checked = 0
  for (; seed === firstSeed || systemClock.monotonicMs() < endMs; seed++) {
    try {
      checked += await new Run(seed).play(2000)
    } catch (thrown) {
      console.error(`SEED=${seed}`)
      throw thrown
    }
  }
  console.log(`seeds ${firstSeed} to ${seed - 1}, ${checked} outcomes compared`)
  assert.ok(checked > 500)
})

test.run()
