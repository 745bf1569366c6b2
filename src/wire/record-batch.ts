/** Record batches as a whole: built from records and read into objects, for the journal, the client, replay and tests. */

import {
  attributesOf,
  batchBaseOffset,
  batchBaseTimestamp,
  batchCompression,
  batchHeaderBytes,
  batchMagic,
  batchMaxTimestamp,
  batchOverheadBytes,
  batchRecordCount,
  batchSizeBytes,
  batchTimestampType,
  setBatchBaseOffset,
} from './batch-header.ts'
import { compress, decompress } from './compression/compress.ts'
import { crc32c } from './crc32c.ts'
import { DecodeError, EncodeError } from './errors.ts'
import { Reader } from './reader.ts'
import { varintSizeBytes, varlongSizeBytes } from './varint.ts'
import { Writer } from './writer.ts'

// Those who handle batches ask here for their parts as well.
export * from './batch-header.ts'

/** A header of a record to be written. */
export type RecordHeaderInput = { readonly key: string; readonly value: Buffer | null }

/** A record to be written. */
export type RecordInput = {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeaderInput[]
  readonly timestampMs: number
}

/** What a batch is made of; what is left out is as a plain producer sends it. */
export type BatchInput = {
  /** At least one. */
  readonly records: readonly RecordInput[]
  readonly baseOffset?: number
  readonly leaderEpoch?: number
  /** Codec number, 0 (none) by default. */
  readonly compression?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  readonly timestampType?: 'CreateTime' | 'LogAppendTime'
}

const crcStart = 17
const crcCoversFrom = 21

/** The batch's bytes with its CRC. Throws EncodeError where there is no record. */
export function buildBatch(input: BatchInput): Buffer {
  const { records } = input
  const [first] = records
  if (first === undefined) throw new EncodeError('a batch without records')
  const body = new Writer(256)
  let maxTimestampMs = first.timestampMs
  records.forEach((record, index) => {
    writeRecord(body, record, index, first.timestampMs)
    if (record.timestampMs > maxTimestampMs) maxTimestampMs = record.timestampMs
  })
  const compression = input.compression ?? 0
  const payload = compress(compression, body.finishJoined())

  const header = new Writer(batchHeaderBytes)
  header.writeInt64(0)
  header.writeInt32(batchHeaderBytes - batchOverheadBytes + payload.length)
  header.writeInt32(input.leaderEpoch ?? -1)
  header.writeInt8(2)
  header.writeUint32(0)
  header.writeInt16(
    attributesOf({
      compression,
      timestampType: input.timestampType ?? 'CreateTime',
      isTransactional: input.isTransactional ?? false,
      isControl: input.isControl ?? false,
    }),
  )
  header.writeInt32(records.length - 1)
  header.writeInt64(first.timestampMs)
  header.writeInt64(maxTimestampMs)
  header.writeInt64(input.producerId ?? -1)
  header.writeInt16(input.producerEpoch ?? -1)
  header.writeInt32(input.baseSequence ?? -1)
  header.writeInt32(records.length)

  const batch = Buffer.concat([header.finishJoined(), payload])
  setBatchBaseOffset(batch, 0, input.baseOffset ?? 0)
  batch.writeUInt32BE(crc32c(batch.subarray(crcCoversFrom)), crcStart)
  return batch
}

function writeRecord(writer: Writer, record: RecordInput, offsetDelta: number, baseTimestampMs: number): void {
  const headers = record.headers ?? []
  const timestampDelta = record.timestampMs - baseTimestampMs
  let sizeBytes = 1 + varlongSizeBytes(timestampDelta) + varintSizeBytes(offsetDelta)
  sizeBytes += sizedBytes(record.key) + sizedBytes(record.value) + varintSizeBytes(headers.length)
  for (const { key, value } of headers) {
    const keyBytes = Buffer.byteLength(key)
    sizeBytes += varintSizeBytes(keyBytes) + keyBytes + sizedBytes(value)
  }
  writer.writeVarint(sizeBytes)
  writer.writeInt8(0)
  writer.writeVarlong(timestampDelta)
  writer.writeVarint(offsetDelta)
  writeSized(writer, record.key)
  writeSized(writer, record.value)
  writer.writeVarint(headers.length)
  for (const { key, value } of headers) {
    writeSized(writer, Buffer.from(key))
    writeSized(writer, value)
  }
}

