/** The primitive types, at their boundaries, there and back. */

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DecodeError, Reader, stringBytesMax } from '../../src/wire/reader.ts'
import { unsignedVarintSizeBytes, varintSizeBytes, varlongSizeBytes } from '../../src/wire/varint.ts'
import { EncodeError, referenceBytesMin, Writer } from '../../src/wire/writer.ts'
import { testSeed } from './message-arbitraries.ts'

const isDecodeError = (error: unknown): boolean => error instanceof DecodeError
const isEncodeError = (error: unknown): boolean => error instanceof EncodeError

function written(write: (writer: Writer) => void): Buffer {
  const writer = new Writer(1)
  write(writer)
  return writer.finishJoined()
}

test('int64 keeps what a number can hold, maps the two sentinels, and refuses the rest', () => {
  for (const value of [0, 1, -1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 63, -(2 ** 63)]) {
    assert.is(new Reader(written((writer) => writer.writeInt64(value))).readInt64(), value)
    assert.is(new Reader(written((writer) => writer.writeVarlong(value))).readVarlong(), value)
  }
  assert.is(written((writer) => writer.writeInt64(2 ** 63)).toString('hex'), '7fffffffffffffff')
  assert.is(written((writer) => writer.writeInt64(-(2 ** 63))).toString('hex'), '8000000000000000')
  assert.is(written((writer) => writer.writeInt64(-2)).toString('hex'), 'fffffffffffffffe')
  for (const hex of ['7ffffffffffffffe', '8000000000000001', '0020000000000000', 'ffe0000000000000']) {
    assert.throws(() => new Reader(Buffer.from(hex, 'hex')).readInt64(), isDecodeError)
  }
  for (const value of [2 ** 53, 2 ** 64, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => new Writer().writeInt64(value), isEncodeError)
  }
})

test('integers out of their range are refused, not wrapped', () => {
  assert.throws(() => new Writer().writeInt8(128), isEncodeError)
  assert.throws(() => new Writer().writeInt16(-32_769), isEncodeError)
  assert.throws(() => new Writer().writeInt32(2 ** 31), isEncodeError)
  assert.throws(() => new Writer().writeUint16(-1), isEncodeError)
  assert.throws(() => new Writer().writeUint32(2 ** 32), isEncodeError)
  assert.throws(() => new Writer().writeInt32(0.5), isEncodeError)
  assert.throws(() => new Writer().writeUuid(Buffer.alloc(15)), isEncodeError)
})

test('varints come back, take the bytes that were foretold, and are Kafka’s', () => {
  const seed = testSeed()
  fc.assert(
    fc.property(
      fc.integer(),
      fc.maxSafeInteger(),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      (small, large, unsigned) => {
        const first = written((writer) => writer.writeVarint(small))
        const second = written((writer) => writer.writeVarlong(large))
        const third = written((writer) => writer.writeUnsignedVarint(unsigned))
        assert.is(new Reader(first).readVarint(), small)
        assert.is(new Reader(second).readVarlong(), large)
        assert.is(new Reader(third).readUnsignedVarint(), unsigned)
        assert.is(varintSizeBytes(small), first.length)
        assert.is(varlongSizeBytes(large), second.length)
        assert.is(unsignedVarintSizeBytes(unsigned), third.length)
      },
    ),
    { seed, numRuns: 2000 },
  )
  for (let power = 0; power < 53; power++) {
    for (const value of [2 ** power, 2 ** power - 1, -(2 ** power), -(2 ** power) - 1].filter(Number.isSafeInteger)) {
      assert.is(written((writer) => writer.writeVarlong(value)).length, varlongSizeBytes(value))
    }
  }
  const known: [number, string][] = [
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [2_147_483_647, 'feffffff0f'],
    [-2_147_483_648, 'ffffffff0f'],
  ]
  for (const [value, hex] of known) {
    assert.is(written((writer) => writer.writeVarint(value)).toString('hex'), hex)
    assert.is(written((writer) => writer.writeVarlong(value)).toString('hex'), hex)
  }
})

test('a varint that is longer than its type is refused', () => {
  assert.throws(() => new Reader(Buffer.from('ffffffffff01', 'hex')).readUnsignedVarint(), isDecodeError)
  assert.throws(() => new Reader(Buffer.from('ffffffff1f', 'hex')).readUnsignedVarint(), isDecodeError)
  assert.throws(() => new Reader(Buffer.from('ffffffffffffffffffff01', 'hex')).readVarlong(), isDecodeError)
  assert.throws(() => new Reader(Buffer.from('8080', 'hex')).readUnsignedVarint(), isDecodeError)
  assert.throws(() => new Reader(Buffer.alloc(0)).readVarint(), isDecodeError)
})

test('strings are bounded as in Kafka', () => {
  const longest = 'x'.repeat(stringBytesMax)
  assert.is(new Reader(written((writer) => writer.writeString(longest))).readString(), longest)
  assert.is(new Reader(written((writer) => writer.writeCompactString(longest))).readCompactString(), longest)
  assert.throws(() => new Writer().writeCompactString(`${longest}x`), isEncodeError)
  const tooLong = written((writer) => {
    writer.writeUnsignedVarint(stringBytesMax + 2)
    writer.writeReference(Buffer.alloc(stringBytesMax + 1))
  })
  assert.throws(() => new Reader(tooLong).readCompactString(), isDecodeError)
  assert.is(new Reader(written((writer) => writer.writeString('grün 🚀'))).readString(), 'grün 🚀')
})

