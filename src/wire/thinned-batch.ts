/** Batches as compaction leaves them: with some of their records, or with none, byte for byte as Kafka builds them. */

import {
  batchAttributes,
  batchBaseTimestamp,
  batchCompression,
  batchHeaderBytes,
  batchMaxTimestamp,
  batchTimestampType,
  computeBatchCrc,
  setBatchAttributes,
  setBatchBaseTimestamp,
  setBatchCrc,
  setBatchMaxTimestamp,
  setBatchRecordCount,
  setBatchSizeBytes,
  withDeleteHorizon,
  withoutRecords,
} from './batch-header.ts'
import type { BatchRecords } from './batch-records.ts'
import { compress } from './compression/compress.ts'
import { putUnsignedVarint, putVarlong, varlongSizeBytes, zigZag32 } from './varint.ts'

/** A record's own length and its timestamp delta take at most this much. */
const headBytesMax = 5 + 10

const noTimestamp = -1

/**
 * The batch at `at` with only the records of `records` that `isKept` marks, at least one. All else stays: offsets, sequence,
 * codec, kind of timestamp. `deleteHorizonMs`: from when on its tombstones, or its marker, may go; undefined where that is
 * not decided. As Kafka's MemoryRecords.filterTo, the base timestamp is that horizon, else the first record's timestamp.
 */
export function thinnedBatch(
  batch: Buffer,
  at: number,
  records: BatchRecords,
  isKept: Uint8Array,
  deleteHorizonMs: number | undefined,
): Buffer {
  const isAppendTime = batchTimestampType(batch, at) === 'LogAppendTime'
  const fixedMs = isAppendTime ? batchMaxTimestamp(batch, at) : undefined
  const oldBaseMs = batchBaseTimestamp(batch, at)
  const baseMs = deleteHorizonMs ?? fixedMs ?? oldBaseMs + (records.timestampDeltas[isKept.indexOf(1)] ?? 0)
  const made = Buffer.allocUnsafe(batchHeaderBytes + bytesOf(records, isKept))
  batch.copy(made, 0, at, at + batchHeaderBytes)
  let end = batchHeaderBytes
  let count = 0
  let maxMs = noTimestamp
  for (let index = 0; index < records.count; index++) {
    if (isKept[index] !== 1) continue
    const timestampMs = fixedMs ?? oldBaseMs + (records.timestampDeltas[index] ?? 0)
    if (timestampMs > maxMs) maxMs = timestampMs
    end = putRecord(made, end, records, index, timestampMs - baseMs)
    count++
  }
  const codec = batchCompression(batch, at)
  const whole = codec === 0 ? made.subarray(0, end) : packed(made, end, codec)
  if (deleteHorizonMs !== undefined) setBatchAttributes(whole, 0, withDeleteHorizon(batchAttributes(batch, at)))
  setBatchBaseTimestamp(whole, 0, baseMs)
  setBatchMaxTimestamp(whole, 0, maxMs)
  return finished(whole, count)
}

/** The batch at `at` without its records: it keeps a producer's last sequence, or the end of what was cleaned. */
export function emptiedBatch(batch: Buffer, at: number): Buffer {
  const made = Buffer.from(batch.subarray(at, at + batchHeaderBytes))
  setBatchAttributes(made, 0, withoutRecords(batchAttributes(batch, at)))
  setBatchBaseTimestamp(made, 0, noTimestamp)
  return finished(made, 0)
}

function bytesOf(records: BatchRecords, isKept: Uint8Array): number {
  let bytes = 0
  for (let index = 0; index < records.count; index++) {
    if (isKept[index] === 1) bytes += headBytesMax + (records.ends[index] ?? 0) - (records.restStarts[index] ?? 0)
  }
  return bytes
}

function putRecord(made: Buffer, at: number, records: BatchRecords, index: number, timestampDelta: number): number {
  const restStart = records.restStarts[index] ?? 0
  const recordEnd = records.ends[index] ?? 0
  const length = 1 + varlongSizeBytes(timestampDelta) + recordEnd - restStart
  let end = putUnsignedVarint(made, at, zigZag32(length))
  // A record's attributes, which nobody uses.
  made[end++] = 0
  end = putVarlong(made, end, timestampDelta)
  return end + records.bytes.copy(made, end, restStart, recordEnd)
}

function packed(made: Buffer, end: number, codec: number): Buffer {
  return Buffer.concat([made.subarray(0, batchHeaderBytes), compress(codec, made.subarray(batchHeaderBytes, end))])
}

function finished(batch: Buffer, recordCount: number): Buffer {
  setBatchRecordCount(batch, 0, recordCount)
  setBatchSizeBytes(batch, 0, batch.length)
  setBatchCrc(batch, 0, computeBatchCrc(batch, 0))
  return batch
}
