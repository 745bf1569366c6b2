/** Compresses and decompresses the records of a batch, by the codec numbers of Kafka's batch attributes. */

import { DecodeError, EncodeError } from '../errors.ts'
import { gzipCompress, gzipCompressAsync, gzipDecompress, gzipDecompressAsync } from './gzip.ts'
import { lz4Compress, lz4CompressAsync, lz4Decompress, lz4DecompressAsync } from './lz4.ts'
import { snappyCompress, snappyCompressAsync, snappyDecompress, snappyDecompressAsync } from './snappy.ts'
import { zstdCompress, zstdCompressAsync, zstdDecompress, zstdDecompressAsync } from './zstd.ts'

/** Codec numbers by name. */
export const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/**
 * Answers `bytes` itself for codec 0. `level` counts for gzip and zstd; undefined is the codec's own. Throws EncodeError for a
 * codec that Kafka does not have.
 */
export function compress(codec: number, bytes: Buffer, level?: number): Buffer {
  switch (codec) {
    case Codec.none:
      return bytes
    case Codec.gzip:
      return gzipCompress(bytes, level)
    case Codec.snappy:
      return snappyCompress(bytes)
    case Codec.lz4:
      return lz4Compress(bytes)
    case Codec.zstd:
      return zstdCompress(bytes, level)
    default:
      throw new EncodeError(`codec ${codec} does not exist`)
  }
}

/** The same in the thread pool; `bytes` must not change meanwhile. */
export async function compressAsync(codec: number, bytes: Buffer, level?: number): Promise<Buffer> {
  switch (codec) {
    case Codec.gzip:
      return gzipCompressAsync(bytes, level)
    case Codec.snappy:
      return snappyCompressAsync(bytes)
    case Codec.lz4:
      return lz4CompressAsync(bytes)
    case Codec.zstd:
      return zstdCompressAsync(bytes, level)
    default:
      return compress(codec, bytes)
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

/** The same in the thread pool; `bytes` must not change meanwhile. */
export async function decompressAsync(codec: number, bytes: Buffer, bytesMax: number): Promise<Buffer> {
  switch (codec) {
    case Codec.gzip:
      return gzipDecompressAsync(bytes, bytesMax)
    case Codec.snappy:
      return snappyDecompressAsync(bytes, bytesMax)
    case Codec.lz4:
      return lz4DecompressAsync(bytes, bytesMax)
    case Codec.zstd:
      return zstdDecompressAsync(bytes, bytesMax)
    default:
      return decompress(codec, bytes, bytesMax)
  }
}
