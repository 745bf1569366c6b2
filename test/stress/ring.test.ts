/**
 * Real threads on one ring: nothing may be lost, torn, reordered, duplicated or overwritten while read.
 * Every byte is checked by the owner, by its writer and by two readers. SAFKA_TEST_BUDGET_MS sets how long (4000);
 * `npm run test:long` goes for millions of batches. SEED replays the content and the dice, not the schedule.
 */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemRandom } from '../../src/base/random.ts'
import { runStress } from './ring-run.ts'

const isLong = process.argv.includes('--long')
const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? (isLong ? 120_000 : 4000))
const seed = Number(process.env.SEED ?? systemRandom.below(2 ** 31))

const shapes = [
  { name: 'a small ring with few slots', dataBytes: 4096, slots: 16 },
  { name: 'a ring that runs out of bytes first', dataBytes: 65_536, slots: 1024 },
  { name: 'a ring that runs out of slots first', dataBytes: 262_144, slots: 64 },
]

for (const { name, dataBytes, slots } of shapes) {
  test(`two writers, two readers and an owner see no forbidden outcome in ${name}`, async () => {
    const durationMs = budgetMs / shapes.length
    const report = await runStress({ seed, durationMs, dataBytes, slots, writers: 2, readers: 2 })
    console.log(`seed ${seed}: ${report.batches} batches; ${report.detail}`)
    assert.is(report.failure, '', `seed ${seed}`)
    assert.ok(report.batches > 0)
  })
}

test.run()