test('null is read where it may be, and refused where it may not', () => {
  const plain = Buffer.from('ffffffff', 'hex')
  const compact = Buffer.of(0)
  assert.is(new Reader(plain).readNullableString(), null)
  assert.is(new Reader(plain).readNullableBytes(), null)
  assert.is(new Reader(plain).readNullableArrayLength(1), -1)
  assert.is(new Reader(compact).readNullableCompactString(), null)
  assert.is(new Reader(compact).readNullableCompactBytes(), null)
  assert.is(new Reader(compact).readNullableCompactArrayLength(1), -1)
  assert.throws(() => new Reader(plain).readString(), isDecodeError)
  assert.throws(() => new Reader(plain).readBytes(), isDecodeError)
  assert.throws(() => new Reader(plain).readArrayLength(1), isDecodeError)
  assert.throws(() => new Reader(compact).readCompactString(), isDecodeError)
  assert.throws(() => new Reader(compact).readCompactBytes(), isDecodeError)
  assert.throws(() => new Reader(compact).readCompactArrayLength(1), isDecodeError)
  assert.throws(() => new Reader(Buffer.from('fffe', 'hex')).readNullableString(), isDecodeError)
  assert.throws(() => new Reader(Buffer.from('fffffffe', 'hex')).readNullableBytes(), isDecodeError)
})

test('a reader keeps to its window, though the buffer goes on', () => {
  const bytes = Buffer.alloc(32, 1)
  const reader = new Reader(bytes, 4, 10)
  reader.skip(4)
  assert.is(reader.remaining, 2)
  assert.throws(() => reader.readInt32(), isDecodeError)
  assert.is(reader.position, 8)
  assert.is(reader.readInt16(), 0x0101)
  assert.throws(() => reader.readInt8(), isDecodeError)
  assert.throws(() => new Reader(bytes, 4, 33), isDecodeError)
  assert.throws(() => new Reader(bytes, 5, 4), isDecodeError)
})

test('an id read is a copy, bytes read are a view', () => {
  const bytes = Buffer.alloc(32, 7)
  const uuid = new Reader(bytes).readUuid()
  const view = new Reader(bytes).readView(16)
  bytes.fill(9)
  assert.is(uuid[0], 7)
  assert.is(view[0], 9)
})

test('large bytes are referenced in order, small ones copied', () => {
  const large = Buffer.alloc(referenceBytesMin, 2)
  const small = Buffer.alloc(referenceBytesMin - 1, 3)
  const writer = new Writer(1)
  writer.writeReference(large)
  writer.writeInt8(1)
  writer.writeReference(small)
  writer.writeReference(large)
  writer.writeReference(large)
  writer.writeInt8(4)
  const chunks = writer.finish()
  assert.is(chunks.filter((chunk) => chunk === large).length, 3)
  assert.is(chunks.length, 5)
  const joined = Buffer.concat(chunks)
  assert.is(joined.length, writer.length)
  const expected = Buffer.concat([large, Buffer.of(1), small, large, large, Buffer.of(4)])
  assert.ok(joined.equals(expected))
  assert.equal(new Writer().finish().map(String), [''])
})

test('a tagged field of any size has its size before it, also inside another', () => {
  for (const sizeBytes of [0, 1, 127, 128, 129, 5000, 20_000]) {
    const content = Buffer.from(Array.from({ length: sizeBytes }, (_, index) => index & 0xff))
    const bytes = written((writer) => {
      const outer = writer.beginTagged(3)
      const inner = writer.beginTagged(300)
      writer.writeReference(content)
      writer.endTagged(inner)
      writer.writeInt8(9)
      writer.endTagged(outer)
      writer.writeInt8(8)
    })
    const reader = new Reader(bytes)
    assert.is(reader.readUnsignedVarint(), 3)
    const outerEnd = reader.beginTagged()
    assert.is(reader.readUnsignedVarint(), 300)
    const innerEnd = reader.beginTagged()
    assert.ok(reader.readView(sizeBytes).equals(content))
    reader.endTagged(innerEnd)
    assert.is(reader.readInt8(), 9)
    reader.endTagged(outerEnd)
    assert.is(reader.readInt8(), 8)
    assert.is(reader.remaining, 0)
  }
})

test('a tagged field that is not as long as it says is refused', () => {
  const reader = new Reader(Buffer.of(2, 1, 2, 3))
  const end = reader.beginTagged()
  reader.readInt8()
  assert.throws(() => reader.endTagged(end), isDecodeError)
  assert.throws(() => new Reader(Buffer.of(9, 1)).beginTagged(), isDecodeError)
  assert.throws(() => new Reader(Buffer.of(1, 5, 9, 1)).skipTagged(), isDecodeError)
})

test.run()
