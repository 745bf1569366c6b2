/** Properties files read as Java reads them. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseProperties } from '../../src/broker/properties.ts'

const read = (text: string) => Object.fromEntries(parseProperties(text))

test('names and values are separated by =, : or a blank', () => {
  assert.equal(read('a=1\nb: 2\nc 3\nd\te\n f  =  g h \n'), { a: '1', b: '2', c: '3', d: 'e', f: 'g h' })
})

test('comments and empty lines are left out', () => {
  assert.equal(read('# a=1\n! b=2\n\n  # c=3\nd=4 # not a comment\r\ne=5'), { d: '4 # not a comment', e: '5' })
})

test('a backslash at the end joins lines, two do not', () => {
  assert.equal(read('a=1,\\\n   2,\\\n   3\nb=x\\\\\nc=4'), { a: '1,2,3', b: 'x\\', c: '4' })
})

test('escapes stand for their characters', () => {
  assert.equal(read('a\\=b=\\u0041\\tC\\:\nempty=\nalone'), { 'a=b': 'A\tC:', empty: '', alone: '' })
})

test('the last of several values counts', () => {
  assert.equal(read('a=1\na=2'), { a: '2' })
})

test('an open continuation at the end of the file is a line', () => {
  assert.equal(read('a=1\\'), { a: '1' })
})

test.run()
