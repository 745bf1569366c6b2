/** The messages between front and main. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  decodeForwardedRequest,
  decodeForwardedResponse,
  encodeForwardedRequest,
  encodeForwardedResponse,
  type ForwardedMessage,
  type ForwardedResponse,
} from '../../src/wire/forwarded.ts'

test('requests and responses come out as they went in', () => {
  const messages: ForwardedMessage[] = [
    { kind: 'connection-closed', connectionId: '1-99' },
    ...[null, '', 'client'].map(
      (clientId): ForwardedMessage => ({
        kind: 'request',
        requestId: 2 ** 40,
        connectionId: '3-1',
        listenerName: 'PLAINTEXT',
        clientPort: 40_000,
        softwareName: null,
        softwareVersion: null,
        clientHost: '/::1',
        apiKey: 11,
        apiVersion: 9,
        clientId,
        body: Buffer.from('body'),
      }),
    ),
  ]
  for (const message of messages)
    assert.equal(decodeForwardedRequest(Buffer.concat(encodeForwardedRequest(message))), message)
  const responses: ForwardedResponse[] = [
    { kind: 'close', requestId: 7 },
    { kind: 'body', requestId: 2 ** 52, throttleTimeMs: 1_234, body: Buffer.alloc(0) },
  ]
  for (const response of responses) {
    assert.equal(decodeForwardedResponse(Buffer.concat(encodeForwardedResponse(response))), response)
  }
})

test('damaged messages are refused', () => {
  assert.throws(() => decodeForwardedRequest(Buffer.from([9])))
  assert.throws(() => decodeForwardedResponse(Buffer.from([0, 1])))
})

test.run()
