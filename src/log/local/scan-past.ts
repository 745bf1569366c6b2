/** Walks a segment that was once whole on disk, and goes on behind what the disk has damaged since. */

import type { Offset } from '../../base/ids.ts'
import {
  batchBaseOffset,
  batchHeaderBytes,
  batchLastOffset,
  batchMagic,
  batchSizeBytes,
  isCrcRight,
} from '../../wire/record-batch.ts'
import type { DiskFile } from '../disk.ts'
import { type ScanStart, scanBatches } from './scan.ts'

/** A part of a segment that cannot be read. */
export type Damage = {
  readonly position: number
  readonly bytes: number
  /** The offsets that lie in it: the end is exclusive. */
  readonly startOffset: Offset
  readonly endOffset: Offset
  /** What a batch there does, or has. */
  readonly reason: string
}

/** One read's bytes while a sound batch is looked for. */
const chunkBytes = 1024 * 1024

/**
 * As scanBatches, but for damage, which is passed over up to the next sound batch, and told by `pass` before that is visited.
 * `segmentEnd` is where the next segment begins.
 */
export function scanPast(
  file: DiskFile,
  from: ScanStart,
  segmentEnd: Offset,
  handlers: {
    readonly visit: (bytes: Buffer, at: number, sizeBytes: number) => void
    readonly pass: (damage: Damage) => void
  },
): void {
  const size = file.size()
  let start = from
  while (start.position < size) {
    const result = scanBatches(file, start, handlers.visit)
    if (result.damage === '') return
    const { position, endOffset: startOffset, damage: reason } = result
    const next = findSound(file, position + 1, { offsetMin: startOffset, offsetEnd: segmentEnd })
    const endOffset = next?.baseOffset ?? segmentEnd
    const end = next?.position ?? size
    handlers.pass({ position, bytes: end - position, startOffset, endOffset, reason })
    start = { ...from, position: end, endOffset }
  }
}

type Found = { readonly position: number; readonly baseOffset: Offset }
type OffsetRange = { readonly offsetMin: Offset; readonly offsetEnd: Offset }

/** The first place from `start` on where a batch lies that is whole, matches its checksum, and belongs there by its offsets. */
function findSound(file: DiskFile, start: number, range: OffsetRange): Found | undefined {
  const size = file.size()
  const chunk = Buffer.allocUnsafeSlow(Math.min(chunkBytes, Math.max(batchHeaderBytes, size - start)))
  let position = start
  while (size - position >= batchHeaderBytes) {
    const filled = chunk.subarray(0, file.read(chunk, position))
    const places = filled.length - batchHeaderBytes + 1
    for (let at = 0; at < places; at++) {
      if (batchMagic(filled, at) !== 2 || !isPlausible(filled, at, size - position - at, range)) continue
      if (isSound(file, position + at, batchSizeBytes(filled, at))) {
        return { position: position + at, baseOffset: batchBaseOffset(filled, at) }
      }
    }
    if (places <= 0) return undefined
    position += places
  }
  return undefined
}

function isPlausible(bytes: Buffer, at: number, leftBytes: number, { offsetMin, offsetEnd }: OffsetRange): boolean {
  const sizeBytes = batchSizeBytes(bytes, at)
  if (sizeBytes < batchHeaderBytes || sizeBytes > leftBytes) return false
  const baseOffset = batchBaseOffset(bytes, at)
  const lastOffset = batchLastOffset(bytes, at)
  return baseOffset >= offsetMin && lastOffset >= baseOffset && lastOffset < offsetEnd
}

function isSound(file: DiskFile, position: number, sizeBytes: number): boolean {
  const batch = Buffer.allocUnsafe(sizeBytes)
  return file.read(batch, position) === sizeBytes && isCrcRight(batch, 0)
}
