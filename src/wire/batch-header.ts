/** RecordBatch v2 in place: plain functions over the bytes, so that the data path allocates nothing. */

import { crc32c } from './crc32c.ts'
import { DecodeError } from './errors.ts'

/*
 *   0 base offset            int64    not covered by the CRC, like all up to byte 21: a broker may stamp these
 *   8 length                 int32    bytes after this field
 *  12 partition leader epoch int32
 *  16 magic                  int8     2
 *  17 CRC-32C                uint32   over byte 21 to the end
 *  21 attributes             int16    bits 0–2 codec, 3 log-append time, 4 transactional, 5 control, 6 delete horizon
 *  23 last offset delta      int32
 *  27 base timestamp         int64
 *  35 max timestamp          int64
 *  43 producer id            int64
 *  51 producer epoch         int16
 *  53 base sequence          int32
 *  57 record count           int32
 *  61 records
 */

/** Bytes before the records. */
export const batchHeaderBytes = 61

/** The smallest whole batch: one without records, as compaction leaves it. */
export const minBatchBytes = batchHeaderBytes

/** Bytes before the part that a batch's length counts: base offset and the length itself. */
export const batchOverheadBytes = 12

const lengthAt = 8
const leaderEpochAt = 12
const magicAt = 16
const crcAt = 17
const attributesAt = 21
const lastOffsetDeltaAt = 23
const baseTimestampAt = 27
const maxTimestampAt = 35
const producerIdAt = 43
const producerEpochAt = 51
const baseSequenceAt = 53
const recordCountAt = 57

const codecMask = 0x07
const logAppendTimeBit = 0x08
const transactionalBit = 0x10
const controlBit = 0x20
const deleteHorizonBit = 0x40
const twoTo32 = 4_294_967_296

/** Bytes of the whole batch, as its header claims: check it against what is there, and against minBatchBytes. */
export function batchSizeBytes(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + lengthAt) + batchOverheadBytes
}

/** What the length field says: the bytes behind it. The CRC does not cover it. */
export function setBatchLength(bytes: Buffer, at: number, length: number): void {
  bytes.writeInt32BE(length, at + lengthAt)
}

export function batchBaseOffset(bytes: Buffer, at: number): number {
  return readInt64(bytes, at)
}

export function setBatchBaseOffset(bytes: Buffer, at: number, offset: number): void {
  writeInt64(bytes, at, offset)
}

export function batchLeaderEpoch(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + leaderEpochAt)
}

export function setBatchLeaderEpoch(bytes: Buffer, at: number, epoch: number): void {
  bytes.writeInt32BE(epoch, at + leaderEpochAt)
}

export function batchMagic(bytes: Buffer, at: number): number {
  return bytes.readInt8(at + magicAt)
}

export function batchCrc(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at + crcAt)
}

/** Whether the batch at `at`, which must lie whole in `bytes`, has the checksum that it claims. */
export function isCrcRight(bytes: Buffer, at: number): boolean {
  return batchCrc(bytes, at) === computeBatchCrc(bytes, at)
}

export function setBatchCrc(bytes: Buffer, at: number, crc: number): void {
  bytes.writeUInt32BE(crc, at + crcAt)
}

/** The checksum that the batch should have. Its size must have been checked against what is there. */
export function computeBatchCrc(bytes: Buffer, at: number): number {
  return crc32c(bytes.subarray(at + attributesAt, at + batchSizeBytes(bytes, at)))
}

export function batchAttributes(bytes: Buffer, at: number): number {
  return bytes.readInt16BE(at + attributesAt)
}

/** The CRC covers the attributes: compute it again after this. */
export function setBatchAttributes(bytes: Buffer, at: number, attributes: number): void {
  bytes.writeInt16BE(attributes, at + attributesAt)
}

/** The codec number of the records: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; 5 to 7 do not exist. */
export function compressionOf(attributes: number): number {
  return attributes & codecMask
}

export function timestampTypeOf(attributes: number): 'CreateTime' | 'LogAppendTime' {
  return (attributes & logAppendTimeBit) === 0 ? 'CreateTime' : 'LogAppendTime'
}

export function isTransactional(attributes: number): boolean {
  return (attributes & transactionalBit) !== 0
}

export function isControl(attributes: number): boolean {
  return (attributes & controlBit) !== 0
}

export function batchCompression(bytes: Buffer, at: number): number {
  return compressionOf(batchAttributes(bytes, at))
}

export function batchTimestampType(bytes: Buffer, at: number): 'CreateTime' | 'LogAppendTime' {
  return timestampTypeOf(batchAttributes(bytes, at))
}

export function batchIsTransactional(bytes: Buffer, at: number): boolean {
  return isTransactional(batchAttributes(bytes, at))
}

