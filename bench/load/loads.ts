/** The loads: produce as fast as the answers come, fetch everything again and again, and single records end to end. */

import {
  decodeFetchResponse,
  encodeFetchRequest,
  makeFetchRequest,
  makeFetchRequestFetchPartition,
  makeFetchRequestFetchTopic,
} from '../../src/wire/generated/fetch.ts'
import {
  decodeProduceResponse,
  encodeProduceRequest,
  makeProduceRequest,
  makeProduceRequestPartitionProduceData,
  makeProduceRequestTopicProduceData,
} from '../../src/wire/generated/produce.ts'
import { Reader } from '../../src/wire/reader.ts'
import { batchLastOffset, batchRecordCount, buildBatch, eachBatch } from '../../src/wire/record-batch.ts'
import { Writer } from '../../src/wire/writer.ts'
import { LoadConnection } from './connection.ts'
import type { LoadCounters } from './measure.ts'

/** Versions by topic name and without compact fields: the same for Safka and Apache Kafka. */
export const produce = { apiKey: 0, version: 8 } as const
const fetch = { apiKey: 1, version: 11 } as const
const fetchWaitMs = 500

export type LoadOptions = {
  readonly host: string
  readonly port: number
  readonly topic: string
  readonly partitionCount: number
  readonly connections: number
  readonly inFlight: number
  readonly batchBytes: number
  readonly recordBytes: number
  readonly acks: number
  /** Records a second of the end-to-end load. */
  readonly rate: number
  readonly counters: LoadCounters
}

/** A load that runs until it is stopped. */
export type RunningLoad = { stop(): void }

/** Every connection keeps `inFlight` produce requests of one batch under way, over all partitions in turn. */
export async function startProduce(options: LoadOptions): Promise<RunningLoad> {
  const { counters, partitionCount } = options
  const records = Math.max(1, Math.floor(options.batchBytes / options.recordBytes))
  const batch = batchOf(records, options.recordBytes)
  const bodies = Array.from({ length: partitionCount }, (_, partition) => produceBody(options, partition, batch))
  const connections: LoadConnection[] = []
  for (let index = 0; index < options.connections; index++) {
    const sentMs: number[] = []
    let correlationId = index
    const send = (): void => {
      const body = bodies[correlationId % partitionCount]
      if (body === undefined) return
      sentMs.push(performance.now())
      connection.send({ ...produce, correlationId: correlationId++, body })
    }
    const connection = await LoadConnection.open({
      ...options,
      onAnswer(answer) {
        const errorCode = produceErrorCode(answer)
        if (errorCode !== 0) counters.fail(`produce was answered with error ${errorCode}`)
        counters.latencies.add(performance.now() - (sentMs.shift() ?? 0))
        counters.requests += 1
        counters.records += records
        counters.bytes += batch.length
        send()
      },
      onError: (error) => counters.fail(error.message),
    })
    connections.push(connection)
    for (let request = 0; request < options.inFlight; request++) send()
  }
  return { stop: () => connections.forEach((connection) => void connection.close()) }
}

/** Every connection reads one partition from its start to its end, and then again. */
export async function startFetch(options: LoadOptions): Promise<RunningLoad> {
  const connections: LoadConnection[] = []
  for (let index = 0; index < options.connections; index++) {
    const partition = index % options.partitionCount
    const reader = await openReader(options, partition, { minBytes: 0, onRecords: () => undefined })
    connections.push(reader)
  }
  return { stop: () => connections.forEach((connection) => void connection.close()) }
}

/** One record at a time at a fixed rate; the latency is from before it is sent to when a waiting consumer has it. */
export async function startEndToEnd(options: LoadOptions): Promise<RunningLoad> {
  const { counters, rate } = options
  const sentMs: number[] = []
  const reader = await openReader({ ...options, isCounting: false }, 0, {
    minBytes: 1,
    onRecords(count) {
      const nowMs = performance.now()
      for (let record = 0; record < count; record++) counters.latencies.add(nowMs - (sentMs.shift() ?? nowMs))
      counters.records += count
      counters.bytes += count * options.recordBytes
    },
  })
  const body = produceBody(options, 0, batchOf(1, options.recordBytes))
  const writer = await LoadConnection.open({
    ...options,
    onAnswer(answer) {
      counters.requests += 1
      if (produceErrorCode(answer) !== 0) counters.fail(`produce was answered with error ${produceErrorCode(answer)}`)
    },
    onError: (error) => counters.fail(error.message),
  })
  const startMs = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) / 1000) * rate)
    while (sent < due) {
      sentMs.push(performance.now())
      writer.send({ ...produce, correlationId: sent++, body })
    }
  }, 1)
  return {
    stop() {
      clearInterval(timer)
      reader.close()
      writer.close()
    },
  }
}

