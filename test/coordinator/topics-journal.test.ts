/** The coordinator's promises about its journal: what is answered is durable and real, and a failed append never happened. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JournalRecord } from '../../src/coordinator/ports.ts'
import { reloadRetryMs } from '../../src/coordinator/topics/change-log.ts'
import { decodeMetadataRecord, encodeMetadataRecord } from '../../src/coordinator/topics/records.ts'
import {
  createPartitionsApi,
  makeCreatePartitionsRequest,
  makeCreatePartitionsRequestCreatePartitionsTopic,
} from '../../src/wire/generated/create-partitions.ts'
import {
  type CreateTopicsResponse,
  createTopicsApi,
  makeCreateTopicsRequest,
  makeCreateTopicsRequestCreatableTopic,
  makeCreateTopicsRequestCreatableTopicConfig,
} from '../../src/wire/generated/create-topics.ts'
import {
  type DeleteTopicsResponse,
  deleteTopicsApi,
  makeDeleteTopicsRequest,
  makeDeleteTopicsRequestDeleteTopicState,
} from '../../src/wire/generated/delete-topics.ts'
import { type DescribeConfigsResponse, describeConfigsApi } from '../../src/wire/generated/describe-configs.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeCoordinator } from './topics-fakes.ts'

const createRequest = (name: string, numPartitions = 2, configs: Record<string, string> = {}) =>
  makeCreateTopicsRequest({
    topics: [
      makeCreateTopicsRequestCreatableTopic({
        name,
        numPartitions,
        replicationFactor: 1,
        configs: Object.entries(configs).map(([configName, value]) =>
          makeCreateTopicsRequestCreatableTopicConfig({ name: configName, value }),
        ),
      }),
    ],
  })
const deleteRequest = (name: string) =>
  makeDeleteTopicsRequest({ topics: [makeDeleteTopicsRequestDeleteTopicState({ name })] })
const describeRequest = (name: string) => ({
  resources: [{ resourceType: 2, resourceName: name, configurationKeys: ['retention.ms'] }],
  includeSynonyms: false,
  includeDocumentation: false,
})
/** Lets every promise that can go on do so. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('CreateTopics is answered only once the append is readable and all threads know the topic', async () => {
  const { ask, journal, effects } = makeCoordinator()
  journal.isStalled = true
  effects.hold()
  let isAnswered = false
  const answer = ask<CreateTopicsResponse>(createTopicsApi, createRequest('orders')).then((response) => {
    isAnswered = true
    return response
  })
  await settle()
  assert.is(isAnswered, false)
  assert.equal(effects.log, [], 'no thread hears of a topic that is not in the log')
  journal.settleAll(ErrorCode.NONE)
  await settle()
  assert.is(isAnswered, false)
  effects.release()
  assert.is((await answer).topics[0]?.errorCode, ErrorCode.NONE)
  assert.equal(effects.log, ['created orders 2'])
})

test('a second request is decided on the state after the first, before the first is durable', async () => {
  const { ask, journal } = makeCoordinator()
  journal.isStalled = true
  const first = ask<CreateTopicsResponse>(createTopicsApi, createRequest('orders'))
  const second = ask<CreateTopicsResponse>(createTopicsApi, createRequest('orders'))
  assert.is(journal.waitingCount, 1)
  journal.settleAll(ErrorCode.NONE)
  assert.is((await first).topics[0]?.errorCode, ErrorCode.NONE)
  assert.is((await second).topics[0]?.errorCode, ErrorCode.TOPIC_ALREADY_EXISTS)
})

test('a read waits for the append that it depends on', async () => {
  const { ask, journal } = makeCoordinator()
  journal.isStalled = true
  const created = ask<CreateTopicsResponse>(createTopicsApi, createRequest('orders', 1, { 'retention.ms': '5' }))
  let isAnswered = false
  const described = ask<DescribeConfigsResponse>(describeConfigsApi, describeRequest('orders')).then((response) => {
    isAnswered = true
    return response
  })
  await settle()
  assert.is(isAnswered, false)
  journal.settleAll(ErrorCode.NONE)
  await created
  assert.is((await described).results[0]?.configs[0]?.value, '5')
})

test('after a failed append nothing of it remains, and clients are told to try again', async () => {
  const { ask, journal, effects, coordinator } = makeCoordinator()
  await ask(createTopicsApi, createRequest('kept'))
  journal.isStalled = true
  const created = ask<CreateTopicsResponse>(createTopicsApi, createRequest('lost'))
  const deleted = ask<DeleteTopicsResponse>(deleteTopicsApi, deleteRequest('kept'))
  const read = ask<DescribeConfigsResponse>(describeConfigsApi, describeRequest('lost'))
  journal.settleAll(ErrorCode.KAFKA_STORAGE_ERROR)
  assert.is((await created).topics[0]?.errorCode, ErrorCode.NOT_CONTROLLER)
  assert.is((await deleted).responses[0]?.errorCode, ErrorCode.NOT_CONTROLLER)
  assert.is((await read).results[0]?.errorCode, ErrorCode.NOT_CONTROLLER)
  await settle()
  journal.isStalled = false
  assert.is(coordinator.idOf('lost'), undefined)
  assert.is(coordinator.partitionCount('kept'), 2)
  assert.equal(effects.log, ['created kept 2'])
  const again = await ask<CreateTopicsResponse>(createTopicsApi, createRequest('lost'))
  assert.is(again.topics[0]?.errorCode, ErrorCode.NONE)
})

test('an append that failed but was written takes effect with the reload', async () => {
  const { ask, journal, effects, coordinator } = makeCoordinator()
  journal.isStalled = true
  const created = ask<CreateTopicsResponse>(createTopicsApi, createRequest('orders'))
  journal.settleAll(ErrorCode.KAFKA_STORAGE_ERROR, true)
  assert.is((await created).topics[0]?.errorCode, ErrorCode.NOT_CONTROLLER)
  await settle()
  assert.is(coordinator.partitionCount('orders'), 2)
  assert.equal(effects.log, ['created orders 2'])
})

test('a log that cannot be reloaded is tried again, and requests are refused until then', async () => {
  const { ask, journal, clock } = makeCoordinator()
  const load = journal.load.bind(journal)
  journal.load = () => Promise.reject(new Error('the disk is away'))
  journal.isStalled = true
  const first = ask<CreateTopicsResponse>(createTopicsApi, createRequest('orders'))
  journal.settleAll(ErrorCode.KAFKA_STORAGE_ERROR)
  await first
  await settle()
  const refused = await ask<CreateTopicsResponse>(createTopicsApi, createRequest('orders'))
  assert.is(refused.topics[0]?.errorCode, ErrorCode.NOT_CONTROLLER)
  journal.load = load
  journal.isStalled = false
  clock.advance(reloadRetryMs)
  await settle()
  const created = await ask<CreateTopicsResponse>(createTopicsApi, createRequest('orders'))
  assert.is(created.topics[0]?.errorCode, ErrorCode.NONE)
})

test('a full journal takes no change', async () => {
  const { ask, journal } = makeCoordinator()
  journal.isFullNow = true
  const response = await ask<CreateTopicsResponse>(createTopicsApi, createRequest('orders'))
  assert.is(response.topics[0]?.errorCode, ErrorCode.NOT_CONTROLLER)
  assert.is(journal.waitingCount, 0)
})

test('an effect that fails is answered with an error that says why', async () => {
  const { ask, effects } = makeCoordinator()
  effects.created = () => Promise.reject(new Error('owner 0 is gone'))
  const response = await ask<CreateTopicsResponse>(createTopicsApi, createRequest('orders'))
  assert.is(response.topics[0]?.errorCode, ErrorCode.UNKNOWN_SERVER_ERROR)
  assert.match(response.topics[0]?.errorMessage ?? '', 'owner 0 is gone')
})

test('replaying the journal gives the same topics, settings and ids', async () => {
  const first = makeCoordinator()
  await first.ask(createTopicsApi, createRequest('orders', 2, { 'retention.ms': '5', 'cleanup.policy': 'compact' }))
  await first.ask(createTopicsApi, createRequest('gone'))
  await first.ask(deleteTopicsApi, deleteRequest('gone'))
  await first.ask(
    createPartitionsApi,
    makeCreatePartitionsRequest({
      topics: [makeCreatePartitionsRequestCreatePartitionsTopic({ name: 'orders', count: 5, assignments: null })],
    }),
  )
  const second = makeCoordinator({ records: first.journal.records })
  assert.equal(second.coordinator.topics(), first.coordinator.topics())
  assert.is(second.coordinator.partitionCount('orders'), 5)
  assert.is(second.coordinator.topics()[0]?.settings.isCompacted, true)
  assert.equal(second.effects.log, [], 'what replay finds is opened by the broker, not by effects')
})

test('a topic keeps its storage when the broker is started with another default', async () => {
  const first = makeCoordinator({ staticConfigs: { 'safka.storage': 'memory' } })
  await first.ask(createTopicsApi, createRequest('orders'))
  const second = makeCoordinator({ records: first.journal.records })
  assert.is(second.coordinator.topics()[0]?.settings.storage, 'memory')
  await second.ask(createTopicsApi, createRequest('later'))
  assert.is(second.coordinator.topics()[1]?.settings.storage, 'local')
})

test('deleting and creating the same name gives a new id and keeps the order of effects', async () => {
  const { ask, effects, coordinator } = makeCoordinator()
  await ask(createTopicsApi, createRequest('orders'))
  const before = coordinator.idOf('orders')
  await Promise.all([
    ask(deleteTopicsApi, deleteRequest('orders')),
    ask(createTopicsApi, createRequest('orders', 3)),
    ask(deleteTopicsApi, deleteRequest('orders')),
    ask(createTopicsApi, createRequest('orders', 4)),
  ])
  assert.is.not(coordinator.idOf('orders'), before)
  const removedAndMade = ['removed orders', 'created orders 3', 'removed orders', 'created orders 4']
  assert.equal(effects.log, ['created orders 2', ...removedAndMade])
})

test('validateOnly writes nothing', async () => {
  const { ask, journal, effects } = makeCoordinator()
  const response = await ask<CreateTopicsResponse>(createTopicsApi, {
    ...createRequest('orders'),
    validateOnly: true,
  })
  assert.is(response.topics[0]?.errorCode, ErrorCode.NONE)
  assert.equal([journal.records.length, effects.log.length], [0, 0])
})

test('records are framed as KRaft frames them', () => {
  const id = '000102030405060708090a0b0c0d0e0f'
  const topic = encodeMetadataRecord({ kind: 'topic', name: 'ab', id })
  // Frame version 1, record type 2, version 0; compact name, id, no tagged fields.
  assert.is(topic.value?.toString('hex'), `010200${'036162'}${id}00`)
  assert.is(topic.key, null)
  const removal = encodeMetadataRecord({ kind: 'remove-topic', id })
  assert.is(removal.value?.toString('hex'), `010900${id}00`)
  const config = { kind: 'config', resourceType: 2, resourceName: 'ab', name: 'c', value: null } as const
  assert.equal(decodeMetadataRecord(encodeMetadataRecord(config)), config)
  const partition = { kind: 'partition', id, index: 3, nodeId: 1, leaderEpoch: 2, storage: 'ring' } as const
  assert.equal(decodeMetadataRecord(encodeMetadataRecord(partition)), partition)
})

test('a record of an unknown type says nothing, a damaged one is an error', () => {
  const record = (hex: string): JournalRecord => ({ key: null, value: Buffer.from(hex, 'hex') })
  assert.is(decodeMetadataRecord(record('017f00')), undefined)
  assert.throws(() => decodeMetadataRecord(record('020200')), /frame version 2/)
  assert.throws(() => decodeMetadataRecord(record('0102000361')))
})

test('a topic that was waiting to be made when a later append failed is made once', async () => {
  const { ask, journal, effects } = makeCoordinator()
  effects.hold()
  const first = ask<CreateTopicsResponse>(createTopicsApi, createRequest('first'))
  await settle()
  const second = ask<CreateTopicsResponse>(createTopicsApi, createRequest('second'))
  await settle()
  journal.isStalled = true
  const third = ask<CreateTopicsResponse>(createTopicsApi, createRequest('third'))
  journal.settleAll(ErrorCode.KAFKA_STORAGE_ERROR)
  assert.is((await third).topics[0]?.errorCode, ErrorCode.NOT_CONTROLLER)
  await settle()
  effects.release()
  assert.is((await first).topics[0]?.errorCode, ErrorCode.NONE)
  assert.is((await second).topics[0]?.errorCode, ErrorCode.NONE)
  await settle()
  assert.equal(effects.log, ['created first 2', 'created second 2'])
})

test.run()
