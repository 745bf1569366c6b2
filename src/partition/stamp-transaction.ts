/** What the first stage does with transactions: opens them, lets only their own data in, and ends them. */

import type { Ring } from '../ring/ring.ts'
import { DecodeError } from '../wire/errors.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { batchMaxTimestamp } from '../wire/record-batch.ts'
import { readMarker, type TransactionMarker } from '../wire/transaction-marker.ts'
import { decodeTransactionOpen } from '../wire/transaction-open.ts'
import { endTransaction } from './aborted.ts'
import type { Partition } from './partition.ts'
import type { ProducerBatch } from './producer-state.ts'
import type { Transactions } from './transactions.ts'
import { refuse, take } from './verdicts.ts'

/** Lets a producer's transaction in. The entry itself is not for the log. */
export function stampOpen(partition: Partition, ring: Ring, slot: number): void {
  refuse(ring, slot, openTransaction(partition, ring.view(slot)))
}

function openTransaction(partition: Partition, bytes: Buffer): number {
  const producer = undefinedIfDamaged(() => decodeTransactionOpen(bytes))
  if (producer === undefined) return ErrorCode.CORRUPT_MESSAGE
  const { producerId, producerEpoch } = producer
  if (producerEpoch < partition.producers.epochOf(producerId)) return ErrorCode.INVALID_PRODUCER_EPOCH
  partition.transactions.open(producerId, producerEpoch)
  return ErrorCode.NONE
}

/** Writes the end of a transaction; one without data in this partition only moves its producer's epoch. */
export function stampMarker(partition: Partition, ring: Ring, slot: number, nowMs: number): void {
  const bytes = ring.view(slot)
  const marker = undefinedIfDamaged(() => readMarker(bytes, 0))
  const error = marker === undefined ? ErrorCode.CORRUPT_MESSAGE : partition.producers.checkEnd(marker)
  if (marker === undefined || error !== ErrorCode.NONE) {
    refuse(ring, slot, error)
    return
  }
  end(partition, marker, nowMs)
  const isAppendTime = partition.settings.timestampType === 'LogAppendTime'
  take(partition, ring, slot, bytes, isAppendTime ? nowMs : batchMaxTimestamp(bytes, 0))
}

function end(partition: Partition, marker: TransactionMarker, nowMs: number): void {
  const aborted = endTransaction(partition, marker, partition.nextOffset, nowMs)
  if (aborted !== undefined) partition.aborted.push(aborted)
}

/**
 * What becomes of a producer's batch, given what its epoch and sequence alone would say: data of a transaction goes only
 * where that was opened, and while one is open there is no other.
 */
export function errorOfTransaction(transactions: Transactions, batch: ProducerBatch, sequenceError: number): number {
  if (sequenceError === ErrorCode.INVALID_PRODUCER_EPOCH) return sequenceError
  if (!batch.isTransactional) {
    const isMisplaced = sequenceError === ErrorCode.NONE && transactions.isOngoing(batch.producerId)
    return isMisplaced ? ErrorCode.INVALID_TXN_STATE : sequenceError
  }
  const openedEpoch = transactions.openedEpoch(batch.producerId)
  if (openedEpoch === batch.epoch) return sequenceError
  return openedEpoch < 0 ? ErrorCode.INVALID_TXN_STATE : ErrorCode.INVALID_PRODUCER_EPOCH
}

function undefinedIfDamaged<Decoded>(decode: () => Decoded): Decoded | undefined {
  try {
    return decode()
  } catch (thrown) {
    if (thrown instanceof DecodeError) return undefined
    throw thrown
  }
}
