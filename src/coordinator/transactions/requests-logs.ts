/** The requests of administrators about transactions as partitions' logs have them: DescribeProducers, WriteTxnMarkers. */

import type { ProducerFacts } from '../../base/topology.ts'
import {
  type DescribeProducersResponsePartitionResponse as DescribedPartition,
  type DescribeProducersRequest,
  describeProducersApi,
  makeDescribeProducersResponse,
  makeDescribeProducersResponsePartitionResponse,
} from '../../wire/generated/describe-producers.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { type WriteTxnMarkersRequest, writeTxnMarkersApi } from '../../wire/generated/write-txn-markers.ts'
import { Gather } from '../groups/gather.ts'
import { markersMax } from './limits.ts'
import type { TransactionCall, TransactionHandler, TransactionService } from './service.ts'
import type { TransactionPlace } from './state.ts'

/** By API key. */
export const logHandlers: readonly (readonly [number, TransactionHandler])[] = [
  [describeProducersApi.key, handleDescribeProducers],
  [writeTxnMarkersApi.key, handleWriteMarkers],
]

const missingMessage = 'This server does not host this topic-partition.'

function handleDescribeProducers(service: TransactionService, { request, reply }: TransactionCall): void {
  const { topics } = request as DescribeProducersRequest
  const places = topics.flatMap(({ name, partitionIndexes }) =>
    partitionIndexes.map((partition) => ({ topic: name, partition })),
  )
  const gather = new Gather<DescribedPartition>(places.length, (partitions) => {
    let next = 0
    const described = topics.map(({ name, partitionIndexes }) => {
      const first = next
      next += partitionIndexes.length
      return { name, partitions: partitions.slice(first, next) }
    })
    reply(makeDescribeProducersResponse({ topics: described }))
  })
  const asked = new Set<string>()
  for (const [index, place] of places.entries()) {
    const { partition: partitionIndex } = place
    const waiter = gather.waiterAt(index, (errorCode) =>
      makeDescribeProducersResponsePartitionResponse({
        partitionIndex,
        errorCode,
        errorMessage: service.topics.partitionCount(place.topic) === undefined ? missingMessage : null,
      }),
    )
    if (isMissing(service, place)) {
      waiter.refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      continue
    }
    // Each costs a call to another thread: the same one is not asked again for as long as the request goes on.
    if (asked.size === asked.add(`${partitionIndex} ${place.topic}`).size) {
      waiter.refuse(ErrorCode.INVALID_REQUEST)
      continue
    }
    service.logs.producersOf(place.topic, partitionIndex).then(
      (producers) => {
        const activeProducers = producers.map(description)
        waiter.answer(
          makeDescribeProducersResponsePartitionResponse({ partitionIndex, errorMessage: null, activeProducers }),
        )
      },
      () => waiter.refuse(ErrorCode.UNKNOWN_SERVER_ERROR),
    )
  }
}

function description(producer: ProducerFacts): DescribedPartition['activeProducers'][number] {
  const { producerId, epoch, lastSequence, timestampMs, coordinatorEpoch, transactionStart } = producer
  return {
    producerId,
    producerEpoch: epoch,
    lastSequence,
    lastTimestamp: timestampMs,
    coordinatorEpoch,
    currentTxnStartOffset: transactionStart,
  }
}

function handleWriteMarkers(service: TransactionService, { request, reply }: TransactionCall): void {
  const { markers } = request as WriteTxnMarkersRequest
  const writes = markers.flatMap(({ producerId, producerEpoch, transactionResult, coordinatorEpoch, topics }) => {
    const end = { producerId, producerEpoch, isCommit: transactionResult, coordinatorEpoch }
    return topics.flatMap(({ name, partitionIndexes }) =>
      partitionIndexes.map((partition) => ({ end, place: { topic: name, partition } })),
    )
  })
  const gather = new Gather<number>(writes.length, (errorCodes) => {
    let next = 0
    const answered = markers.map(({ producerId, topics }) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({
          partitionIndex,
          errorCode: errorCodes[next++] ?? ErrorCode.UNKNOWN_SERVER_ERROR,
        })),
      })),
    }))
    reply({ markers: answered })
  })
  for (const [index, { end, place }] of writes.entries()) {
    const waiter = gather.waiterAt(index, (errorCode) => errorCode)
    if (isMissing(service, place)) waiter.refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    else if (index >= markersMax) waiter.refuse(ErrorCode.INVALID_REQUEST)
    else service.end(end, place, (errorCode) => waiter.answer(errorCode))
  }
}

function isMissing({ topics }: TransactionService, { topic, partition }: TransactionPlace): boolean {
  return partition < 0 || partition >= (topics.partitionCount(topic) ?? 0)
}
