/** The partition table: what all threads may know of every partition without asking its owner. */

import { assert } from '../base/assert.ts'

/*
 *   byte 0      Int32 capacity in partitions
 *   byte 256    entries, 128 bytes each; an untouched entry costs address space, no memory
 *
 * An entry:
 *     0 BigInt64 high watermark          owner
 *     8 BigInt64 last stable offset      owner
 *    16 BigInt64 log start offset        owner
 *    24 BigInt64 max timestamp           owner
 *    32 BigInt64 max timestamp's offset  owner
 *    40 Int32 state                      owner
 *    44 Int32 segments generation        owner
 *    48 Int32 ring generation            main
 *    56 BigInt64 aborted end             owner
 *    64 Int32 interest mask              writers set bits, the owner takes them
 *    68 Int32 room interest mask         likewise
 *    72 Int32 rewrites                   owner
 */
const entryBytes = 128
const entryWords = entryBytes / 4
const entryLongs = entryBytes / 8
const entriesStart = 256

const longs = {
  highWatermark: 0,
  lastStableOffset: 1,
  logStartOffset: 2,
  maxTimestamp: 3,
  maxTimestampOffset: 4,
  abortedEnd: 7,
} as const
const words = {
  state: 10,
  segmentsGeneration: 11,
  ringGeneration: 12,
  interest: 16,
  roomInterest: 17,
  rewrites: 18,
} as const

/** What a partition is up to. */
export const PartitionState = { absent: 0, online: 1, failed: 2, removed: 3 } as const
export type PartitionState = (typeof PartitionState)[keyof typeof PartitionState]

/** The most partitions a table may hold: 1,048,576 would be 128 MiB of address space. */
export const partitionsCapacityMax = 1_048_576

/** Views the partition table. A slot here is a partition's index in the table. All reads and writes are atomic. */
export class PartitionTable {
  readonly capacity: number
  readonly #words: Int32Array
  readonly #longs: BigInt64Array

