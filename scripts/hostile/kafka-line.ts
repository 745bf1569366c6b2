/** One connection to a Kafka broker, over which scripts send requests one after the other. */

import { connect, type Socket } from 'node:net'
import { systemClock } from '../../src/base/clock.ts'
import {
  makeCreateTopicsRequest,
  makeCreateTopicsRequestCreatableTopic,
} from '../../src/wire/generated/create-topics.ts'
import type { FetchResponse } from '../../src/wire/generated/fetch.ts'
import {
  makeFetchRequest,
  makeFetchRequestFetchPartition,
  makeFetchRequestFetchTopic,
} from '../../src/wire/generated/fetch.ts'
import {
  makeProduceRequest,
  makeProduceRequestPartitionProduceData,
  makeProduceRequestTopicProduceData,
  type ProduceResponse,
  type ProduceResponsePartitionProduceResponse,
} from '../../src/wire/generated/produce.ts'
import { messageCodec } from '../../src/wire/generated/registry.ts'
import { Reader } from '../../src/wire/reader.ts'
import { decodeResponseHeader, encodeRequestHeader } from '../../src/wire/request-header.ts'
import { Writer } from '../../src/wire/writer.ts'

const produceKey = 0
const fetchKey = 1
const createTopicsKey = 19

/** Throws where the broker closes the connection. */
export class KafkaLine {
  readonly #socket: Socket
  #correlationId = 0

  /** `address` is host:port. */
  constructor(address: string) {
    const [host = '127.0.0.1', port = '19092'] = address.split(':')
    this.#socket = connect(Number(port), host)
  }

  close(): void {
    this.#socket.end()
  }

  /** Creates topics of one partition, by name. */
  async createTopics(configsOf: Readonly<Record<string, Readonly<Record<string, string>>>>): Promise<void> {
    const topics = Object.entries(configsOf).map(([name, configs]) =>
      makeCreateTopicsRequestCreatableTopic({
        name,
        numPartitions: 1,
        replicationFactor: 1,
        configs: Object.entries(configs).map(([config, value]) => ({ name: config, value })),
      }),
    )
    await this.call(createTopicsKey, 7, makeCreateTopicsRequest({ topics, timeoutMs: 10_000 }))
    // The topics are known a moment before their leaders are.
    await new Promise((resolve) => systemClock.startTimer(1000, () => resolve(undefined)))
  }

  async produce(topic: string, records: Buffer | null): Promise<ProduceResponsePartitionProduceResponse> {
    const partitionData = [makeProduceRequestPartitionProduceData({ index: 0, records })]
    const topicData = [makeProduceRequestTopicProduceData({ name: topic, partitionData })]
    const request = makeProduceRequest({ acks: -1, timeoutMs: 5000, topicData })
    const response = (await this.call(produceKey, 11, request)) as ProduceResponse
    const answer = response.responses[0]?.partitionResponses[0]
    if (answer === undefined) throw new Error('the broker gave no answer for the partition')
    return answer
  }

  /** What the partition holds at an offset: one batch. */
  async fetchAt(topic: string, offset: number): Promise<Buffer | null> {
    const partition = makeFetchRequestFetchPartition({ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 })
    const topics = [makeFetchRequestFetchTopic({ topic, partitions: [partition] })]
    const request = makeFetchRequest({ maxWaitMs: 500, minBytes: 1, maxBytes: 1, topics })
    const response = (await this.call(fetchKey, 12, request)) as FetchResponse
    return response.responses[0]?.partitions[0]?.records ?? null
  }

  async call(apiKey: number, apiVersion: number, message: unknown): Promise<unknown> {
    const codec = messageCodec(apiKey)
    if (codec === undefined) throw new Error(`there is no API ${apiKey}`)
    const writer = new Writer()
    this.#correlationId += 1
    encodeRequestHeader(writer, { apiKey, apiVersion, correlationId: this.#correlationId, clientId: 'hostile' })
    codec.encodeRequest(writer, message, apiVersion)
    const body = writer.finishJoined()
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length)
    this.#socket.write(Buffer.concat([length, body]))
    const reader = new Reader(await nextFrame(this.#socket))
    decodeResponseHeader(reader, apiKey, apiVersion)
    return codec.decodeResponse(reader, apiVersion)
  }
}

function nextFrame(source: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0)
    const read = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
      source.off('data', read)
      source.off('close', closed)
      resolve(received.subarray(4))
    }
    const closed = (): void => reject(new Error('the broker closed the connection'))
    source.on('data', read)
    source.on('close', closed)
  })
}
