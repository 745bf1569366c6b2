/** Auto-creation and internal topics. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topicIdBytes } from '../../src/base/ids.ts'
import {
  type CreatePartitionsResponse,
  createPartitionsApi,
  makeCreatePartitionsRequest,
  makeCreatePartitionsRequestCreatePartitionsTopic,
} from '../../src/wire/generated/create-partitions.ts'
import {
  type DeleteTopicsResponse,
  deleteTopicsApi,
  makeDeleteTopicsRequest,
  makeDeleteTopicsRequestDeleteTopicState,
} from '../../src/wire/generated/delete-topics.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeCoordinator } from './topics-fakes.ts'

test('ensureTopics makes what is missing, with the default number of partitions, and answers in order', async () => {
  const { coordinator, effects } = makeCoordinator({ staticConfigs: { 'num.partitions': '3' } })
  assert.equal(await coordinator.ensureTopics(['a', 'b', 'a']), [0, 0, 0])
  assert.equal(await coordinator.ensureTopics(['b', 'no/name', 'c']), [0, ErrorCode.INVALID_TOPIC_EXCEPTION, 0])
  assert.equal(effects.log, ['created a 3', 'created b 3', 'created c 3'])
})

test('of two that want the same topic at once, neither is answered before it is there', async () => {
  const { coordinator, effects } = makeCoordinator()
  effects.hold()
  let answers = 0
  const both = [coordinator.ensureTopics(['a']), coordinator.ensureTopics(['a'])]
  for (const one of both) void one.then(() => answers++)
  await new Promise((resolve) => setImmediate(resolve))
  assert.is(answers, 0)
  effects.release()
  assert.equal(await Promise.all(both), [[0], [0]])
  assert.equal(effects.log, ['created a 1'])
})

test('the own topics have 50 partitions each, are compacted, and are never rings', async () => {
  const { coordinator } = makeCoordinator({ staticConfigs: { 'safka.storage': 'ring' } })
  assert.is(await coordinator.ensureInternalTopics(), ErrorCode.NONE)
  const topics = coordinator.topics()
  assert.equal(topics.map(({ name }) => name).sort(), ['__consumer_offsets', '__transaction_state'])
  for (const topic of topics) {
    assert.is(topic.isInternal, true)
    assert.is(topic.partitionCount, 50)
    assert.is(topic.settings.isCompacted, true)
    assert.is(topic.settings.isDeleted, false)
    assert.is(topic.settings.storage, 'memory')
    assert.is(topic.settings.segmentBytes, 104_857_600)
  }
})

test('the own topics can be neither deleted nor grown: the coordinator writes to them, and knows what lies where', async () => {
  const { ask, coordinator, effects } = makeCoordinator()
  await coordinator.ensureInternalTopics()
  const made = effects.log.length
  for (const name of ['__consumer_offsets', '__transaction_state']) {
    const byName = makeDeleteTopicsRequest({ topics: [makeDeleteTopicsRequestDeleteTopicState({ name })] })
    const topicId = topicIdBytes(coordinator.idOf(name) ?? '')
    const byId = makeDeleteTopicsRequest({ topics: [makeDeleteTopicsRequestDeleteTopicState({ name: null, topicId })] })
    for (const request of [byName, byId]) {
      const { responses } = await ask<DeleteTopicsResponse>(deleteTopicsApi, request)
      assert.is(responses[0]?.errorCode, ErrorCode.INVALID_TOPIC_EXCEPTION)
    }
    const grown = makeCreatePartitionsRequest({
      topics: [makeCreatePartitionsRequestCreatePartitionsTopic({ name, count: 60, assignments: null })],
    })
    const { results } = await ask<CreatePartitionsResponse>(createPartitionsApi, grown)
    assert.is(results[0]?.errorCode, ErrorCode.INVALID_TOPIC_EXCEPTION)
  }
  assert.is(effects.log.length, made)
})

test('no more partitions are made than the broker has room for', async () => {
  const { coordinator } = makeCoordinator({ partitionsMax: 2 })
  assert.equal(await coordinator.ensureTopics(['a', 'b', 'c']), [0, 0, ErrorCode.POLICY_VIOLATION])
})

test('while nothing can be made, clients are told to ask again for a leader', async () => {
  const { coordinator, journal } = makeCoordinator()
  journal.isFullNow = true
  assert.equal(await coordinator.ensureTopics(['a']), [ErrorCode.LEADER_NOT_AVAILABLE])
})

test('a topic is found by name and by id', async () => {
  const { coordinator } = makeCoordinator()
  await coordinator.ensureTopics(['a'])
  const id = coordinator.idOf('a') ?? ''
  assert.is(coordinator.nameOf(id), 'a')
  assert.is(coordinator.nameOf('0'.repeat(32)), undefined)
  assert.is(coordinator.partitionCount('b'), undefined)
})

test.run()
