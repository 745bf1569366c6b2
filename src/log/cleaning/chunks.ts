/** Reads a rolled segment in chunks of whole batches, one after the other. */

import { SafkaError } from '../../base/errors.ts'
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
import type { Disk, DiskFile } from '../disk.ts'
import type { CleanableSegment } from '../engine.ts'
import { segmentFile } from '../local/segment-names.ts'

export type Chunk = {
  /** Whole batches, valid until the next chunk is asked for. */
  readonly bytes: Buffer
  /** Where each of them begins. */
  readonly batches: readonly number[]
  /** Nothing follows in the segment. */
  readonly isLast: boolean
}

type ChunkSource = {
  readonly disk: Disk
  readonly directory: string
  readonly segment: CleanableSegment
  readonly position: number
  /** What is read at once, unless a batch is larger. */
  readonly chunkBytes: number
}

/** Throws the disk's errors, and SAFKA_LOG_CORRUPT where a segment does not consist of sound batches in order. */
export function* eachChunk({ disk, directory, segment, position, chunkBytes }: ChunkSource): Generator<Chunk> {
  const path = `${directory}/${segmentFile(segment.baseOffset, 'log')}`
  const file = disk.open(path, 'read')
  try {
    let at = position
    let bytes = Buffer.allocUnsafeSlow(Math.max(batchHeaderBytes, Math.min(chunkBytes, segment.sizeBytes - position)))
    let endOffset = segment.baseOffset
    while (at < segment.sizeBytes) {
      const filled = readFull(file, bytes.subarray(0, Math.min(bytes.length, segment.sizeBytes - at)), at, path)
      const batches: number[] = []
      let end = 0
      while (filled.length - end >= batchHeaderBytes) {
        const sizeBytes = batchSizeBytes(filled, end)
        if (sizeBytes < batchHeaderBytes || sizeBytes > segment.sizeBytes - at - end) throw corrupt(path, at + end)
        if (sizeBytes > filled.length - end) break
        if (!isSound(filled, end, endOffset)) throw corrupt(path, at + end)
        endOffset = batchLastOffset(filled, end) + 1
        batches.push(end)
        end += sizeBytes
      }
      if (end === 0) {
        if (filled.length < batchHeaderBytes) throw corrupt(path, at)
        bytes = Buffer.allocUnsafeSlow(batchSizeBytes(filled, 0))
        continue
      }
      at += end
      yield { bytes: filled.subarray(0, end), batches, isLast: at === segment.sizeBytes }
    }
  } finally {
    file.close()
  }
}

/** A batch that is written anew gets a new checksum, which must not make damaged records look sound. */
function isSound(bytes: Buffer, at: number, endOffset: Offset): boolean {
  if (batchMagic(bytes, at) !== 2 || batchLastOffsetDelta(bytes, at) < 0) return false
  return batchBaseOffset(bytes, at) >= endOffset && isCrcRight(bytes, at)
}

function readFull(file: DiskFile, target: Buffer, position: number, path: string): Buffer {
  if (file.read(target, position) < target.length) throw corrupt(path, position)
  return target
}

function corrupt(path: string, position: number): SafkaError {
  return new SafkaError('SAFKA_LOG_CORRUPT', `${path} at byte ${position}: not a sound batch in order`)
}
