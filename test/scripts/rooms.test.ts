/** The rooms hold, and the check that says so is able to see. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesBelow } from '../../scripts/project.ts'
import { checkRooms, missedPlants } from '../../scripts/rooms.ts'

test('every room imports and touches only what the table allows', async () => {
  const { moduleCount, violations } = await checkRooms()
  assert.is(moduleCount, filesBelow('src', '.ts').length + filesBelow('workers', '.ts').length)
  assert.equal(
    violations.map(({ rule, from, to }) => `${rule}: ${from} → ${to}`),
    [],
  )
})

test('a planted violation of each kind is caught', async () => {
  assert.equal(await missedPlants(), [])
})

test.run()
