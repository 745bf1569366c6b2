/** The requests that tests of the front send again and again. */

import * as assert from 'uvu/assert'
import { topicIdBytes } from '../../src/base/ids.ts'
import type { CatalogTopic } from '../../src/base/topology.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  decodeFetchResponse,
  encodeFetchRequest,
  type FetchRequest,
  type FetchResponsePartitionData,
  makeFetchRequest,
  makeFetchRequestFetchPartition,
} from '../../src/wire/generated/fetch.ts'
import {
  decodeProduceResponse,
  encodeProduceRequest,
  makeProduceRequest,
  type ProduceRequest,
  type ProduceResponsePartitionProduceResponse,
} from '../../src/wire/generated/produce.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import type { Collapsed } from './collapsed.ts'
import { type FakeDuplex, requestFrame } from './fake-duplex.ts'

export const produceCodec = { key: 0, encode: encodeProduceRequest, decode: decodeProduceResponse }
export const fetchCodec = { key: 1, encode: encodeFetchRequest, decode: decodeFetchResponse }

/** One batch with these values. */
export function batchOf(values: readonly string[], timestampMs = 1_700_000_000_000): Buffer {
  return buildBatch({
    records: values.map((value) => ({ key: null, value: Buffer.from(value), headers: [], timestampMs })),
  })
}

/** Produces one batch into one partition. */
export function produceOf(topic: CatalogTopic, index: number, records: Buffer | null, acks = -1): ProduceRequest {
  return makeProduceRequest({
    acks,
    timeoutMs: 30_000,
    topicData: [{ name: topic.name, topicId: topicIdBytes(topic.id), partitionData: [{ index, records }] }],
  })
}

export type FetchWish = {
  readonly offset: number
  readonly waitMs?: number
  readonly bytesMin?: number
  readonly bytesMax?: number
  readonly partitionBytesMax?: number
  readonly isolationLevel?: number
  readonly currentLeaderEpoch?: number
}

/** Fetches from one partition, without a session. */
export function fetchOf(topic: CatalogTopic, index: number, wish: FetchWish): FetchRequest {
  return makeFetchRequest({
    maxWaitMs: wish.waitMs ?? 0,
    minBytes: wish.bytesMin ?? 1,
    maxBytes: wish.bytesMax ?? 1_048_576,
    isolationLevel: wish.isolationLevel ?? 0,
    topics: [
      {
        topic: topic.name,
        topicId: topicIdBytes(topic.id),
        partitions: [
          makeFetchRequestFetchPartition({
            partition: index,
            fetchOffset: wish.offset,
            currentLeaderEpoch: wish.currentLeaderEpoch ?? -1,
            partitionMaxBytes: wish.partitionBytesMax ?? 1_048_576,
          }),
        ],
      },
    ],
  })
}

export function sendProduce(client: FakeDuplex, request: ProduceRequest, correlationId = 1): void {
  client.send(requestFrame(produceCodec, request, { version: 9, correlationId }))
}

export function takeProduced(client: FakeDuplex): ProduceResponsePartitionProduceResponse | undefined {
  return client.take(produceCodec, 9).response.responses[0]?.partitionResponses[0]
}

export function sendFetch(client: FakeDuplex, topic: CatalogTopic, wish: FetchWish): void {
  client.send(requestFrame(fetchCodec, fetchOf(topic, 0, wish), { version: 12 }))
}

export function takeFetched(client: FakeDuplex): FetchResponsePartitionData | undefined {
  return client.take(fetchCodec, 12).response.responses[0]?.partitions[0]
}

/** Produces values to a topic's first partition, and expects no error. */
export async function produceValues(broker: Collapsed, topic: CatalogTopic, values: readonly string[]): Promise<void> {
  const client = broker.connect()
  sendProduce(client, produceOf(topic, 0, batchOf(values)))
  await broker.settle()
  assert.is(takeProduced(client)?.errorCode, ErrorCode.NONE)
  client.destroy()
}

/** Where a topic's first partition is in the partition table. */
export function slotOf(topic: CatalogTopic): number {
  return topic.partitions[0]?.slot ?? -1
}
