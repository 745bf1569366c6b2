/** The Zstandard codec, by Node's zlib. */

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { errnoOf } from '../../base/errors.ts'
import { DecodeError, DecompressedTooLargeError } from '../errors.ts'

/** 128 MiB, what Zstandard itself allows unasked: a frame that wants a larger window is refused. */
const windowLogMax = 27

export function zstdCompress(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes)
}

/** Throws DecodeError on damage, and where the output would pass `bytesMax`; output grows as it comes. */
export function zstdDecompress(bytes: Buffer, bytesMax: number): Buffer {
  try {
    return zstdDecompressSync(bytes, {
      maxOutputLength: bytesMax,
      params: { [constants.ZSTD_d_windowLogMax]: windowLogMax },
    })
  } catch (thrown) {
    if (errnoOf(thrown) === 'ERR_BUFFER_TOO_LARGE') throw new DecompressedTooLargeError(bytesMax, { cause: thrown })
    throw new DecodeError('zstd data are damaged', { cause: thrown })
  }
}
