/** The bound on the memory of fetch responses. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fetchBytesLeast, ResponseBudget, responseBytesMax } from '../../src/front/response-budget.ts'

test('the more responses wait to be sent, the less each fetch gets; what is sent makes room again', () => {
  const budget = new ResponseBudget()
  const first = budget.reserve(57_671_680)
  assert.is(first, 57_671_680)
  const second = budget.reserve(57_671_680)
  assert.ok(second < first)
  for (let reserved = 0; reserved < 30; reserved++) budget.reserve(57_671_680)
  assert.is(budget.reserve(57_671_680), fetchBytesLeast)
  assert.is(budget.reserve(1_000), 1_000)
  assert.is(budget.reserve(-5), 0)
  assert.ok(budget.bytes < responseBytesMax + 40 * fetchBytesLeast)
  budget.release(budget.bytes)
  assert.is(budget.reserve(57_671_680), 57_671_680)
})

test.run()
