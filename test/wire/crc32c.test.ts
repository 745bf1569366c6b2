/** CRC-32C against known vectors, and native against plain. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { crc32c, crc32cPlain, isCrc32cNative } from '../../src/wire/crc32c.ts'

test('known vectors (RFC 3720 B.4 and the check value) hold, native and plain', () => {
  const vectors: [Buffer, number][] = [
    [Buffer.alloc(0), 0],
    [Buffer.from('123456789'), 0xe306_9283],
    [Buffer.alloc(32), 0x8a91_36aa],
    [Buffer.alloc(32, 0xff), 0x62a8_ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd_794e],
    [Buffer.from(Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113f_db5c],
  ]
  for (const [bytes, expected] of vectors) {
    assert.is(crc32c(bytes), expected)
    assert.is(crc32cPlain(bytes), expected)
  }
})

test('a seed goes on where another checksum ended, and shared memory counts the same', () => {
  const random = seededRandom(7)
  for (let round = 0; round < 50; round++) {
    const bytes = Buffer.from(new SharedArrayBuffer(random.below(3000)))
    for (let index = 0; index < bytes.length; index++) bytes[index] = random.below(256)
    const cut = random.below(bytes.length + 1)
    const whole = crc32cPlain(bytes)
    assert.is(crc32c(bytes), whole)
    assert.is(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), whole)
    assert.is(crc32cPlain(bytes.subarray(cut), crc32cPlain(bytes.subarray(0, cut))), whole)
  }
})

test('the native code loads on this platform', () => {
  assert.is(isCrc32cNative, true)
})

test.run()
