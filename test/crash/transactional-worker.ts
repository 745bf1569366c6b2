/** A producer that works as stream processors do: in each transaction it writes to two partitions and commits the offset it has read. */

import { fetchCall, offsetFetchCall, produceCall } from '../../src/client/calls.ts'
import type { BrokerConnection } from '../../src/client/connection.ts'
import { ConnectionError } from '../../src/client/errors.ts'
import {
  decodeEndTxnResponse,
  encodeEndTxnRequest,
  endTxnApi,
  makeEndTxnRequest,
} from '../../src/wire/generated/end-txn.ts'
import { ErrorCode, errorName } from '../../src/wire/generated/errors.ts'
import { makeFetchRequest, makeFetchRequestFetchPartition } from '../../src/wire/generated/fetch.ts'
import {
  decodeInitProducerIdResponse,
  encodeInitProducerIdRequest,
  initProducerIdApi,
  makeInitProducerIdRequest,
} from '../../src/wire/generated/init-producer-id.ts'
import { makeOffsetFetchRequest } from '../../src/wire/generated/offset-fetch.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import {
  decodeTxnOffsetCommitResponse,
  encodeTxnOffsetCommitRequest,
  makeTxnOffsetCommitRequest,
  txnOffsetCommitApi,
} from '../../src/wire/generated/txn-offset-commit.ts'
import {
  batchIsControl,
  batchIsTransactional,
  batchProducerId,
  buildBatch,
  eachBatch,
  readRecords,
} from '../../src/wire/record-batch.ts'
import { openConnection } from '../broker/raw-requests.ts'

const initCall = { ...initProducerIdApi, encode: encodeInitProducerIdRequest, decode: decodeInitProducerIdResponse }
const endCall = { ...endTxnApi, encode: encodeEndTxnRequest, decode: decodeEndTxnResponse }
const commitCall = {
  ...txnOffsetCommitApi,
  encode: encodeTxnOffsetCommitRequest,
  decode: decodeTxnOffsetCommitResponse,
}

/** Requests, and how often they are to be tried again. */
const versions = { init: 5, produce: 12, commit: 5, end: 5, offsetFetch: 7, fetch: 12 } as const
const retryMs = 10

/** Errors after which the same request may do later. */
const passing: ReadonlySet<number> = new Set([
  ErrorCode.CONCURRENT_TRANSACTIONS,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.UNSTABLE_OFFSET_COMMIT,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
])

/** The broker said no where it had to say yes. */
export class Refused extends Error {}

export class TransactionalWorker {
  /** Transactions whose commit was answered. */
  committedCount = 0
  abortedCount = 0
  /** Times that it began again after a lost connection. */
  restartCount = 0
  readonly #id: string
  readonly #topic: string
  readonly #address: string
  #connection: BrokerConnection | undefined
  #producer = { producerId: -1, producerEpoch: -1 }
  #isStopped = false

  constructor(options: { readonly id: string; readonly topic: string; readonly address: string }) {
    this.#id = options.id
    this.#topic = options.topic
    this.#address = options.address
  }

  /** Works until `stop`; answers with the offset that it committed last. */
  async run(): Promise<number> {
    for (;;) {
      try {
        this.#connection = await openConnection(this.#address)
        const next = await this.#work()
        this.#connection.close()
        return next
      } catch (thrown) {
        this.#connection?.close()
        if (!(thrown instanceof ConnectionError)) throw thrown
        this.restartCount++
        await pause()
      }
    }
  }

  stop(): void {
    this.#isStopped = true
  }

