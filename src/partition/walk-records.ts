/** Walks the records of one batch byte by byte, without allocating, and says what Kafka would say of them. */

import { ErrorCode } from '../wire/generated/errors.ts'

/** What a walk is told, and what it found. One of these serves all batches of an owner thread. */
export type RecordWalk = {
  /** How many records the batch's header promises. */
  recordCount: number
  /** Whether each record must have a key (compacted topics). */
  isKeyRequired: boolean
  /** Whether the records came compressed: Kafka then reads them by another way, with other errors for two faults. */
  isCompressed: boolean
  /** Whether timestamps are compared with the bounds below (topics with CreateTime). */
  isTimestampChecked: boolean
  /** The earliest and latest timestamp allowed; -1 (none) is always allowed. */
  timestampMinMs: number
  timestampMaxMs: number
  /** The first record's timestamp, to which the records' deltas are added. */
  baseTimestampMs: number
  /** Found: the latest timestamp of all records, -1 where there is none. */
  maxTimestampMs: number
}

/** Timestamps beyond this cannot be told apart in a number; no clock shows them. */
const timestampAbsoluteMax = Number.MAX_SAFE_INTEGER

/** The place of the next byte; module state instead of an object, since every varint moves it. */
let cursor = 0
/** Set by a read that ran past its limit or that was no varint. */
let isBroken = false
/** Set where it was no varint: more bytes than the largest number takes. */
let isOverlong = false

/**
 * Checks the records in [start, end) of `bytes`: lengths, counts, offset deltas 0, 1, 2 …, keys and timestamps.
 * Answers NONE or the error that Kafka gives; fills `walk.maxTimestampMs`. A broken structure wins over a refused
 * timestamp, and that over a missing key, as in Kafka's LogValidator.
 *
 * Kafka stores two things that we refuse, since readers would trip over them: offset deltas out of order when not
 * compressed, and compressed records that are longer or shorter than they say.
 */
export function walkRecords(bytes: Uint8Array, start: number, end: number, walk: RecordWalk): number {
  let latest = -1
  let isKeyRefused = false
  let isTimestampRefused = false
  cursor = start
  isBroken = false
  isOverlong = false
  for (let index = 0; index < walk.recordCount; index++) {
    const length = readVarint(bytes, end)
    if (isBroken) return isOverlong && !walk.isCompressed ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.INVALID_RECORD
    // The first byte is the record's attributes, which no version of Kafka uses.
    if (length < 1 || length > end - cursor) return ErrorCode.INVALID_RECORD
    const recordEnd = cursor + length
    cursor++
    const timestamp = walk.baseTimestampMs + readVarlong(bytes, recordEnd)
    const offsetDelta = readVarint(bytes, recordEnd)
    const keyLength = skipSized(bytes, recordEnd)
    skipSized(bytes, recordEnd)
    if (isBroken || !skipHeaders(bytes, recordEnd) || cursor !== recordEnd) return ErrorCode.INVALID_RECORD
    // Kafka means to rewrite such a batch when it is compressed, and fails at it.
    if (offsetDelta !== index) return walk.isCompressed ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.INVALID_RECORD
    if (walk.isKeyRequired && keyLength < 0) isKeyRefused = true
    else if (isTimestampOutside(timestamp, walk)) isTimestampRefused = true
    if (timestamp > latest) latest = timestamp
  }
  if (cursor !== end) return ErrorCode.INVALID_RECORD
  walk.maxTimestampMs = latest
  if (isTimestampRefused) return ErrorCode.INVALID_TIMESTAMP
  return isKeyRefused ? ErrorCode.INVALID_RECORD : ErrorCode.NONE
}

function isTimestampOutside(timestamp: number, walk: RecordWalk): boolean {
  if (timestamp > timestampAbsoluteMax || timestamp < -timestampAbsoluteMax) return true
  if (!walk.isTimestampChecked || timestamp === -1) return false
  return timestamp < walk.timestampMinMs || timestamp > walk.timestampMaxMs
}

/** Passes over a length and that many bytes; answers the length, where anything negative means null, as in Kafka. */
function skipSized(bytes: Uint8Array, limit: number): number {
  const length = readVarint(bytes, limit)
  if (length > 0) {
    if (length > limit - cursor) isBroken = true
    else cursor += length
  }
  return length
}

/** Passes over the headers; false where their count or a length is impossible. */
function skipHeaders(bytes: Uint8Array, limit: number): boolean {
  const count = readVarint(bytes, limit)
  // Each header takes two bytes at least, so a wild count ends at the limit and not after two thousand million rounds.
  if (isBroken || count < 0 || count > limit - cursor) return false
  for (let index = 0; index < count; index++) {
    const keyLength = skipSized(bytes, limit)
    if (isBroken || keyLength < 0) return false
    skipSized(bytes, limit)
    if (isBroken) return false
  }
  return true
}

/** A zigzag varint of 32 bits. */
function readVarint(bytes: Uint8Array, limit: number): number {
  if (cursor >= limit) return breakOff()
  let byte = bytes[cursor++] ?? 0
  // Most lengths and deltas take one byte or two.
  if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
  let value = byte & 0x7f
  let shift = 7
  do {
    if (shift > 28) {
      isOverlong = true
      return breakOff()
    }
    if (cursor >= limit) return breakOff()
    byte = bytes[cursor++] ?? 0
    value |= (byte & 0x7f) << shift
    shift += 7
  } while (byte >= 0x80)
  return (value >>> 1) ^ -(value & 1)
}

/** A zigzag varint of 64 bits as a number; what is beyond ±2^53 is rounded, and refused later. */
function readVarlong(bytes: Uint8Array, limit: number): number {
  let low = 0
  let scale = 1
  let value = 0
  for (let count = 0; count < 10; count++) {
    if (cursor >= limit) return breakOff()
    const byte = bytes[cursor++] ?? 0
    if (count === 0) low = byte & 1
    value += (byte & 0x7f) * scale
    scale *= 128
    if (byte < 0x80) return low === 0 ? value / 2 : -(value + 1) / 2
  }
  return breakOff()
}

function breakOff(): number {
  isBroken = true
  return 0
}
