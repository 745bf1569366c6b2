/** Headers: which version goes with which request, and that they come back as they went. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ApiKey } from '../../src/wire/generated/api-keys.ts'
import { Reader } from '../../src/wire/reader.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestHeader,
  encodeResponseHeader,
  responseHeaderVersion,
} from '../../src/wire/request-header.ts'
import { Writer } from '../../src/wire/writer.ts'

test('headers come back as they went, flexible or not', () => {
  for (const [apiKey, apiVersion] of [
    [ApiKey.Produce, 3],
    [ApiKey.Produce, 9],
    [ApiKey.ApiVersions, 0],
    [ApiKey.ApiVersions, 4],
    [ApiKey.SaslHandshake, 1],
  ] as const) {
    for (const clientId of [null, '', 'client-1']) {
      const header = { apiKey, apiVersion, correlationId: -7, clientId }
      const writer = new Writer()
      encodeRequestHeader(writer, header)
      const reader = new Reader(writer.finishJoined())
      assert.equal(decodeRequestHeader(reader), header)
      assert.is(reader.remaining, 0)
    }
    const writer = new Writer()
    encodeResponseHeader(writer, apiKey, apiVersion, 42)
    const reader = new Reader(writer.finishJoined())
    assert.is(decodeResponseHeader(reader, apiKey, apiVersion), 42)
    assert.is(reader.remaining, 0)
  }
})

test('ApiVersions is always answered with header version 0', () => {
  for (let version = 0; version < 100; version++) assert.is(responseHeaderVersion(ApiKey.ApiVersions, version), 0)
  assert.is(responseHeaderVersion(ApiKey.Produce, 8), 0)
  assert.is(responseHeaderVersion(ApiKey.Produce, 9), 1)
  assert.is(responseHeaderVersion(ApiKey.SaslHandshake, 1), 0)
})

test('an unknown version of ApiVersions, and an unknown key, still give a header to answer to', () => {
  const writer = new Writer()
  encodeRequestHeader(writer, { apiKey: ApiKey.ApiVersions, apiVersion: 127, correlationId: 5, clientId: 'future' })
  assert.is(decodeRequestHeader(new Reader(writer.finishJoined())).correlationId, 5)
  const other = new Writer()
  encodeRequestHeader(other, { apiKey: 9999, apiVersion: 3, correlationId: 6, clientId: null })
  assert.equal(decodeRequestHeader(new Reader(other.finishJoined())), {
    apiKey: 9999,
    apiVersion: 3,
    correlationId: 6,
    clientId: null,
  })
})

test.run()
