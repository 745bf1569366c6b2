/** Codecs: there and back, other libraries' frames, damage, and bombs. */

import { readFileSync } from 'node:fs'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { compressSync as compressSnappyBlock } from 'snappy'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { Codec, compress, decompress } from '../../src/wire/compression/compress.ts'
import { xxhash32 } from '../../src/wire/compression/xxhash32.ts'
import { DecodeError } from '../../src/wire/reader.ts'
import { EncodeError } from '../../src/wire/writer.ts'
import { testBudgetMs, testSeed } from './message-arbitraries.ts'

const isDecodeError = (error: unknown): boolean => error instanceof DecodeError
const codecs = Object.entries(Codec)
const large = 64 * 1024 * 1024

/** Half noise, half repetition. */
function mixedBytes(sizeBytes: number): Buffer {
  const random = seededRandom(sizeBytes)
  return Buffer.from(
    Array.from({ length: sizeBytes }, (_, index) => (index % 2000 < 1000 ? random.below(256) : index % 7)),
  )
}

test('each codec gives back what it took, at every size', () => {
  for (const [name, codec] of codecs) {
    for (const sizeBytes of [0, 1, 15, 16, 17, 1000, 65_535, 65_536, 65_537, 300_000]) {
      const bytes = mixedBytes(sizeBytes)
      const back = decompress(codec, compress(codec, bytes), Math.max(1, sizeBytes))
      assert.ok(back.equals(bytes), `${name} at ${sizeBytes} bytes`)
    }
  }
})

test('each codec takes views of shared memory', () => {
  for (const [name, codec] of codecs) {
    const bytes = mixedBytes(100_000)
    const shared = Buffer.from(new SharedArrayBuffer(bytes.length))
    bytes.copy(shared)
    const packed = compress(codec, shared)
    const sharedPacked = Buffer.from(new SharedArrayBuffer(packed.length))
    packed.copy(sharedPacked)
    assert.ok(decompress(codec, sharedPacked, large).equals(bytes), name)
  }
})

test('LZ4 frames of the reference library are read: linked or independent blocks, with or without sizes and sums', () => {
  const file = readFileSync(new URL('../golden/lz4-frames.json', import.meta.url), 'utf8')
  const frames: Record<string, string> = JSON.parse(file)
  const expected = Buffer.from(
    Array.from({ length: 150_000 }, (_, index) =>
      index % 9000 < 40 ? Math.floor((index * index) / 7) % 97 : 65 + (Math.floor(index / 9000) % 26),
    ),
  )
  for (const [name, base64] of Object.entries(frames)) {
    if (name === 'note') continue
    const frame = Buffer.from(base64, 'base64')
    assert.ok(decompress(Codec.lz4, frame, 150_000).equals(expected), name)
    assert.throws(() => decompress(Codec.lz4, frame, 149_999), isDecodeError)
    for (let cut = 0; cut < frame.length; cut += 7) {
      assert.throws(() => decompress(Codec.lz4, frame.subarray(0, cut), 150_000), isDecodeError)
    }
  }
})

test('our LZ4 frames have independent blocks and a right header checksum, as the Java client demands', () => {
  const frame = compress(Codec.lz4, mixedBytes(200_000))
  assert.is(frame.readUInt32LE(0), 0x184d_2204)
  assert.is(frame.readUInt8(4) & 0xe0, 0x60)
  assert.is(frame.readUInt8(6), (xxhash32(frame, 4, 6) >>> 8) & 0xff)
})

test('xxHash32 gives the known values', () => {
  const text = Buffer.from('Nobody inspects the spammish repetition')
  assert.is(xxhash32(text, 0, text.length), 0xe229_3b2f)
  assert.is(xxhash32(Buffer.alloc(0), 0, 0), 0x02cc_5d05)
  assert.is(xxhash32(Buffer.from('a'), 0, 1), 0x550d_7456)
})

test('Snappy is read raw and in the Java framing, and written in the latter', () => {
  const bytes = mixedBytes(200_000)
  assert.ok(decompress(Codec.snappy, compressSnappyBlock(bytes), bytes.length).equals(bytes))
  const framed = compress(Codec.snappy, bytes)
  assert.is(framed.subarray(0, 16).toString('hex'), '82534e41505059000000000100000001')
  assert.ok(decompress(Codec.snappy, framed, bytes.length).equals(bytes))
  for (let cut = 17; cut < 60; cut++) {
    assert.throws(() => decompress(Codec.snappy, framed.subarray(0, cut), large), isDecodeError)
  }
})

test('a bomb is stopped at the bound', () => {
  const zeros = Buffer.alloc(30_000_000)
  const bombs: [number, Buffer][] = [
    [Codec.gzip, gzipSync(zeros)],
    [Codec.zstd, zstdCompressSync(zeros)],
    [Codec.snappy, compressSnappyBlock(zeros)],
    [Codec.snappy, compress(Codec.snappy, zeros)],
    [Codec.lz4, compress(Codec.lz4, zeros)],
  ]
  const before = process.memoryUsage().rss
  for (const [codec, bomb] of bombs) {
    for (let round = 0; round < 20; round++) assert.throws(() => decompress(codec, bomb, 100_000), isDecodeError)
  }
  assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024)
})

test('a size that was only claimed is not believed', () => {
  // A raw Snappy block that claims 60 MiB in 6 bytes; an LZ4 frame whose content size is 2^62.
  assert.throws(
    () => decompress(Codec.snappy, Buffer.from('808080 1e0000'.replaceAll(' ', ''), 'hex'), large),
    isDecodeError,
  )
  const header = Buffer.from('04224d186870000000000000004000', 'hex')
  header[14] = (xxhash32(header, 4, 14) >>> 8) & 0xff
  assert.is(decompress(Codec.lz4, Buffer.concat([header, Buffer.alloc(4)]), 10).length, 0)
})

test('damaged data are refused with a DecodeError, or give other bytes within the bound', () => {
  const seed = testSeed()
  const packed = codecs.map(([, codec]) => ({ codec, bytes: compress(codec, mixedBytes(3000)) }))
  let count = 0
  fc.assert(
    fc.property(fc.nat(4), fc.nat(), fc.nat(255), fc.nat(), (index, place, value, cut) => {
      count++
      const chosen = packed[index]
      if (chosen === undefined) return
      const damaged = Buffer.from(chosen.bytes.subarray(0, Math.max(8, cut % (2 * chosen.bytes.length))))
      damaged[place % damaged.length] = value
      try {
        assert.ok(decompress(chosen.codec, damaged, 100_000).length <= 100_000)
      } catch (thrown) {
        if (!(thrown instanceof DecodeError)) throw thrown
      }
    }),
    { seed, numRuns: 100_000, interruptAfterTimeLimit: testBudgetMs(500) },
  )
  console.log(`seed ${seed}: ${count} damaged inputs`)
})

test('codecs that Kafka does not have are refused', () => {
  assert.throws(() => decompress(5, Buffer.alloc(1), 10), isDecodeError)
  assert.throws(
    () => compress(7, Buffer.alloc(1)),
    (error: unknown) => error instanceof EncodeError,
  )
  assert.throws(() => decompress(0, Buffer.alloc(11), 10), isDecodeError)
})

test.run()
