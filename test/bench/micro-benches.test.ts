/** Runs every micro benchmark once on a tiny input, so that none rots. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { benchPaths, runBench } from '../../scripts/micro-benches.ts'

test('there are benchmarks to run', () => {
  assert.ok(benchPaths().length > 0)
})

for (const path of benchPaths()) {
  test(`${path} still runs and reports sane figures`, async () => {
    const results = await runBench(path, { isTiny: true })
    assert.ok(results.length > 0, 'it reported nothing')
    for (const { name, operationsPerSecond, nanosecondsEach } of results) {
      assert.ok(name.length > 0)
      assert.ok(
        Number.isFinite(operationsPerSecond) && operationsPerSecond > 0,
        `${name}: ${operationsPerSecond} a second`,
      )
      assert.ok(Number.isFinite(nanosecondsEach) && nanosecondsEach > 0, `${name}: ${nanosecondsEach} ns each`)
    }
  })
}

test.run()
