/** TxnOffsetCommit: offsets that count once the transaction commits. */

import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  type TxnOffsetCommitRequest,
  type TxnOffsetCommitResponse,
  txnOffsetCommitApi,
} from '../../wire/generated/txn-offset-commit.ts'
import { txnCommitError } from '../offsets/txn-commit.ts'
import type { Waiter } from '../waiter.ts'
import { checkProducer, type Decided, type Present } from './decide.ts'
import { offsetsTopic } from './marking.ts'
import { knownError } from './requests-producer.ts'
import type { TransactionCall, TransactionHandler, TransactionService } from './service.ts'
import { epochBumpVersion, hasPartition, type TransactionPlace } from './state.ts'

/** By API key. */
export const offsetsHandlers: readonly (readonly [number, TransactionHandler])[] = [
  [txnOffsetCommitApi.key, handleCommit],
]

/** The first version in which the commit itself makes the offsets part of the transaction. */
const addingVersion = 5
/** The first version whose clients know TRANSACTION_ABORTABLE. */
const abortableVersion = 4
/** Clients before this version break down on COORDINATOR_LOAD_IN_PROGRESS. */
const loadingVersion = 2

type Commit = {
  readonly request: TxnOffsetCommitRequest
  readonly place: TransactionPlace
  readonly waiter: Waiter<TxnOffsetCommitResponse>
}

function handleCommit(service: TransactionService, { context, request, reply }: TransactionCall): void {
  const commit = request as TxnOffsetCommitRequest
  const { apiVersion } = context
  const { transactionalId, groupId, producerId, producerEpoch } = commit
  const waiter: Waiter<TxnOffsetCommitResponse> = {
    answer: reply,
    refuse: (errorCode) => reply(txnCommitError(commit, clientError(errorCode, apiVersion))),
  }
  const place = { topic: offsetsTopic, partition: service.groups.partitionOf(groupId) }
  const producer = { producerId, producerEpoch }
  const opened = ([errorCode = ErrorCode.UNKNOWN_SERVER_ERROR]: readonly number[]): void => {
    if (errorCode === ErrorCode.NONE) commitOpened(service, { request: commit, place, waiter })
    else waiter.refuse(errorCode)
  }
  if (apiVersion >= addingVersion) {
    service.add({ transactionalId, producer, places: [place], clientVersion: epochBumpVersion }, opened)
    return
  }
  service.change(
    transactionalId,
    (present) => checkCommit(present, commit, place),
    ({ errorCode }) => {
      if (errorCode === ErrorCode.NONE) service.open(producer, [place], opened)
      else waiter.refuse(errorCode)
    },
  )
}

/**
 * The partition takes the transaction's offsets from here on. Whether the transaction still does is looked at once more: were its end
 * on the way, the offsets would lie behind it.
 */
function commitOpened(service: TransactionService, { request, place, waiter }: Commit): void {
  const shard = service.shardOf(request.transactionalId)
  const decided = shard.isLoading
    ? { kind: 'refused' as const, errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS }
    : checkCommit(shard.transactions.get(request.transactionalId), request, place)
  if (decided.kind === 'refused') waiter.refuse(decided.errorCode)
  else service.groups.commitInTransaction(request, waiter)
}

function checkCommit(
  present: Present,
  { producerId, producerEpoch }: TxnOffsetCommitRequest,
  place: TransactionPlace,
): Decided {
  const errorCode = checkProducer(present, { producerId, producerEpoch })
  if (present === undefined || errorCode !== ErrorCode.NONE) return { kind: 'refused', errorCode }
  const isPart = present.value.status === 'Ongoing' && hasPartition(present.value, place)
  return isPart ? { kind: 'kept' } : { kind: 'refused', errorCode: ErrorCode.TRANSACTION_ABORTABLE }
}

/** The error in words that clients of that version know. */
function clientError(errorCode: number, apiVersion: number): number {
  if (errorCode === ErrorCode.TRANSACTION_ABORTABLE && apiVersion < abortableVersion) return ErrorCode.INVALID_TXN_STATE
  if (errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS && apiVersion < loadingVersion) {
    return ErrorCode.COORDINATOR_NOT_AVAILABLE
  }
  return knownError(errorCode, false)
}
