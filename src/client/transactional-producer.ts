/** Sends batches and commits offsets in transactions, by both versions of Kafka's transaction protocol. */

import { makeAddOffsetsToTxnRequest } from '../wire/generated/add-offsets-to-txn.ts'
import { makeAddPartitionsToTxnRequest } from '../wire/generated/add-partitions-to-txn.ts'
import { makeEndTxnRequest } from '../wire/generated/end-txn.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { makeInitProducerIdRequest } from '../wire/generated/init-producer-id.ts'
import { makeProduceRequest } from '../wire/generated/produce.ts'
import { makeTxnOffsetCommitRequest } from '../wire/generated/txn-offset-commit.ts'
import { buildBatch, type RecordInput } from '../wire/record-batch.ts'
import {
  addOffsetsToTxnCall,
  addPartitionsToTxnCall,
  type Call,
  endTxnCall,
  initProducerIdCall,
  produceCall,
  txnOffsetCommitCall,
} from './calls.ts'
import type { KafkaClient } from './client.ts'
import type { Position } from './consumer.ts'
import { ConnectionError, throwOnError } from './errors.ts'

export type TransactionalProducerOptions = {
  readonly client: KafkaClient
  readonly transactionalId: string
  /** How long a transaction may stay open before the broker aborts it. Default 60,000. */
  readonly transactionTimeoutMs?: number
  /**
   * 1: partitions and groups are announced, and the epoch stays. 2 (the default): they join with what is sent, and each
   * transaction gets an epoch of its own (KIP-890).
   */
  readonly protocol?: 1 | 2
}

/** The newest request versions that name topics and belong to each protocol. */
const protocolVersions = {
  1: { produce: 11, end: 4, commit: 4 },
  2: { produce: 12, end: 5, commit: 5 },
} as const

const sequenceEnd = 2 ** 31

/**
 * One transactional id. Calls go one after another. Each is repeated until the broker answers, or the client's retry time is over;
 * one that throws leaves it open what has happened: `init` makes an end of it, aborting what was open.
 */
export class TransactionalProducer {
  readonly #client: KafkaClient
  readonly #id: string
  readonly #timeoutMs: number
  readonly #protocol: 1 | 2
  #producer = { producerId: -1, producerEpoch: -1 }
  #coordinator: number | undefined
  /** By topic and partition. */
  readonly #nextSequence = new Map<string, number>()
  /** Partitions and groups that were announced for the open transaction. */
  readonly #announced = new Set<string>()

  constructor(options: TransactionalProducerOptions) {
    this.#client = options.client
    this.#id = options.transactionalId
    this.#timeoutMs = options.transactionTimeoutMs ?? 60_000
    this.#protocol = options.protocol ?? 2
  }

  /** Takes the id over from whoever had it before, and aborts what they left open. */
  async init(): Promise<void> {
    const request = makeInitProducerIdRequest({
      transactionalId: this.#id,
      transactionTimeoutMs: this.#timeoutMs,
      producerId: -1,
      producerEpoch: -1,
    })
    this.#become(await this.#ask('taking over', initProducerIdCall, request))
  }

  /** Appends one batch to a partition, as a part of the open transaction (opening it); answers its first offset. */
  async send(topic: string, partition: number, records: readonly RecordInput[]): Promise<number> {
    await this.#announcePartition(topic, partition)
    const lane = `${topic}/${partition}`
    const baseSequence = this.#nextSequence.get(lane) ?? 0
    const batch = buildBatch({ records, baseSequence, isTransactional: true, ...this.#producer })
    const offset = await this.#client.retrying(() => this.#produce(topic, partition, batch))
    this.#nextSequence.set(lane, (baseSequence + records.length) % sequenceEnd)
    return offset
  }

  /** Commits a group's next offsets together with the open transaction (opening it). */
  async sendOffsets(groupId: string, positions: readonly Position[]): Promise<void> {
    await this.#announceGroup(groupId)
    const topics = [...new Set(positions.map(({ topic }) => topic))].map((name) => ({
      name,
      partitions: positions
        .filter(({ topic }) => topic === name)
        .map(({ partition, offset }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: -1,
          committedMetadata: '',
        })),
    }))
    const request = makeTxnOffsetCommitRequest({
      transactionalId: this.#id,
      groupId,
      generationId: -1,
      memberId: '',
      groupInstanceId: null,
      topics,
      ...this.#producer,
    })
    await this.#client.retrying(async () => {
      const node = await this.#client.findCoordinator(groupId)
      const connection = await this.#client.connectionTo(node)
      const version = protocolVersions[this.#protocol].commit
      const response = await connection.send(txnOffsetCommitCall, request, { version })
      for (const { partitions } of response.topics) {
        for (const { errorCode } of partitions) throwOnError(errorCode, `committing offsets of '${groupId}'`)
      }
    })
  }

