/** Quotas for changes of topics (KIP-599): a burst is allowed, then strict clients are refused and lenient ones wait. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { alterClientQuotasApi } from '../../src/wire/generated/alter-client-quotas.ts'
import { createPartitionsApi } from '../../src/wire/generated/create-partitions.ts'
import { type CreateTopicsResponse, createTopicsApi } from '../../src/wire/generated/create-topics.ts'
import { type DeleteTopicsResponse, deleteTopicsApi } from '../../src/wire/generated/delete-topics.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeCoordinator } from './topics-fakes.ts'

/** The client id that the fixture's requests carry. */
const clientId = 'test'
const ratePerSecond = 2
/** Eleven windows of a second. */
const burst = 11 * ratePerSecond

async function limited() {
  const made = makeCoordinator()
  const ops = [{ key: 'controller_mutation_rate', value: ratePerSecond, remove: false }]
  const entries = [{ entity: [{ entityType: 'client-id', entityName: clientId }], ops }]
  await made.ask(alterClientQuotasApi, { entries, validateOnly: false })
  const create = (name: string, numPartitions: number, version: number = createTopicsApi.versionMax) => {
    const topics = [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }]
    return made.ask<CreateTopicsResponse>(createTopicsApi, { topics, timeoutMs: 1, validateOnly: false }, version)
  }
  return { ...made, create }
}

test('a burst is allowed, and what goes beyond it has to be waited for', async () => {
  const { create, clock } = await limited()
  const first = await create('first', burst + 4)
  assert.equal([first.topics[0]?.errorCode, first.throttleTimeMs], [ErrorCode.NONE, 0])
  const refused = await create('second', 1)
  assert.is(refused.topics[0]?.errorCode, ErrorCode.THROTTLING_QUOTA_EXCEEDED)
  assert.is(refused.throttleTimeMs, 2_000, 'four too many at two a second')
  clock.advance(2_000)
  assert.is((await create('second', 1)).topics[0]?.errorCode, ErrorCode.NONE)
})

test('a client that does not know the error gets what it asks for, and waits afterwards', async () => {
  const { create } = await limited()
  const answer = await create('first', burst + 4, 5)
  assert.equal([answer.topics[0]?.errorCode, answer.throttleTimeMs], [ErrorCode.NONE, 2_000])
  const more = await create('second', 1, 5)
  assert.equal([more.topics[0]?.errorCode, more.throttleTimeMs], [ErrorCode.NONE, 2_500])
})

test('growing and deleting topics cost as much as their partitions', async () => {
  const { create, ask } = await limited()
  await create('first', burst)
  await ask(createPartitionsApi, { topics: [{ name: 'first', count: burst + 1, assignments: null }], timeoutMs: 1 })
  const request = { topics: [{ name: 'first', topicId: Buffer.alloc(16) }], topicNames: [], timeoutMs: 1 }
  const refused = await ask<DeleteTopicsResponse>(deleteTopicsApi, request)
  assert.is(refused.responses[0]?.errorCode, ErrorCode.THROTTLING_QUOTA_EXCEEDED)
  assert.is(refused.throttleTimeMs, 500)
})

test('clients without a quota, and the broker itself, are not limited', async () => {
  const { coordinator, create } = await limited()
  await create('first', burst + 50)
  assert.equal(await coordinator.ensureTopics(['by-itself']), [ErrorCode.NONE])
  const { ask } = makeCoordinator()
  const topics = [{ name: 'many', numPartitions: 500, replicationFactor: 1, assignments: [], configs: [] }]
  const answer = await ask<CreateTopicsResponse>(createTopicsApi, { topics, timeoutMs: 1, validateOnly: false })
  assert.equal([answer.topics[0]?.errorCode, answer.throttleTimeMs], [ErrorCode.NONE, 0])
})

test.run()