export function batchIsControl(bytes: Buffer, at: number): boolean {
  return isControl(batchAttributes(bytes, at))
}

/** True when the base timestamp is the time from which on tombstones may go (KIP-534). */
export function batchHasDeleteHorizon(bytes: Buffer, at: number): boolean {
  return (batchAttributes(bytes, at) & deleteHorizonBit) !== 0
}

/** The attributes with the mark of a delete horizon. */
export function withDeleteHorizon(attributes: number): number {
  return attributes | deleteHorizonBit
}

/** The attributes of a batch without records: neither compressed nor with a delete horizon. */
export function withoutRecords(attributes: number): number {
  return attributes & ~(codecMask | deleteHorizonBit)
}

/** The attributes word of a batch. */
export function attributesOf(facts: {
  compression: number
  timestampType: 'CreateTime' | 'LogAppendTime'
  isTransactional: boolean
  isControl: boolean
}): number {
  return (
    (facts.compression & codecMask) |
    (facts.timestampType === 'LogAppendTime' ? logAppendTimeBit : 0) |
    (facts.isTransactional ? transactionalBit : 0) |
    (facts.isControl ? controlBit : 0)
  )
}

export function batchLastOffsetDelta(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + lastOffsetDeltaAt)
}

/** The offset of the batch's last record. */
export function batchLastOffset(bytes: Buffer, at: number): number {
  return batchBaseOffset(bytes, at) + batchLastOffsetDelta(bytes, at)
}

export function batchBaseTimestamp(bytes: Buffer, at: number): number {
  return readInt64(bytes, at + baseTimestampAt)
}

export function batchMaxTimestamp(bytes: Buffer, at: number): number {
  return readInt64(bytes, at + maxTimestampAt)
}

/** The CRC covers the timestamp: compute it again after this. */
export function setBatchMaxTimestamp(bytes: Buffer, at: number, timestampMs: number): void {
  writeInt64(bytes, at + maxTimestampAt, timestampMs)
}

/** Makes the batch one of log-append time `timestampMs`, and its CRC right again. */
export function stampBatchLogAppendTime(bytes: Buffer, at: number, timestampMs: number): void {
  setBatchAttributes(bytes, at, batchAttributes(bytes, at) | logAppendTimeBit)
  setBatchMaxTimestamp(bytes, at, timestampMs)
  setBatchCrc(bytes, at, computeBatchCrc(bytes, at))
}

/** The CRC covers the timestamp: compute it again after this. */
export function setBatchBaseTimestamp(bytes: Buffer, at: number, timestampMs: number): void {
  writeInt64(bytes, at + baseTimestampAt, timestampMs)
}

/** -1 where the producer is not idempotent. */
export function batchProducerId(bytes: Buffer, at: number): number {
  return readInt64(bytes, at + producerIdAt)
}

export function batchProducerEpoch(bytes: Buffer, at: number): number {
  return bytes.readInt16BE(at + producerEpochAt)
}

export function batchBaseSequence(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + baseSequenceAt)
}

export function batchRecordCount(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + recordCountAt)
}

/** The CRC covers the count: compute it again after this. */
export function setBatchRecordCount(bytes: Buffer, at: number, count: number): void {
  bytes.writeInt32BE(count, at + recordCountAt)
}

/** Writes the length field of a batch of `sizeBytes` in all. */
export function setBatchSizeBytes(bytes: Buffer, at: number, sizeBytes: number): void {
  bytes.writeInt32BE(sizeBytes - batchOverheadBytes, at + lengthAt)
}

/**
 * Visits each whole batch in `bytes` and answers where the last one ended: what follows is the beginning of a batch
 * that was cut off, as at the end of a fetch. Throws DecodeError for a size that no batch has.
 */
export function eachBatch(bytes: Buffer, visit: (at: number, sizeBytes: number) => void): number {
  let at = 0
  while (bytes.length - at >= batchOverheadBytes) {
    const sizeBytes = batchSizeBytes(bytes, at)
    if (sizeBytes < minBatchBytes) throw new DecodeError(`a batch cannot have ${sizeBytes} bytes`)
    if (sizeBytes > bytes.length - at) break
    visit(at, sizeBytes)
    at += sizeBytes
  }
  return at
}

/**
 * Int64s of batches are not the broker's to judge, so there is no refusal here: beyond ±2^53 the low bits go, which
 * no comparison with a sound offset or time mistakes.
 */
function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * twoTo32 + bytes.readUInt32BE(at + 4)
}

function writeInt64(bytes: Buffer, at: number, value: number): void {
  const high = Math.floor(value / twoTo32)
  bytes.writeInt32BE(high, at)
  bytes.writeUInt32BE(value - high * twoTo32, at + 4)
}
