/** The requests that make partitions part of a transaction: AddPartitionsToTxn, AddOffsetsToTxn. */

import {
  type AddOffsetsToTxnRequest,
  addOffsetsToTxnApi,
  makeAddOffsetsToTxnResponse,
} from '../../wire/generated/add-offsets-to-txn.ts'
import {
  type AddPartitionsToTxnRequestAddPartitionsToTxnTopic as AddedTopic,
  type AddPartitionsToTxnRequestAddPartitionsToTxnTransaction as AddingTransaction,
  type AddPartitionsToTxnRequest,
  type AddPartitionsToTxnResponseAddPartitionsToTxnTopicResult as AnsweredTopic,
  type AddPartitionsToTxnResponseAddPartitionsToTxnResult as AnsweredTransaction,
  addPartitionsToTxnApi,
  makeAddPartitionsToTxnResponse,
} from '../../wire/generated/add-partitions-to-txn.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { Gather } from '../groups/gather.ts'
import type { TransactionalProducer } from '../ports.ts'
import { checkProducer } from './decide.ts'
import { offsetsTopic } from './marking.ts'
import { knownError } from './requests-producer.ts'
import type { TransactionCall, TransactionHandler, TransactionService } from './service.ts'
import { epochBumpVersion, hasPartition, type TransactionPlace } from './state.ts'

/** By API key. */
export const partitionHandlers: readonly (readonly [number, TransactionHandler])[] = [
  [addPartitionsToTxnApi.key, handleAddPartitions],
  [addOffsetsToTxnApi.key, handleAddOffsets],
]

/** The first versions of both APIs in which clients know PRODUCER_FENCED. */
const fencedSince = 2
/** The first version in which one request carries several transactions, as brokers send it to each other. */
const batchedVersion = 4

function handleAddPartitions(service: TransactionService, { context, request, reply }: TransactionCall): void {
  const adding = request as AddPartitionsToTxnRequest
  if (context.apiVersion < batchedVersion) {
    const one = {
      transactionalId: adding.v3AndBelowTransactionalId,
      producerId: adding.v3AndBelowProducerId,
      producerEpoch: adding.v3AndBelowProducerEpoch,
      verifyOnly: false,
      topics: adding.v3AndBelowTopics,
    }
    addPartitions(service, { adding: one, apiVersion: context.apiVersion }, (resultsByTopicV3AndBelow) => {
      reply(makeAddPartitionsToTxnResponse({ resultsByTopicV3AndBelow }))
    })
    return
  }
  const { transactions } = adding
  const gather = new Gather<AnsweredTransaction>(transactions.length, (resultsByTransaction) => {
    reply(makeAddPartitionsToTxnResponse({ resultsByTransaction }))
  })
  for (const [index, one] of transactions.entries()) {
    const { transactionalId } = one
    const waiter = gather.waiterAt(index, () => ({ transactionalId, topicResults: [] }))
    const decide = one.verifyOnly ? verifyPartitions : addPartitions
    decide(service, { adding: one, apiVersion: context.apiVersion }, (topicResults) => {
      waiter.answer({ transactionalId, topicResults })
    })
  }
}

type Addition = { readonly adding: AddingTransaction; readonly apiVersion: number }

function addPartitions(
  service: TransactionService,
  { adding, apiVersion }: Addition,
  settled: (topics: AnsweredTopic[]) => void,
): void {
  const places = placesOfTopics(adding.topics)
  const isMissing = (place: TransactionPlace): boolean => {
    return place.partition < 0 || place.partition >= (service.topics.partitionCount(place.topic) ?? 0)
  }
  if (places.some(isMissing)) {
    // All or none: those that are there are not even tried.
    const missing = (place: TransactionPlace): number =>
      isMissing(place) ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.OPERATION_NOT_ATTEMPTED
    settled(answeredTopics(adding.topics, missing))
    return
  }
  const { transactionalId, producerId, producerEpoch } = adding
  const clientVersion = apiVersion >= batchedVersion ? epochBumpVersion : 0
  const producer = { producerId, producerEpoch }
  service.add({ transactionalId, producer, places, clientVersion }, (errorCodes) => {
    const known = errorCodes.map((errorCode) => knownError(errorCode, apiVersion >= fencedSince))
    let index = 0
    settled(answeredTopics(adding.topics, () => known[index++] ?? ErrorCode.UNKNOWN_SERVER_ERROR))
  })
}

/** Answers, without a change, which partitions a transaction has. */
function verifyPartitions(
  service: TransactionService,
  { adding }: Addition,
  settled: (topics: AnsweredTopic[]) => void,
): void {
  const { transactionalId, producerId, producerEpoch } = adding
  const answer = (errorCode: number): void => settled(answeredTopics(adding.topics, () => errorCode))
  if (transactionalId === '') {
    answer(ErrorCode.INVALID_REQUEST)
    return
  }
  let topics: AnsweredTopic[] = []
  service.change(
    transactionalId,
    (present) => {
      const errorCode = checkProducer(present, { producerId, producerEpoch })
      if (present === undefined || errorCode !== ErrorCode.NONE) return { kind: 'refused', errorCode }
      const { value } = present
      topics = answeredTopics(adding.topics, (place) =>
        hasPartition(value, place) ? ErrorCode.NONE : ErrorCode.TRANSACTION_ABORTABLE,
      )
      return { kind: 'kept' }
    },
    ({ errorCode }) => {
      if (errorCode === ErrorCode.NONE) settled(topics)
      else answer(errorCode)
    },
  )
}

function handleAddOffsets(service: TransactionService, { context, request, reply }: TransactionCall): void {
  const { transactionalId, producerId, producerEpoch, groupId } = request as AddOffsetsToTxnRequest
  const producer: TransactionalProducer = { producerId, producerEpoch }
  const places = [{ topic: offsetsTopic, partition: service.groups.partitionOf(groupId) }]
  service.add(
    { transactionalId, producer, places, clientVersion: 0 },
    ([errorCode = ErrorCode.UNKNOWN_SERVER_ERROR]) => {
      reply(makeAddOffsetsToTxnResponse({ errorCode: knownError(errorCode, context.apiVersion >= fencedSince) }))
    },
  )
}

function placesOfTopics(topics: readonly AddedTopic[]): TransactionPlace[] {
  return topics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ topic: name, partition })))
}

function answeredTopics(topics: readonly AddedTopic[], errorOf: (place: TransactionPlace) => number): AnsweredTopic[] {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: errorOf({ topic: name, partition: partitionIndex }),
    })),
  }))
}
