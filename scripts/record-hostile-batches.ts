/**
 * Sends hostile batches to a Kafka broker and records its answers in test/golden/hostile-batches.jsonl, one a line: the
 * bytes sent, the error code, and of accepted ones where and how they were stored.
 * Usage: node scripts/record-hostile-batches.ts [host:port] [target file]
 */

import { createWriteStream } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { systemClock } from '../src/base/clock.ts'
import { makeCreateTopicsRequest, makeCreateTopicsRequestCreatableTopic } from '../src/wire/generated/create-topics.ts'
import type { FetchResponse } from '../src/wire/generated/fetch.ts'
import {
  makeFetchRequest,
  makeFetchRequestFetchPartition,
  makeFetchRequestFetchTopic,
} from '../src/wire/generated/fetch.ts'
import {
  makeProduceRequest,
  makeProduceRequestPartitionProduceData,
  makeProduceRequestTopicProduceData,
  type ProduceResponse,
} from '../src/wire/generated/produce.ts'
import { messageCodec } from '../src/wire/generated/registry.ts'
import { Reader } from '../src/wire/reader.ts'
import { decodeResponseHeader, encodeRequestHeader } from '../src/wire/request-header.ts'
import { Writer } from '../src/wire/writer.ts'
import { hostileCases, topicConfigs } from './hostile/cases.ts'

const produceKey = 0
const fetchKey = 1
const createTopicsKey = 19

const [host = '127.0.0.1', port = '19092'] = (process.argv[2] ?? '127.0.0.1:19092').split(':')
const suffix = systemClock.nowMs().toString(36)
const target = createWriteStream(process.argv[3] ?? new URL('../test/golden/hostile-batches.jsonl', import.meta.url))
const socket = connect(Number(port), host)
let correlationId = 0

await createTopics()
for (const hostile of hostileCases(systemClock.nowMs())) {
  const sentAtMs = systemClock.nowMs()
  const answer = await produce(`hostile-${hostile.topic}-${suffix}`, hostile.bytes)
  const stored = answer.errorCode === 0 ? await fetchAt(`hostile-${hostile.topic}-${suffix}`, answer.baseOffset) : null
  const line = {
    topic: hostile.topic,
    name: hostile.name,
    errorCode: answer.errorCode,
    baseOffset: answer.baseOffset,
    logAppendTimeMs: answer.logAppendTimeMs,
    sentAtMs,
    bytes: hostile.bytes.toString('hex'),
    stored: stored?.toString('hex') ?? null,
  }
  target.write(`${JSON.stringify(line)}\n`)
  console.log(`${String(answer.errorCode).padStart(4)}  ${hostile.topic}: ${hostile.name}  ${answer.message ?? ''}`)
}
target.end()
socket.end()

async function createTopics(): Promise<void> {
  const topics = Object.entries(topicConfigs).map(([name, configs]) =>
    makeCreateTopicsRequestCreatableTopic({
      name: `hostile-${name}-${suffix}`,
      numPartitions: 1,
      replicationFactor: 1,
      configs: Object.entries(configs).map(([config, value]) => ({ name: config, value })),
    }),
  )
  await call(createTopicsKey, 7, makeCreateTopicsRequest({ topics, timeoutMs: 10_000 }))
  // The topics are known a moment before their leaders are.
  await new Promise((resolve) => systemClock.startTimer(1000, () => resolve(undefined)))
}

async function produce(topic: string, records: Buffer) {
  const partitionData = [makeProduceRequestPartitionProduceData({ index: 0, records })]
  const topicData = [makeProduceRequestTopicProduceData({ name: topic, partitionData })]
  const request = makeProduceRequest({ acks: -1, timeoutMs: 5000, topicData })
  const response = (await call(produceKey, 11, request)) as ProduceResponse
  const answer = response.responses[0]?.partitionResponses[0]
  if (answer === undefined) throw new Error('the broker gave no answer for the partition')
  const message = answer.errorMessage ?? answer.recordErrors[0]?.batchIndexErrorMessage
  return { ...answer, message }
}

async function fetchAt(topic: string, offset: number): Promise<Buffer | null> {
  const partition = makeFetchRequestFetchPartition({ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 })
  const topics = [makeFetchRequestFetchTopic({ topic, partitions: [partition] })]
  const request = makeFetchRequest({ maxWaitMs: 500, minBytes: 1, maxBytes: 1, topics })
  const response = (await call(fetchKey, 12, request)) as FetchResponse
  return response.responses[0]?.partitions[0]?.records ?? null
}

async function call(apiKey: number, apiVersion: number, message: unknown): Promise<unknown> {
  const codec = messageCodec(apiKey)
  if (codec === undefined) throw new Error(`there is no API ${apiKey}`)
  const writer = new Writer()
  encodeRequestHeader(writer, { apiKey, apiVersion, correlationId: ++correlationId, clientId: 'hostile' })
  codec.encodeRequest(writer, message, apiVersion)
  const body = writer.finishJoined()
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  socket.write(Buffer.concat([length, body]))
  const reader = new Reader(await nextFrame(socket))
  decodeResponseHeader(reader, apiKey, apiVersion)
  return codec.decodeResponse(reader, apiVersion)
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
