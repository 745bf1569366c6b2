/** Compresses and decompresses the records of a batch, by the codec numbers of Kafka's batch attributes. */

import { DecodeError, EncodeError } from '../errors.ts'
import { gzipCompress, gzipDecompress } from './gzip.ts'
import { lz4Compress, lz4Decompress } from './lz4.ts'
import { snappyCompress, snappyDecompress } from './snappy.ts'
import { zstdCompress, zstdDecompress } from './zstd.ts'

/** Codec numbers by name. */
export const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/** Answers `bytes` itself for codec 0. Throws EncodeError for a codec that Kafka does not have. */
export function compress(codec: number, bytes: Buffer): Buffer {
  switch (codec) {
    case Codec.none:
      return bytes
    case Codec.gzip:
      return gzipCompress(bytes)
    case Codec.snappy:
      return snappyCompress(bytes)
    case Codec.lz4:
      return lz4Compress(bytes)
    case Codec.zstd:
      return zstdCompress(bytes)
    default:
      throw new EncodeError(`codec ${codec} does not exist`)
  }
}

/**
 * Answers `bytes` itself for codec 0. Throws DecodeError on damage, for an unknown codec, and where the output would
 * pass `bytesMax` (≥ 1); no more than about `bytesMax` is ever allocated, whatever the data claim.
 */
export function decompress(codec: number, bytes: Buffer, bytesMax: number): Buffer {
  switch (codec) {
    case Codec.none:
      if (bytes.length > bytesMax) throw new DecodeError(`${bytes.length} bytes are more than ${bytesMax}`)
      return bytes
    case Codec.gzip:
      return gzipDecompress(bytes, bytesMax)
    case Codec.snappy:
      return snappyDecompress(bytes, bytesMax)
    case Codec.lz4:
      return lz4Decompress(bytes, bytesMax)
    case Codec.zstd:
      return zstdDecompress(bytes, bytesMax)
    default:
      throw new DecodeError(`codec ${codec} does not exist`)
  }
}
