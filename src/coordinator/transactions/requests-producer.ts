/** The requests of a producer about its id and the end of its transactions: InitProducerId, EndTxn. */

import { type EndTxnRequest, endTxnApi, makeEndTxnResponse } from '../../wire/generated/end-txn.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  type InitProducerIdRequest,
  initProducerIdApi,
  makeInitProducerIdResponse,
} from '../../wire/generated/init-producer-id.ts'
import { decideEnd, decideInit } from './decide.ts'
import type { TransactionCall, TransactionHandler, TransactionService } from './service.ts'
import { epochBumpVersion, isPrepared, noProducer } from './state.ts'

/** By API key. */
export const producerHandlers: readonly (readonly [number, TransactionHandler])[] = [
  [initProducerIdApi.key, handleInit],
  [endTxnApi.key, handleEnd],
]

/** The first versions in which clients know PRODUCER_FENCED; before, they are told of an invalid epoch. */
const fencedSince = { initProducerId: 4, endTxn: 2 } as const
/** The first version of EndTxn that answers with the producer's next epoch. */
const bumpingEndVersion = 5

/** What a client of before PRODUCER_FENCED is told in its place. */
export function knownError(errorCode: number, isFencedKnown: boolean): number {
  return errorCode === ErrorCode.PRODUCER_FENCED && !isFencedKnown ? ErrorCode.INVALID_PRODUCER_EPOCH : errorCode
}

function handleInit(service: TransactionService, { context, request, reply }: TransactionCall): void {
  const init = request as InitProducerIdRequest
  const { transactionalId, producerId, producerEpoch, transactionTimeoutMs: timeoutMs } = init
  if (transactionalId === null) {
    service.producerIds.handle(context, request, reply)
    return
  }
  const refuse = (errorCode: number): void => {
    const known = knownError(errorCode, context.apiVersion >= fencedSince.initProducerId)
    reply(makeInitProducerIdResponse({ errorCode: known, producerId: noProducer, producerEpoch: noProducer }))
  }
  const errorCode = checkInit(service, transactionalId, init)
  if (errorCode !== ErrorCode.NONE) {
    refuse(errorCode)
    return
  }
  const expected = producerId === noProducer ? undefined : { producerId, producerEpoch }
  service.change(
    transactionalId,
    (present, time) => {
      if (present === undefined && !service.hasRoom()) return { kind: 'refused', errorCode: ErrorCode.POLICY_VIOLATION }
      return decideInit(present, { expected, timeoutMs }, time)
    },
    ({ errorCode: refusal, value }) => {
      if (value === undefined) refuse(refusal)
      // The transaction that was open is being aborted: the producer asks again until that is done.
      else if (isPrepared(value)) refuse(ErrorCode.CONCURRENT_TRANSACTIONS)
      else reply(makeInitProducerIdResponse({ producerId: value.producerId, producerEpoch: value.producerEpoch }))
    },
  )
}

function checkInit(
  { settings }: TransactionService,
  transactionalId: string,
  { producerId, producerEpoch, transactionTimeoutMs }: InitProducerIdRequest,
): number {
  if ((producerId === noProducer) !== (producerEpoch === noProducer)) return ErrorCode.INVALID_REQUEST
  if (transactionalId === '') return ErrorCode.INVALID_REQUEST
  const isTimeoutValid = transactionTimeoutMs > 0 && transactionTimeoutMs <= settings.timeoutMaxMs
  return isTimeoutValid ? ErrorCode.NONE : ErrorCode.INVALID_TRANSACTION_TIMEOUT
}

function handleEnd(service: TransactionService, { context, request, reply }: TransactionCall): void {
  const { transactionalId, producerId, producerEpoch, committed: isCommit } = request as EndTxnRequest
  const isBumping = context.apiVersion >= bumpingEndVersion
  if (transactionalId === '') {
    reply(makeEndTxnResponse({ errorCode: ErrorCode.INVALID_REQUEST }))
    return
  }
  const end = {
    producer: { producerId, producerEpoch },
    isCommit,
    clientVersion: isBumping ? epochBumpVersion : 0,
  }
  service.change(
    transactionalId,
    (present, time) => decideEnd(present, end, time),
    ({ errorCode, value }) => {
      if (value === undefined) {
        reply(makeEndTxnResponse({ errorCode: knownError(errorCode, context.apiVersion >= fencedSince.endTxn) }))
        return
      }
      // The next transaction's id, if this one's runs out of epochs: its first epoch is 0.
      const isNewId = value.nextProducerId !== noProducer
      reply(
        makeEndTxnResponse({
          producerId: isNewId ? value.nextProducerId : value.producerId,
          producerEpoch: isNewId ? 0 : value.producerEpoch,
        }),
      )
    },
  )
}
