/**
 * Goal: the checker finds nothing in what a correct broker does, and each kind of anomaly wherever it is planted. Method: seeded
 * random histories from a model, with and without power cuts and retention; one anomaly of each kind planted in a copy of each.
 */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { type AnomalyKind, anomalyKinds } from './anomalies.ts'
import { checkHistory } from './check.ts'
import { correctHistory } from './correct-history.ts'
import { History } from './history.ts'
import { plant } from './plant.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 3_000)
const firstSeed = Number(process.env.SEED ?? 1)
const kinds = Object.keys(anomalyKinds).filter((kind): kind is AnomalyKind => kind in anomalyKinds)

for (const hasLosses of [false, true]) {
  const name = hasLosses ? 'with power cuts and retention' : 'without losses'

  test(`what a correct broker does passes, and each planted anomaly is found (${name})`, () => {
    const endMs = performance.now() + budgetMs / 2
    const planted = new Map<AnomalyKind, number>()
    let seed = firstSeed
    const isRare = (kind: AnomalyKind): boolean => (planted.get(kind) ?? 0) <= 2
    // Some anomalies can't be planted in every history: a slow machine goes on until each was.
    const isMore = (): boolean => seed < firstSeed + 30 || (kinds.some(isRare) && seed < firstSeed + 1000)
    for (; performance.now() < endMs || isMore(); seed++) {
      const operationCount = 50 + (seed % 10) * 50
      const make = (): History => correctHistory({ seed, operationCount, hasLosses })
      assert.is(checkHistory(make()).toString(), '', `seed ${seed}`)
      for (const kind of kinds) {
        const history = make()
        if (!plant(kind, history, seededRandom(seed))) continue
        const findings = checkHistory(history)
        assert.ok(findings.counts.has(kind), `seed ${seed}: ${kind} was planted, and found was:\n${findings}`)
        planted.set(kind, (planted.get(kind) ?? 0) + 1)
      }
    }
    console.log(
      `\n${name}, seeds ${firstSeed} to ${seed - 1}: ${[...planted].map((pair) => pair.join(' ')).join(', ')}`,
    )
    for (const kind of kinds) assert.not(isRare(kind), `${kind} was planted ${planted.get(kind)} times`)
  })
}

test('300,000 operations are judged in one go', () => {
  for (const length of [30_000, 300_000]) {
    const history = longHistory(length)
    const startMs = performance.now()
    assert.is(checkHistory(history).toString(), '')
    console.log(`\n${history.now} operations: ${(performance.now() - startMs).toFixed(0)} ms`)
  }
})

/** Sends, one poll a hundred of them, and commits. */
function longHistory(length: number): History {
  const history = new History()
  history.readers.set(0, { isolation: 'committed', isFinal: true })
  const [offsets, values]: [number[], number[]] = [[], []]
  for (let value = 0; value < length; value++) {
    const fixed = { process: value % 7, order: value, partition: 0, value, transaction: -1, mayRepeat: false } as const
    history.add({ kind: 'send', ...fixed, outcome: 'ok', offset: value, startedAt: history.now })
    offsets.push(value)
    values.push(value)
    if (offsets.length < 100) continue
    const next = value + 1
    const got = { offsets: offsets.splice(0), values: values.splice(0), next }
    history.add({ kind: 'poll', reader: 0, partition: 0, ...got, startedAt: history.now })
    const place = { group: 0, partition: 0, transaction: -1, startedAt: history.now }
    history.add({ kind: 'commit', ...place, offset: next, outcome: 'ok' })
    history.add({ kind: 'committed', group: 0, partition: 0, offset: next, startedAt: history.now })
  }
  return history
}

test.run()
