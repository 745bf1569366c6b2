/** The owner of the stress test: checks and stamps what the writers publish, reveals it, and retires what is answered. */

import { assertDefined } from '../../src/base/assert.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Bell } from '../../src/ring/bell.ts'
import { slotAfter } from '../../src/ring/cursor.ts'
import { Ring } from '../../src/ring/ring.ts'
import { EntryKind, Verdict } from '../../src/ring/slot.ts'
import { PartitionTable } from '../../src/ring/table.ts'
import { Content, isRefused, recordsOf, refusalCode } from './ring-content.ts'
import { control, forbid, partition, type StressWorld } from './ring-world.ts'

export class StressOwner {
  readonly #ring: Ring
  readonly #table: PartitionTable
  readonly #bell: Bell
  readonly #bells: readonly Bell[]
  readonly #control: Int32Array
  readonly #content: Content
  readonly #random
  readonly #nextNumbers: number[]
  #nextOffset = 0
  #sealedAt: number | undefined
  #isDone = false

  constructor(world: StressWorld) {
    this.#ring = new Ring(world.ring)
    this.#table = new PartitionTable(world.table)
    this.#bell = new Bell(world.ownerBell)
    this.#bells = world.bells.map((memory) => new Bell(memory))
    this.#control = new Int32Array(world.control)
    this.#content = new Content(world.seed, world.entryBytesMax)
    this.#random = seededRandom(world.seed)
    this.#nextNumbers = new Array<number>(world.writers).fill(0)
  }

  doWork(): number {
    // As in the broker, only partitions that somebody marked are looked at.
    if (this.#bell.drain(() => {}) === 0) return 0
    const ring = this.#ring
    this.#checkSeal()
    const end = this.#stamp()
    ring.setStamped(end)
    ring.setWritten(end)
    ring.setSynced(end)
    this.#table.setHighWatermark(partition, this.#nextOffset)
    ring.setReadable(end)
    ring.assertOrder()
    this.#ringFor(this.#table.takeInterest(partition))
    this.#retire()
    ring.assertOrder()
    this.#finish()
    return 1
  }

  isDone(): boolean {
    return this.#isDone
  }

  report(): Record<string, number> {
    return Object.fromEntries(this.#nextNumbers.map((count, writer) => [`writer${writer}`, count]))
  }

  #stamp(): number {
    const ring = this.#ring
    let slot = ring.stamped()
    for (; slot !== ring.claimed() && ring.isPublished(slot); slot = slotAfter(slot)) {
      if (ring.kind(slot) === EntryKind.padding) continue
      this.#stampOne(slot)
      Atomics.add(this.#control, control.batches, 1)
    }
    return slot
  }

  #stampOne(slot: number): void {
    const batch = this.#ring.view(slot)
    const damage = this.#content.damage(batch)
    forbid(damage !== '', `published too early, or overwritten: ${damage}`)
    const writer = batch.readInt32LE(8)
    const number = batch.readInt32LE(12)
    forbid(writer !== this.#ring.writer(slot), 'torn: the slot names another writer than its bytes')
    const expected = assertDefined(this.#nextNumbers[writer], 'the writer is known')
    forbid(number > expected, `lost: batch ${expected} of writer ${writer}`)
    forbid(number < expected, `duplicated or reordered: batch ${number} of writer ${writer}`)
    this.#nextNumbers[writer] = number + 1
    if (isRefused(writer, number)) {
      this.#ring.setVerdict(slot, Verdict.refused)
      this.#ring.setOutcome(slot, refusalCode)
      return
    }
    batch.writeDoubleLE(this.#nextOffset, 0)
    this.#ring.setVerdict(slot, Verdict.accepted)
    this.#ring.setBaseOffset(slot, this.#nextOffset)
    this.#nextOffset += recordsOf(number)
    this.#ring.setLastOffset(slot, this.#nextOffset - 1)
  }

  #retire(): void {
    const ring = this.#ring
    // Sometimes all, mostly half: so that readers find something, and are overtaken now and then.
    const keptBytes = (ring.dataBytes >>> 1) >>> this.#random.below(6)
    const keptSlots = ring.slotCount >>> 1
    let slot = ring.retired()
    while (slot !== ring.readable() && ring.isAnswered(slot)) {
      if (ring.usedBytes() <= keptBytes && ring.usedSlots() <= keptSlots) break
      slot = slotAfter(slot)
      // One by one, or several at once.
      if (this.#random.below(4) === 0) ring.retire(slot)
    }
    ring.retire(slot)
    this.#ringFor(this.#table.takeRoomInterest(partition))
  }

  #ringFor(mask: number): void {
    for (let bit = 0; bit < this.#bells.length; bit++) {
      if ((mask & (1 << bit)) !== 0) this.#bells[bit]?.markAndRing(partition)
    }
  }

  #checkSeal(): void {
    if (!this.#ring.isSealed()) return
    const claimed = this.#ring.claimed()
    this.#sealedAt ??= claimed
    forbid(claimed !== this.#sealedAt, 'claimed after the seal')
  }

  #finish(): void {
    if (!this.#ring.isDrained()) return
    if (Atomics.exchange(this.#control, control.isDrained, 1) === 0) this.#ringFor(-1)
    // Goes on until all is answered: a claim after the seal would show.
    this.#isDone = this.#ring.retired() === this.#ring.readable() || this.#allAnswered()
  }

  #allAnswered(): boolean {
    for (let slot = this.#ring.retired(); slot !== this.#ring.readable(); slot = slotAfter(slot)) {
      if (!this.#ring.isAnswered(slot)) return false
    }
    return true
  }
}
