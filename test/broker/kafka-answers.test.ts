/**
 * Apache Kafka 4.3.1 was sent these scripts of requests (scripts/record-kafka-answers.ts); a whole broker, over real sockets, must
 * give the same answers, field by field. What differs between any two clusters is left out, and what SKIPPED.md tells of.
 */

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apis } from '../../src/api/index.ts'
import { askAll, versionsOf } from './kafka-answers/asking.ts'
import { families } from './kafka-answers/families.ts'
import { commonConfigs, type Recorded } from './kafka-answers/family.ts'
import { shapes, startTestBroker } from './test-broker.ts'

for (const [index, family] of families.entries()) {
  // Each family runs in one of the broker's shapes, so that all shapes are met.
  const shape = shapes[index % shapes.length] ?? shapes[0]
  test(`${family.name}: answered as Kafka answers, ${shape.name}`, async () => {
    const path = new URL(`./kafka-answers/${family.name}.json`, import.meta.url)
    const recorded: Recorded[] = JSON.parse(readFileSync(path, 'utf8'))
    const { owners, fronts } = shape
    const kafka = new Map(Object.entries({ ...commonConfigs, ...family.configs }))
    const { port, close } = await startTestBroker({ storage: 'memory', owners, fronts, kafka })
    try {
      const answers = await askAll(family, { host: '127.0.0.1', port })
      const differences = recorded.flatMap(({ label, version, answer }, at) => {
        const own = answers[at]
        if (JSON.stringify(own) === JSON.stringify({ label, version, answer })) return []
        return [`${label}, version ${version}:\n${JSON.stringify(own?.answer)}\nKafka:\n${JSON.stringify(answer)}`]
      })
      assert.is(differences.join('\n\n'), '')
      assert.is(answers.length, recorded.length)
    } finally {
      await close()
    }
  })
}

/** Consumer groups' own APIs: test/coordinator/consumer-groups-kafka-answers.test.ts compares them. */
const comparedElsewhere: ReadonlySet<number> = new Set([68, 69])

test('every API that is offered is asked in its lowest and its highest version', () => {
  const asked = new Map<number, Set<number>>()
  for (const step of families.flatMap(({ steps }) => steps)) {
    asked.set(step.api, new Set([...(asked.get(step.api) ?? []), ...versionsOf(step)]))
  }
  const here = apis.filter(({ key }) => !comparedElsewhere.has(key))
  const missing = here.flatMap(({ key, versionMin, versionMax }) =>
    [versionMin, versionMax].filter((version) => !asked.get(key)?.has(version)).map((version) => `${key} v${version}`),
  )
  assert.equal(missing, [])
})

test.run()
