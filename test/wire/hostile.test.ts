/**
 * Goal: no bytes from a socket make a decoder read past its window, throw anything but DecodeError, or allocate by a
 * length that was only claimed. Method: cut and damaged messages, and plain noise, for every message at every version.
 */

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeMetadataRequest } from '../../src/wire/generated/metadata.ts'
import { DecodeError, Reader } from '../../src/wire/reader.ts'
import { decodeRequestHeader } from '../../src/wire/request-header.ts'
import { Writer } from '../../src/wire/writer.ts'
import { loadMessagesAt, type MessageAt, testBudgetMs, testSeed } from './message-arbitraries.ts'

const messages = await loadMessagesAt()

/** Decodes a window inside other bytes; answers false when it was refused. */
function decodeWindow(message: MessageAt, bytes: Buffer, start: number, end: number): boolean {
  const reader = new Reader(bytes, start, end)
  try {
    message.decode(reader, message.version)
    return true
  } catch (thrown) {
    if (!(thrown instanceof DecodeError)) throw thrown
    return false
  } finally {
    assert.ok(reader.position >= start && reader.position <= end)
  }
}

test('every cut of a message is refused', () => {
  const seed = testSeed()
  const end = performance.now() + testBudgetMs(1000)
  let count = 0
  let round = 0
  do {
    for (const message of messages) {
      const [value] = fc.sample(message.arbitrary, { seed: seed + round, numRuns: 1 })
      if (value === undefined) continue
      const writer = new Writer(64)
      message.encode(writer, value, message.version)
      const bytes = Buffer.concat([Buffer.alloc(3, 0x55), writer.finishJoined(), Buffer.alloc(64, 0x01)])
      const length = writer.length
      const step = Math.max(1, Math.floor(length / 12))
      for (let cut = length - 1; cut >= 0; cut -= step) {
        count++
        if (decodeWindow(message, bytes, 3, 3 + cut)) {
          throw new Error(`${message.name} v${message.version}: ${cut} of ${length} bytes were taken for the whole`)
        }
      }
    }
    round++
  } while (performance.now() < end)
  console.log(`seed ${seed}: ${count} cuts in ${round} rounds`)
})

test('noise and damage give a DecodeError or a value, and memory stays small', () => {
  const seed = testSeed()
  const end = performance.now() + testBudgetMs(1000)
  const noise = fc.oneof(
    fc.uint8Array({ minLength: 0, maxLength: 200 }),
    // High bytes and zeros make huge lengths and nulls more often than chance would.
    fc.array(fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff), { maxLength: 120 }).map((array) => Uint8Array.from(array)),
  )
  const before = process.memoryUsage()
  let count = 0
  let round = 0
  do {
    const samples = fc.sample(noise, { seed: seed + round, numRuns: 20 })
    for (const message of messages) {
      const sample = samples[count++ % samples.length]
      if (sample !== undefined) decodeWindow(message, Buffer.from(sample), 0, sample.length)
    }
    round++
  } while (performance.now() < end)
  const after = process.memoryUsage()
  console.log(`seed ${seed}: ${count} noises in ${round} rounds`)
  assert.ok(after.rss - before.rss < 150 * 1024 * 1024, `resident memory grew by ${after.rss - before.rss} bytes`)
})

test('a length that was only claimed allocates nothing', () => {
  for (const claimed of [0x7fff_ffff, 0x0fff_ffff, 1_000_000]) {
    const writer = new Writer()
    writer.writeInt32(claimed)
    writer.writeInt32(0)
    const bytes = writer.finishJoined()
    for (const read of [
      (reader: Reader) => reader.readArrayLength(1),
      (reader: Reader) => reader.readNullableArrayLength(1),
      (reader: Reader) => reader.readBytes(),
      (reader: Reader) => reader.readNullableBytes(),
      (reader: Reader) => reader.readView(claimed),
      (reader: Reader) => reader.skip(claimed),
    ]) {
      assert.throws(
        () => read(new Reader(bytes)),
        (error: unknown) => error instanceof DecodeError,
      )
    }
  }
})

test('a frame full of tiny elements is refused before it becomes millions of objects', () => {
  const count = 5_000_000
  const writer = new Writer()
  writer.writeUnsignedVarint(count + 1)
  // Each is a topic with an empty name and no tags.
  writer.writeReference(Buffer.alloc(2 * count, Buffer.of(1, 0)))
  writer.writeReference(Buffer.of(0, 0, 0, 0))
  const bytes = writer.finishJoined()
  const before = process.memoryUsage().rss
  assert.throws(
    () => decodeMetadataRequest(new Reader(bytes), 9),
    (error: unknown) => error instanceof DecodeError,
  )
  assert.ok(process.memoryUsage().rss - before < 20 * 1024 * 1024)
  // Many arrays count together.
  const nested = new Reader(Buffer.concat([Buffer.of(0, 0x0f, 0x42, 0x40), Buffer.alloc(1_000_000)]))
  for (let round = 0; round < 2; round++) {
    assert.is(nested.readArrayLength(1), 1_000_000)
    nested.position = 0
  }
  assert.throws(
    () => nested.readArrayLength(1),
    (error: unknown) => error instanceof DecodeError,
  )
})

test('a request header of noise is read or refused, never more', () => {
  const seed = testSeed()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decodeRequestHeader(new Reader(Buffer.from(bytes)))
      } catch (thrown) {
        if (!(thrown instanceof DecodeError)) throw thrown
      }
    }),
    { seed, numRuns: 2000 },
  )
})

test.run()
