/** The first stage: checks each newly published batch and writes its offset, or its refusal, into its slot. */

import { slotAfter, slotDistance } from '../ring/cursor.ts'
import type { Ring } from '../ring/ring.ts'
import { EntryKind, Verdict } from '../ring/slot.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import {
  batchAttributes,
  batchBaseSequence,
  batchLastOffsetDelta,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  computeBatchCrc,
  setBatchAttributes,
  setBatchBaseOffset,
  setBatchCrc,
  setBatchLeaderEpoch,
  setBatchMaxTimestamp,
} from '../wire/record-batch.ts'
import type { Partition } from './partition.ts'
import { wrapSequence } from './producer-state.ts'
import { attributeLogAppendTime, attributeTransactional, type BatchValidator } from './validate-batch.ts'

/** One host, one leader: there never is another epoch. */
const leaderEpoch = 0

/** Stamps every slot that is published; accepted batches gather in `partition.accepted`. Answers how many slots. */
export function stamp(partition: Partition, ring: Ring, validator: BatchValidator, nowMs: number): number {
  const first = ring.stamped()
  let slot = first
  while (ring.isPublished(slot)) {
    stampSlot(partition, ring, slot, validator, nowMs)
    slot = slotAfter(slot)
  }
  if (slot !== first) ring.setStamped(slot)
  return slotDistance(first, slot)
}

function stampSlot(partition: Partition, ring: Ring, slot: number, validator: BatchValidator, nowMs: number): void {
  if (partition.state !== 'online') {
    refuse(ring, slot, closedError(partition))
    return
  }
  const kind = ring.kind(slot)
  if (kind !== EntryKind.data) {
    // Padding carries nothing. Notes of transactions have no meaning before there are any.
    refuse(ring, slot, kind === EntryKind.padding ? ErrorCode.NONE : ErrorCode.INVALID_TXN_STATE)
    return
  }
  const bytes = ring.view(slot)
  const error = validator.validate(bytes, partition.settings, nowMs)
  if (error !== ErrorCode.NONE) {
    refuse(ring, slot, error)
    return
  }
  accept(partition, ring, slot, bytes, validator.maxTimestampMs, nowMs)
}

/** What a partition that no longer takes batches answers them with. */
export function closedError(partition: Partition): number {
  return partition.state === 'removed' ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.KAFKA_STORAGE_ERROR
}

/** Writes a refusal, with the offset that Kafka answers it with. */
export function refuse(ring: Ring, slot: number, errorCode: number): void {
  ring.setBaseOffset(slot, -1)
  ring.setLogAppendTime(slot, -1)
  ring.setOutcome(slot, errorCode)
  ring.setVerdict(slot, Verdict.refused)
}

function accept(
  partition: Partition,
  ring: Ring,
  slot: number,
  bytes: Buffer,
  recordsMaxTimestampMs: number,
  nowMs: number,
): void {
  const isAppendTime = partition.settings.timestampType === 'LogAppendTime'
  const maxTimestampMs = isAppendTime ? nowMs : recordsMaxTimestampMs
  const baseOffset = partition.nextOffset
  const lastOffset = baseOffset + batchLastOffsetDelta(bytes, 0)
  const refusal = admitProducer(partition, bytes, baseOffset, lastOffset, maxTimestampMs, nowMs)
  if (refusal === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) {
    repeat(partition, ring, slot, isAppendTime)
    return
  }
  if (refusal !== ErrorCode.NONE) {
    refuse(ring, slot, refusal)
    return
  }
  setBatchBaseOffset(bytes, 0, baseOffset)
  setBatchLeaderEpoch(bytes, 0, leaderEpoch)
  stampTimestamp(bytes, isAppendTime, maxTimestampMs)
  ring.setBaseOffset(slot, baseOffset)
  ring.setLastOffset(slot, lastOffset)
  ring.setMaxTimestamp(slot, maxTimestampMs)
  ring.setLogAppendTime(slot, isAppendTime ? nowMs : -1)
  ring.setOutcome(slot, ErrorCode.NONE)
  ring.setVerdict(slot, Verdict.accepted)
  partition.nextOffset = lastOffset + 1
  partition.accepted.push(bytes)
}

/** Checks and remembers an idempotent producer's batch; batches without a producer id pass. */
function admitProducer(
  partition: Partition,
  bytes: Buffer,
  baseOffset: number,
  lastOffset: number,
  timestampMs: number,
  nowMs: number,
): number {
  if ((batchAttributes(bytes, 0) & attributeTransactional) !== 0) return ErrorCode.INVALID_TXN_STATE
  const producerId = batchProducerId(bytes, 0)
  if (producerId < 0) return ErrorCode.NONE
  const batch = partition.batch
  batch.producerId = producerId
  batch.epoch = batchProducerEpoch(bytes, 0)
  batch.firstSequence = batchBaseSequence(bytes, 0)
  batch.lastSequence = wrapSequence(batch.firstSequence + lastOffset - baseOffset)
  batch.baseOffset = baseOffset
  batch.lastOffset = lastOffset
  batch.timestampMs = timestampMs
  const error = partition.producers.check(batch)
  if (error === ErrorCode.NONE) partition.producers.append(batch, nowMs)
  return error
}

/** Answers a batch that was appended before with the offset it got then; nothing is written again. */
function repeat(partition: Partition, ring: Ring, slot: number, isAppendTime: boolean): void {
  const known = partition.producers.known
  ring.setBaseOffset(slot, known.baseOffset)
  ring.setLastOffset(slot, known.lastOffset)
  ring.setLogAppendTime(slot, isAppendTime ? known.timestampMs : -1)
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