function sizedBytes(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintSizeBytes(bytes.length) + bytes.length
}

function writeSized(writer: Writer, bytes: Buffer | null): void {
  writer.writeVarint(bytes === null ? -1 : bytes.length)
  if (bytes !== null) writer.writeReference(bytes)
}

/** A header of a record. */
export type RecordHeader = { readonly key: string; readonly value: Buffer | null }

/** A record as it was read. Key and values are views of the batch's bytes, or of its decompressed records. */
export type BatchRecord = {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: RecordHeader[]
}

/** How large a batch's records may become by default: no broker takes more in one request, even uncompressed. */
export const recordsBytesMax = 100 * 1024 * 1024

/** Fewest bytes of a record: its length, attributes, two deltas, two lengths and the number of headers. */
const recordBytesMin = 7

/**
 * All records of the batch at `at`, in order. The CRC is not checked. Throws DecodeError on damage, for another magic
 * than 2, and where the records would pass `bytesMax` when decompressed.
 */
export function readRecords(bytes: Buffer, at: number, bytesMax: number = recordsBytesMax): BatchRecord[] {
  const records: BatchRecord[] = []
  eachRecord(bytes, at, bytesMax, (record) => {
    records.push(record)
    return true
  })
  return records
}

/** Visits them one by one, until `visit` answers false; throws likewise, as far as it got. */
export function eachRecord(
  bytes: Buffer,
  at: number,
  bytesMax: number,
  visit: (record: BatchRecord, index: number) => boolean,
): void {
  if (bytes.length - at < batchHeaderBytes) throw new DecodeError('the batch is cut off')
  const sizeBytes = batchSizeBytes(bytes, at)
  if (sizeBytes < batchHeaderBytes || sizeBytes > bytes.length - at) throw new DecodeError('the batch is cut off')
  if (batchMagic(bytes, at) !== 2) throw new DecodeError(`magic ${batchMagic(bytes, at)} is not supported`)
  const payload = decompress(
    batchCompression(bytes, at),
    bytes.subarray(at + batchHeaderBytes, at + sizeBytes),
    bytesMax,
  )
  const count = batchRecordCount(bytes, at)
  if (count < 0 || count * recordBytesMin > payload.length)
    throw new DecodeError(`${count} records do not fit the batch`)
  const baseOffset = batchBaseOffset(bytes, at)
  const isAppendTime = batchTimestampType(bytes, at) === 'LogAppendTime'
  const timestampMs = isAppendTime ? batchMaxTimestamp(bytes, at) : batchBaseTimestamp(bytes, at)
  const reader = new Reader(payload)
  for (let index = 0; index < count; index++) {
    const record = readRecord(reader, baseOffset, timestampMs)
    if (!visit(isAppendTime ? { ...record, timestampMs } : record, index)) return
  }
  if (reader.remaining > 0) throw new DecodeError(`${reader.remaining} bytes follow the last record`)
}

function readRecord(reader: Reader, baseOffset: number, baseTimestampMs: number): BatchRecord {
  const length = reader.readVarint()
  const end = reader.position + length
  reader.readInt8()
  const timestampMs = baseTimestampMs + reader.readVarlong()
  const offset = baseOffset + reader.readVarint()
  const key = readSized(reader)
  const value = readSized(reader)
  const headerCount = reader.readVarint()
  if (headerCount < 0 || headerCount > reader.remaining) throw new DecodeError(`${headerCount} headers do not fit`)
  const headers: RecordHeader[] = []
  for (let index = 0; index < headerCount; index++) {
    const name = readSized(reader)
    if (name === null) throw new DecodeError("a header's key is null")
    headers.push({ key: name.toString(), value: readSized(reader) })
  }
  if (reader.position !== end) throw new DecodeError('a record is not as long as it claims')
  return { offset, timestampMs, key, value, headers }
}

function readSized(reader: Reader): Buffer | null {
  const length = reader.readVarint()
  return length < 0 ? null : reader.readView(length)
}
