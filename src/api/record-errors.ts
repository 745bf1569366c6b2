/** Says which records of a refused batch are at fault, and why, in Kafka's words (LogValidator.validateRecord). */

import type { PartitionSettings } from '../base/topology.ts'
import { DecodeError } from '../wire/errors.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import {
  makeProduceResponseBatchIndexAndErrorMessage,
  type ProduceResponseBatchIndexAndErrorMessage,
} from '../wire/generated/produce.ts'
import { type BatchRecord, batchHeaderBytes, batchTimestampType, eachRecord } from '../wire/record-batch.ts'
import type { Place } from './ports.ts'

/** Kafka tells of every record. Each takes some 150 bytes here, so that a thousand are as much as a batch. */
export const recordErrorsMax = 1_000

/** Of larger batches, unpacked, only the error is told: a front must not be kept busy by what was refused. */
export const explainedBytesMax = 1_200_000

/** Long.MAX_VALUE, which 2^63 stands for in settings. */
const longMax = 2n ** 63n - 1n

/** The first records at fault by the topic's settings, at the owner's time `nowMs`; none where the batch itself was. */
export function recordErrorsOf(batch: Buffer, place: Place, nowMs: number): ProduceResponseBatchIndexAndErrorMessage[] {
  const errors: ProduceResponseBatchIndexAndErrorMessage[] = []
  if (batch.length < batchHeaderBytes || batch.length > explainedBytesMax) return errors
  const { settings, name } = place.topic
  const partition = `${name}-${place.partition.index}`
  try {
    const timestampType = batchTimestampType(batch, 0)
    eachRecord(batch, 0, explainedBytesMax, (record, batchIndex) => {
      const text = faultOf(record, { settings, partition, timestampType, nowMs })
      if (text !== undefined) {
        errors.push(makeProduceResponseBatchIndexAndErrorMessage({ batchIndex, batchIndexErrorMessage: text }))
      }
      return errors.length < recordErrorsMax
    })
  } catch (thrown) {
    if (!(thrown instanceof DecodeError)) throw thrown
    return []
  }
  return errors
}

/** What Kafka says of the batch as a whole; null where it says nothing. */
export function messageOfRecordErrors(
  errorCode: number,
  errors: readonly ProduceResponseBatchIndexAndErrorMessage[],
): string | null {
  if (errorCode === ErrorCode.INVALID_TIMESTAMP) {
    return 'One or more records have been rejected due to invalid timestamp'
  }
  if (errorCode !== ErrorCode.INVALID_RECORD || errors.length === 0) return null
  const shown = errors
    .slice(0, 3)
    .map(({ batchIndex, batchIndexErrorMessage }) => {
      return `RecordError(batchIndex=${batchIndex}, message='${batchIndexErrorMessage}')`
    })
    .join(', ')
  return (
    `One or more records have been rejected due to ${errors.length} record errors in total, ` +
    `and only showing the first three errors at most: [${shown}]`
  )
}

type Circumstances = {
  readonly settings: PartitionSettings
  readonly partition: string
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly nowMs: number
}

function faultOf(record: BatchRecord, circumstances: Circumstances): string | undefined {
  const { settings, partition, timestampType, nowMs } = circumstances
  if (settings.isCompacted && record.key === null) {
    return `Compacted topic cannot accept message without key in topic partition ${partition}`
  }
  const { timestampMs, offset } = record
  if (settings.timestampType === 'CreateTime' && timestampMs !== -1) {
    const isOutside =
      nowMs - timestampMs > settings.timestampBeforeMaxMs || timestampMs - nowMs > settings.timestampAfterMaxMs
    if (!isOutside) return undefined
    const first = javaLong(BigInt(nowMs) - boundOf(settings.timestampBeforeMaxMs))
    const last = javaLong(BigInt(nowMs) + boundOf(settings.timestampAfterMaxMs))
    return (
      `Timestamp ${timestampMs} of message with offset ${offset} is out of range. ` +
      `The timestamp should be within [${first}, ${last}]`
    )
  }
  if (timestampType === 'CreateTime') return undefined
  const sizes = `key=${record.key?.length ?? 0} bytes, value=${record.value?.length ?? 0} bytes`
  return (
    `Invalid timestamp type in message DefaultRecord(offset=${offset}, timestamp=${timestampMs}, ${sizes}). ` +
    'Producer should not set timestamp type to LogAppendTime.'
  )
}

function boundOf(boundMs: number): bigint {
  return boundMs >= 2 ** 63 ? longMax : BigInt(boundMs)
}

/** Java's sums wrap. */
function javaLong(value: bigint): bigint {
  return BigInt.asIntN(64, value)
}
