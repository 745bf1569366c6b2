/** Makes the shared memory of a new ring. */

import { assert } from '../base/assert.ts'
import {
  defaultSlotCount,
  headerLong,
  headerWord,
  noOffsetYet,
  positionWrapUnits,
  powerOfTwoFrom,
  ringDataBytes,
  ringFormat,
  ringMemoryBytes,
  slotCountMax,
  slotCountMin,
  slotsStart,
} from './layout.ts'

/** The shape of a new ring. */
export type RingShape = {
  /** Data bytes, rounded up to a multiple of 64, between 64 and 2^30. */
  readonly dataBytes: number
  /** Slots, rounded up to a power of two, between 2 and 65,536; by default one for each 512 data bytes. */
  readonly slots?: number
  /** Where slot numbers and positions start: tests begin just before they wrap. */
  readonly firstSlot?: number
  readonly firstPositionUnits?: number
}

/** An empty ring. Its untouched pages cost nothing. */
export function createRing(shape: RingShape): SharedArrayBuffer {
  const dataBytes = ringDataBytes(shape.dataBytes)
  const slotsWanted = shape.slots ?? defaultSlotCount(dataBytes)
  const slotCount = powerOfTwoFrom(Math.min(Math.max(slotsWanted, slotCountMin), slotCountMax))
  const byteLength = ringMemoryBytes(dataBytes, slotCount)
  // It never grows; but memory that could is mapped on its own, so that untouched pages cost nothing also where another
  // ring was before, and all of it goes back to the system at the end. The plain kind comes from the heap of malloc.
  const memory = new SharedArrayBuffer(byteLength, { maxByteLength: byteLength })
  const header = new Int32Array(memory, 0, slotsStart / 4)
  const firstSlot = (shape.firstSlot ?? 0) | 0
  const firstPosition = shape.firstPositionUnits ?? 0
  assert(firstPosition >= 0 && firstPosition < positionWrapUnits(dataBytes), 'the first position is out of range')
  header[headerWord.format] = ringFormat
  header[headerWord.slotCount] = slotCount
  header[headerWord.dataBytes] = dataBytes
  header[headerWord.claimLow] = firstPosition
  header[headerWord.claimHigh] = firstSlot
  header[headerWord.stamped] = firstSlot
  header[headerWord.written] = firstSlot
  header[headerWord.synced] = firstSlot
  header[headerWord.readable] = firstSlot
  header[headerWord.retired] = firstSlot
  header[headerWord.retiredPosition] = firstPosition
  new BigInt64Array(memory)[headerLong.startOffset] = BigInt(noOffsetYet)
  return memory
}
