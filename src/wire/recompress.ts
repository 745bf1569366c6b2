/** Gives a batch's records another codec, as Kafka's LogValidator does for topics whose `compression.type` names one. */

import {
  batchAttributes,
  batchHeaderBytes,
  batchOverheadBytes,
  batchSizeBytes,
  compressionOf,
  computeBatchCrc,
  isControl,
  isCrcRight,
  setBatchAttributes,
  setBatchCrc,
  setBatchLength,
} from './batch-header.ts'
import { Codec, compress, compressAsync, decompress, decompressAsync } from './compression/compress.ts'
import { DecodeError, DecompressedTooLargeError } from './errors.ts'

/** What is wanted: a codec number, its level, and how many bytes the records may become on the way. */
export type RecompressTarget = { readonly codec: number; readonly level: number; readonly decompressedBytesMax: number }

/**
 * Whether a batch is to get another codec. Control batches never are. A damaged one is not either: it is left as it came, so that
 * whoever checks batches refuses it. `batch` is one whole batch by its framing.
 */
export function isRecompressed(batch: Buffer, codec: number): boolean {
  if (batch.length < batchHeaderBytes || batchSizeBytes(batch, 0) !== batch.length) return false
  const attributes = batchAttributes(batch, 0)
  const present = compressionOf(attributes)
  if (present === codec || present > Codec.zstd || isControl(attributes)) return false
  return isCrcRight(batch, 0)
}

/**
 * A new batch with the same header and the same records, in another codec; the batch itself where isRecompressed says no, or
 * where its records are damaged. Undefined where they are more than `decompressedBytesMax`.
 */
export function recompress(batch: Buffer, target: RecompressTarget): Buffer | undefined {
  if (!isRecompressed(batch, target.codec)) return batch
  const payload = batch.subarray(batchHeaderBytes)
  const present = compressionOf(batchAttributes(batch, 0))
  if (present === Codec.none && payload.length > target.decompressedBytesMax) return undefined
  try {
    const records = decompress(present, payload, target.decompressedBytesMax)
    return withPayload(batch, target.codec, compress(target.codec, records, target.level))
  } catch (thrown) {
    return asItCame(batch, thrown)
  }
}

/** The same in the thread pool; `batch` must not change meanwhile. */
export async function recompressAsync(batch: Buffer, target: RecompressTarget): Promise<Buffer | undefined> {
  if (!isRecompressed(batch, target.codec)) return batch
  const payload = batch.subarray(batchHeaderBytes)
  const present = compressionOf(batchAttributes(batch, 0))
  if (present === Codec.none && payload.length > target.decompressedBytesMax) return undefined
  try {
    const records = await decompressAsync(present, payload, target.decompressedBytesMax)
    return withPayload(batch, target.codec, await compressAsync(target.codec, records, target.level))
  } catch (thrown) {
    return asItCame(batch, thrown)
  }
}

function asItCame(batch: Buffer, thrown: unknown): Buffer | undefined {
  if (thrown instanceof DecompressedTooLargeError) return undefined
  if (thrown instanceof DecodeError) return batch
  throw thrown
}

function withPayload(batch: Buffer, codec: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(batchHeaderBytes + payload.length)
  batch.copy(bytes, 0, 0, batchHeaderBytes)
  payload.copy(bytes, batchHeaderBytes)
  const attributes = batchAttributes(bytes, 0)
  setBatchAttributes(bytes, 0, attributes - compressionOf(attributes) + codec)
  setBatchLength(bytes, 0, bytes.length - batchOverheadBytes)
  setBatchCrc(bytes, 0, computeBatchCrc(bytes, 0))
  return bytes
}
