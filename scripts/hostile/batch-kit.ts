/** Builds record batches that no honest producer would send, field by field. */

import { compress } from '../../src/wire/compression/compress.ts'
import { crc32c } from '../../src/wire/crc32c.ts'

/** A record to be built; each `raw…` field replaces what would be right. */
export type RawRecord = {
  readonly offsetDelta?: number
  readonly timestampDelta?: number | bigint
  readonly attributes?: number
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  /** Encoded header count and headers. */
  readonly rawHeaders?: Buffer
  readonly rawTimestamp?: Buffer
  readonly rawKey?: Buffer
  readonly rawValue?: Buffer
  readonly rawLength?: Buffer
  readonly lengthAdded?: number
}

/** A batch to be built. */
export type RawBatch = {
  readonly payload: Buffer
  readonly codec?: number
  /** Replaces the payload after compression. */
  readonly rawPayload?: (compressed: Buffer) => Buffer
  readonly count?: number
  readonly lastOffsetDelta?: number
  readonly baseTimestampMs?: number
  readonly maxTimestampMs?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  /** Bits beside the codec's. */
  readonly attributes?: number
  readonly magic?: number
  readonly baseOffset?: number
  readonly leaderEpoch?: number
  /** Added to the length field. */
  readonly lengthAdded?: number
  readonly isCrcWrong?: boolean
}

/** A zigzag varint, of up to 64 bits. */
export function varint(value: number | bigint): Buffer {
  const wide = BigInt(value)
  return unsignedVarint(BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n)))
}

function unsignedVarint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

/** Bytes with their length before them. */
export function sized(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes])
}

/** One record's bytes. */
export function rawRecord(record: RawRecord): Buffer {
  const body = Buffer.concat([
    Buffer.from([record.attributes ?? 0]),
    record.rawTimestamp ?? varint(record.timestampDelta ?? 0),
    varint(record.offsetDelta ?? 0),
    record.rawKey ?? sized(record.key === undefined ? Buffer.from('key') : record.key),
    record.rawValue ?? sized(record.value === undefined ? Buffer.from('value') : record.value),
    record.rawHeaders ?? varint(0),
  ])
  return Buffer.concat([record.rawLength ?? varint(body.length + (record.lengthAdded ?? 0)), body])
}

/** A whole batch; three records are assumed unless told otherwise. */
export function rawBatch(batch: RawBatch, nowMs: number): Buffer {
  const codec = batch.codec ?? 0
  const compressed = codec > 4 ? batch.payload : compress(codec, batch.payload)
  const payload = batch.rawPayload === undefined ? compressed : batch.rawPayload(compressed)
  const header = Buffer.alloc(61)
  header.writeBigInt64BE(BigInt(batch.baseOffset ?? 0), 0)
  header.writeInt32BE(49 + payload.length + (batch.lengthAdded ?? 0), 8)
  header.writeInt32BE(batch.leaderEpoch ?? -1, 12)
  header.writeInt8(batch.magic ?? 2, 16)
  header.writeUInt16BE((batch.attributes ?? 0) | codec, 21)
  const count = batch.count ?? 3
  header.writeInt32BE(batch.lastOffsetDelta ?? count - 1, 23)
  const base = batch.baseTimestampMs ?? nowMs
  header.writeBigInt64BE(BigInt(base), 27)
  header.writeBigInt64BE(BigInt(batch.maxTimestampMs ?? base), 35)
  header.writeBigInt64BE(BigInt(batch.producerId ?? -1), 43)
  header.writeInt16BE(batch.producerEpoch ?? -1, 51)
  header.writeInt32BE(batch.baseSequence ?? -1, 53)
  header.writeInt32BE(count, 57)
  const bytes = Buffer.concat([header, payload])
  const checksum = crc32c(bytes.subarray(21))
  bytes.writeUInt32BE(batch.isCrcWrong === true ? (checksum ^ 1) >>> 0 : checksum, 17)
  return bytes
}
