/** Whole brokers under seeded chance: whatever fails, and whoever runs next, nothing that was promised is broken. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeFailure, runSeed } from './run-seed.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 5000)
const firstSeed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
/** What a seed is at least. */
const operationsMin = 1_000
const faultsMin = 5

test('a broker keeps its promises through crashes, power cuts, disk errors and broken connections', async () => {
  const startMs = performance.now()
  let seed = firstSeed
  let operations = 0
  while (seed === firstSeed || performance.now() - startMs < budgetMs) {
    const result = await runSeed(seed)
    if (result.failure !== undefined) assert.unreachable(describeFailure(result, result.failure))
    assert.ok(result.operations >= operationsMin, `seed ${seed} has ${result.operations} operations`)
    const faults = [...result.faults.values()].reduce((sum, times) => sum + times, 0)
    assert.ok(faults >= faultsMin, `seed ${seed} has ${faults} faults`)
    operations += result.operations
    seed++
  }
  console.log(`seeds ${firstSeed} to ${seed - 1}: ${seed - firstSeed} passed, with ${operations} operations`)
})

test('a seed always comes to the same end, step by step', async () => {
  const first = await runSeed(1)
  const again = await runSeed(1)
  assert.is(first.traceHash, again.traceHash)
  assert.is(first.steps, again.steps)
  const other = await runSeed(2)
  assert.is.not(first.traceHash, other.traceHash)
})

test.run()
