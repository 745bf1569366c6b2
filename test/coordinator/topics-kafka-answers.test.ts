/**
 * Apache Kafka 4.3.1 was asked these requests, in this order; the coordinator must give the same codes and sentences. Ids are
 * left out, as they are chance, and configs, which topics-describe checks.
 */

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeCoordinator } from './topics-fakes.ts'

type Recorded = { label: string; api: number; request: unknown; answer: unknown }

const versionOf = new Map([
  [19, 7],
  [20, 6],
  [32, 4],
  [33, 2],
  [37, 3],
  [44, 1],
])

const path = new URL('./topics-kafka-answers.json', import.meta.url)
const recorded: Recorded[] = JSON.parse(readFileSync(path, 'utf8'), (_key, value) =>
  value?.type === 'Buffer' ? Buffer.from(value.data) : value,
)

test('admin requests are answered as Kafka answers them, word for word', async () => {
  const { ask } = makeCoordinator({ staticConfigs: { 'num.partitions': '4' } })
  for (const { label, api, request, answer } of recorded) {
    const version = versionOf.get(api) ?? 0
    const response = await ask<{ topics?: { name: string }[] }>({ key: api, versionMax: version }, request)
    const { throttleTimeMs: _, ...rest } = comparable(response)
    const { throttleTimeMs: __, ...expected } = comparable(answer)
    assert.equal(rest, expected, label)
  }
  assert.ok(recorded.length > 120, 'the transcript is all there')
})

/** Without ids, configs and the order of created topics, which Kafka's hash maps decide. */
function comparable(response: unknown): { throttleTimeMs?: number; topics?: { name: string }[] } {
  const plain = JSON.parse(
    JSON.stringify(response, (key, value) => (key === 'topicId' || key === 'configs' ? undefined : value)),
  )
  plain.topics?.sort((left: { name: string }, right: { name: string }) => (left.name < right.name ? -1 : 1))
  return plain
}

test.run()
