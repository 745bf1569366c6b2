/** Client quotas: Apache Kafka 4.3.1 was asked these requests, in this order; the same codes and sentences, over restarts too. */

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { alterClientQuotasApi } from '../../src/wire/generated/alter-client-quotas.ts'
import {
  type DescribeClientQuotasResponse,
  describeClientQuotasApi,
} from '../../src/wire/generated/describe-client-quotas.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeCoordinator } from './topics-fakes.ts'

type Recorded = { label: string; api: number; versions: number[]; request: unknown; answer: unknown }

const path = new URL('./cluster-quotas-kafka-answers.json', import.meta.url)
const recorded: Recorded[] = JSON.parse(readFileSync(path, 'utf8'))

const everything = { components: [], strict: false }
const setting = (entityName: string | null, value: number): unknown => ({
  entries: [
    { entity: [{ entityType: 'user', entityName }], ops: [{ key: 'producer_byte_rate', value, remove: false }] },
  ],
  validateOnly: false,
})

test('quotas are set, refused and described as Kafka does it, word for word', async () => {
  const { ask } = makeCoordinator()
  for (const { label, api, versions, request, answer } of recorded) {
    for (const version of versions) {
      const response = await ask({ key: api, versionMax: version }, request)
      assert.equal(comparable(response), comparable(answer), `${label}, version ${version}`)
    }
  }
  assert.ok(recorded.length > 50, 'the transcript is all there')
})

test('quotas outlive a restart, and the default user is no user of that name', async () => {
  const first = makeCoordinator()
  await first.ask(alterClientQuotasApi, setting(null, 7))
  await first.ask(alterClientQuotasApi, setting('null', 8))
  const second = makeCoordinator({ records: first.journal.records })
  const before = await first.ask<DescribeClientQuotasResponse>(describeClientQuotasApi, everything)
  const after = await second.ask<DescribeClientQuotasResponse>(describeClientQuotasApi, everything)
  assert.equal(after, before)
  assert.equal(
    after.entries?.map(({ entity, values }) => [entity[0]?.entityName, values[0]?.value]),
    [
      [null, 7],
      ['null', 8],
    ],
  )
})

test('a quota that is there already writes nothing', async () => {
  const { ask, journal } = makeCoordinator()
  await ask(alterClientQuotasApi, setting('a', 7))
  const { length } = journal.records
  await ask(alterClientQuotasApi, setting('a', 7))
  assert.is(journal.records.length, length)
})

test('quotas are not told before the log has them', async () => {
  const { ask, journal } = makeCoordinator()
  journal.isStalled = true
  const altered = ask<{ entries: { errorCode: number }[] }>(alterClientQuotasApi, setting('a', 7))
  const described = ask<DescribeClientQuotasResponse>(describeClientQuotasApi, everything)
  journal.settleAll(ErrorCode.KAFKA_STORAGE_ERROR)
  assert.is((await altered).entries[0]?.errorCode, ErrorCode.NOT_CONTROLLER)
  assert.is((await described).errorCode, ErrorCode.NOT_CONTROLLER)
})

/** Without the orders that Kafka's hash maps decide. */
function comparable(response: unknown): unknown {
  return JSON.parse(JSON.stringify(response), (key, value) => {
    if (key === 'throttleTimeMs') return undefined
    return key === 'entity' || key === 'entries' || key === 'values' ? sorted(value) : value
  })
}

function sorted(values: readonly unknown[] | null): unknown {
  const text = (value: unknown): string => JSON.stringify(value)
  return values === null ? null : [...values].sort((left, right) => (text(left) < text(right) ? -1 : 1))
}

test.run()