type ReaderOptions = { minBytes: number; onRecords: (count: number) => void }

/** Fetches a partition without end: from its start again at its end, or waiting there where `minBytes` is not 0. */
async function openReader(
  options: LoadOptions & { isCounting?: boolean },
  partition: number,
  { minBytes, onRecords }: ReaderOptions,
): Promise<LoadConnection> {
  const { counters, isCounting = true } = options
  let offset = 0
  let correlationId = 0
  let sentAtMs = 0
  const send = (): void => {
    sentAtMs = performance.now()
    connection.send({
      ...fetch,
      correlationId: correlationId++,
      body: fetchBody(options, { partition, offset, minBytes }),
    })
  }
  const connection = await LoadConnection.open({
    ...options,
    onAnswer(answer) {
      const data = decodeFetchResponse(new Reader(answer, 4), fetch.version).responses[0]?.partitions[0]
      if (data === undefined || data.errorCode !== 0) counters.fail(`fetch was answered with error ${data?.errorCode}`)
      const bytes = data?.records ?? Buffer.alloc(0)
      let records = 0
      eachBatch(bytes, (at) => {
        records += batchRecordCount(bytes, at)
        offset = batchLastOffset(bytes, at) + 1
      })
      if (isCounting) {
        counters.latencies.add(performance.now() - sentAtMs)
        counters.requests += 1
        counters.records += records
        counters.bytes += bytes.length
      }
      onRecords(records)
      if (records === 0 && minBytes === 0) offset = 0
      send()
    },
    onError: (error) => counters.fail(error.message),
  })
  send()
  return connection
}

export function batchOf(recordCount: number, recordBytes: number): Buffer {
  const records = Array.from({ length: recordCount }, (_, index) => ({
    key: null,
    value: Buffer.alloc(recordBytes, `record ${index} `),
    timestampMs: Date.now(),
  }))
  return buildBatch({ records })
}

export function produceBody(options: Pick<LoadOptions, 'topic' | 'acks'>, index: number, records: Buffer): Buffer {
  const writer = bodyWriter()
  const partition = makeProduceRequestPartitionProduceData({ index, records })
  const topic = makeProduceRequestTopicProduceData({ name: options.topic, partitionData: [partition] })
  encodeProduceRequest(
    writer,
    makeProduceRequest({ acks: options.acks, timeoutMs: 30_000, topicData: [topic] }),
    produce.version,
  )
  return writer.finishJoined()
}

function fetchBody(options: LoadOptions, place: { partition: number; offset: number; minBytes: number }): Buffer {
  const writer = bodyWriter()
  const partition = makeFetchRequestFetchPartition({
    partition: place.partition,
    fetchOffset: place.offset,
    partitionMaxBytes: 1024 * 1024,
  })
  const topic = makeFetchRequestFetchTopic({ topic: options.topic, partitions: [partition] })
  const request = makeFetchRequest({
    maxWaitMs: fetchWaitMs,
    minBytes: place.minBytes,
    maxBytes: 50 * 1024 * 1024,
    topics: [topic],
  })
  encodeFetchRequest(writer, request, fetch.version)
  return writer.finishJoined()
}

/** What follows the correlation id in a request header of version 1: the client id. */
function bodyWriter(): Writer {
  const writer = new Writer()
  writer.writeString('safka-load')
  return writer
}

export function produceErrorCode(answer: Buffer): number {
  const { responses } = decodeProduceResponse(new Reader(answer, 4), produce.version)
  return responses[0]?.partitionResponses[0]?.errorCode ?? -1
}
