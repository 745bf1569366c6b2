/** ListOffsets over segments and over a ring, at each of its versions. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CatalogTopic } from '../../src/base/topology.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  decodeListOffsetsResponse,
  encodeListOffsetsRequest,
  makeListOffsetsRequest,
  makeListOffsetsRequestListOffsetsPartition,
} from '../../src/wire/generated/list-offsets.ts'
import { decodeProduceResponse, encodeProduceRequest } from '../../src/wire/generated/produce.ts'
import { Collapsed } from '../front/collapsed.ts'
import { type FakeDuplex, requestFrame } from '../front/fake-duplex.ts'
import { batchOf, produceOf } from '../front/requests.ts'

const codec = { key: 2, encode: encodeListOffsetsRequest, decode: decodeListOffsetsResponse }
const produceCodec = { key: 0, encode: encodeProduceRequest, decode: decodeProduceResponse }

async function filled(
  storage: 'memory' | 'ring',
): Promise<{ broker: Collapsed; topic: CatalogTopic; client: FakeDuplex }> {
  const broker = new Collapsed({ storage })
  const topic = await broker.createTopic('t')
  const client = broker.connect()
  // Offsets 0-1 at 1000, 2-3 at 3000, 4-5 at 2000.
  for (const timestampMs of [1_000, 3_000, 2_000]) {
    const request = produceOf(topic, 0, batchOf(['x', 'y'], timestampMs))
    client.send(requestFrame(produceCodec, request, { version: 9 }))
    await broker.settle()
    assert.is(client.take(produceCodec, 9).response.responses[0]?.partitionResponses[0]?.errorCode, ErrorCode.NONE)
  }
  return { broker, topic, client }
}

async function ask(
  { broker, client }: { broker: Collapsed; client: FakeDuplex },
  timestamp: number,
  options: { version: number; partitionIndex?: number; currentLeaderEpoch?: number; isolationLevel?: number },
): Promise<number[]> {
  const { version, partitionIndex = 0, currentLeaderEpoch = -1, isolationLevel = 0 } = options
  const partitions = [makeListOffsetsRequestListOffsetsPartition({ partitionIndex, currentLeaderEpoch, timestamp })]
  const request = makeListOffsetsRequest({ replicaId: -1, isolationLevel, topics: [{ name: 't', partitions }] })
  client.send(requestFrame(codec, request, { version }))
  await broker.settle()
  const answer = client.take(codec, version).response.topics[0]?.partitions[0]
  return [answer?.errorCode ?? -2, answer?.offset ?? -2, answer?.timestamp ?? -2]
}

test('places and times are found, in segments and in a ring', async () => {
  for (const storage of ['memory', 'ring'] as const) {
    const set = await filled(storage)
    const version = 11
    for (const [timestamp, offset, timestampMs] of [
      [-1, 6, -1],
      [-2, 0, -1],
      [-3, 2, 3_000],
      [-4, 0, -1],
      [-5, -1, -1],
      [-6, -1, -1],
      [0, 0, 1_000],
      [1_000, 0, 1_000],
      [1_001, 2, 3_000],
      [3_000, 2, 3_000],
      [3_001, -1, -1],
    ] as const) {
      assert.equal(await ask(set, timestamp, { version }), [0, offset, timestampMs], `${storage}, ${timestamp}`)
    }
    assert.equal(await ask(set, -1, { version, isolationLevel: 1 }), [0, 6, -1])
  }
})

test('each version answers, and refuses the special timestamps that came after it', async () => {
  const set = await filled('memory')
  for (let version = 1; version <= 11; version++) {
    assert.equal(await ask(set, -1, { version }), [0, 6, -1])
    assert.equal(await ask(set, 1_500, { version }), [0, 2, 3_000])
    for (const [timestamp, versionMin] of [
      [-3, 7],
      [-4, 8],
      [-5, 9],
      [-6, 11],
      [-7, 99],
    ] as const) {
      const [errorCode] = await ask(set, timestamp, { version })
      assert.is(
        errorCode,
        version < versionMin ? ErrorCode.UNSUPPORTED_VERSION : ErrorCode.NONE,
        `${timestamp} in ${version}`,
      )
    }
  }
})

test('unknown partitions and wrong epochs are refused', async () => {
  const set = await filled('memory')
  assert.equal(await ask(set, -1, { version: 11, partitionIndex: 4 }), [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1, -1])
  assert.equal(await ask(set, -1, { version: 11, currentLeaderEpoch: 3 }), [ErrorCode.UNKNOWN_LEADER_EPOCH, -1, -1])
})

test('an empty partition has no record at any time', async () => {
  for (const storage of ['memory', 'ring'] as const) {
    const broker = new Collapsed({ storage })
    await broker.createTopic('t')
    const set = { broker, client: broker.connect() }
    assert.equal(await ask(set, -3, { version: 11 }), [0, -1, -1])
    assert.equal(await ask(set, 5, { version: 11 }), [0, -1, -1])
    assert.equal(await ask(set, -1, { version: 11 }), [0, 0, -1])
  }
})

test.run()
