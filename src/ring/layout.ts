/** The byte map of a ring: drawn here and nowhere else. */

import { endianness } from 'node:os'

import { assert } from '../base/assert.ts'

/*
 * One SharedArrayBuffer a ring. Lines that different threads write lie 128 bytes apart, since processors fetch cache lines
 * of 64 bytes in pairs. One writer a word; the claim word is the exception: all writers exchange it.
 *
 *   byte     0  constants, written once at creation
 *                 0 Int32 format   4 Int32 slot count   8 Int32 data bytes
 *          128  BigInt64 claim word: high half = next slot number
 *                                    low half  = [bit 31: sealed | bits 0-30: next position, in units of 8 bytes]
 *          256  owner's cursors: Int32 stamped, written, synced, readable; BigInt64 start offset at 272
 *          384  owner's retired cursor: Int32 retired slot number, Int32 retired position in units
 *          512  slots, 64 bytes each
 *            …  data bytes, starting on a multiple of 64
 *
 * A slot:
 *     0 Int32 lap        claimer, last: this publishes the slot
 *     4 Int32 tag        claimer: kind | skew << 8 | checked << 11 | writer << 16
 *     8 Int32 position   claimer: in units of 8 bytes, wrapping
 *    12 Int32 length     claimer: bytes of the entry, without skew and rounding
 *    16 Int32 verdict    owner (claimer: 0)
 *    20 Int32 outcome    owner (claimer: 0): a Kafka error code
 *    24 Int32 answered   writer (claimer: 0)
 *    28 Int32 spare
 *    32 Float64 base offset        owner
 *    40 Float64 last offset        owner: the key of the search by offset, set in every slot
 *    48 Float64 max timestamp      owner
 *    56 Float64 log append time    owner
 *
 * The Float64 fields are plain: they are read once `stamped` or `readable` has passed the slot, or re-checked by `retired`.
 */

/** Changes whenever the map does, so that a thread of another build fails at once. */
export const ringFormat = 2

/** Bytes of a unit: positions count these, and every entry's room starts on one. */
export const unitBytes = 8
export const slotBytes = 64
export const slotWords = slotBytes / 4
export const slotFloats = slotBytes / 8
export const slotsStart = 512

/** Indexes of Int32 words in the header. */
export const headerWord = {
  format: 0,
  slotCount: 1,
  dataBytes: 2,
  claimLow: 32,
  claimHigh: 33,
  stamped: 64,
  written: 65,
  synced: 66,
  readable: 67,
  retired: 96,
  retiredPosition: 97,
} as const

/** Indexes of BigInt64 words in the header. */
export const headerLong = { claim: 16, startOffset: 34 } as const

/** Indexes of Int32 words in a slot. */
export const slotWord = { lap: 0, tag: 1, position: 2, length: 3, verdict: 4, outcome: 5, answered: 6 } as const

/** Indexes of Float64 words in a slot. */
export const slotFloat = { baseOffset: 4, lastOffset: 5, maxTimestamp: 6, logAppendTime: 7 } as const

/** The start offset of a ring in which nothing was accepted yet. */
export const noOffsetYet = -1

/** Data bytes of the smallest ring: two entries of 32 bytes. Only tests use rings this small. */
export const dataBytesMin = 64
/** Data bytes of the largest ring: byte places within it stay Int32, and positions wrap 16 times later at the earliest. */
export const dataBytesMax = 2 ** 30
/** Two, since an entry that does not fit before the end of the data takes a padding slot as well. */
export const slotCountMin = 2
/** 4 MiB of slots: more would cost more memory than the batches they index are worth. */
export const slotCountMax = 65_536
/** Rings of default shape have a slot for this many data bytes: an eighth of the data is what slots cost at most. */
export const dataBytesPerSlot = 512

/** Data bytes that a ring of `wanted` bytes gets: rounded up to whole cache lines and brought into the limits. */
export function ringDataBytes(wanted: number): number {
  return Math.ceil(Math.min(Math.max(wanted, dataBytesMin), dataBytesMax) / 64) * 64
}

/** Slots that a ring gets when none are asked for: always a power of two. */
export function defaultSlotCount(dataBytes: number): number {
  return powerOfTwoFrom(Math.min(Math.max(dataBytes / dataBytesPerSlot, 64), slotCountMax))
}

/** The smallest power of two that is at least `least`. */
export function powerOfTwoFrom(least: number): number {
  let power = 1
  while (power < least) power *= 2
  return power
}

/** Where the data bytes start. */
export function dataStart(slotCount: number): number {
  return slotsStart + slotCount * slotBytes
}

/** Bytes of the whole shared memory of a ring. */
export function ringMemoryBytes(dataBytes: number, slotCount: number): number {
  return dataStart(slotCount) + dataBytes
}

/** Positions count up to here and then start at 0 again: a whole number of rounds, so that a position names its place. */
export function positionWrapUnits(dataBytes: number): number {
  const dataUnits = dataBytes / unitBytes
  return Math.floor(2 ** 31 / dataUnits) * dataUnits
}

// The halves of the claim word are told apart by where they lie.
assert(endianness() === 'LE', 'rings need a little-endian processor')
assert(headerLong.claim * 2 === headerWord.claimLow, 'the claim word and its halves must be the same bytes')
assert((headerWord.retiredPosition + 1) * 4 <= slotsStart, 'the header must end before the slots')
assert((slotFloat.logAppendTime + 1) * 8 === slotBytes, 'a slot must be filled to its end')
assert(slotBytes % unitBytes === 0 && slotsStart % 64 === 0, 'slots and data must lie on cache lines')
