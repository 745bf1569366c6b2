/** The lock file serves `npm ci` on every system. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { missingEntries } from '../../scripts/complete-lock.ts'

test('the lock file holds every optional package that it mentions', () => {
  assert.equal(
    missingEntries().map(({ name }) => name),
    [],
    'run: node scripts/complete-lock.ts',
  )
})

test.run()
