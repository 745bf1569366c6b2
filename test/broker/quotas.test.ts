/** Quotas of clients in whole brokers: what AlterClientQuotas sets counts at once, on every front, in main, and after a restart. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fetchCall, listGroupsCall, metadataCall, produceCall } from '../../src/client/calls.ts'
import type { BrokerConnection } from '../../src/client/connection.ts'
import {
  alterClientQuotasApi,
  decodeAlterClientQuotasResponse,
  encodeAlterClientQuotasRequest,
} from '../../src/wire/generated/alter-client-quotas.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeFetchRequest, makeFetchRequestFetchPartition } from '../../src/wire/generated/fetch.ts'
import {
  decodeIncrementalAlterConfigsResponse,
  encodeIncrementalAlterConfigsRequest,
  incrementalAlterConfigsApi,
} from '../../src/wire/generated/incremental-alter-configs.ts'
import { makeListGroupsRequest } from '../../src/wire/generated/list-groups.ts'
import { makeMetadataRequest, makeMetadataRequestMetadataRequestTopic } from '../../src/wire/generated/metadata.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import { batchOf, openConnection } from './raw-requests.ts'
import { shapes, startTestBroker } from './test-broker.ts'

const alterCall = {
  ...alterClientQuotasApi,
  encode: encodeAlterClientQuotasRequest,
  decode: decodeAlterClientQuotasResponse,
}
const incrementalCall = {
  ...incrementalAlterConfigsApi,
  encode: encodeIncrementalAlterConfigsRequest,
  decode: decodeIncrementalAlterConfigsResponse,
}
/** The client id of raw requests. */
const clientId = 'test'

/** Sets or, with null, takes away one limit of the test's own client. */
async function limit(connection: BrokerConnection, key: string, value: number | null): Promise<void> {
  const ops = [{ key, value: value ?? 0, remove: value === null }]
  const entries = [{ entity: [{ entityType: 'client-id', entityName: clientId }], ops }]
  const { entries: answers } = await connection.send(alterCall, { entries, validateOnly: false })
  assert.is(answers[0]?.errorCode, ErrorCode.NONE)
}

/** Produces some bytes; answers for how long the client has to wait then. */
async function throttleOfProduce(connection: BrokerConnection, bytes: number): Promise<number> {
  const records = batchOf([Buffer.alloc(bytes)])
  const topicData = [{ name: 'limited', topicId: Buffer.alloc(16), partitionData: [{ index: 0, records }] }]
  const request = makeProduceRequest({ acks: -1, timeoutMs: 10_000, topicData })
  return (await connection.send(produceCall, request, { version: 11 })).throttleTimeMs
}

async function throttleOfFetch(connection: BrokerConnection): Promise<number> {
  const partition = { partition: 0, fetchOffset: 0, currentLeaderEpoch: -1, partitionMaxBytes: 1_000_000 }
  const partitions = [makeFetchRequestFetchPartition(partition)]
  const topics = [{ topic: 'limited', topicId: Buffer.alloc(16), partitions }]
  const request = makeFetchRequest({ maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, sessionEpoch: -1, topics })
  return (await connection.send(fetchCall, request, { version: 12 })).throttleTimeMs
}

for (const shape of shapes) {
  const { owners, fronts } = shape
  test(`bytes are limited on every connection alike, and after a restart: ${shape.name}`, async () => {
    const started = await startTestBroker({ owners, fronts, partitions: 1 })
    const connections = await Promise.all([1, 2, 3, 4].map(() => openConnection(started.address)))
    const [first] = connections
    if (first === undefined) throw new Error('there is a connection')
    await first.send(
      metadataCall,
      makeMetadataRequest({ topics: [makeMetadataRequestMetadataRequestTopic({ name: 'limited' })] }),
    )
    assert.is(await throttleOfProduce(first, 20_000), 0)
    await limit(first, 'producer_byte_rate', 1_000)
    await limit(first, 'consumer_byte_rate', 1_000)
    // 10 s at 1,000 bytes a second are allowed; the fourth of 4,000 is beyond, whichever front it comes to.
    const waits: number[] = []
    for (const connection of connections) waits.push(await throttleOfProduce(connection, 4_000))
    assert.equal(
      waits.map((wait) => wait > 0),
      [false, false, true, true],
    )
    for (const connection of connections) connection.close()
    const again = await started.restart()
    try {
      // The first batch alone is more than ten seconds' worth.
      const connection = await openConnection(again.address)
      assert.ok((await throttleOfFetch(connection)) > 0)
      connection.close()
    } finally {
      await again.close()
    }
  })
}

test('the time of requests is limited where main answers them and where a front does', async () => {
  const { address, close } = await startTestBroker({ owners: 1, fronts: 1, storage: 'memory' })
  const [admin, client, other] = await Promise.all([1, 2, 3].map(() => openConnection(address)))
  if (admin === undefined || client === undefined || other === undefined) throw new Error('there are connections')
  assert.is((await client.send(listGroupsCall, makeListGroupsRequest())).throttleTimeMs, 0)
  await limit(admin, 'request_percentage', 0.000_1)
  const answer = await client.send(listGroupsCall, makeListGroupsRequest())
  assert.ok(answer.throttleTimeMs > 0 && answer.throttleTimeMs <= 1_000)
  assert.ok((await throttleOfProduce(other, 10)) > 0)
  for (const connection of [admin, client, other]) connection.close()
  await close()
})

test('limits of connections follow the dynamic configs of all brokers, and the most exact one counts', async () => {
  const { address, close } = await startTestBroker({ owners: 1, fronts: 1, storage: 'memory' })
  try {
    const admin = await openConnection(address)
    const change = async (resourceName: string, name: string, value: string): Promise<void> => {
      const configs = [{ name, configOperation: 0, value }]
      const resources = [{ resourceType: 4, resourceName, configs }]
      const { responses } = await admin.send(incrementalCall, { resources, validateOnly: false })
      assert.is(responses[0]?.errorCode, ErrorCode.NONE)
    }
    const isServed = async (): Promise<boolean> => {
      const connection = await openConnection(address).catch(() => undefined)
      connection?.close()
      return connection !== undefined
    }
    assert.ok(await isServed())
    await change('', 'max.connections.per.ip', '1')
    assert.not.ok(await isServed())
    await change('', 'max.connections.per.ip.overrides', '127.0.0.1:5')
    assert.ok(await isServed())
    await change('1', 'max.connections', '1')
    assert.not.ok(await isServed())
    admin.close()
  } finally {
    await close()
  }
})

test.run()
