/** The APIs that only describe, at each of their versions. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topicIdBytes } from '../../src/base/ids.ts'
import { PartitionState } from '../../src/ring/table.ts'
import {
  decodeApiVersionsResponse,
  encodeApiVersionsRequest,
  makeApiVersionsRequest,
} from '../../src/wire/generated/api-versions.ts'
import {
  decodeDescribeClusterResponse,
  encodeDescribeClusterRequest,
  makeDescribeClusterRequest,
} from '../../src/wire/generated/describe-cluster.ts'
import {
  decodeDescribeTopicPartitionsResponse,
  encodeDescribeTopicPartitionsRequest,
  makeDescribeTopicPartitionsRequest,
} from '../../src/wire/generated/describe-topic-partitions.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  decodeFindCoordinatorResponse,
  encodeFindCoordinatorRequest,
  makeFindCoordinatorRequest,
} from '../../src/wire/generated/find-coordinator.ts'
import {
  decodeMetadataResponse,
  encodeMetadataRequest,
  type MetadataResponse,
  makeMetadataRequest,
} from '../../src/wire/generated/metadata.ts'
import {
  decodeOffsetForLeaderEpochResponse,
  encodeOffsetForLeaderEpochRequest,
  makeOffsetForLeaderEpochRequest,
} from '../../src/wire/generated/offset-for-leader-epoch.ts'
import { Collapsed } from '../front/collapsed.ts'
import { type Codec, type FakeDuplex, requestFrame } from '../front/fake-duplex.ts'

const metadata = { key: 3, encode: encodeMetadataRequest, decode: decodeMetadataResponse }
const findCoordinator = { key: 10, encode: encodeFindCoordinatorRequest, decode: decodeFindCoordinatorResponse }
const apiVersions = { key: 18, encode: encodeApiVersionsRequest, decode: decodeApiVersionsResponse }
const epochs = { key: 23, encode: encodeOffsetForLeaderEpochRequest, decode: decodeOffsetForLeaderEpochResponse }
const cluster = { key: 60, encode: encodeDescribeClusterRequest, decode: decodeDescribeClusterResponse }
const topicPages = {
  key: 75,
  encode: encodeDescribeTopicPartitionsRequest,
  decode: decodeDescribeTopicPartitionsResponse,
}

const noId = Buffer.alloc(16)

function ask<Request, Response>(
  client: FakeDuplex,
  codec: Codec<Request, Response>,
  request: Request,
  version: number,
): Response {
  client.send(requestFrame(codec, request, { version }))
  return client.take(codec, version).response
}

function namesOf({ topics }: MetadataResponse): (string | null)[] {
  return topics.map(({ name }) => name)
}

test('Metadata tells all topics, none, or those named, at each version', async () => {
  const broker = new Collapsed()
  await broker.createTopic('b', 2)
  await broker.createTopic('a')
  const client = broker.connect()
  for (let version = 0; version <= 13; version++) {
    const all = ask(client, metadata, makeMetadataRequest({ topics: version === 0 ? [] : null }), version)
    assert.equal(namesOf(all), ['a', 'b'])
    assert.is(all.topics[1]?.partitions.length, 2)
    if (version > 0) assert.equal(namesOf(ask(client, metadata, makeMetadataRequest({ topics: [] }), version)), [])
    const named = makeMetadataRequest({ topics: [{ name: 'b', topicId: noId }] })
    assert.equal(namesOf(ask(client, metadata, named, version)), ['b'])
    assert.is(all.brokers[0]?.nodeId, 7)
    assert.is(version >= 1 ? all.controllerId : 7, 7)
  }
})

test('Metadata finds topics by id from version 12 on, and refuses ids before it', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('a')
  const client = broker.connect()
  const topics = [
    { name: null, topicId: topicIdBytes(topic.id) },
    { name: null, topicId: Buffer.alloc(16, 9) },
  ]
  const found = ask(client, metadata, makeMetadataRequest({ topics }), 12).topics
  assert.equal(
    found.map(({ name, errorCode }) => [name, errorCode]),
    [
      ['a', ErrorCode.NONE],
      [null, ErrorCode.UNKNOWN_TOPIC_ID],
    ],
  )
  const refused = ask(client, metadata, makeMetadataRequest({ topics }), 11).topics
  assert.equal(
    refused.map(({ errorCode }) => errorCode),
    [ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST],
  )
})

test('Metadata creates only what may be created', async () => {
  const broker = new Collapsed()
  const strict = new Collapsed({ settings: { autoCreateTopics: false } })
  const topics = ['no such!', '..', 'x'.repeat(250), ''].map((name) => ({ name, topicId: noId }))
  for (const { front, client, allowAutoTopicCreation, errorCode } of [
    { front: broker, client: broker.connect(), allowAutoTopicCreation: false, errorCode: 3 },
    { front: strict, client: strict.connect(), allowAutoTopicCreation: true, errorCode: 3 },
    { front: broker, client: broker.connect(), allowAutoTopicCreation: true, errorCode: 0 },
  ]) {
    const wanted = [...topics, { name: 'good', topicId: noId }]
    client.send(requestFrame(metadata, makeMetadataRequest({ topics: wanted, allowAutoTopicCreation }), { version: 9 }))
    await front.settle()
    const answer = client.take(metadata, 9).response.topics.map((topic) => topic.errorCode)
    assert.equal(answer, [17, 17, 17, 17, errorCode])
  }
})

test('authorized operations are told only where asked for', async () => {
  const broker = new Collapsed()
  await broker.createTopic('a')
  const client = broker.connect()
  const asked = { includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true }
  const told = ask(client, metadata, makeMetadataRequest({ topics: null, ...asked }), 10)
  assert.equal([told.topics[0]?.topicAuthorizedOperations, told.clusterAuthorizedOperations], [3_576, 8_096])
  const silent = ask(client, metadata, makeMetadataRequest({ topics: null }), 10)
  assert.equal(
    [silent.topics[0]?.topicAuthorizedOperations, silent.clusterAuthorizedOperations],
    [-(2 ** 31), -(2 ** 31)],
  )
})

test('a failed partition keeps its leader in Metadata, so that clients retry it alone, and is told to be offline', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('a')
  broker.table.setState(topic.partitions[0]?.slot ?? -1, PartitionState.failed)
  const partition = ask(broker.connect(), metadata, makeMetadataRequest({ topics: null }), 9).topics[0]?.partitions[0]
  assert.is(partition?.errorCode, ErrorCode.NONE)
  assert.is(partition?.leaderId, 7)
  assert.equal(partition?.offlineReplicas, [7])
})

test('FindCoordinator names this node for groups, transactions and share groups', () => {
  const client = new Collapsed().connect({ host: 'here', port: 1 })
  for (let version = 0; version <= 6; version++) {
    for (const keyType of version === 0 ? [0] : [0, 1, 2, 9]) {
      const isKnown = keyType < 2 || (keyType === 2 && version >= 6)
      const request = makeFindCoordinatorRequest({ key: 'g', keyType, coordinatorKeys: ['g', 'h'] })
      const answer = ask(
        client,
        findCoordinator,
        version < 4 ? { ...request, coordinatorKeys: [] } : { ...request, key: '' },
        version,
      )
      const first = version < 4 ? answer : answer.coordinators[0]
      assert.is(first?.errorCode, isKnown ? ErrorCode.NONE : ErrorCode.INVALID_REQUEST)
      assert.equal([first?.nodeId, first?.host, first?.port], isKnown ? [7, 'here', 1] : [-1, '', -1])
      assert.equal(
        answer.coordinators.map(({ key }) => key),
        version < 4 ? [] : ['g', 'h'],
      )
    }
  }
})

test('ApiVersions refuses malformed names of client software', () => {
  const client = new Collapsed().connect()
  for (const [clientSoftwareName, clientSoftwareVersion, errorCode] of [
    ['kafkajs', '2.2.4', ErrorCode.NONE],
    ['', '1', ErrorCode.INVALID_REQUEST],
    ['a b', '1', ErrorCode.INVALID_REQUEST],
    ['a', '1-', ErrorCode.INVALID_REQUEST],
  ] as const) {
    const request = makeApiVersionsRequest({ clientSoftwareName, clientSoftwareVersion })
    assert.is(ask(client, apiVersions, request, 3).errorCode, errorCode)
  }
})

test('OffsetForLeaderEpoch knows one epoch', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('a')
  broker.table.setHighWatermark(topic.partitions[0]?.slot ?? -1, 5)
  const client = broker.connect()
  for (let version = 2; version <= 4; version++) {
    const partitions = [
      { partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 },
      { partition: 0, currentLeaderEpoch: 0, leaderEpoch: 1 },
      { partition: 0, currentLeaderEpoch: 1, leaderEpoch: 0 },
      { partition: 3, currentLeaderEpoch: 0, leaderEpoch: 0 },
    ]
    const request = makeOffsetForLeaderEpochRequest({ topics: [{ topic: 'a', partitions }] })
    const answer = ask(client, epochs, request, version).topics[0]?.partitions
    assert.equal(
      answer?.map(({ errorCode, leaderEpoch, endOffset }) => [errorCode, leaderEpoch, endOffset]),
      [
        [ErrorCode.NONE, 0, 5],
        [ErrorCode.NONE, -1, -1],
        [ErrorCode.UNKNOWN_LEADER_EPOCH, -1, -1],
        [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1, -1],
      ],
    )
  }
})

test('DescribeCluster tells of one broker, and has no controller endpoints', () => {
  const client = new Collapsed().connect()
  for (let version = 0; version <= 2; version++) {
    const request = makeDescribeClusterRequest({ includeClusterAuthorizedOperations: true })
    const answer = ask(client, cluster, request, version)
    assert.is(answer.clusterId, 'cluster')
    assert.is(answer.controllerId, 7)
    assert.is(answer.clusterAuthorizedOperations, 8_096)
    assert.equal(
      answer.brokers.map(({ brokerId, host, port }) => [brokerId, host, port]),
      [[7, '127.0.0.1', 9000]],
    )
    if (version === 0) continue
    for (const [endpointType, errorCode] of [
      [2, ErrorCode.MISMATCHED_ENDPOINT_TYPE],
      [9, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE],
    ] as const) {
      const refused = ask(client, cluster, makeDescribeClusterRequest({ endpointType }), version)
      assert.is(refused.errorCode, errorCode)
      assert.equal(refused.brokers, [])
    }
  }
})

test('DescribeTopicPartitions goes through all partitions page by page', async () => {
  const broker = new Collapsed()
  await broker.createTopic('b', 3)
  await broker.createTopic('a', 2)
  await broker.createTopic('c', 1)
  const client = broker.connect()
  for (const limit of [0, 1, 2, 3, 5, 6, 2_000]) {
    const seen: string[] = []
    let cursor: { topicName: string; partitionIndex: number } | null = null
    for (let pages = 0; pages < 10; pages++) {
      const request = makeDescribeTopicPartitionsRequest({ topics: [], responsePartitionLimit: limit, cursor })
      const page = ask(client, topicPages, request, 0)
      const found = page.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex }) => `${name}${partitionIndex}`),
      )
      assert.ok(found.length <= Math.max(1, limit))
      seen.push(...found)
      cursor = page.nextCursor
      if (cursor === null) break
    }
    assert.equal(seen, ['a0', 'a1', 'b0', 'b1', 'b2', 'c0'], `limit ${limit}`)
  }
  const named = makeDescribeTopicPartitionsRequest({ topics: [{ name: 'zzz' }, { name: '?' }, { name: 'c' }] })
  assert.equal(
    ask(client, topicPages, named, 0).topics.map(({ name, errorCode }) => [name, errorCode]),
    [
      ['?', ErrorCode.INVALID_TOPIC_EXCEPTION],
      ['c', ErrorCode.NONE],
      ['zzz', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ],
  )
})

test.run()
