/**
 * Produce (key 0), versions 3-13: appends one batch a partition and answers once it is readable.
 *
 * Behaviour: `acks` -1 and 1 are the same with one replica; 0 gets no response, and an error closes the connection. A batch larger
 * than `max.message.bytes` is refused here, before it takes room in a ring; so is one that a topic's `compression.type` makes
 * larger. All other checks are the owner's. `timeout` bounds only the wait for room. Data of a transaction goes where that was
 * opened. Null records get INVALID_RECORD, where Kafka trips over them and never answers.
 * Versions: 3-6 do not know zstd; from 12 on the partition is added to the producer's transaction here (KIP-890); 13 goes by topic id.
 * 0-2 are advertised (KAFKA-18659), and answered like Kafka: the connection closes.
 */

import { topicIdHex } from '../base/ids.ts'
import type { CatalogTopic } from '../base/topology.ts'
import { Framing, framingOf } from '../wire/batch-framing.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import {
  decodeProduceRequest,
  encodeProduceResponse,
  makeProduceResponse,
  makeProduceResponsePartitionProduceResponse,
  makeProduceResponseTopicProduceResponse,
  type ProduceRequest,
  type ProduceRequestPartitionProduceData,
  type ProduceRequestTopicProduceData,
  type ProduceResponse,
  type ProduceResponsePartitionProduceResponse,
} from '../wire/generated/produce.ts'
import {
  batchAttributes,
  batchBaseSequence,
  batchProducerEpoch,
  batchProducerId,
  batchSizeBytes,
  compressionOf,
  isTransactional,
} from '../wire/record-batch.ts'
import { type Call, defineApi, type QuotaUse } from './api.ts'
import { mustWait, type Place, type Settlement, type TransactionBatch } from './ports.ts'
import { messageOfRecordErrors, recordErrorsOf } from './record-errors.ts'

export const produce = defineApi({
  place: 'front',
  key: 0,
  versions: [3, 13],
  decode: decodeProduceRequest,
  encode: encodeProduceResponse,
  handle: (request, call) => new Production(request, call).start(),
})

const zstd = 4
/** A produce waits this long for room even where its timeout says less. */
const waitMsMin = 1_000
/** Nor longer than this: the batch is held all the while, even where the client has gone. */
const waitMsMax = 60_000
const adminClientId = '__admin_client'

/** The first version whose producers know TRANSACTION_ABORTABLE. */
const versionOfAbortable = 11
/** The first version whose producers do not send AddPartitionsToTxn. */
const versionOfAddition = 12

type Work = { readonly place: Place; readonly index: number; readonly batch: Buffer }

/** One produce request until all of its batches are settled. */
class Production implements Settlement {
  readonly #request: ProduceRequest
  readonly #call: Call<ProduceResponse>
  /** One entry a partition, in the order of the request. */
  readonly #results: ProduceResponsePartitionProduceResponse[] = []
  readonly #places: (Place | undefined)[] = []
  /** The producers of batches that belong to transactions, by the batch's index. */
  readonly #transactional = new Map<number, number>()
  #unsettled = 0
  #isClaimed = false

  constructor(request: ProduceRequest, call: Call<ProduceResponse>) {
    this.#request = request
    this.#call = call
  }

  start(): void | Promise<void> {
    const { acks } = this.#request
    const refusal = acks < -1 || acks > 1 ? ErrorCode.INVALID_REQUIRED_ACKS : ErrorCode.NONE
    let waiting: Work[] | undefined
    for (const topicData of this.#request.topicData) {
      const topic = this.#topicOf(topicData)
      for (const data of topicData.partitionData) {
        const work = this.#prepare(topic, data, refusal)
        if (work === undefined) continue
        // One that waits makes all behind it wait too, so that batches of one partition keep their order.
        const later = waiting === undefined ? this.#claimNow(work) : work
        if (later === undefined) continue
        waiting ??= []
        waiting.push(this.#kept(later))
      }
    }
    if (waiting !== undefined) return this.#claimLater(waiting)
    this.#claimedAll()
  }

  settled(index: number, errorCode: number, baseOffset: number, timeMs: number, refused?: Buffer): void {
    const result = this.#results[index]
    const place = this.#places[index]
    if (result === undefined || place === undefined) return
    result.errorCode = errorCode
    if (errorCode === ErrorCode.NONE) {
      result.baseOffset = baseOffset
      result.logAppendTimeMs = timeMs
    }
    const isUnverified = this.#transactional.has(index) && isOfTransaction(errorCode)
    if (isUnverified) this.#refuseUnverified(result, this.#transactional.get(index) ?? -1)
    if (refused !== undefined) {
      result.recordErrors = recordErrorsOf(refused, place, timeMs)
      result.errorMessage = messageOfRecordErrors(errorCode, result.recordErrors)
    }
    if (!isBeforeLog(errorCode) && !isUnverified)
      result.logStartOffset = this.#call.ports.partitions.logStartOffset(place.partition.slot)
    this.#unsettled -= 1
    this.#finishIfSettled()
  }

  /** The partition may not know any more what was added; newer producers have a word of their own for that (KIP-890). */
  #refuseUnverified(result: ProduceResponsePartitionProduceResponse, producerId: number): void {
    if (result.errorCode !== ErrorCode.INVALID_TXN_STATE) return
    this.#call.ports.transactions.forget(producerId)
    if (this.#call.apiVersion >= versionOfAbortable) result.errorCode = ErrorCode.TRANSACTION_ABORTABLE
  }

  #topicOf(topicData: ProduceRequestTopicProduceData): CatalogTopic | undefined {
    const { catalog } = this.#call.ports
    return this.#call.apiVersion >= 13 ? catalog.byId(topicIdHex(topicData.topicId)) : catalog.byName(topicData.name)
  }

