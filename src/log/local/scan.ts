/** Walks the batches of a segment from end to end, in large reads: for recovery, for rebuilding an index, for replay. */

import type { Offset } from '../../base/ids.ts'
import {
  batchBaseOffset,
  batchHeaderBytes,
  batchLastOffsetDelta,
  batchMagic,
  batchOverheadBytes,
  batchSizeBytes,
  isCrcRight,
} from '../../wire/record-batch.ts'
import type { DiskFile } from '../disk.ts'

/** What a walk was given and found. */
export type ScanResult = {
  /** The position behind the last sound batch. */
  readonly position: number
  readonly endOffset: Offset
  /** Why the walk ended before the file did; '' where it did not. */
  readonly damage: string
}

/** Where a walk begins, and how far it may go. */
export type ScanStart = {
  readonly position: number
  /** No batch may begin below it. */
  readonly endOffset: Offset
  /** Whether checksums are compared. */
  readonly isChecked: boolean
  /** Batches from here on were refused when they came: they end the walk as damage does. */
  readonly endOffsetMax?: Offset | undefined
}

/** One read's bytes: large enough that the calls cost nothing, small enough to stay in the cache. */
const chunkBytes = 1024 * 1024
/** Indexes count offsets from their segment's base in 31 bits. */
const segmentOffsetsMax = 2 ** 31 - 1

/**
 * Visits each sound batch from `position` on. A batch is sound when it lies whole in the file, has magic 2, and begins at or after the
 * end of the one before it (first: `endOffset`, the segment's base), and not too far.
 */
export function scanBatches(
  file: DiskFile,
  from: ScanStart,
  visit: (bytes: Buffer, at: number, sizeBytes: number) => void,
): ScanResult {
  const size = file.size()
  let { position, endOffset } = from
  let bytes = Buffer.allocUnsafeSlow(Math.min(chunkBytes, Math.max(size - position, batchHeaderBytes)))
  let damage = ''
  while (damage === '' && position < size) {
    const filled = bytes.subarray(0, file.read(bytes, position))
    let at = 0
    for (;;) {
      const left = filled.length - at
      if (left < batchOverheadBytes) break
      const sizeBytes = batchSizeBytes(filled, at)
      damage = sizeDamage(sizeBytes, size - position - at)
      if (damage !== '' || sizeBytes > left) break
      damage = batchDamage(filled, at, from, endOffset)
      if (damage !== '') break
      visit(filled, at, sizeBytes)
      endOffset = batchBaseOffset(filled, at) + batchLastOffsetDelta(filled, at) + 1
      at += sizeBytes
    }
    position += at
    if (damage !== '' || position >= size) break
    if (at > 0) continue
    // Not one batch fitted: it is larger than the buffer, or the file ends within its first bytes.
    if (filled.length < batchOverheadBytes || filled.length === size - position) damage = 'is cut off'
    else bytes = Buffer.allocUnsafeSlow(batchSizeBytes(filled, 0))
  }
  return { position, endOffset, damage }
}

function sizeDamage(sizeBytes: number, leftInFile: number): string {
  if (sizeBytes < batchHeaderBytes) return `claims a size of ${sizeBytes} bytes`
  return sizeBytes > leftInFile ? 'is cut off' : ''
}

function batchDamage(
  bytes: Buffer,
  at: number,
  { isChecked, endOffset: segmentBase, endOffsetMax = Number.POSITIVE_INFINITY }: ScanStart,
  endOffset: Offset,
): string {
  if (batchMagic(bytes, at) !== 2) return `has magic ${batchMagic(bytes, at)}`
  if (isChecked && !isCrcRight(bytes, at)) return 'fails its checksum'
  const baseOffset = batchBaseOffset(bytes, at)
  if (baseOffset < endOffset) return `has offset ${baseOffset}, below ${endOffset}`
  // The checksum does not cover the offset.
  const lastOffset = baseOffset + batchLastOffsetDelta(bytes, at)
  if (lastOffset - segmentBase > segmentOffsetsMax) return `has offset ${baseOffset}, too far from ${segmentBase}`
  if (baseOffset >= endOffsetMax) return 'was refused'
  return batchLastOffsetDelta(bytes, at) < 0 ? 'has a negative offset delta' : ''
}