  /** Ends the open transaction. */
  async end(isCommit: boolean): Promise<void> {
    const request = makeEndTxnRequest({ transactionalId: this.#id, committed: isCommit, ...this.#producer })
    const version = protocolVersions[this.#protocol].end
    const answer = await this.#ask(isCommit ? 'committing' : 'aborting', endTxnCall, request, version)
    this.#announced.clear()
    if (this.#protocol === 2 && answer.producerId >= 0) this.#become(answer)
  }

  #become({ producerId, producerEpoch }: { readonly producerId: number; readonly producerEpoch: number }): void {
    this.#producer = { producerId, producerEpoch }
    this.#nextSequence.clear()
    this.#announced.clear()
  }

  async #produce(topic: string, partition: number, batch: Buffer): Promise<number> {
    const { leaders } = await this.#client.topic(topic)
    const connection = await this.#client.connectionTo(leaders[partition] ?? -1)
    const partitionData = [{ index: partition, records: batch }]
    const topicData = [{ name: topic, topicId: Buffer.alloc(16), partitionData }]
    const request = makeProduceRequest({ transactionalId: this.#id, acks: -1, timeoutMs: 30_000, topicData })
    const version = protocolVersions[this.#protocol].produce
    const response = await connection.send(produceCall, request, { version })
    const answer = response.responses[0]?.partitionResponses[0]
    const errorCode = answer?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
    if (errorCode !== ErrorCode.NONE) this.#client.forgetTopic(topic)
    throwOnError(errorCode, `producing to ${topic}-${partition}`, answer?.errorMessage)
    return answer?.baseOffset ?? -1
  }

  async #announcePartition(topic: string, partition: number): Promise<void> {
    const name = `${topic}/${partition}`
    if (this.#protocol === 2 || this.#announced.has(name)) return
    const request = makeAddPartitionsToTxnRequest({
      v3AndBelowTransactionalId: this.#id,
      v3AndBelowProducerId: this.#producer.producerId,
      v3AndBelowProducerEpoch: this.#producer.producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
    })
    await this.#client.retrying(async () => {
      const response = await this.#callCoordinator(addPartitionsToTxnCall, request)
      for (const { resultsByPartition } of response.resultsByTopicV3AndBelow) {
        for (const { partitionErrorCode } of resultsByPartition) throwOnError(partitionErrorCode, `announcing ${name}`)
      }
    })
    this.#announced.add(name)
  }

  async #announceGroup(groupId: string): Promise<void> {
    const name = `group ${groupId}`
    if (this.#protocol === 2 || this.#announced.has(name)) return
    const request = makeAddOffsetsToTxnRequest({ transactionalId: this.#id, groupId, ...this.#producer })
    await this.#ask(`announcing ${name}`, addOffsetsToTxnCall, request)
    this.#announced.add(name)
  }

  #ask<Request, Response extends { readonly errorCode: number }>(
    what: string,
    call: Call<Request, Response>,
    request: Request,
    version?: number,
  ): Promise<Response> {
    return this.#client.retrying(async () => {
      const response = await this.#callCoordinator(call, request, version)
      throwOnError(response.errorCode, `transactional id '${this.#id}', ${what}`)
      return response
    })
  }

  async #callCoordinator<Request, Response>(
    call: Call<Request, Response>,
    request: Request,
    version?: number,
  ): Promise<Response> {
    try {
      this.#coordinator ??= await this.#client.findCoordinator(this.#id, 'transaction')
      const connection = await this.#client.connectionTo(this.#coordinator)
      return await connection.send(call, request, version === undefined ? {} : { version })
    } catch (thrown) {
      if (thrown instanceof ConnectionError) this.#coordinator = undefined
      throw thrown
    }
  }
}
