/** What happens to a transactional id on each request: pure functions of what is known of it, as Kafka's state machine has them. */

import { ErrorCode } from '../../wire/generated/errors.ts'
import type { TransactionalProducer } from '../ports.ts'
import {
  epochAfter,
  epochBumpVersion,
  hasPartition,
  isEpochExhausted,
  isPrepared,
  noProducer,
  type Transaction,
  type TransactionPlace,
  type TransactionValue,
  withPartitions,
} from './state.ts'

/** What a decision comes to. */
export type Decided =
  | { readonly kind: 'refused'; readonly errorCode: number }
  /** It is already as asked. */
  | { readonly kind: 'kept' }
  /** To be decided again, with an id that no producer had. */
  | { readonly kind: 'needs-id' }
  | DecidedChange

export type DecidedChange = {
  readonly kind: 'changed'
  readonly value: TransactionValue
  readonly lastProducerEpoch: number
}

export type Present = Transaction | undefined

/** What every decision may look at. */
export type DecisionTime = { readonly nowMs: number; readonly freshProducerId: number | undefined }

const kept: Decided = { kind: 'kept' }
const needsId: Decided = { kind: 'needs-id' }

/** InitProducerId. A change to PrepareAbort means: the transaction that was open is being aborted, the caller is to ask again. */
export function decideInit(
  present: Present,
  request: { readonly expected: TransactionalProducer | undefined; readonly timeoutMs: number },
  time: DecisionTime,
): Decided {
  const { expected, timeoutMs } = request
  if (present === undefined) return decideFirstInit(timeoutMs, time)
  const { value } = present
  if (isPrepared(value)) return refused(ErrorCode.CONCURRENT_TRANSACTIONS)
  if (expected !== undefined && !mayInit(value, expected)) return refused(ErrorCode.PRODUCER_FENCED)
  if (value.status === 'Ongoing') return decideFence(present, time)
  const empty = {
    ...value,
    status: 'Empty',
    timeoutMs,
    partitions: new Map(),
    startMs: -1,
    updateMs: time.nowMs,
  } as const
  const isCurrent = expected === undefined || expected.producerEpoch === value.producerEpoch
  // The answer to the same request got lost: the producer may have its epoch again.
  const isRepeated = expected !== undefined && expected.producerEpoch === present.lastProducerEpoch
  if (!isCurrent && !isRepeated) return refused(ErrorCode.PRODUCER_FENCED)
  if (isEpochExhausted(value.producerEpoch)) {
    if (time.freshProducerId === undefined) return needsId
    const lastProducerEpoch = expected === undefined ? noProducer : value.producerEpoch
    const ids = { producerId: time.freshProducerId, previousProducerId: value.producerId, producerEpoch: 0 }
    return changed({ ...empty, ...ids }, lastProducerEpoch)
  }
  const previousProducerId = value.producerId
  if (!isCurrent) return changed({ ...empty, previousProducerId }, present.lastProducerEpoch)
  const lastProducerEpoch = expected === undefined ? noProducer : value.producerEpoch
  return changed({ ...empty, previousProducerId, producerEpoch: epochAfter(value.producerEpoch) }, lastProducerEpoch)
}

/** AddPartitionsToTxn, AddOffsetsToTxn, and what is implied by writing. */
export function decideAdd(
  present: Present,
  request: {
    readonly producer: TransactionalProducer
    readonly places: readonly TransactionPlace[]
    readonly clientVersion: number
  },
  time: DecisionTime,
): Decided {
  const errorCode = checkProducer(present, request.producer)
  if (present === undefined || errorCode !== ErrorCode.NONE) return refused(errorCode)
  const { value } = present
  const isOngoing = value.status === 'Ongoing'
  if (isOngoing && request.places.every((place) => hasPartition(value, place))) return kept
  const next: TransactionValue = {
    ...value,
    previousProducerId: value.producerId,
    status: 'Ongoing',
    partitions: withPartitions(value.partitions, request.places),
    startMs: isOngoing ? value.startMs : time.nowMs,
    updateMs: time.nowMs,
    clientVersion: request.clientVersion,
  }
  return changed(next, present.lastProducerEpoch)
}

/** Whether the producer may go on in a transaction: the error is the same for all partitions. */
export function checkProducer(present: Present, producer: TransactionalProducer): number {
  if (present === undefined) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
  const { value } = present
  // First of all: with the end of this transaction the id itself may change.
  if (isPrepared(value)) return ErrorCode.CONCURRENT_TRANSACTIONS
  if (value.producerId !== producer.producerId) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
  if (value.producerEpoch !== producer.producerEpoch) return ErrorCode.PRODUCER_FENCED
  return ErrorCode.NONE
}

