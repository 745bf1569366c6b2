/** A writer of the stress test: appends until the ring is sealed, and checks what it is answered. */

import { assertDefined } from '../../src/base/assert.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Bell } from '../../src/ring/bell.ts'
import { ENTRY_TOO_LARGE, isSlot, RING_SEALED, slotDistance } from '../../src/ring/cursor.ts'
import { Ring } from '../../src/ring/ring.ts'
import { Verdict } from '../../src/ring/slot.ts'
import { PartitionTable } from '../../src/ring/table.ts'
import { Content, isRefused, refusalCode } from './ring-content.ts'
import { forbid, partition, type StressWorld } from './ring-world.ts'

export class StressWriter {
  readonly #writer: number
  readonly #ring: Ring
  readonly #table: PartitionTable
  readonly #ownerBell: Bell
  readonly #content: Content
  readonly #pendingMax: number
  readonly #random
  readonly #pending: { slot: number; number: number }[] = []
  #next = 0
  #lastOffset = -1
  #isSealed = false
  #full = 0

  constructor(world: StressWorld, writer: number) {
    this.#writer = writer
    this.#ring = new Ring(world.ring)
    this.#table = new PartitionTable(world.table)
    this.#ownerBell = new Bell(world.ownerBell)
    this.#content = new Content(world.seed, world.entryBytesMax)
    this.#pendingMax = world.pendingMax
    this.#random = seededRandom(world.seed + writer)
  }

  doWork(): number {
    let work = this.#takeAnswers()
    const count = this.#isSealed ? 0 : 1 + this.#random.below(12)
    for (let batch = 0; batch < count && this.#pending.length < this.#pendingMax; batch++) {
      // A full ring rings once there is room, answers or not.
      if (!this.#append()) break
      work++
    }
    if (work > 0) return work
    // Nothing to do but wait for answers: say so, look again, and only then sleep.
    this.#table.addInterest(partition, this.#writer)
    return this.#takeAnswers()
  }

  isDone(): boolean {
    return this.#isSealed && this.#pending.length === 0
  }

  report(): Record<string, number> {
    return { appended: this.#next, full: this.#full }
  }

  #append(): boolean {
    let slot = this.#appendOnce()
    if (!isSlot(slot) && slot !== RING_SEALED) {
      this.#full++
      this.#table.addRoomInterest(partition, this.#writer)
      slot = this.#appendOnce()
    }
    forbid(slot === ENTRY_TOO_LARGE, 'refused: an entry within the limit')
    this.#isSealed = slot === RING_SEALED
    if (!isSlot(slot)) return false
    this.#pending.push({ slot, number: this.#next })
    this.#next++
    return true
  }

  #appendOnce(): number {
    const batch = this.#content.make(this.#writer, this.#next)
    const slot = this.#ring.append(batch, 0, batch.length, this.#writer)
    this.#ownerBell.markAndRing(partition)
    return slot
  }

  #takeAnswers(): number {
    const readable = this.#ring.readable()
    let answered = 0
    while (this.#pending.length > 0) {
      const { slot, number } = assertDefined(this.#pending[0], 'there is a first one')
      if (slotDistance(slot, readable) <= 0) break
      this.#checkAnswer(slot, number)
      this.#pending.shift()
      this.#ring.markAnswered(slot)
      answered++
    }
    if (answered > 0) this.#ownerBell.markAndRing(partition)
    return answered
  }

  #checkAnswer(slot: number, number: number): void {
    const name = `batch ${number} of writer ${this.#writer}`
    const ring = this.#ring
    forbid(!ring.isPublished(slot), `overwritten: ${name} before it was answered`)
    forbid(ring.writer(slot) !== this.#writer, `overwritten: the slot of ${name}`)
    forbid(ring.length(slot) !== this.#content.length(this.#writer, number), `overwritten: the slot of ${name}`)
    const damage = this.#content.damage(ring.view(slot))
    forbid(damage !== '', `overwritten before it was answered: ${damage}`)
    if (isRefused(this.#writer, number)) {
      forbid(ring.verdict(slot) !== Verdict.refused, `wrong answer: ${name} was to be refused`)
      forbid(ring.outcome(slot) !== refusalCode, `wrong answer: the error of ${name}`)
      return
    }
    forbid(ring.verdict(slot) !== Verdict.accepted, `wrong answer: ${name} was to be accepted`)
    forbid(ring.outcome(slot) !== 0, `wrong answer: ${name} has an error`)
    forbid(ring.baseOffset(slot) <= this.#lastOffset, `reordered: the offsets of ${name}`)
    this.#lastOffset = ring.lastOffset(slot)
  }
}
