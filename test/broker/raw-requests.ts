/** Single requests over a connection of the test's own, for tests that look at error codes and at what one front answers. */

import { connect, type Socket } from 'node:net'
import { systemClock } from '../../src/base/clock.ts'
import { fetchCall, produceCall } from '../../src/client/calls.ts'
import { parseAddress } from '../../src/client/client.ts'
import { BrokerConnection } from '../../src/client/connection.ts'
import { makeFetchRequest, makeFetchRequestFetchPartition } from '../../src/wire/generated/fetch.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import { buildBatch, eachBatch, readRecords } from '../../src/wire/record-batch.ts'

/** The newest versions that name topics. */
const byName = { produce: 11, fetch: 12 } as const

/** A connection of its own. */
export function openConnection(address: string): Promise<BrokerConnection> {
  return BrokerConnection.open({
    ...parseAddress(address),
    clientId: 'test',
    clock: systemClock,
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 15_000,
  })
}

/** A bare socket that has connected. Errors on it are the test's business only through 'close'. */
export function dial(address: string): Promise<Socket> {
  const { host, port } = parseAddress(address)
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
    socket.on('error', () => undefined)
  })
}

/** One batch of these values. */
export function batchOf(values: readonly (string | Buffer)[]): Buffer {
  const timestampMs = Date.now()
  return buildBatch({ records: values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs })) })
}

/** Produces one batch; answers the error code and where it went. */
export async function produce(
  connection: BrokerConnection,
  { topic, partition, batch, acks = -1 }: { topic: string; partition: number; batch: Buffer; acks?: number },
): Promise<{ errorCode: number; baseOffset: number }> {
  const topicData = [{ name: topic, topicId: Buffer.alloc(16), partitionData: [{ index: partition, records: batch }] }]
  const request = makeProduceRequest({ acks, timeoutMs: 10_000, topicData })
  const response = await connection.send(produceCall, request, { version: byName.produce })
  const answer = response.responses[0]?.partitionResponses[0]
  return { errorCode: answer?.errorCode ?? -1, baseOffset: answer?.baseOffset ?? -1 }
}

/** What a fetch of one partition brought. */
export type Fetched = {
  readonly errorCode: number
  readonly startOffset: number
  readonly highWatermark: number
  readonly records: readonly { readonly offset: number; readonly value: string }[]
}

/** Fetches one partition from an offset on. */
export async function fetch(
  connection: BrokerConnection,
  place: { topic: string; partition: number; offset: number; waitMs?: number; bytesMax?: number },
): Promise<Fetched> {
  const bytesMax = place.bytesMax ?? 16 * 1024 * 1024
  const partition = makeFetchRequestFetchPartition({
    partition: place.partition,
    fetchOffset: place.offset,
    currentLeaderEpoch: -1,
    partitionMaxBytes: bytesMax,
  })
  const request = makeFetchRequest({
    maxWaitMs: place.waitMs ?? 0,
    minBytes: 1,
    maxBytes: bytesMax,
    sessionEpoch: -1,
    topics: [{ topic: place.topic, topicId: Buffer.alloc(16), partitions: [partition] }],
  })
  const response = await connection.send(fetchCall, request, { version: byName.fetch })
  const answer = response.responses[0]?.partitions[0]
  const bytes = answer?.records ?? Buffer.alloc(0)
  const records: { offset: number; value: string }[] = []
  eachBatch(bytes, (at) => {
    for (const { offset, value } of readRecords(bytes, at)) records.push({ offset, value: value?.toString() ?? '' })
  })
  return {
    errorCode: answer?.errorCode ?? response.errorCode,
    startOffset: answer?.logStartOffset ?? -1,
    highWatermark: answer?.highWatermark ?? -1,
    records,
  }
}
