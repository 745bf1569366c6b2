/** Cuts what was read of a segment into the whole, sound batches that a reader asked for. */

import type { Offset } from '../../base/ids.ts'
import {
  batchBaseOffset,
  batchHeaderBytes,
  batchLastOffset,
  batchLastOffsetDelta,
  batchMagic,
  batchSizeBytes,
  isCrcRight,
} from '../../wire/record-batch.ts'
import type { ByteRange } from './checked-ranges.ts'

/** What is asked. */
export type CutWish = {
  readonly offset: Offset
  readonly bytesMax: number
  /** Exclusive: nothing at or beyond it is returned. */
  readonly endOffset: Offset
  /** Bytes of the file from where the reading began: no batch reaches beyond. */
  readonly leftBytes: number
  /** The part of what was read that needs no check any more. */
  readonly checked: ByteRange
}

/** Whole batches within what was read, from the one that contains an offset. */
export type Cut = {
  /** Where that batch begins (behind the bytes, where it was not reached); `end`: behind the last whole batch, or `start`. */
  readonly start: number
  readonly end: number
  readonly nextOffset: Offset
  /** The size of the batch at `start` where it is not whole; 0 where even that is not known. */
  readonly batchBytes: number
  /** The batch at `start` may not be seen. */
  readonly isBeyond: boolean
  /** Why the batch at `end` is none, or not the one that was written; '' where nothing is wrong with it. */
  readonly damage: string
}

/**
 * Batches that are handed out are compared with their checksums, since the disk may have changed them after they were written.
 * Those before the one that was asked for are only passed over.
 */
export function cutWhole(bytes: Buffer, { offset, bytesMax, endOffset, leftBytes, checked }: CutWish): Cut {
  let start = 0
  let at = 0
  let passed = -1
  let nextOffset = offset
  let batchBytes = 0
  let isBeyond = false
  let damage = ''
  while (nextOffset < endOffset && bytes.length - at >= batchHeaderBytes) {
    damage = headerDamage(bytes, at, leftBytes - at, endOffset)
    if (damage !== '') break
    const sizeBytes = batchSizeBytes(bytes, at)
    const lastOffset = batchLastOffset(bytes, at)
    if (lastOffset < offset) {
      passed = at
      at += sizeBytes
      start = at
      continue
    }
    isBeyond = lastOffset >= endOffset
    // The one before may have held the offset, and not say so any more.
    const isBehindHole = at === start && passed >= 0 && batchBaseOffset(bytes, at) > offset
    if (isBehindHole) damage = bodyDamage(bytes, passed, 0)
    const isWhole = at + sizeBytes <= bytes.length
    // What begins below the end of what may be seen should end there too, unless its header is not what it was.
    if (isBeyond && isWhole && batchBaseOffset(bytes, at) < endOffset) damage = bodyDamage(bytes, at, 0)
    batchBytes = sizeBytes
    if (damage !== '' || isBeyond || !isWhole) break
    if (at > start && at + sizeBytes - start > bytesMax) break
    const isChecked = at >= checked.start && at + sizeBytes <= checked.end
    damage = isChecked ? '' : bodyDamage(bytes, at, at === start ? 0 : nextOffset)
    if (damage !== '') break
    at += sizeBytes
    nextOffset = lastOffset + 1
  }
  return { start, end: at, nextOffset, batchBytes, isBeyond, damage }
}

function headerDamage(bytes: Buffer, at: number, leftBytes: number, endOffset: Offset): string {
  const sizeBytes = batchSizeBytes(bytes, at)
  if (sizeBytes < batchHeaderBytes) return `claims a size of ${sizeBytes} bytes`
  if (batchMagic(bytes, at) !== 2) return `has magic ${batchMagic(bytes, at)}`
  if (batchLastOffsetDelta(bytes, at) < 0) return 'has a negative offset delta'
  // What lies beyond the end of what may be seen may just be written.
  return batchBaseOffset(bytes, at) < endOffset && sizeBytes > leftBytes ? 'is cut off' : ''
}

function bodyDamage(bytes: Buffer, at: number, offsetMin: Offset): string {
  if (!isCrcRight(bytes, at)) return 'fails its checksum'
  // The checksum does not cover the base offset.
  const baseOffset = batchBaseOffset(bytes, at)
  return baseOffset < offsetMin ? `has offset ${baseOffset}, below ${offsetMin}` : ''
}