  /** As after any restart: take the id over, which ends what was open, and go on from the committed offset. */
  async #work(): Promise<number> {
    await this.#init()
    let next = await this.#committedOffset()
    for (let round = 0; !this.#isStopped; round++) {
      await this.#produce(0, next)
      await this.#produce(1, next)
      await this.#commitOffset(next + 1)
      const isCommit = round % 5 !== 4
      await this.#end(isCommit)
      if (isCommit) next++
    }
    return next
  }

  async #init(): Promise<void> {
    const request = makeInitProducerIdRequest({ transactionalId: this.#id, transactionTimeoutMs: 60_000 })
    this.#producer = await this.#until('InitProducerId', async (connection) => {
      return connection.send(initCall, { ...request, producerId: -1, producerEpoch: -1 }, { version: versions.init })
    })
  }

  async #produce(partition: number, value: number): Promise<void> {
    const timestampMs = Date.now()
    const records = buildBatch({
      records: [{ key: null, value: Buffer.from(`${this.#id} ${value}`), timestampMs }],
      baseSequence: 0,
      isTransactional: true,
      ...this.#producer,
    })
    const partitionData = [{ index: partition, records }]
    const topicData = [{ name: this.#topic, topicId: Buffer.alloc(16), partitionData }]
    const request = makeProduceRequest({ transactionalId: this.#id, acks: -1, timeoutMs: 10_000, topicData })
    await this.#until('Produce', async (connection) => {
      const response = await connection.send(produceCall, request, { version: versions.produce })
      return { errorCode: response.responses[0]?.partitionResponses[0]?.errorCode ?? -1 }
    })
  }

  async #commitOffset(offset: number): Promise<void> {
    const partitions = [{ partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: '' }]
    const request = makeTxnOffsetCommitRequest({
      transactionalId: this.#id,
      groupId: this.#id,
      generationId: -1,
      memberId: '',
      topics: [{ name: this.#topic, partitions }],
      ...this.#producer,
    })
    await this.#until('TxnOffsetCommit', async (connection) => {
      const response = await connection.send(commitCall, request, { version: versions.commit })
      return { errorCode: response.topics[0]?.partitions[0]?.errorCode ?? -1 }
    })
  }

  async #end(isCommit: boolean): Promise<void> {
    const request = makeEndTxnRequest({ transactionalId: this.#id, committed: isCommit, ...this.#producer })
    this.#producer = await this.#until('EndTxn', (connection) =>
      connection.send(endCall, request, { version: versions.end }),
    )
    if (isCommit) this.committedCount++
    else this.abortedCount++
  }

  async #committedOffset(): Promise<number> {
    const topics = [{ name: this.#topic, partitionIndexes: [0] }]
    const request = makeOffsetFetchRequest({ groupId: this.#id, topics, requireStable: true })
    const answer = await this.#until('OffsetFetch', async (connection) => {
      const response = await connection.send(offsetFetchCall, request, { version: versions.offsetFetch })
      const partition = response.topics[0]?.partitions[0]
      return { errorCode: partition?.errorCode ?? response.errorCode, offset: partition?.committedOffset ?? -1 }
    })
    return Math.max(answer.offset, 0)
  }

  /** Sends until the answer is more than "come again". */
  async #until<Answer extends { readonly errorCode: number }>(
    what: string,
    send: (connection: BrokerConnection) => Promise<Answer>,
  ): Promise<Answer> {
    for (;;) {
      if (this.#connection === undefined) throw new Refused('there is no connection')
      const answer = await send(this.#connection)
      if (answer.errorCode === ErrorCode.NONE) return answer
      if (!passing.has(answer.errorCode)) throw new Refused(`${this.#id}: ${what} says ${errorName(answer.errorCode)}`)
      await pause()
    }
  }
}

/** A partition's values as a reader sees them that wants only what is committed, in order. */
export async function readCommitted(address: string, topic: string, partition: number): Promise<string[]> {
  const connection = await openConnection(address)
  const values: string[] = []
  for (let offset = 0; ; ) {
    const bytesMax = 8 * 1024 * 1024
    const wish = { partition, fetchOffset: offset, currentLeaderEpoch: -1, partitionMaxBytes: bytesMax }
    const partitions = [makeFetchRequestFetchPartition(wish)]
    const request = makeFetchRequest({
      maxBytes: bytesMax,
      sessionEpoch: -1,
      isolationLevel: 1,
      topics: [{ topic, topicId: Buffer.alloc(16), partitions }],
    })
    const response = await connection.send(fetchCall, request, { version: versions.fetch })
    const data = response.responses[0]?.partitions[0]
    if (data?.errorCode !== ErrorCode.NONE) throw new Refused(`Fetch says ${errorName(data?.errorCode ?? -1)}`)
    const start = offset
    const aborted = [...(data.abortedTransactions ?? [])].sort((one, other) => one.firstOffset - other.firstOffset)
    const abortedNow = new Set<number>()
    const bytes = data.records ?? Buffer.alloc(0)
    eachBatch(bytes, (at) => {
      const producerId = batchProducerId(bytes, at)
      const records = readRecords(bytes, at)
      for (const { offset: place } of records) offset = Math.max(offset, place + 1)
      const first = records[0]?.offset ?? 0
      while (aborted[0] !== undefined && aborted[0].firstOffset <= first) {
        abortedNow.add(aborted.shift()?.producerId ?? -1)
      }
      if (batchIsControl(bytes, at)) abortedNow.delete(producerId)
      else if (!batchIsTransactional(bytes, at) || !abortedNow.has(producerId)) {
        for (const { value } of records) values.push(value?.toString() ?? '')
      }
    })
    if (offset === start) break
  }
  connection.close()
  return values
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, retryMs))
}
