/** The first stage: checks each newly published entry and writes its offset, or its refusal, into its slot. */

import { slotAfter, slotDistance } from '../ring/cursor.ts'
import type { Ring } from '../ring/ring.ts'
import { EntryKind } from '../ring/slot.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import {
  batchAttributes,
  batchBaseSequence,
  batchLastOffsetDelta,
  batchProducerEpoch,
  batchProducerId,
} from '../wire/record-batch.ts'
import type { Partition } from './partition.ts'
import { wrapSequence } from './producer-state.ts'
import { errorOfTransaction, stampMarker, stampOpen } from './stamp-transaction.ts'
import { attributeTransactional, type BatchValidator } from './validate-batch.ts'
import { closedError, refuse, repeat, take } from './verdicts.ts'

/** Here only the coordinator writes on behalf of producers. */
const offsetsTopic = '__consumer_offsets'

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
  switch (ring.kind(slot)) {
    case EntryKind.padding:
      refuse(ring, slot, ErrorCode.NONE)
      break
    case EntryKind.open:
      stampOpen(partition, ring, slot)
      break
    case EntryKind.marker:
      stampMarker(partition, ring, slot, nowMs)
      break
    default:
      stampData(partition, ring, slot, validator, nowMs)
  }
}

function stampData(partition: Partition, ring: Ring, slot: number, validator: BatchValidator, nowMs: number): void {
  const bytes = ring.view(slot)
  const error = validator.validate(bytes, partition.settings, nowMs, ring.isChecked(slot))
  if (error !== ErrorCode.NONE) {
    refuse(ring, slot, error, nowMs)
    return
  }
  const isAppendTime = partition.settings.timestampType === 'LogAppendTime'
  const maxTimestampMs = isAppendTime ? nowMs : validator.maxTimestampMs
  const refusal = admitProducer(partition, bytes, maxTimestampMs, nowMs)
  if (refusal === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) repeat(partition, ring, slot)
  else if (refusal !== ErrorCode.NONE) refuse(ring, slot, refusal)
  else take(partition, ring, slot, bytes, maxTimestampMs)
}

/** Checks and remembers an idempotent producer's batch; batches without a producer id pass. */
function admitProducer(partition: Partition, bytes: Buffer, timestampMs: number, nowMs: number): number {
  const isTransactional = (batchAttributes(bytes, 0) & attributeTransactional) !== 0
  const producerId = batchProducerId(bytes, 0)
  if (producerId < 0) return isTransactional ? ErrorCode.INVALID_TXN_STATE : ErrorCode.NONE
  const { batch, producers, transactions } = partition
  const offsetDelta = batchLastOffsetDelta(bytes, 0)
  batch.producerId = producerId
  batch.epoch = batchProducerEpoch(bytes, 0)
  batch.firstSequence = batchBaseSequence(bytes, 0)
  batch.lastSequence = wrapSequence(batch.firstSequence + offsetDelta)
  batch.baseOffset = partition.nextOffset
  batch.lastOffset = batch.baseOffset + offsetDelta
  batch.timestampMs = timestampMs
  batch.isTransactional = isTransactional
  const sequenceError = partition.topic === offsetsTopic ? producers.checkEpoch(batch) : producers.check(batch)
  const error = errorOfTransaction(transactions, batch, sequenceError)
  if (error !== ErrorCode.NONE) return error
  producers.append(batch, nowMs)
  if (isTransactional) transactions.wrote(producerId, batch.baseOffset)
  return ErrorCode.NONE
}
