/** Request and response headers, whose versions follow from the API's key and version. */

import { apiTable } from './generated/api-keys.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** What stands before every request's body. */
export type RequestHeader = {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

const apiVersionsKey = 18

/** The header version (1 or 2) of a request. Unknown APIs count as having version 1. */
export function requestHeaderVersion(apiKey: number, apiVersion: number): number {
  const api = apiTable.get(apiKey)
  return api !== undefined && apiVersion >= api.flexibleMin ? 2 : 1
}

/**
 * Reads a header and leaves the reader at the body. The version is not checked: an API that asks for an unknown version
 * is the caller's to answer, and ApiVersions must be answered even then. Throws DecodeError on damage.
 */
export function decodeRequestHeader(reader: Reader): RequestHeader {
  const apiKey = reader.readInt16()
  const apiVersion = reader.readInt16()
  const correlationId = reader.readInt32()
  // The client id keeps its old form in flexible headers, so that brokers can parse those they do not know.
  const clientId = reader.readNullableString()
  if (requestHeaderVersion(apiKey, apiVersion) === 2) reader.skipTagged()
  return { apiKey, apiVersion, correlationId, clientId }
}

export function encodeRequestHeader(writer: Writer, header: RequestHeader): void {
  writer.writeInt16(header.apiKey)
  writer.writeInt16(header.apiVersion)
  writer.writeInt32(header.correlationId)
  writer.writeNullableString(header.clientId)
  if (requestHeaderVersion(header.apiKey, header.apiVersion) === 2) writer.writeUnsignedVarint(0)
}

/**
 * The header version (0 or 1) of a response. ApiVersions is always answered with version 0, since the client does not
 * know yet what the broker speaks (KIP-511).
 */
export function responseHeaderVersion(apiKey: number, apiVersion: number): number {
  if (apiKey === apiVersionsKey) return 0
  return requestHeaderVersion(apiKey, apiVersion) === 2 ? 1 : 0
}

export function encodeResponseHeader(writer: Writer, apiKey: number, apiVersion: number, correlationId: number): void {
  writer.writeInt32(correlationId)
  if (responseHeaderVersion(apiKey, apiVersion) === 1) writer.writeUnsignedVarint(0)
}

/** Reads a response's header, leaves the reader at the body and answers the correlation id. */
export function decodeResponseHeader(reader: Reader, apiKey: number, apiVersion: number): number {
  const correlationId = reader.readInt32()
  if (responseHeaderVersion(apiKey, apiVersion) === 1) reader.skipTagged()
  return correlationId
}