  /** Adds the partition's result; answers the work where there is some to do. */
  #prepare(
    topic: CatalogTopic | undefined,
    data: ProduceRequestPartitionProduceData,
    refusal: number,
  ): Work | undefined {
    const index = this.#results.length
    const result = makeProduceResponsePartitionProduceResponse({ index: data.index, baseOffset: -1 })
    this.#results.push(result)
    this.#places.push(undefined)
    result.errorCode = refusal
    if (refusal !== ErrorCode.NONE) return undefined
    const partition = topic?.partitions[data.index]
    if (topic === undefined || partition === undefined) {
      const isById = topic === undefined && this.#call.apiVersion >= 13
      result.errorCode = isById ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      return undefined
    }
    const place = { topic, partition }
    this.#places[index] = place
    result.errorCode = errorOfRecords(data.records, this.#call.apiVersion)
    if (result.errorCode !== ErrorCode.NONE || data.records === null) return undefined
    const batch = data.records.subarray(0, batchSizeBytes(data.records, 0))
    result.errorCode = this.#errorOfPlace(topic, batch)
    return result.errorCode === ErrorCode.NONE ? { place, index, batch } : undefined
  }

  #errorOfPlace(topic: CatalogTopic, batch: Buffer): number {
    if (topic.isInternal && this.#call.clientId !== adminClientId) return ErrorCode.INVALID_TOPIC_EXCEPTION
    const isNameless = this.#request.transactionalId === null
    if (isNameless && isTransactional(batchAttributes(batch, 0))) return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    return batch.length > topic.settings.maxMessageBytes ? ErrorCode.MESSAGE_TOO_LARGE : ErrorCode.NONE
  }

  #kept(work: Work): Work {
    return { ...work, batch: this.#call.keep(work.batch) }
  }

  /** Answers what has to wait: for the batch's new codec, for its transaction, or for room. */
  #claimNow(work: Work): Work | undefined {
    const batch = this.#call.ports.recompression.now(work.place.topic.settings, work.batch)
    if (batch === undefined) return work
    if (isTooLarge(work, batch)) {
      this.#fail(work.index, ErrorCode.MESSAGE_TOO_LARGE)
      return undefined
    }
    const ready = batch === work.batch ? work : { ...work, batch }
    return this.#mustBeAdded(ready) || !this.#claim(ready) ? ready : undefined
  }

  /** False where the batch has to wait for room. */
  #claim(work: Work): boolean {
    const answer = this.#call.ports.partitions.claim(work.place, work.batch, this, work.index)
    if (answer === mustWait) return false
    if (answer === ErrorCode.NONE) {
      this.#unsettled += 1
      if (isTransactional(batchAttributes(work.batch, 0))) {
        this.#transactional.set(work.index, batchProducerId(work.batch, 0))
      }
    } else {
      this.#fail(work.index, answer)
    }
    return true
  }

  /** Whether main must be asked first: the batch is the first of a transaction in its partition, as far as is known here. */
  #mustBeAdded({ place, batch }: Work): boolean {
    if (this.#call.apiVersion < versionOfAddition || !isTransactional(batchAttributes(batch, 0))) return false
    return !this.#call.ports.transactions.isAdded(transactionBatch(place, batch))
  }

  async #claimLater(works: readonly Work[]): Promise<void> {
    const { recompression, transactions, monotonicMs } = this.#call.ports
    const deadlineMs = monotonicMs() + Math.min(Math.max(waitMsMin, this.#request.timeoutMs), waitMsMax)
    for (const raw of works) {
      const batch = await recompression.later(raw.place.topic.settings, raw.batch)
      if (batch === undefined || isTooLarge(raw, batch)) {
        this.#fail(raw.index, ErrorCode.MESSAGE_TOO_LARGE)
        continue
      }
      const work = { ...raw, batch }
      let errorCode: number = ErrorCode.NONE
      if (this.#mustBeAdded(work)) {
        errorCode = await transactions.add(this.#request.transactionalId ?? '', transactionBatch(work.place, batch))
      }
      if (errorCode === ErrorCode.NONE) errorCode = await this.#claimWhenRoom(work, deadlineMs)
      if (errorCode !== ErrorCode.NONE) this.#fail(work.index, errorCode)
    }
    this.#claimedAll()
  }

  async #claimWhenRoom(work: Work, deadlineMs: number): Promise<number> {
    const { catalog, partitions } = this.#call.ports
    for (;;) {
      // The place of a topic that has been deleted since may be another partition's by now.
      if (catalog.byId(work.place.topic.id) === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      if (this.#claim(work)) return ErrorCode.NONE
      const errorCode = await partitions.waitForRoom(work.place, work.batch.length, deadlineMs)
      if (errorCode !== ErrorCode.NONE && catalog.byId(work.place.topic.id) !== undefined) return errorCode
    }
  }

  #fail(index: number, errorCode: number): void {
    const result = this.#results[index]
    if (result !== undefined) result.errorCode = errorCode
  }

  #claimedAll(): void {
    this.#isClaimed = true
    if (this.#request.acks === 0) this.#call.replyNothing(this.#use())
    this.#finishIfSettled()
  }

  #finishIfSettled(): void {
    if (!this.#isClaimed || this.#unsettled > 0) return
    if (this.#request.acks !== 0) {
      this.#call.reply(this.#response(), this.#use())
      return
    }
    const failed = this.#results.find((result) => result.errorCode !== ErrorCode.NONE)
    if (failed !== undefined) this.#call.close(`a produce with acks=0 failed with error ${failed.errorCode}`)
  }

  /** What the client has used; nobody waits for an answer without acks, so that only the bytes count then. */
  #use(): QuotaUse | undefined {
    if (!this.#call.ports.quotas.isOn) return undefined
    return { key: 'producer_byte_rate', bytes: this.#call.requestBytes, isUntimed: this.#request.acks === 0 }
  }

  #response(): ProduceResponse {
    let first = 0
    const responses = this.#request.topicData.map((topicData) => {
      const end = first + topicData.partitionData.length
      const partitionResponses = this.#results.slice(first, end)
      first = end
      return makeProduceResponseTopicProduceResponse({
        name: topicData.name,
        topicId: topicData.topicId,
        partitionResponses,
      })
    })
    return makeProduceResponse({ responses })
  }
}

