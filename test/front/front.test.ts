/** The front end to end over a real owner: produce, fetch, order, waiting, refusals. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { offeredApis } from '../../src/api/index.ts'
import { topicIdBytes } from '../../src/base/ids.ts'
import {
  decodeApiVersionsResponse,
  encodeApiVersionsRequest,
  makeApiVersionsRequest,
} from '../../src/wire/generated/api-versions.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { decodeFetchResponse, encodeFetchRequest } from '../../src/wire/generated/fetch.ts'
import {
  decodeMetadataResponse,
  encodeMetadataRequest,
  makeMetadataRequest,
} from '../../src/wire/generated/metadata.ts'
import { decodeProduceResponse, encodeProduceRequest } from '../../src/wire/generated/produce.ts'
import { readRecords } from '../../src/wire/record-batch.ts'
import { Collapsed } from './collapsed.ts'
import { requestFrame } from './fake-duplex.ts'
import { batchOf, fetchOf, produceOf } from './requests.ts'

const apiVersionsCodec = { key: 18, encode: encodeApiVersionsRequest, decode: decodeApiVersionsResponse }
const metadataCodec = { key: 3, encode: encodeMetadataRequest, decode: decodeMetadataResponse }
const produceCodec = { key: 0, encode: encodeProduceRequest, decode: decodeProduceResponse }
const fetchCodec = { key: 1, encode: encodeFetchRequest, decode: decodeFetchResponse }

test('ApiVersions is answered in every version, and an unknown one with version 0 and the range', async () => {
  const broker = new Collapsed()
  const client = broker.connect()
  for (let version = 0; version <= 4; version++) {
    const request = makeApiVersionsRequest({ clientSoftwareName: 'x', clientSoftwareVersion: '1' })
    client.send(requestFrame(apiVersionsCodec, request, { version, correlationId: version }))
    const { correlationId, response } = client.take(apiVersionsCodec, version)
    assert.is(correlationId, version)
    assert.is(response.errorCode, ErrorCode.NONE)
    assert.is(response.apiKeys.find(({ apiKey }) => apiKey === 0)?.minVersion, 0)
    assert.is(response.apiKeys.length, offeredApis.length)
  }
  const strange = requestFrame(apiVersionsCodec, makeApiVersionsRequest(), { version: 4, correlationId: 9 })
  strange.writeInt16BE(99, 6)
  client.send(strange)
  const { correlationId, response } = client.take(apiVersionsCodec, 0)
  assert.is(correlationId, 9)
  assert.is(response.errorCode, ErrorCode.UNSUPPORTED_VERSION)
  assert.equal(response.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
})

test('what is produced is fetched back, at every version, with the offsets that the owner gave', async () => {
  const broker = new Collapsed()
  const topic = await broker.createTopic('words', 2)
  const client = broker.connect()
  let offset = 0
  for (let version = 3; version <= 13; version++) {
    client.send(requestFrame(produceCodec, produceOf(topic, 1, batchOf(['a', `b${version}`])), { version }))
    await broker.settle()
    const partition = client.take(produceCodec, version).response.responses[0]?.partitionResponses[0]
    assert.is(partition?.errorCode, ErrorCode.NONE)
    assert.is(partition?.baseOffset, offset)
    offset += 2
  }
  for (let version = 4; version <= 18; version++) {
    client.send(requestFrame(fetchCodec, fetchOf(topic, 1, { offset: 3 }), { version }))
    await broker.settle()
    const { response } = client.take(fetchCodec, version)
    const partition = response.responses[0]?.partitions[0]
    assert.is(partition?.errorCode, ErrorCode.NONE)
    assert.is(partition?.highWatermark, offset)
    assert.is(version >= 13 ? response.responses[0]?.topicId.equals(topicIdBytes(topic.id)) : true, true)
    const records = partition?.records ? readRecords(partition.records, 0) : []
    // Offset 3 is the second record of its batch, which comes whole.
    assert.equal(
      records.map((record) => [record.offset, record.value?.toString()]),
      [
        [2, 'a'],
        [3, 'b4'],
      ],
    )
  }
})

test('Metadata creates a missing topic, which can be written at once', async () => {
  const broker = new Collapsed()
  const client = broker.connect()
  const request = makeMetadataRequest({ topics: [{ topicId: Buffer.alloc(16), name: 'fresh' }] })
  client.send(requestFrame(metadataCodec, request, { version: 9 }))
  await broker.settle()
  const { response } = client.take(metadataCodec, 9)
  assert.is(response.topics[0]?.errorCode, ErrorCode.NONE)
  assert.is(response.topics[0]?.partitions[0]?.leaderId, 7)
  assert.equal(response.brokers, [{ nodeId: 7, host: '127.0.0.1', port: 9000, rack: null }])
  assert.is(response.clusterId, 'cluster')
})

test.run()
