/** The demo runs, on a part of its data, against a broker of its own. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadCities, valuesByKey } from '../../scripts/demo/cities.ts'
import { projectRoot } from '../../scripts/project.ts'

const run = promisify(execFile)

test('the data set has more than 100,000 records, and mixing its keys loses none', () => {
  const records = loadCities(Number.MAX_SAFE_INTEGER)
  assert.ok(records.length > 100_000)
  assert.is(new Set(records.map(({ value }) => value)).size, records.length)
  const byKey = valuesByKey(records)
  assert.ok(byKey.size > 200)
  assert.is(
    [...byKey.values()].reduce((sum, values) => sum + values.length, 0),
    records.length,
  )
})

for (const flags of [[], ['--owners', '0', '--storage', 'memory']]) {
  test(`two groups read all of it in order, with a rebalance in the middle ${flags.join(' ')}`, async () => {
    const { stdout } = await run(
      process.execPath,
      ['scripts/demo.ts', '--sources', '--records', '8000', '--', ...flags],
      {
        cwd: projectRoot,
        timeout: 40_000,
      },
    )
    assert.match(stdout, /group a .*every record, every key in order, lag 0/)
    assert.match(stdout, /group b .*every record, every key in order, lag 0/)
    assert.match(stdout, /demo {8}passed/)
    assert.match(stdout, /stopped with exit code 0/)
  })
}

test.run()
