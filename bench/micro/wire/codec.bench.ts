/** What the generated codecs cost for the messages of the data path, each as real clients send it. */

import {
  decodeFetchRequest,
  decodeFetchResponse,
  encodeFetchRequest,
  encodeFetchResponse,
  makeFetchRequest,
  makeFetchRequestFetchPartition,
  makeFetchRequestFetchTopic,
  makeFetchResponse,
  makeFetchResponseFetchableTopicResponse,
  makeFetchResponsePartitionData,
} from '../../../src/wire/generated/fetch.ts'
import {
  decodeProduceRequest,
  decodeProduceResponse,
  encodeProduceRequest,
  encodeProduceResponse,
  makeProduceRequest,
  makeProduceRequestPartitionProduceData,
  makeProduceRequestTopicProduceData,
  makeProduceResponse,
  makeProduceResponsePartitionProduceResponse,
  makeProduceResponseTopicProduceResponse,
} from '../../../src/wire/generated/produce.ts'
import { Reader } from '../../../src/wire/reader.ts'
import { buildBatch } from '../../../src/wire/record-batch.ts'
import { Writer } from '../../../src/wire/writer.ts'
import { type Case, measure, type Result } from '../ring/measure.ts'

const produceVersion = 12
const fetchVersion = 12
const topic = 'benchmarks'

/** A message with both of its directions. */
type Message = { name: string; encode: (writer: Writer) => void; decode: (reader: Reader) => unknown }

export function run({ isTiny }: { isTiny: boolean }): Promise<Result[]> {
  const partitionCounts = isTiny ? [1] : [1, 100]
  const cases = partitionCounts.flatMap((partitionCount) =>
    messagesOf(partitionCount).flatMap((message) => casesOf(message, isTiny ? 1 : Math.ceil(1_000 / partitionCount))),
  )
  return measure(cases, { isTiny })
}

function casesOf({ name, encode, decode }: Message, operations: number): Case[] {
  const writer = new Writer()
  encode(writer)
  const bytes = writer.finishJoined()
  return [
    {
      name: `decode ${name}`,
      operations,
      round() {
        for (let operation = 0; operation < operations; operation++) decode(new Reader(bytes))
      },
    },
    {
      name: `encode ${name}`,
      operations,
      round() {
        for (let operation = 0; operation < operations; operation++) {
          const target = new Writer()
          encode(target)
          target.finish()
        }
      },
    },
  ]
}

function messagesOf(partitionCount: number): Message[] {
  const indexes = Array.from({ length: partitionCount }, (_, index) => index)
  const label = partitionCount === 1 ? '1 partition' : `${partitionCount} partitions`
  const value = Buffer.alloc(16_000, 'value ')
  const records = buildBatch({ records: [{ key: null, value, timestampMs: 1_700_000_000_000 }] })
  return [...produceMessages(indexes, records, label), ...fetchMessages(indexes, records, label)]
}

function produceMessages(indexes: readonly number[], records: Buffer, label: string): Message[] {
  const partitionData = indexes.map((index) => makeProduceRequestPartitionProduceData({ index, records }))
  const topicData = [makeProduceRequestTopicProduceData({ name: topic, partitionData })]
  const request = makeProduceRequest({ acks: -1, timeoutMs: 30_000, topicData })
  const partitionResponses = indexes.map((index) =>
    makeProduceResponsePartitionProduceResponse({ index, baseOffset: index }),
  )
  const responses = [makeProduceResponseTopicProduceResponse({ name: topic, partitionResponses })]
  const response = makeProduceResponse({ responses })
  return [
    {
      name: `Produce request, ${label}`,
      encode: (writer) => encodeProduceRequest(writer, request, produceVersion),
      decode: (reader) => decodeProduceRequest(reader, produceVersion),
    },
    {
      name: `Produce response, ${label}`,
      encode: (writer) => encodeProduceResponse(writer, response, produceVersion),
      decode: (reader) => decodeProduceResponse(reader, produceVersion),
    },
  ]
}

function fetchMessages(indexes: readonly number[], records: Buffer, label: string): Message[] {
  const wanted = indexes.map((partition) => makeFetchRequestFetchPartition({ partition, partitionMaxBytes: 1 << 20 }))
  const request = makeFetchRequest({
    maxWaitMs: 500,
    minBytes: 1,
    topics: [makeFetchRequestFetchTopic({ topic, partitions: wanted })],
  })
  const partitions = indexes.map((partitionIndex) => makeFetchResponsePartitionData({ partitionIndex, records }))
  const response = makeFetchResponse({ responses: [makeFetchResponseFetchableTopicResponse({ topic, partitions })] })
  return [
    {
      name: `Fetch request, ${label}`,
      encode: (writer) => encodeFetchRequest(writer, request, fetchVersion),
      decode: (reader) => decodeFetchRequest(reader, fetchVersion),
    },
    {
      name: `Fetch response, ${label}`,
      encode: (writer) => encodeFetchResponse(writer, response, fetchVersion),
      decode: (reader) => decodeFetchResponse(reader, fetchVersion),
    },
  ]
}
