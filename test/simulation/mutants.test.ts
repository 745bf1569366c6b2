/** The table of planted defects fits the sources as they are: `npm run mutants` shows that each one is caught. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { projectRoot } from '../../scripts/project.ts'
import { mutants, plant } from './mutants.ts'

const mutantsMin = 20

test('there are enough planted defects, each with a name of its own', () => {
  assert.ok(mutants.length >= mutantsMin, `only ${mutants.length}`)
  assert.is(new Set(mutants.map(({ name }) => name)).size, mutants.length)
})

for (const mutant of mutants) {
  test(`the text to be damaged is there exactly once: ${mutant.name}`, () => {
    const source = readFileSync(join(projectRoot, mutant.file), 'utf8')
    assert.is.not(plant(source, mutant), source)
  })
}

test('a text that is gone, or there twice, is refused', () => {
  const [first] = mutants
  if (first === undefined) throw new Error('there are no mutants')
  assert.throws(() => plant('', first), /0 times/)
  assert.throws(() => plant(`${first.text}${first.text}`, first), /2 times/)
})

test.run()
