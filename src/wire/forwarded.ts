/** What front and main say to each other over their byte queues: client requests as they came, and the bodies to answer with. */

import { DecodeError, Reader } from './reader.ts'
import { Writer } from './writer.ts'

/** A client's request that main answers. */
export type ForwardedRequest = {
  readonly kind: 'request'
  /** Chosen by the front; the response carries it. A whole number below 2^53. */
  readonly requestId: number
  /** Unique for the life of the broker. */
  readonly connectionId: string
  readonly listenerName: string
  /** '/127.0.0.1', as Kafka writes it. */
  readonly clientHost: string
  readonly clientPort: number
  readonly apiKey: number
  readonly apiVersion: number
  readonly clientId: string | null
  /** What the client calls its implementation; null where it did not say. */
  readonly softwareName: string | null
  readonly softwareVersion: string | null
  /** The request's body, without its header. */
  readonly body: Buffer
}

/** A connection is gone; nothing else will come from it. */
export type ForwardedClose = { readonly kind: 'connection-closed'; readonly connectionId: string }

export type ForwardedMessage = ForwardedRequest | ForwardedClose

/** `body` is the encoded response without header, after which the client is throttled for a while; `close` asks the front to close the client's connection instead. */
export type ForwardedResponse =
  | { readonly kind: 'body'; readonly requestId: number; readonly throttleTimeMs: number; readonly body: Buffer }
  | { readonly kind: 'close'; readonly requestId: number }

const requestKind = 0
const closedKind = 1
const bodyKind = 0
const closeKind = 1

/** The message in pieces, in order; the last one of a request is its body itself. */
export function encodeForwardedRequest(message: ForwardedMessage): Buffer[] {
  const writer = new Writer(128)
  if (message.kind === 'connection-closed') {
    writer.writeInt8(closedKind)
    writer.writeString(message.connectionId)
    return [writer.finishJoined()]
  }
  writer.writeInt8(requestKind)
  writer.writeInt64(message.requestId)
  writer.writeString(message.connectionId)
  writer.writeString(message.listenerName)
  writer.writeString(message.clientHost)
  writer.writeInt32(message.clientPort)
  writer.writeInt16(message.apiKey)
  writer.writeInt16(message.apiVersion)
  writer.writeNullableString(message.clientId)
  writer.writeNullableString(message.softwareName)
  writer.writeNullableString(message.softwareVersion)
  return [writer.finishJoined(), message.body]
}

/** `body` is a view of `bytes`. Throws DecodeError on damage. */
export function decodeForwardedRequest(bytes: Buffer): ForwardedMessage {
  const reader = new Reader(bytes)
  const kind = reader.readInt8()
  if (kind === closedKind) return { kind: 'connection-closed', connectionId: reader.readString() }
  if (kind !== requestKind) throw new DecodeError(`there is no forwarded request of kind ${kind}`)
  return {
    kind: 'request',
    requestId: reader.readInt64(),
    connectionId: reader.readString(),
    listenerName: reader.readString(),
    clientHost: reader.readString(),
    clientPort: reader.readInt32(),
    apiKey: reader.readInt16(),
    apiVersion: reader.readInt16(),
    clientId: reader.readNullableString(),
    softwareName: reader.readNullableString(),
    softwareVersion: reader.readNullableString(),
    body: bytes.subarray(reader.position),
  }
}

export function encodeForwardedResponse(response: ForwardedResponse): Buffer[] {
  const head = Buffer.allocUnsafe(response.kind === 'body' ? 13 : 9)
  head.writeInt8(response.kind === 'body' ? bodyKind : closeKind, 0)
  head.writeBigInt64BE(BigInt(response.requestId), 1)
  if (response.kind === 'close') return [head]
  head.writeInt32BE(response.throttleTimeMs, 9)
  return [head, response.body]
}

/** `body` is a view of `bytes`. Throws DecodeError on damage. */
export function decodeForwardedResponse(bytes: Buffer): ForwardedResponse {
  const reader = new Reader(bytes)
  const kind = reader.readInt8()
  const requestId = reader.readInt64()
  if (kind === closeKind) return { kind: 'close', requestId }
  if (kind !== bodyKind) throw new DecodeError(`there is no forwarded response of kind ${kind}`)
  const throttleTimeMs = reader.readInt32()
  return { kind: 'body', requestId, throttleTimeMs, body: bytes.subarray(reader.position) }
}
