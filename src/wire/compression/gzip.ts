/** The gzip codec, by Node's zlib. */

import { promisify } from 'node:util'
import { gunzip, gunzipSync, gzip, gzipSync, type ZlibOptions } from 'node:zlib'
import { errnoOf } from '../../base/errors.ts'
import { DecodeError, DecompressedTooLargeError } from '../errors.ts'

const gunzipAsync = promisify<Buffer, ZlibOptions, Buffer>(gunzip)
const gzipAsync = promisify<Buffer, ZlibOptions, Buffer>(gzip)

/** 1 (fastest) to 9 (smallest); -1 is zlib's own choice. */
export const gzipLevelDefault = -1

export function gzipCompress(bytes: Buffer, level = gzipLevelDefault): Buffer {
  return gzipSync(bytes, { level })
}

/** The same in the thread pool. */
export function gzipCompressAsync(bytes: Buffer, level = gzipLevelDefault): Promise<Buffer> {
  return gzipAsync(bytes, { level })
}

/** Throws DecodeError on damage, and where the output would pass `bytesMax`; output grows as it comes. */
export function gzipDecompress(bytes: Buffer, bytesMax: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: bytesMax })
  } catch (thrown) {
    throw refusalOf(thrown, bytesMax)
  }
}

/** The same in the thread pool. */
export async function gzipDecompressAsync(bytes: Buffer, bytesMax: number): Promise<Buffer> {
  try {
    return await gunzipAsync(bytes, { maxOutputLength: bytesMax })
  } catch (thrown) {
    throw refusalOf(thrown, bytesMax)
  }
}

function refusalOf(thrown: unknown, bytesMax: number): DecodeError {
  if (errnoOf(thrown) === 'ERR_BUFFER_TOO_LARGE') return new DecompressedTooLargeError(bytesMax, { cause: thrown })
  return new DecodeError('gzip data are damaged', { cause: thrown })
}
