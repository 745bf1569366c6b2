/** Goal: generated codecs lose nothing. Method: fast-check values of every message at every version, there and back. */

import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { generate } from '../../scripts/generate.ts'
import { apiTable } from '../../src/wire/generated/api-keys.ts'
import { ErrorCode, errorName, isRetriable } from '../../src/wire/generated/errors.ts'
import { decodeFetchRequest, encodeFetchRequest, makeFetchRequest } from '../../src/wire/generated/fetch.ts'
import { encodeMetadataRequest, makeMetadataRequest } from '../../src/wire/generated/metadata.ts'
import { messageCodec } from '../../src/wire/generated/registry.ts'
import { DecodeError, Reader } from '../../src/wire/reader.ts'
import { EncodeError, Writer } from '../../src/wire/writer.ts'
import { loadMessagesAt, testBudgetMs, testSeed } from './message-arbitraries.ts'

test('every message at every version comes back as it went', async () => {
  const messages = await loadMessagesAt()
  const seed = testSeed()
  const end = performance.now() + testBudgetMs(2000)
  let count = 0
  let rounds = 0
  do {
    for (const { name, version, arbitrary, decode, encode } of messages) {
      const property = fc.property(arbitrary, (message) => {
        count++
        const bytes = encodeJoined(encode, message, version)
        // The message stands inside other bytes, to show that the reader keeps to its window.
        const reader = new Reader(Buffer.concat([Buffer.of(1, 2), bytes, Buffer.alloc(8, 0xff)]), 2, 2 + bytes.length)
        const decoded = decode(reader, version)
        if (reader.remaining !== 0) throw new Error(`${name} v${version}: ${reader.remaining} bytes left over`)
        if (!isDeepStrictEqual(decoded, message)) throw new Error(`${name} v${version}: came back changed`)
        if (!encodeJoined(encode, decoded, version).equals(bytes)) throw new Error(`${name} v${version}: other bytes`)
      })
      fc.assert(property, { seed: seed + rounds, numRuns: 2 })
    }
    rounds++
  } while (performance.now() < end)
  console.log(`seed ${seed}: ${count} values of ${messages.length} message versions in ${rounds} rounds`)
})

function encodeJoined(
  encode: (writer: Writer, message: object, version: number) => void,
  message: object,
  version: number,
): Buffer {
  const writer = new Writer(64)
  encode(writer, message, version)
  const bytes = writer.finishJoined()
  assert.is(bytes.length, writer.length)
  return bytes
}

test('generating leaves no diff', () => {
  assert.equal(generate({ write: false }), [])
})

test('a version outside the schema is refused both ways', () => {
  assert.throws(
    () => decodeFetchRequest(new Reader(Buffer.alloc(100)), 3),
    (error: unknown) => error instanceof DecodeError,
  )
  assert.throws(
    () => decodeFetchRequest(new Reader(Buffer.alloc(100)), 19),
    (error: unknown) => error instanceof DecodeError,
  )
  assert.throws(
    () => encodeFetchRequest(new Writer(), makeFetchRequest(), 19),
    (error: unknown) => error instanceof EncodeError,
  )
})

test('a field that the version lacks is dropped when it may be, and refused when it may not', () => {
  const ignorable = makeFetchRequest({ rackId: 'r1' })
  const writer = new Writer()
  encodeFetchRequest(writer, ignorable, 4)
  assert.is(decodeFetchRequest(new Reader(writer.finishJoined()), 4).rackId, '')
  const required = makeFetchRequest({
    forgottenTopicsData: [{ topic: 't', topicId: Buffer.alloc(16), partitions: [1] }],
  })
  assert.throws(
    () => encodeFetchRequest(new Writer(), required, 4),
    (error: unknown) => error instanceof EncodeError,
  )
})

test('null where the version knows none is refused', () => {
  assert.throws(
    () => encodeMetadataRequest(new Writer(), makeMetadataRequest({ topics: null }), 0),
    (error: unknown) => error instanceof EncodeError,
  )
})

test('tagged fields that nobody knows are passed over', () => {
  const writer = new Writer()
  encodeFetchRequest(writer, makeFetchRequest({ rackId: 'r1' }), 18)
  const plain = writer.finishJoined()
  // The count of tags (0) is the last byte: one tag, number 99, three bytes.
  const tagged = Buffer.concat([plain.subarray(0, plain.length - 1), Buffer.of(1, 99, 3, 7, 7, 7)])
  const reader = new Reader(tagged)
  assert.is(decodeFetchRequest(reader, 18).rackId, 'r1')
  assert.is(reader.remaining, 0)
})

test('the table holds stable versions only, and no API that Kafka 4 has dropped', () => {
  assert.is(apiTable.get(22)?.versionMax, 5)
  assert.is(apiTable.get(1)?.versionMax, 18)
  assert.is(apiTable.get(18)?.flexibleMin, 3)
  for (const key of [4, 5, 6, 7]) assert.is(apiTable.has(key), false)
  for (const key of apiTable.keys()) assert.ok(messageCodec(key))
  assert.is(messageCodec(4), undefined)
})

test('errors have names and say whether to try again', () => {
  assert.is(errorName(ErrorCode.NOT_LEADER_OR_FOLLOWER), 'NOT_LEADER_OR_FOLLOWER')
  assert.is(errorName(ErrorCode.UNKNOWN_SERVER_ERROR), 'UNKNOWN_SERVER_ERROR')
  assert.is(errorName(9999), 'UNKNOWN(9999)')
  assert.is(isRetriable(ErrorCode.CORRUPT_MESSAGE), true)
  assert.is(isRetriable(ErrorCode.NONE), false)
})

test.run()
