/** A reader of the stress test: follows the tail, or reads just where memory is about to be reused, and checks every byte. */

import { seededRandom } from '../../src/base/random.ts'
import { readFrom } from '../../src/ring/read.ts'
import { Ring } from '../../src/ring/ring.ts'
import { PartitionTable } from '../../src/ring/table.ts'
import { Content, nextAccepted, recordsOf } from './ring-content.ts'
import { control, forbid, partition, type StressWorld } from './ring-world.ts'

export class StressReader {
  readonly #reader: number
  readonly #ring: Ring
  readonly #table: PartitionTable
  readonly #control: Int32Array
  readonly #content: Content
  readonly #random
  readonly #isOldest: boolean
  readonly #isEager: boolean
  /** By writer, the number of its last batch seen; unknown after a jump. */
  readonly #lastNumbers = new Map<number, number>()
  #offset = 0
  #batches = 0
  #gone = 0

  constructor(world: StressWorld, reader: number) {
    this.#reader = reader
    this.#ring = new Ring(world.ring)
    this.#table = new PartitionTable(world.table)
    this.#control = new Int32Array(world.control)
    this.#content = new Content(world.seed, world.entryBytesMax)
    this.#random = seededRandom(world.seed + reader)
    this.#isOldest = reader % 2 === 1
    this.#isEager = world.isEager
  }

  doWork(): number {
    let work = 0
    for (let read = 0; read < 8; read++) work += this.#read()
    // Who reads the oldest waits for each reveal: the owner retires right after it.
    if ((work > 0 && (this.#isEager || !this.#isOldest)) || this.isDone()) return work
    this.#table.addInterest(partition, this.#reader)
    return this.#read()
  }

  isDone(): boolean {
    if (Atomics.load(this.#control, control.isDrained) === 0) return false
    return this.#offset >= this.#table.highWatermark(partition)
  }

  report(): Record<string, number> {
    return { batches: this.#batches, gone: this.#gone }
  }

  #read(): number {
    const end = this.#table.highWatermark(partition)
    if (this.#isOldest && this.#random.below(4) > 0) this.#jump(Math.max(0, this.#ring.startOffset()))
    const read = readFrom(this.#ring, this.#offset, this.#bytesMax(), end, this.#random.below(2) === 0)
    if (read === 'gone') {
      this.#gone++
      this.#jump(this.#isOldest ? Math.max(0, this.#ring.startOffset()) : end)
      return 1
    }
    if (read === 'beyond') return 0
    this.#check(read.bytes)
    forbid(read.nextOffset !== this.#offset, `torn: the read ends at ${read.nextOffset}, its bytes at ${this.#offset}`)
    forbid(read.nextOffset > end, 'read beyond what was revealed')
    return read.bytes.length > 0 ? 1 : 0
  }

  #bytesMax(): number {
    return this.#random.below(3) === 0 ? this.#ring.dataBytes : this.#ring.entryBytesMax
  }

  #check(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      forbid(at + 20 > bytes.length, 'torn: a read ends within a batch')
      const length = bytes.readInt32LE(at + 16)
      forbid(length <= 0 || at + length > bytes.length, 'torn: a batch crosses the end of the read')
      this.#checkBatch(bytes.subarray(at, at + length))
      at += length
    }
  }

  #checkBatch(batch: Buffer): void {
    const damage = this.#content.damage(batch)
    forbid(damage !== '', `overwritten while read: ${damage}`)
    const writer = batch.readInt32LE(8)
    const number = batch.readInt32LE(12)
    const baseOffset = batch.readDoubleLE(0)
    const endOffset = baseOffset + recordsOf(number)
    if (this.#lastNumbers.size === 0) {
      forbid(this.#offset < baseOffset || this.#offset >= endOffset, 'lost: the offset that was asked for')
    } else {
      forbid(baseOffset !== this.#offset, `lost, duplicated or reordered: ${baseOffset} follows ${this.#offset}`)
    }
    const last = this.#lastNumbers.get(writer)
    if (last !== undefined) {
      const expected = nextAccepted(writer, last)
      forbid(number !== expected, `lost or reordered: batch ${number} of writer ${writer}, not ${expected}`)
    }
    this.#lastNumbers.set(writer, number)
    this.#offset = endOffset
    this.#batches++
  }

  #jump(offset: number): void {
    this.#offset = offset
    this.#lastNumbers.clear()
  }
}
