/** Sends records: batched by partition, optionally compressed and idempotent, with a bound on what waits. */

import { Router } from '../base/router.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { makeInitProducerIdRequest } from '../wire/generated/init-producer-id.ts'
import {
  makeProduceRequest,
  makeProduceRequestPartitionProduceData,
  makeProduceRequestTopicProduceData,
  type ProduceRequest,
} from '../wire/generated/produce.ts'
import { buildBatch, type RecordHeaderInput } from '../wire/record-batch.ts'
import { initProducerIdCall, produceCall } from './calls.ts'
import type { KafkaClient, KnownTopic } from './client.ts'
import { ConnectionError, KafkaError, throwOnError } from './errors.ts'
import { type QueuedRecord, RecordQueue, recordSizeBytes } from './record-queue.ts'

/** Kafka's numbers of the codecs. */
export const compressionCodec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

export type CompressionName = keyof typeof compressionCodec

export type ProducerOptions = {
  readonly client: KafkaClient
  /** -1 (all, the default), 1, or 0: then sends resolve with offset -1 once they are on their way. */
  readonly acks?: -1 | 0 | 1
  readonly compression?: CompressionName
  /** The broker drops what a retry sends twice. Needs acks -1. Default false. */
  readonly isIdempotent?: boolean
  /** Bytes of records that make a full batch. Default 64 KiB. */
  readonly batchBytes?: number
  /** How long a record may wait for others to share its batch. Default 0: what is sent in one turn of the loop. */
  readonly lingerMs?: number
  /** Bytes that may wait over all partitions; `send` waits beyond. Default 32 MiB. */
  readonly bufferBytesMax?: number
  readonly autoCreateTopics?: boolean
  /** Shares its rounds with other producers that are given the same. */
  readonly router?: Router
}

/** A record to be sent. Without a partition: by key, or in turn. */
export type ProducerRecord = {
  readonly topic: string
  readonly key?: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeaderInput[]
  readonly partition?: number
  readonly timestampMs?: number
}

/** Where a record went; offset -1 where the broker was not asked (acks=0). */
export type SentRecord = { readonly topic: string; readonly partition: number; readonly offset: number }

type Lane = {
  readonly topic: string
  readonly partition: number
  readonly queue: RecordQueue
  isSending: boolean
  isTimerSet: boolean
  nextSequence: number
}

/** Sequences are int32 and wrap to zero. */
const sequenceEnd = 2 ** 31

/** Sends records with one request in flight a partition, so that their order holds through retries. */
export class Producer {
  readonly #client: KafkaClient
  readonly #acks: -1 | 0 | 1
  readonly #compression: number
  readonly #isIdempotent: boolean
  readonly #batchBytes: number
  readonly #lingerMs: number
  readonly #bufferBytesMax: number
  readonly #autoCreate: boolean
  readonly #router: Router
  readonly #lanes = new Map<string, Lane>()
  #producer: Promise<{ id: number; epoch: number }> | undefined
  #bufferedBytes = 0
  #inFlight = 0
  /** The last of those who wait for room. */
  #line: Promise<void> | undefined
  /** Who waits for room or for everything to be sent; asked again whenever something has left. */
  #waiting: (() => void)[] = []
  #isClosed = false

