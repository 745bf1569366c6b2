/** The gzip codec, by Node's zlib. */

import { gunzipSync, gzipSync } from 'node:zlib'
import { errnoOf } from '../../base/errors.ts'
import { DecodeError, DecompressedTooLargeError } from '../errors.ts'

export function gzipCompress(bytes: Buffer): Buffer {
  return gzipSync(bytes)
}

/** Throws DecodeError on damage, and where the output would pass `bytesMax`; output grows as it comes. */
export function gzipDecompress(bytes: Buffer, bytesMax: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: bytesMax })
  } catch (thrown) {
    if (errnoOf(thrown) === 'ERR_BUFFER_TOO_LARGE') throw new DecompressedTooLargeError(bytesMax, { cause: thrown })
    throw new DecodeError('gzip data are damaged', { cause: thrown })
  }
}
