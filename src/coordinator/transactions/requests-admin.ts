/** The requests of administrators about transactions: DescribeTransactions, ListTransactions. */

import {
  type DescribeTransactionsRequest,
  describeTransactionsApi,
  makeDescribeTransactionsResponse,
  makeDescribeTransactionsResponseTransactionState,
  type DescribeTransactionsResponseTransactionState as StateDescription,
} from '../../wire/generated/describe-transactions.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  type ListTransactionsResponseTransactionState as ListedState,
  type ListTransactionsRequest,
  listTransactionsApi,
  makeListTransactionsResponse,
} from '../../wire/generated/list-transactions.ts'
import { Gather } from '../groups/gather.ts'
import type { TransactionCall, TransactionHandler, TransactionService } from './service.ts'
import { type TransactionValue, transactionStatuses } from './state.ts'

/** By API key. */
export const adminHandlers: readonly (readonly [number, TransactionHandler])[] = [
  [describeTransactionsApi.key, handleDescribe],
  [listTransactionsApi.key, handleList],
]

function handleDescribe(service: TransactionService, { request, reply }: TransactionCall): void {
  const { transactionalIds } = request as DescribeTransactionsRequest
  const gather = new Gather<StateDescription>(transactionalIds.length, (transactionStates) => {
    reply(makeDescribeTransactionsResponse({ transactionStates }))
  })
  for (const [index, transactionalId] of transactionalIds.entries()) {
    const refused = (errorCode: number): StateDescription =>
      makeDescribeTransactionsResponseTransactionState({ errorCode, transactionalId })
    const waiter = gather.waiterAt(index, refused)
    if (transactionalId === '') {
      waiter.refuse(ErrorCode.INVALID_REQUEST)
      continue
    }
    service.change(
      transactionalId,
      (present) =>
        present === undefined ? { kind: 'refused', errorCode: ErrorCode.TRANSACTIONAL_ID_NOT_FOUND } : { kind: 'kept' },
      ({ errorCode, value }) => {
        if (value === undefined) waiter.refuse(errorCode)
        else waiter.answer(description(transactionalId, value))
      },
    )
  }
}

function description(transactionalId: string, value: TransactionValue): StateDescription {
  return {
    errorCode: ErrorCode.NONE,
    transactionalId,
    transactionState: value.status,
    transactionTimeoutMs: value.timeoutMs,
    transactionStartTimeMs: value.startMs,
    producerId: value.producerId,
    producerEpoch: value.producerEpoch,
    topics: [...value.partitions].map(([topic, partitions]) => ({ topic, partitions: [...partitions] })),
  }
}

function handleList(service: TransactionService, { request, reply }: TransactionCall): void {
  const list = request as ListTransactionsRequest
  const known: ReadonlySet<string> = new Set(transactionStatuses)
  const unknownStateFilters = list.stateFilters.filter((state) => !known.has(state))
  if (service.shards.some((shard) => shard.isLoading)) {
    reply(makeListTransactionsResponse({ errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS }))
    return
  }
  const isListed = listTest(list, service.nowMs())
  const gather = new Gather<ListedState[]>(service.shards.length, (parts) => {
    reply(makeListTransactionsResponse({ unknownStateFilters, transactionStates: parts.flat() }))
  })
  for (const [index, shard] of service.shards.entries()) {
    const states: ListedState[] = []
    for (const { id, value } of shard.transactions.values()) {
      if (!isListed(value)) continue
      states.push({ transactionalId: id, producerId: value.producerId, transactionState: value.status })
    }
    shard.lane.answerAfter(
      shard.lane.lastSequence,
      gather.waiterAt(index, () => []),
      states,
    )
  }
}

function listTest(list: ListTransactionsRequest, nowMs: number): (value: TransactionValue) => boolean {
  const states = new Set(list.stateFilters)
  const producerIds = new Set(list.producerIdFilters)
  return (value) =>
    (states.size === 0 || states.has(value.status)) &&
    (producerIds.size === 0 || producerIds.has(value.producerId)) &&
    (list.durationFilter < 0 || nowMs - value.startMs >= list.durationFilter)
}