  /** Shared memory for a table of `partitionsMax` partitions, all absent. */
  static create(partitionsMax: number): SharedArrayBuffer {
    assert(Number.isInteger(partitionsMax), 'partitionsMax must be a whole number')
    assert(partitionsMax >= 1 && partitionsMax <= partitionsCapacityMax, 'partitionsMax is out of its limits')
    const memory = new SharedArrayBuffer(entriesStart + partitionsMax * entryBytes)
    new Int32Array(memory)[0] = partitionsMax
    return memory
  }

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
    this.#longs = new BigInt64Array(memory)
    this.capacity = this.#words[0] ?? 0
    assert(memory.byteLength === entriesStart + this.capacity * entryBytes, 'this memory is no partition table')
  }

  /** The offset after the last one that readers may see. */
  highWatermark(slot: number): number {
    return this.#long(slot, longs.highWatermark)
  }

  setHighWatermark(slot: number, offset: number): void {
    this.#setLong(slot, longs.highWatermark, offset)
  }

  /** The offset before which no transaction is open. */
  lastStableOffset(slot: number): number {
    return this.#long(slot, longs.lastStableOffset)
  }

  setLastStableOffset(slot: number, offset: number): void {
    this.#setLong(slot, longs.lastStableOffset, offset)
  }

  /** Behind the marker of the last aborted transaction; 0 without any. Nothing at or beyond it was aborted. */
  abortedEnd(slot: number): number {
    return this.#long(slot, longs.abortedEnd)
  }

  setAbortedEnd(slot: number, offset: number): void {
    this.#setLong(slot, longs.abortedEnd, offset)
  }

  /** The first offset that is kept. */
  logStartOffset(slot: number): number {
    return this.#long(slot, longs.logStartOffset)
  }

  setLogStartOffset(slot: number, offset: number): void {
    this.#setLong(slot, longs.logStartOffset, offset)
  }

  /** The largest timestamp of the partition, in milliseconds; a hint of the owner's that need not be kept. */
  maxTimestamp(slot: number): number {
    return this.#long(slot, longs.maxTimestamp)
  }

  setMaxTimestamp(slot: number, timestampMs: number): void {
    this.#setLong(slot, longs.maxTimestamp, timestampMs)
  }

  /** The offset of the record with the largest timestamp. */
  maxTimestampOffset(slot: number): number {
    return this.#long(slot, longs.maxTimestampOffset)
  }

  setMaxTimestampOffset(slot: number, offset: number): void {
    this.#setLong(slot, longs.maxTimestampOffset, offset)
  }

  state(slot: number): PartitionState {
    switch (Atomics.load(this.#words, this.#word(slot, words.state))) {
      case PartitionState.online:
        return PartitionState.online
      case PartitionState.failed:
        return PartitionState.failed
      case PartitionState.removed:
        return PartitionState.removed
      default:
        return PartitionState.absent
    }
  }

  setState(slot: number, state: PartitionState): void {
    Atomics.store(this.#words, this.#word(slot, words.state), state)
  }

  /** Grows whenever segment files were added, removed or replaced; wraps past 2^31. Compare for equality only. */
  segmentsGeneration(slot: number): number {
    return Atomics.load(this.#words, this.#word(slot, words.segmentsGeneration))
  }

  bumpSegmentsGeneration(slot: number): void {
    Atomics.add(this.#words, this.#word(slot, words.segmentsGeneration), 1)
  }

  /**
   * Grows by one when segment files begin to be replaced under their names, and by one when that is done: what was read while
   * it is odd, or while it moved, may be of files that do not belong together. Compare for equality only.
   */
  rewrites(slot: number): number {
    return Atomics.load(this.#words, this.#word(slot, words.rewrites))
  }

  /** By 2 where all of it is over. */
  bumpRewrites(slot: number, by: 1 | 2 = 1): void {
    Atomics.add(this.#words, this.#word(slot, words.rewrites), by)
  }

  /** Grows whenever the partition got another ring, or lost it. Compare for equality only. */
  ringGeneration(slot: number): number {
    return Atomics.load(this.#words, this.#word(slot, words.ringGeneration))
  }

  bumpRingGeneration(slot: number): void {
    Atomics.add(this.#words, this.#word(slot, words.ringGeneration), 1)
  }

  /** Asks for a ring of the writer's bell when the high watermark moves. Then look again, and only then sleep. */
  addInterest(slot: number, writer: number): void {
    Atomics.or(this.#words, this.#word(slot, words.interest), 1 << writer)
  }

  /** Takes the mask of writers to ring for. The owner calls this after it moved what they wait for. */
  takeInterest(slot: number): number {
    return this.#take(this.#word(slot, words.interest))
  }

  /** Asks for a ring of the writer's bell when the partition's ring has room again. Then try again, and only then sleep. */
  addRoomInterest(slot: number, writer: number): void {
    Atomics.or(this.#words, this.#word(slot, words.roomInterest), 1 << writer)
  }

  /** The mask of writers that wait for room, left as it is: the owner takes it only once it has made room. */
  roomInterest(slot: number): number {
    return Atomics.load(this.#words, this.#word(slot, words.roomInterest))
  }

  takeRoomInterest(slot: number): number {
    return this.#take(this.#word(slot, words.roomInterest))
  }

  // An exchange takes the cache line from whoever sets bits, a load does not. Both are sequentially consistent: a bit set
  // before its writer looked again, and saw nothing new, is seen here.
  #take(word: number): number {
    return Atomics.load(this.#words, word) === 0 ? 0 : Atomics.exchange(this.#words, word, 0)
  }

  #word(slot: number, word: number): number {
    assert(slot >= 0 && slot < this.capacity, 'the partition is outside of the table')
    return entriesStart / 4 + slot * entryWords + word
  }

  #long(slot: number, long: number): number {
    assert(slot >= 0 && slot < this.capacity, 'the partition is outside of the table')
    return Number(Atomics.load(this.#longs, entriesStart / 8 + slot * entryLongs + long))
  }

  #setLong(slot: number, long: number, value: number): void {
    assert(slot >= 0 && slot < this.capacity, 'the partition is outside of the table')
    Atomics.store(this.#longs, entriesStart / 8 + slot * entryLongs + long, BigInt(value))
  }
}
