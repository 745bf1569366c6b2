/** Describing and altering configs through the coordinator, and what that does to the topics' settings. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describedConfigsMax } from '../../src/coordinator/topics/describe-configs.ts'
import { alterConfigsApi } from '../../src/wire/generated/alter-configs.ts'
import { type CreateTopicsResponse, createTopicsApi } from '../../src/wire/generated/create-topics.ts'
import { type DeleteRecordsResponse, deleteRecordsApi } from '../../src/wire/generated/delete-records.ts'
import { deleteTopicsApi } from '../../src/wire/generated/delete-topics.ts'
import { type DescribeConfigsResponse, describeConfigsApi } from '../../src/wire/generated/describe-configs.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  type IncrementalAlterConfigsResponse,
  incrementalAlterConfigsApi,
} from '../../src/wire/generated/incremental-alter-configs.ts'
import { makeCoordinator } from './topics-fakes.ts'

type Made = ReturnType<typeof makeCoordinator>

const create = (made: Made, name: string, configs: { name: string; value: string | null }[] = []) =>
  made.ask<CreateTopicsResponse>(createTopicsApi, {
    topics: [{ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs }],
    timeoutMs: 1_000,
    validateOnly: false,
  })
const describe = async (made: Made, resourceType: number, resourceName: string, keys: string[] | null = null) => {
  const response = await made.ask<DescribeConfigsResponse>(describeConfigsApi, {
    resources: [{ resourceType, resourceName, configurationKeys: keys }],
    includeSynonyms: true,
    includeDocumentation: false,
  })
  return response.results[0]?.configs ?? []
}
const alter = async (
  made: Made,
  resourceType: number,
  resourceName: string,
  changes: [string, number, string | null][],
) => {
  const configs = changes.map(([name, configOperation, value]) => ({ name, configOperation, value }))
  const response = await made.ask<IncrementalAlterConfigsResponse>(incrementalAlterConfigsApi, {
    resources: [{ resourceType, resourceName, configs }],
    validateOnly: false,
  })
  return response.responses[0]?.errorCode
}

test('DescribeConfigs lists every config of a topic, and where each value comes from', async () => {
  const made = makeCoordinator({ staticConfigs: { 'log.segment.bytes': '2097152', 'log.retention.hours': '24' } })
  await create(made, 'orders', [{ name: 'retention.bytes', value: '77' }])
  const configs = new Map((await describe(made, 2, 'orders')).map((config) => [config.name, config]))
  assert.is(configs.size, 35, "Kafka's 33 and Safka's two")
  assert.equal(
    ['retention.bytes', 'segment.bytes', 'retention.ms', 'flush.ms'].map((name) => {
      const config = configs.get(name)
      return [config?.value, config?.configSource]
    }),
    [
      ['77', 1],
      ['2097152', 4],
      // Kafka tells of a source only where the first of several names is set.
      ['86400000', 5],
      ['9223372036854775807', 5],
    ],
  )
  assert.equal(
    configs.get('segment.bytes')?.synonyms.map(({ name, value, source }) => [name, value, source]),
    [
      ['log.segment.bytes', '2097152', 4],
      ['log.segment.bytes', '1073741824', 5],
    ],
  )
})

test('CreateTopics answers with all configs of the new topic', async () => {
  const response = await create(makeCoordinator(), 'orders', [{ name: 'retention.ms', value: '9' }])
  const configs = response.topics[0]?.configs ?? []
  assert.is(configs.length, 35)
  assert.equal(
    configs.filter((config) => config.configSource === 1).map(({ name, value }) => [name, value]),
    [['retention.ms', '9']],
  )
})

test('only asked keys are listed, and ring facts only to who asks for them', async () => {
  const made = makeCoordinator()
  await create(made, 'orders')
  const names = async (keys: string[] | null) => (await describe(made, 2, 'orders', keys)).map(({ name }) => name)
  assert.equal(await names(['retention.ms', 'nope']), ['retention.ms'])
  assert.equal(
    (await names(null)).filter((name) => name.startsWith('safka.partition')),
    [],
  )
  assert.equal(await names(['safka.ring.facts']), ['safka.partition.0.ring', 'safka.partition.1.ring'])
  const [facts] = await describe(made, 2, 'orders', ['safka.ring.facts'])
  assert.equal(JSON.parse(facts?.value ?? ''), {
    sizeBytes: 10,
    segments: 0,
    ringBytes: 65_536,
    ringHead: 1,
    ringTail: 2,
    ringWraps: 3,
  })
  assert.is(facts?.readOnly, true)
})

test('secrets are never told', async () => {
  const made = makeCoordinator({ staticConfigs: { 'ssl.keystore.password': 'hush' } })
  const [password] = await describe(made, 4, '1', ['ssl.keystore.password'])
  assert.is(password?.value, null)
  assert.is(password?.isSensitive, true)
  assert.equal(
    password?.synonyms.map(({ value }) => value),
    [null],
  )
})

test('an altered topic is configured anew in all threads, once', async () => {
  const made = makeCoordinator()
  await create(made, 'orders')
  assert.is(await alter(made, 2, 'orders', [['retention.ms', 0, '1234']]), ErrorCode.NONE)
  assert.is(made.effects.topics.get('orders')?.settings.retentionMs, 1234)
  assert.is(await alter(made, 2, 'orders', [['retention.ms', 0, '1234']]), ErrorCode.NONE)
  assert.is(await alter(made, 2, 'orders', [['retention.ms', 1, null]]), ErrorCode.NONE)
  assert.is(made.effects.topics.get('orders')?.settings.retentionMs, 604_800_000)
  assert.equal(made.effects.log, ['created orders 2', 'configured orders', 'configured orders'])
})

test('a dynamic broker config reaches every topic that does not say otherwise', async () => {
  const made = makeCoordinator()
  await create(made, 'follows')
  await create(made, 'own', [{ name: 'segment.bytes', value: '2000000' }])
  assert.is(await alter(made, 4, '', [['log.segment.bytes', 0, '3000000']]), ErrorCode.NONE)
  assert.is(made.effects.topics.get('follows')?.settings.segmentBytes, 3_000_000)
  assert.is(made.effects.topics.get('own')?.settings.segmentBytes, 2_000_000)
  const [described] = await describe(made, 2, 'follows', ['segment.bytes'])
  assert.is(described?.configSource, 3)
  assert.equal(
    (await describe(made, 4, '')).map(({ name }) => name),
    ['log.segment.bytes'],
  )
  assert.is(await alter(made, 4, '1', [['log.segment.bytes', 0, '4000000']]), ErrorCode.NONE)
  assert.is(made.effects.topics.get('follows')?.settings.segmentBytes, 4_000_000)
  assert.is(made.coordinator.brokerConfig('log.segment.bytes'), '4000000')
})

test('AlterConfigs takes away what it does not name', async () => {
  const made = makeCoordinator()
  await create(made, 'orders', [
    { name: 'retention.ms', value: '5' },
    { name: 'retention.bytes', value: '6' },
  ])
  await made.ask(alterConfigsApi, {
    resources: [{ resourceType: 2, resourceName: 'orders', configs: [{ name: 'retention.bytes', value: '7' }] }],
    validateOnly: false,
  })
  const configs = await describe(made, 2, 'orders', ['retention.ms', 'retention.bytes'])
  assert.equal(
    configs.map(({ name, value, configSource }) => [name, value, configSource]),
    [
      ['retention.bytes', '7', 1],
      ['retention.ms', '604800000', 5],
    ],
  )
})

test('where a topic lives cannot be changed', async () => {
  const made = makeCoordinator()
  await create(made, 'orders')
  assert.is(await alter(made, 2, 'orders', [['safka.storage', 0, 'ring']]), ErrorCode.INVALID_CONFIG)
})

test("a group's configs are its own, the broker's, or the default", async () => {
  const made = makeCoordinator({ staticConfigs: { 'group.consumer.session.timeout.ms': '46000' } })
  assert.is(made.coordinator.numberOf('g', 'consumer.session.timeout.ms'), 46_000)
  assert.is(await alter(made, 32, 'g', [['consumer.session.timeout.ms', 0, '50000']]), ErrorCode.NONE)
  assert.is(made.coordinator.numberOf('g', 'consumer.session.timeout.ms'), 50_000)
  assert.is(made.coordinator.numberOf('other', 'consumer.session.timeout.ms'), 46_000)
  assert.equal(
    (await describe(made, 32, 'g', ['consumer.session.timeout.ms'])).map((c) => c.configSource),
    [8],
  )
})

test("a group's session must be within the broker's bounds, and longer than the time between heartbeats", async () => {
  const staticConfigs = {
    'group.consumer.min.session.timeout.ms': '1000',
    'group.consumer.max.session.timeout.ms': '50000',
  }
  const made = makeCoordinator({ staticConfigs })
  const session = 'consumer.session.timeout.ms'
  assert.is(await alter(made, 32, 'g', [[session, 0, '999']]), ErrorCode.INVALID_CONFIG)
  assert.is(await alter(made, 32, 'g', [[session, 0, '50001']]), ErrorCode.INVALID_CONFIG)
  assert.is(await alter(made, 32, 'g', [[session, 0, '5000']]), ErrorCode.INVALID_CONFIG)
  assert.is(await alter(made, 32, 'g', [[session, 0, '5001']]), ErrorCode.NONE)
  assert.is(await alter(made, 32, 'g', [['consumer.heartbeat.interval.ms', 0, '6000']]), ErrorCode.INVALID_CONFIG)
  assert.is(made.coordinator.numberOf('g', session), 5_001)
})

test('topic deletion can be disabled, and old clients get an error that they know', async () => {
  const made = makeCoordinator({ staticConfigs: { 'delete.topic.enable': 'false' } })
  await create(made, 'orders')
  const request = { topics: [{ name: 'orders', topicId: Buffer.alloc(16) }], topicNames: [], timeoutMs: 1 }
  const codeAt = async (version: number) =>
    (await made.ask<{ responses: { errorCode: number }[] }>(deleteTopicsApi, request, version)).responses[0]?.errorCode
  assert.is(await codeAt(6), ErrorCode.TOPIC_DELETION_DISABLED)
  assert.is(await codeAt(2), ErrorCode.INVALID_REQUEST)
})

test('DeleteRecords asks the owners, but not for what must not be deleted', async () => {
  const made = makeCoordinator()
  await create(made, 'orders')
  await create(made, 'compacted', [{ name: 'cleanup.policy', value: 'compact' }])
  const response = await made.ask<DeleteRecordsResponse>(deleteRecordsApi, {
    topics: ['orders', 'compacted', 'nope'].map((name) => ({ name, partitions: [{ partitionIndex: 1, offset: 5 }] })),
    timeoutMs: 1_000,
  })
  assert.equal(
    response.topics.map(({ partitions: [partition] }) => [partition?.errorCode, partition?.lowWatermark]),
    [
      [ErrorCode.NONE, 5],
      [ErrorCode.POLICY_VIOLATION, -1],
      [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1],
    ],
  )
  assert.equal(made.effects.log.at(-1), 'deleteRecords orders 1 5')
})

test('many configs of a broker, which may have any name, are set and replaced without looking at each for each', async () => {
  const made = makeCoordinator()
  const names = (prefix: string) =>
    Array.from({ length: 8_000 }, (_, index) => ({ name: `${prefix}${index}`, value: '' }))
  const start = performance.now()
  for (const prefix of ['a', 'b']) {
    const resources = [{ resourceType: 4, resourceName: '', configs: names(prefix) }]
    const request = { resources, validateOnly: false }
    const { responses } = await made.ask<IncrementalAlterConfigsResponse>(alterConfigsApi, request)
    assert.is(responses[0]?.errorCode, ErrorCode.NONE)
  }
  assert.ok(performance.now() - start < 2_500, `${performance.now() - start} ms`)
})

test('a broker that is asked for its configs again and again in one request gives them only so often', async () => {
  const made = makeCoordinator()
  const resources = new Array(30_000).fill({ resourceType: 4, resourceName: '1', configurationKeys: null })
  const request = { resources, includeSynonyms: false, includeDocumentation: false }
  const { results } = await made.ask<DescribeConfigsResponse>(describeConfigsApi, request)
  assert.is(results.length, resources.length)
  assert.is(results[0]?.errorCode, ErrorCode.NONE)
  assert.is(results.at(-1)?.errorCode, ErrorCode.INVALID_REQUEST)
  const count = results.reduce((sum, { configs }) => sum + configs.length, 0)
  assert.ok(count > describedConfigsMax - 1_000 && count <= describedConfigsMax, `${count} configs`)
})

test('a partition that DeleteRecords names again and again is asked once, for what is said last', async () => {
  const made = makeCoordinator()
  await create(made, 'orders')
  const partitions = Array.from({ length: 5_000 }, (_, offset) => ({ partitionIndex: 1, offset }))
  const topics = [
    { name: 'orders', partitions },
    { name: 'orders', partitions: [{ partitionIndex: 1, offset: 3 }] },
  ]
  const response = await made.ask<DeleteRecordsResponse>(deleteRecordsApi, { topics, timeoutMs: 1_000 })
  assert.equal(made.effects.log, ['created orders 2', 'deleteRecords orders 1 3'])
  assert.equal(response.topics, [
    { name: 'orders', partitions: [{ partitionIndex: 1, lowWatermark: 3, errorCode: ErrorCode.NONE }] },
  ])
})

test.run()