function isTooLarge({ place }: Work, batch: Buffer): boolean {
  return batch.length > place.topic.settings.maxMessageBytes
}

/** What Kafka finds out from the coordinator, before it looks at the log. */
function isOfTransaction(errorCode: number): boolean {
  return errorCode === ErrorCode.INVALID_TXN_STATE || errorCode === ErrorCode.INVALID_PRODUCER_EPOCH
}

function transactionBatch(place: Place, batch: Buffer): TransactionBatch {
  return {
    place,
    producerId: batchProducerId(batch, 0),
    producerEpoch: batchProducerEpoch(batch, 0),
    firstSequence: batchBaseSequence(batch, 0),
  }
}

/** Errors with which Kafka does not tell the log start (ReplicaManager.appendToLocalLog). */
function isBeforeLog(errorCode: number): boolean {
  switch (errorCode) {
    case ErrorCode.CORRUPT_MESSAGE:
    case ErrorCode.KAFKA_STORAGE_ERROR:
    case ErrorCode.MESSAGE_TOO_LARGE:
    case ErrorCode.RECORD_LIST_TOO_LARGE:
      return true
    default:
      return false
  }
}

/** What Kafka's ProduceRequest.validateRecords refuses: anything but exactly one batch of magic 2. */
function errorOfRecords(records: Buffer | null, version: number): number {
  if (records === null) return ErrorCode.INVALID_RECORD
  const framing = framingOf(records)
  if (framing === Framing.corrupt) return ErrorCode.CORRUPT_MESSAGE
  if (framing === Framing.notOneBatch) return ErrorCode.INVALID_RECORD
  if (version < 7 && compressionOf(batchAttributes(records, 0)) === zstd) return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
  return ErrorCode.NONE
}
