/**
 * Goal: we read and write what Apache Kafka 4.3.1 and its clients do, byte for byte. Method: frames recorded between
 * them (scripts/record-golden.ts) are decoded whole, leave nothing over, and encode to the same bytes.
 */

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ApiKey, apiTable } from '../../src/wire/generated/api-keys.ts'
import { decodeApiVersionsResponse } from '../../src/wire/generated/api-versions.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { decodeFetchResponse } from '../../src/wire/generated/fetch.ts'
import { decodeProduceRequest } from '../../src/wire/generated/produce.ts'
import { messageCodec } from '../../src/wire/generated/registry.ts'
import { Reader } from '../../src/wire/reader.ts'
import {
  batchCompression,
  batchCrc,
  batchMagic,
  computeBatchCrc,
  eachBatch,
  readRecords,
} from '../../src/wire/record-batch.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestHeader,
  encodeResponseHeader,
} from '../../src/wire/request-header.ts'
import { Writer } from '../../src/wire/writer.ts'

type Frame = { key: number; version: number; side: 'request' | 'response'; hex: string }

const frames = readFileSync(new URL('../golden/frames.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line): Frame => JSON.parse(line))

const isFuture = (frame: Frame): boolean => frame.version > (apiTable.get(frame.key)?.versionMax ?? -1)

function nameOf(frame: Frame): string {
  return `${apiTable.get(frame.key)?.name ?? frame.key} v${frame.version} ${frame.side}`
}

/** Decodes a frame whole and encodes it again. */
function journey({ key, version, side, hex }: Frame): Buffer {
  const codec = messageCodec(key)
  if (codec === undefined) throw new Error(`no codec for key ${key}`)
  const reader = new Reader(Buffer.from(hex, 'hex'))
  const writer = new Writer()
  if (side === 'request') {
    const header = decodeRequestHeader(reader)
    assert.is(header.apiKey, key)
    assert.is(header.apiVersion, version)
    encodeRequestHeader(writer, header)
    codec.encodeRequest(writer, codec.decodeRequest(reader, version), version)
  } else {
    const correlationId = decodeResponseHeader(reader, key, version)
    encodeResponseHeader(writer, key, version, correlationId)
    codec.encodeResponse(writer, codec.decodeResponse(reader, version), version)
  }
  assert.is(reader.remaining, 0, `${reader.remaining} bytes left over`)
  return writer.finishJoined()
}

test('every recorded frame is read whole and written to the same bytes', () => {
  const failures: string[] = []
  for (const frame of frames.filter((each) => !isFuture(each))) {
    try {
      const again = journey(frame).toString('hex')
      if (again !== frame.hex) failures.push(`${nameOf(frame)}: other bytes\n  ${frame.hex}\n  ${again}`)
    } catch (thrown) {
      failures.push(`${nameOf(frame)}: ${thrown instanceof Error ? thrown.message : thrown}\n  ${frame.hex}`)
    }
  }
  const apis = new Set(frames.map((frame) => frame.key))
  const versions = new Set(frames.map((frame) => `${frame.key} ${frame.version}`))
  console.log(`${frames.length} frames of ${apis.size} APIs in ${versions.size} versions`)
  assert.is(failures.length, 0, failures.join('\n'))
})

test('an ApiVersions request from the future has a header that we read, and is answered as version 0', () => {
  const future = frames.filter(isFuture)
  assert.ok(future.length > 0)
  for (const { key, version, side, hex } of future) {
    assert.is(key, ApiKey.ApiVersions)
    const reader = new Reader(Buffer.from(hex, 'hex'))
    if (side === 'request') {
      assert.is(decodeRequestHeader(reader).apiVersion, version)
      continue
    }
    decodeResponseHeader(reader, key, version)
    const response = decodeApiVersionsResponse(reader, 0)
    assert.is(reader.remaining, 0)
    assert.is(response.errorCode, ErrorCode.UNSUPPORTED_VERSION)
    assert.equal(response.apiKeys, [{ apiKey: ApiKey.ApiVersions, minVersion: 0, maxVersion: 4 }])
  }
})

test('every batch that a client or Kafka wrote has the CRC that we compute, and its records are read', () => {
  let count = 0
  const codecs = new Set<number>()
  const check = (records: Buffer | null): void => {
    if (records === null) return
    eachBatch(records, (at) => {
      if (batchMagic(records, at) !== 2) return
      count++
      codecs.add(batchCompression(records, at))
      assert.is(batchCrc(records, at), computeBatchCrc(records, at))
      assert.ok(readRecords(records, at).length > 0)
    })
  }
  for (const frame of frames) {
    const reader = new Reader(Buffer.from(frame.hex, 'hex'))
    if (frame.key === ApiKey.Produce && frame.side === 'request') {
      decodeRequestHeader(reader)
      for (const topic of decodeProduceRequest(reader, frame.version).topicData) {
        for (const partition of topic.partitionData) check(partition.records)
      }
    }
    if (frame.key === ApiKey.Fetch && frame.side === 'response') {
      decodeResponseHeader(reader, frame.key, frame.version)
      for (const topic of decodeFetchResponse(reader, frame.version).responses) {
        for (const partition of topic.partitions) check(partition.records)
      }
    }
  }
  console.log(`${count} batches in codecs ${[...codecs].sort().join(', ')}`)
  assert.ok(count > 0)
})

test.run()