/** EndTxn of a producer. */
export function decideEnd(
  present: Present,
  request: { readonly producer: TransactionalProducer; readonly isCommit: boolean; readonly clientVersion: number },
  time: DecisionTime,
): Decided {
  if (present === undefined) return refused(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
  if (request.clientVersion >= epochBumpVersion) return decideBumpingEnd(present, request, time)
  const { value } = present
  if (value.producerId !== request.producer.producerId) return refused(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
  if (value.producerEpoch !== request.producer.producerEpoch) return refused(ErrorCode.PRODUCER_FENCED)
  switch (value.status) {
    case 'Ongoing':
      return prepared(present, { isCommit: request.isCommit, clientVersion: 0, startMs: value.startMs }, time)
    case 'PrepareCommit':
    case 'PrepareAbort':
      return refused(endsSo(value, request) ? ErrorCode.CONCURRENT_TRANSACTIONS : ErrorCode.INVALID_TXN_STATE)
    default:
      return endsSo(value, request) ? kept : refused(ErrorCode.INVALID_TXN_STATE)
  }
}

/** Aborts a transaction over the head of its producer, whose epoch no longer counts from here on. */
export function decideFence(present: Transaction, time: DecisionTime): Decided {
  const { value } = present
  if (value.status !== 'Ongoing') return kept
  return prepared(
    present,
    { isCommit: false, clientVersion: epochBumpVersion, startMs: value.startMs },
    { ...time, freshProducerId: noProducer },
  )
}

/** All partitions know of the end. */
export function decideComplete(present: Transaction, nowMs: number): DecidedChange {
  const { value, lastProducerEpoch } = present
  const isNewId = value.nextProducerId !== noProducer
  const next: TransactionValue = {
    ...value,
    producerId: isNewId ? value.nextProducerId : value.producerId,
    previousProducerId: value.producerId,
    nextProducerId: noProducer,
    producerEpoch: isNewId ? 0 : value.producerEpoch,
    status: value.status === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort',
    partitions: new Map(),
    updateMs: nowMs,
  }
  return changed(next, lastProducerEpoch)
}

function decideFirstInit(timeoutMs: number, { nowMs, freshProducerId }: DecisionTime): Decided {
  if (freshProducerId === undefined) return needsId
  const value: TransactionValue = {
    producerId: freshProducerId,
    previousProducerId: freshProducerId,
    nextProducerId: noProducer,
    producerEpoch: 0,
    timeoutMs,
    status: 'Empty',
    partitions: new Map(),
    startMs: -1,
    updateMs: nowMs,
    clientVersion: 0,
  }
  return changed(value, noProducer)
}

/** Whether a producer that says who it was is the present one, or the one whose id has just run out of epochs. */
function mayInit(value: TransactionValue, { producerId, producerEpoch }: TransactionalProducer): boolean {
  if (producerId === value.producerId) return true
  return producerId === value.previousProducerId && isEpochExhausted(producerEpoch)
}

/**
 * EndTxn in which the producer gets a new epoch. The epoch of the request tells a repeated request, which is answered as the first
 * one, from the next one, which may abort even a transaction that never got a partition.
 */
function decideBumpingEnd(
  present: Transaction,
  request: { readonly producer: TransactionalProducer; readonly isCommit: boolean },
  time: DecisionTime,
): Decided {
  const { value } = present
  const { producerId, producerEpoch } = request.producer
  if (isPrepared(value)) return refused(ErrorCode.CONCURRENT_TRANSACTIONS)
  const isComplete = value.status === 'CompleteCommit' || value.status === 'CompleteAbort'
  const isOtherId = value.producerId !== producerId
  const isOverflow =
    isComplete && isOtherId && value.previousProducerId === producerId && isEpochExhausted(producerEpoch)
  if (isOtherId && !isOverflow) return refused(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
  const isBumped = isComplete && value.clientVersion >= epochBumpVersion && value.producerEpoch === producerEpoch + 1
  if (isBumped || isOverflow) return endsSo(value, request) ? kept : refused(ErrorCode.INVALID_TXN_STATE)
  if (value.producerEpoch !== producerEpoch) return refused(ErrorCode.PRODUCER_FENCED)
  const isOngoing = value.status === 'Ongoing'
  if (!isOngoing && request.isCommit) return refused(ErrorCode.INVALID_TXN_STATE)
  const startMs = isOngoing ? value.startMs : time.nowMs
  return prepared(present, { isCommit: request.isCommit, clientVersion: epochBumpVersion, startMs }, time)
}

function prepared(
  present: Transaction,
  end: { readonly isCommit: boolean; readonly clientVersion: number; readonly startMs: number },
  time: DecisionTime,
): Decided {
  const { value } = present
  const isBump = end.clientVersion >= epochBumpVersion
  const needsNewId = isBump && isEpochExhausted(value.producerEpoch)
  if (needsNewId && time.freshProducerId === undefined) return needsId
  const next: TransactionValue = {
    ...value,
    previousProducerId: value.producerId,
    nextProducerId: needsNewId ? (time.freshProducerId ?? noProducer) : noProducer,
    producerEpoch: isBump ? epochAfter(value.producerEpoch) : value.producerEpoch,
    status: end.isCommit ? 'PrepareCommit' : 'PrepareAbort',
    startMs: end.startMs,
    updateMs: time.nowMs,
    clientVersion: end.clientVersion,
  }
  return changed(next, isBump ? value.producerEpoch : present.lastProducerEpoch)
}

function endsSo({ status }: TransactionValue, { isCommit }: { readonly isCommit: boolean }): boolean {
  return isCommit
    ? status === 'PrepareCommit' || status === 'CompleteCommit'
    : status === 'PrepareAbort' || status === 'CompleteAbort'
}

function refused(errorCode: number): Decided {
  return { kind: 'refused', errorCode }
}

function changed(value: TransactionValue, lastProducerEpoch: number): DecidedChange {
  return { kind: 'changed', value, lastProducerEpoch }
}
