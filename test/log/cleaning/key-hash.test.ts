/** The hash of keys is SipHash-2-4 with 128 bits, by the numbers of its authors. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KeyHash } from '../../../src/log/cleaning/key-hash.ts'

/** The first of the reference implementation's vectors, over the bytes 0, 1, 2 … under the key 0, 1, … 15. */
const vectors = ['a3817f04ba25a8e66df67214c7550293', 'da87c1d86b99af44347659119b22fc45']

function hashOf(secret: Buffer, bytes: Buffer, start = 0, end = bytes.length): string {
  const hash = new KeyHash(secret)
  hash.hash(bytes, start, end)
  return Buffer.from(hash.words.buffer).toString('hex')
}

const secret = Buffer.from(Array.from({ length: 16 }, (_, index) => index))
const bytes = Buffer.from(Array.from({ length: 64 }, (_, index) => index))

test('it gives the hashes of the reference', () => {
  for (const [length, expected] of vectors.entries()) assert.is(hashOf(secret, bytes, 0, length), expected)
})

test('every byte, the length and the secret count; the place in the buffer does not', () => {
  const seen = new Set<string>()
  for (let length = 0; length <= 40; length++) seen.add(hashOf(secret, Buffer.alloc(64), 0, length))
  for (let place = 0; place < 40; place++) {
    const changed = Buffer.alloc(40)
    changed[place] = 0x80
    seen.add(hashOf(secret, changed))
  }
  seen.add(hashOf(Buffer.alloc(16, 1), Buffer.alloc(40)))
  assert.is(seen.size, 41 + 40 + 1)
  assert.is(hashOf(secret, Buffer.concat([Buffer.alloc(3), bytes]), 3), hashOf(secret, bytes))
})

test.run()
