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
const decompressByPromise = promisify<Buffer, ZstdOptions, unknown>(zstdDecompressByCallback)

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

/** Throws DecodeError on damage, also behind a frame, and where the output would pass `bytesMax`; output grows as it comes. */
export function zstdDecompress(bytes: Buffer, bytesMax: number): Buffer {
  // To Java, no frame is the end of the data.
  if (bytes.length === 0) return bytes
  try {
    return outputOf(zstdDecompressSync(bytes, decompressOptions(bytesMax)), bytes)
  } catch (thrown) {
    throw refusalOf(thrown, bytesMax)
  }
}

/** The same in the thread pool. */
export async function zstdDecompressAsync(bytes: Buffer, bytesMax: number): Promise<Buffer> {
  if (bytes.length === 0) return bytes
  try {
    return outputOf(await decompressByPromise(bytes, decompressOptions(bytesMax)), bytes)
  } catch (thrown) {
    throw refusalOf(thrown, bytesMax)
  }
}

/** Node stops behind the last frame whatever follows, and tells how far it came only in a form that its types do not know. */
function outputOf(result: unknown, input: Buffer): Buffer {
  if (!isDetailed(result)) throw new TypeError('zlib answered without the details that it was asked for')
  if (result.engine.bytesWritten !== input.length) throw new DecodeError('something follows the zstd data')
  return result.buffer
}

function isDetailed(result: unknown): result is { readonly buffer: Buffer; readonly engine: { bytesWritten: number } } {
  if (typeof result !== 'object' || result === null || !('buffer' in result) || !('engine' in result)) return false
  const { buffer, engine } = result
  return Buffer.isBuffer(buffer) && typeof engine === 'object' && engine !== null && 'bytesWritten' in engine
}

function compressOptions(level: number): ZstdOptions {
  return { params: { [constants.ZSTD_c_compressionLevel]: level } }
}

function decompressOptions(bytesMax: number): ZstdOptions {
  return { info: true, maxOutputLength: bytesMax, params: { [constants.ZSTD_d_windowLogMax]: windowLogMax } }
}

function refusalOf(thrown: unknown, bytesMax: number): DecodeError {
  if (thrown instanceof DecodeError) return thrown
  if (errnoOf(thrown) === 'ERR_BUFFER_TOO_LARGE') return new DecompressedTooLargeError(bytesMax, { cause: thrown })
  return new DecodeError('zstd data are damaged', { cause: thrown })
}