  constructor(options: ProducerOptions) {
    this.#client = options.client
    this.#acks = options.acks ?? -1
    this.#compression = compressionCodec[options.compression ?? 'none']
    this.#isIdempotent = options.isIdempotent ?? false
    this.#batchBytes = options.batchBytes ?? 65_536
    this.#lingerMs = options.lingerMs ?? 0
    this.#bufferBytesMax = options.bufferBytesMax ?? 32 * 1024 * 1024
    this.#autoCreate = options.autoCreateTopics ?? true
    this.#router = options.router ?? new Router()
    if (this.#isIdempotent && this.#acks !== -1) throw new TypeError('an idempotent producer needs acks -1')
  }

  /** Sends one record; resolves once the broker has taken it. Rejects with KafkaError or ConnectionError. */
  async send(record: ProducerRecord): Promise<SentRecord> {
    const { topic } = record
    const known = await this.#client.topic(topic, { autoCreate: this.#autoCreate })
    const key = record.key ?? null
    const input = {
      key,
      value: record.value,
      timestampMs: record.timestampMs ?? this.#client.clock.nowMs(),
      ...(record.headers === undefined ? {} : { headers: record.headers }),
    }
    const sizeBytes = recordSizeBytes(input)
    if (this.#isClosed) throw new ConnectionError('the producer is closed')
    const partition = record.partition ?? this.#router.partitionFor(topic, key, known.leaders.length)
    if (known.leaders[partition] === undefined) {
      throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `topic '${topic}' has no partition ${partition}`)
    }
    await this.#reserve(sizeBytes)
    const offset = await new Promise<number>((resolve, reject) => {
      const lane = this.#lane(topic, partition)
      lane.queue.push({ record: input, sizeBytes, resolve, reject })
      this.#wake(lane)
    })
    return { topic, partition, offset }
  }

  /** Resolves once nothing waits any more; what failed has been told to who sent it. */
  async flush(): Promise<void> {
    for (const lane of this.#lanes.values()) this.#start(lane)
    while (this.#bufferedBytes > 0 || this.#inFlight > 0) await this.#change()
  }

  /** Sends what waits, then takes no more. The client stays open. */
  async close(): Promise<void> {
    await this.flush()
    this.#isClosed = true
  }

  /** Takes room in the buffer. Who waits for it waits in line, so that a small record never overtakes a large one. */
  async #reserve(sizeBytes: number): Promise<void> {
    const isRoom = (): boolean => this.#bufferedBytes === 0 || this.#bufferedBytes + sizeBytes <= this.#bufferBytesMax
    if (this.#line === undefined && isRoom()) {
      this.#bufferedBytes += sizeBytes
      return
    }
    const turn = (this.#line ?? Promise.resolve()).then(async () => {
      while (!isRoom()) await this.#change()
      this.#bufferedBytes += sizeBytes
    })
    this.#line = turn
    await turn
    if (this.#line === turn) this.#line = undefined
  }

  #lane(topic: string, partition: number): Lane {
    const key = `${topic}/${partition}`
    const present = this.#lanes.get(key)
    if (present !== undefined) return present
    const queue = new RecordQueue()
    const lane: Lane = { topic, partition, queue, isSending: false, isTimerSet: false, nextSequence: 0 }
    this.#lanes.set(key, lane)
    return lane
  }

  #wake(lane: Lane): void {
    if (lane.isSending) return
    if (lane.queue.sizeBytes >= this.#batchBytes) {
      this.#start(lane)
      return
    }
    if (lane.isTimerSet) return
    lane.isTimerSet = true
    const start = (): void => {
      lane.isTimerSet = false
      this.#start(lane)
    }
    if (this.#lingerMs > 0) this.#client.clock.startTimer(this.#lingerMs, start)
    else setImmediate(start)
  }

  #start(lane: Lane): void {
    if (!lane.isSending && !lane.queue.isEmpty) void this.#drain(lane)
  }

  async #drain(lane: Lane): Promise<void> {
    lane.isSending = true
    this.#inFlight++
    while (!lane.queue.isEmpty) {
      const records = lane.queue.take(this.#batchBytes)
      try {
        const baseOffset = await this.#sendBatch(lane, records)
        records.forEach(({ resolve }, index) => {
          resolve(baseOffset < 0 ? -1 : baseOffset + index)
        })
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown : new ConnectionError(String(thrown))
        for (const { reject } of records) reject(reason)
      }
      for (const { sizeBytes } of records) this.#bufferedBytes -= sizeBytes
      this.#tellWaiting()
    }
    lane.isSending = false
    this.#inFlight--
    this.#tellWaiting()
  }

  /** Sends one batch, again where that may help; answers its first offset. */
  async #sendBatch(lane: Lane, records: readonly QueuedRecord[]): Promise<number> {
    const producer = this.#isIdempotent ? await this.#producerId() : undefined
    const batch = buildBatch({
      records: records.map(({ record }) => record),
      compression: this.#compression,
      ...(producer === undefined
        ? {}
        : { producerId: producer.id, producerEpoch: producer.epoch, baseSequence: lane.nextSequence }),
    })
    const offset = await this.#client.retrying(() => this.#attempt(lane, batch))
    lane.nextSequence = (lane.nextSequence + records.length) % sequenceEnd
    return offset
  }

  async #attempt(lane: Lane, batch: Buffer): Promise<number> {
    const topic = await this.#client.topic(lane.topic)
    const connection = await this.#client.connectionTo(topic.leaders[lane.partition] ?? -1)
    const request = produceRequest(topic, lane.partition, { acks: this.#acks, batch })
    if (this.#acks === 0) {
      connection.sendOnly(produceCall, request)
      return -1
    }
    const response = await connection.send(produceCall, request)
    const answer = response.responses[0]?.partitionResponses[0]
    const errorCode = answer?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
    if (errorCode !== ErrorCode.NONE) this.#client.forgetTopic(lane.topic)
    throwOnError(errorCode, `producing to ${lane.topic}-${lane.partition}`, answer?.errorMessage)
    return answer?.baseOffset ?? -1
  }

  #producerId(): Promise<{ id: number; epoch: number }> {
    this.#producer ??= this.#client.retrying(async () => {
      const request = makeInitProducerIdRequest({ transactionalId: null, transactionTimeoutMs: 60_000 })
      const response = await this.#client.callAny(initProducerIdCall, request)
      throwOnError(response.errorCode, 'asking for a producer id')
      return { id: response.producerId, epoch: response.producerEpoch }
    })
    return this.#producer
  }

  /** Resolves when something has left the buffer. */
  #change(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve))
  }

  #tellWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

function produceRequest(
  topic: KnownTopic,
  partition: number,
  parts: { readonly acks: number; readonly batch: Buffer },
): ProduceRequest {
  const data = makeProduceRequestPartitionProduceData({ index: partition, records: parts.batch })
  return makeProduceRequest({
    acks: parts.acks,
    timeoutMs: 30_000,
    topicData: [makeProduceRequestTopicProduceData({ name: topic.name, topicId: topic.id, partitionData: [data] })],
  })
}
