/** The Zstandard codec, by Node's zlib. */

import { promisify } from 'node:util'
import {
  constants,
  type ZstdOptions,
  zstdCompress as zstdCompressByCallback,
  zstdCompressSync,
  zstdDecompress as zstdDecompressByCallback,
  zstdDecompressSync,
} from 'node:zlib'
import { errnoOf } from '../../base/errors.ts'
import { DecodeError, DecompressedTooLargeError } from '../errors.ts'

const compressByPromise = promisify<Buffer, ZstdOptions, Buffer>(zstdCompressByCallback)
const decompressByPromise = promisify<Buffer, ZstdOptions, Buffer>(zstdDecompressByCallback)

/** 128 MiB, what Zstandard itself allows unasked: a frame that wants a larger window is refused. */
const windowLogMax = 27

/** -131072 (fastest) to 22 (smallest). */
export const zstdLevelDefault = 3

export function zstdCompress(bytes: Buffer, level = zstdLevelDefault): Buffer {
  return zstdCompressSync(bytes, compressOptions(level))
}

/** The same in the thread pool. */
export function zstdCompressAsync(bytes: Buffer, level = zstdLevelDefault): Promise<Buffer> {
  return compressByPromise(bytes, compressOptions(level))
}

/** Throws DecodeError on damage, and where the output would pass `bytesMax`; output grows as it comes. */
export function zstdDecompress(bytes: Buffer, bytesMax: number): Buffer {
  try {
    return zstdDecompressSync(bytes, decompressOptions(bytesMax))
  } catch (thrown) {
    throw refusalOf(thrown, bytesMax)
  }
}

/** The same in the thread pool. */
export async function zstdDecompressAsync(bytes: Buffer, bytesMax: number): Promise<Buffer> {
  try {
    return await decompressByPromise(bytes, decompressOptions(bytesMax))
  } catch (thrown) {
    throw refusalOf(thrown, bytesMax)
  }
}

function compressOptions(level: number): ZstdOptions {
  return { params: { [constants.ZSTD_c_compressionLevel]: level } }
}

function decompressOptions(bytesMax: number): ZstdOptions {
  return { maxOutputLength: bytesMax, params: { [constants.ZSTD_d_windowLogMax]: windowLogMax } }
}

function refusalOf(thrown: unknown, bytesMax: number): DecodeError {
  if (errnoOf(thrown) === 'ERR_BUFFER_TOO_LARGE') return new DecompressedTooLargeError(bytesMax, { cause: thrown })
  return new DecodeError('zstd data are damaged', { cause: thrown })
}
