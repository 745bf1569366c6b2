/** Decides whether the bytes of one Produce partition may enter the log, as Kafka's LogValidator decides it. */

import type { PartitionSettings } from '../base/topology.ts'
import { Framing, framingOf } from '../wire/batch-framing.ts'
import { decompress } from '../wire/compression/compress.ts'
import { DecompressedTooLargeError } from '../wire/errors.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchHeaderBytes,
  batchLastOffsetDelta,
  batchMaxTimestamp,
  batchProducerId,
  batchRecordCount,
  batchSizeBytes,
  isCrcRight,
} from '../wire/record-batch.ts'
import { type RecordWalk, walkRecords } from './walk-records.ts'

/**
 * How large a batch may become when decompressed. Kafka streams and has no bound; we hold the whole, and 100 MiB is
 * what one request may carry uncompressed (socket.request.max.bytes), so no honest batch is refused.
 */
export const decompressedBatchBytesMax = 100 * 1024 * 1024

/** Bits of a batch's attributes. */
export const attributeCompressionMask = 0x07
export const attributeLogAppendTime = 0x08
export const attributeTransactional = 0x10
export const attributeControl = 0x20

/** Kafka knows codecs 0 to 4; for the rest it fails with an unexpected exception. */
const compressionMax = 4

/** Kafka looks for the producer id before it asks whether the header is whole, and fails where there is none. */
const producerIdEnd = 51

/**
 * Checks batches one after the other; holds what the last check found, so that nothing is allocated for it.
 * One serves all partitions of an owner.
 */
export class BatchValidator {
  readonly #decompressedBytesMax: number
  readonly #walk: RecordWalk = {
    recordCount: 0,
    isKeyRequired: false,
    isCompressed: false,
    isTimestampChecked: false,
    timestampMinMs: 0,
    timestampMaxMs: 0,
    baseTimestampMs: 0,
    maxTimestampMs: -1,
  }

  constructor(decompressedBytesMax = decompressedBatchBytesMax) {
    this.#decompressedBytesMax = decompressedBytesMax
  }

  /** The latest timestamp of the batch last accepted, -1 where its records have none. */
  get maxTimestampMs(): number {
    return this.#walk.maxTimestampMs
  }

  /**
   * The error code for an entry that a client sent: NONE when it is one whole, valid batch. `isChecked`: whoever copied it
   * into the ring has compared its checksum.
   */
  validate(bytes: Buffer, settings: PartitionSettings, nowMs: number, isChecked = false): number {
    const framing = framingOf(bytes)
    if (framing === Framing.corrupt) return ErrorCode.CORRUPT_MESSAGE
    if (framing === Framing.notOneBatch) return ErrorCode.INVALID_RECORD
    const end = batchSizeBytes(bytes, 0)
    if (end === bytes.length) return this.#checkBatch(bytes, settings, nowMs, isChecked)
    // Kafka cuts off what follows when it is no whole batch. An entry keeps its length, so that we refuse it.
    const error = this.#checkBatch(bytes.subarray(0, end), settings, nowMs, isChecked)
    return error === ErrorCode.NONE ? ErrorCode.INVALID_RECORD : error
  }

  #checkBatch(bytes: Buffer, settings: PartitionSettings, nowMs: number, isChecked: boolean): number {
    const header = checkHeader(bytes, settings, isChecked)
    return header === ErrorCode.NONE ? this.#checkRecords(bytes, settings, nowMs) : header
  }

  #checkRecords(bytes: Buffer, settings: PartitionSettings, nowMs: number): number {
    const attributes = batchAttributes(bytes, 0)
    const walk = this.#walk
    const isCreateTime = settings.timestampType === 'CreateTime'
    walk.recordCount = batchRecordCount(bytes, 0)
    walk.isKeyRequired = settings.isCompacted
    walk.isTimestampChecked = isCreateTime
    walk.timestampMinMs = nowMs - settings.timestampBeforeMaxMs
    walk.timestampMaxMs = nowMs + settings.timestampAfterMaxMs
    walk.baseTimestampMs = batchBaseTimestamp(bytes, 0)
    const codec = attributes & attributeCompressionMask
    walk.isCompressed = codec !== 0
    const error =
      codec === 0
        ? walkRecords(bytes, batchHeaderBytes, bytes.length, walk)
        : walkCompressed(bytes, codec, walk, this.#decompressedBytesMax)
    if (error !== ErrorCode.NONE) return error
    if ((attributes & attributeLogAppendTime) === 0) return ErrorCode.NONE
    return this.#checkClaimedLogAppendTime(batchMaxTimestamp(bytes, 0), isCreateTime)
  }

  /**
   * A producer may not say LogAppendTime. Kafka notices that only where it does not check the timestamp itself; with a
   * timestamp in range on a CreateTime topic it takes the batch, and its records all have the header's timestamp.
   */
  #checkClaimedLogAppendTime(headerTimestampMs: number, isCreateTime: boolean): number {
    const walk = this.#walk
    if (!isCreateTime || headerTimestampMs === -1) return ErrorCode.INVALID_TIMESTAMP
    walk.maxTimestampMs = headerTimestampMs
    const isInside = headerTimestampMs >= walk.timestampMinMs && headerTimestampMs <= walk.timestampMaxMs
    return isInside ? ErrorCode.NONE : ErrorCode.INVALID_TIMESTAMP
  }
}

/** The checks on a batch's header, in Kafka's order (UnifiedLog.analyzeAndValidateRecords, LogValidator.validateBatch). */
function checkHeader(bytes: Buffer, settings: PartitionSettings, isChecked: boolean): number {
  if (bytes.length < batchHeaderBytes) {
    return bytes.length < producerIdEnd ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.CORRUPT_MESSAGE
  }
  if (batchBaseOffset(bytes, 0) !== 0) return ErrorCode.INVALID_RECORD
  if (bytes.length > settings.maxMessageBytes) return ErrorCode.MESSAGE_TOO_LARGE
  if (!isChecked && !isCrcRight(bytes, 0)) return ErrorCode.CORRUPT_MESSAGE
  const attributes = batchAttributes(bytes, 0)
  if ((attributes & attributeCompressionMask) > compressionMax) return ErrorCode.UNKNOWN_SERVER_ERROR
  const lastOffsetDelta = batchLastOffsetDelta(bytes, 0)
  if (lastOffsetDelta < 0 || batchRecordCount(bytes, 0) !== lastOffsetDelta + 1) return ErrorCode.INVALID_RECORD
  if ((attributes & attributeControl) !== 0) return ErrorCode.INVALID_RECORD
  if (batchProducerId(bytes, 0) >= 0 && batchBaseSequence(bytes, 0) < 0) return ErrorCode.INVALID_RECORD
  if (bytes.length > settings.segmentBytes) return ErrorCode.RECORD_LIST_TOO_LARGE
  return ErrorCode.NONE
}

function walkCompressed(bytes: Buffer, codec: number, walk: RecordWalk, bytesMax: number): number {
  let payload: Buffer
  try {
    payload = decompress(codec, bytes.subarray(batchHeaderBytes), bytesMax)
  } catch (thrown) {
    // Told that, a producer splits the batch and sends the halves. Of damage Kafka says that it did not expect it.
    const isTooLarge = thrown instanceof DecompressedTooLargeError
    return isTooLarge ? ErrorCode.MESSAGE_TOO_LARGE : ErrorCode.UNKNOWN_SERVER_ERROR
  }
  return walkRecords(payload, 0, payload.length, walk)
}
