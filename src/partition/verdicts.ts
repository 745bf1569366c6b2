/** Writes what the owner decided on an entry into its slot, and a taken batch's place into its bytes. */

import type { Ring } from '../ring/ring.ts'
import { Verdict } from '../ring/slot.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import {
  batchAttributes,
  batchLastOffsetDelta,
  batchMaxTimestamp,
  computeBatchCrc,
  setBatchAttributes,
  setBatchBaseOffset,
  setBatchCrc,
  setBatchLeaderEpoch,
  setBatchMaxTimestamp,
} from '../wire/record-batch.ts'
import type { Partition } from './partition.ts'
import { attributeLogAppendTime } from './validate-batch.ts'

/** What a partition that no longer takes batches answers them with. */
export function closedError(partition: Partition): number {
  return partition.state === 'removed' ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.KAFKA_STORAGE_ERROR
}

/**
 * Writes a refusal, with the offset that Kafka answers it with, and the time by which it was decided where that matters. With
 * NONE: the entry is heeded, and not for the log.
 */
export function refuse(ring: Ring, slot: number, errorCode: number, nowMs = -1): void {
  ring.setBaseOffset(slot, -1)
  ring.setLogAppendTime(slot, nowMs)
  ring.setOutcome(slot, errorCode)
  ring.setVerdict(slot, Verdict.refused)
}

/** Gives a batch the partition's next offsets and hands it on to be written. */
export function take(partition: Partition, ring: Ring, slot: number, bytes: Buffer, maxTimestampMs: number): void {
  const isAppendTime = partition.settings.timestampType === 'LogAppendTime'
  const baseOffset = partition.nextOffset
  const lastOffset = baseOffset + batchLastOffsetDelta(bytes, 0)
  setBatchBaseOffset(bytes, 0, baseOffset)
  setBatchLeaderEpoch(bytes, 0, partition.leaderEpoch)
  stampTimestamp(bytes, isAppendTime, maxTimestampMs)
  ring.setBaseOffset(slot, baseOffset)
  ring.setLastOffset(slot, lastOffset)
  ring.setMaxTimestamp(slot, maxTimestampMs)
  ring.setLogAppendTime(slot, isAppendTime ? maxTimestampMs : -1)
  ring.setOutcome(slot, ErrorCode.NONE)
  ring.setVerdict(slot, Verdict.accepted)
  partition.nextOffset = lastOffset + 1
  partition.accepted.push(bytes)
}

/** Answers a batch that was appended before with the offset it got then; nothing is written again. */
export function repeat(partition: Partition, ring: Ring, slot: number): void {
  const known = partition.producers.known
  ring.setBaseOffset(slot, known.baseOffset)
  ring.setLastOffset(slot, known.lastOffset)
  // Whatever the topic's timestamps are (UnifiedLog.append).
  ring.setLogAppendTime(slot, known.timestampMs)
  ring.setOutcome(slot, ErrorCode.NONE)
  ring.setVerdict(slot, Verdict.duplicate)
}

/** Makes the header say the records' true latest timestamp and the topic's timestamp type; only a change costs a CRC. */
function stampTimestamp(bytes: Buffer, isAppendTime: boolean, maxTimestampMs: number): void {
  const attributes = batchAttributes(bytes, 0)
  const wanted = isAppendTime ? attributes | attributeLogAppendTime : attributes & ~attributeLogAppendTime
  if (attributes === wanted && batchMaxTimestamp(bytes, 0) === maxTimestampMs) return
  setBatchAttributes(bytes, 0, wanted)
  setBatchMaxTimestamp(bytes, 0, maxTimestampMs)
  setBatchCrc(bytes, 0, computeBatchCrc(bytes, 0))
}
