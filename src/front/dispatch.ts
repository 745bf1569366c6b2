/** Routes one request: reads its header, checks its version, and runs its API or forwards it. */

import { apiVersions, refuseApiVersions } from '../api/18-api-versions.ts'
import type { QuotaUse, RawCall } from '../api/api.ts'
import { findApi } from '../api/index.ts'
import type { Caller, Ports } from '../api/ports.ts'
import { Reader } from '../wire/reader.ts'
import { decodeRequestHeader, encodeResponseHeader, type RequestHeader } from '../wire/request-header.ts'
import { Writer } from '../wire/writer.ts'
import type { Forwarding } from './forward.ts'
import type { ResponsePlace } from './respond.ts'
import type { Throttle } from './throttle.ts'

/** What a request needs of the connection that it came on. */
export interface Line {
  readonly caller: Caller
  readonly isClosed: boolean
  /** The frame's own memory is needed after the request was dispatched. */
  frameKept(): void
  openResponse(): ResponsePlace
  fillResponse(place: ResponsePlace, chunks: readonly Buffer[]): void
  close(reason: string): void
  /** The client is beyond its quota: nothing more is read from it for so long (KIP-219). */
  mute(forMs: number): void
}

/** Where a request's bytes lie. */
export type Frame = {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  readonly isOwned: boolean
}

/** Room for most responses: the writer grows where it is too little. */
const responseBytesFirst = 256

/** Dispatches the requests of all connections of a front. */
export class Dispatcher {
  readonly #ports: Ports
  readonly #forwarding: Forwarding
  readonly #throttle: Throttle

  constructor(options: {
    readonly ports: Ports
    readonly forwarding: Forwarding
    readonly throttle: Throttle
  }) {
    this.#ports = options.ports
    this.#throttle = options.throttle
    this.#forwarding = options.forwarding
  }

  /**
   * Starts one request; a promise means that the next one of this connection has to wait for it. Throws DecodeError for bytes
   * that are no request.
   */
  dispatch(frame: Frame, line: Line): void | Promise<void> {
    const reader = new Reader(frame.bytes, frame.start, frame.end)
    const header = decodeRequestHeader(reader)
    const api = findApi(header.apiKey)
    const { apiKey, apiVersion } = header
    if (api === undefined) {
      // As Kafka: there is no response that a client could understand.
      line.close(`a request for API ${apiKey}, which is not offered here`)
      return
    }
    if (apiVersion < api.versionMin || apiVersion > api.versionMax) {
      if (apiKey === apiVersions.key) refuseApiVersions(this.#callOf(header, frame, line))
      else line.close(`a request for API ${apiKey} in version ${apiVersion}, which is not offered here`)
      return
    }
    if (api.place === 'front') {
      const call = this.#callOf(header, frame, line)
      if (!this.#throttle.timesRequests) return api.run(reader, call)
      call.startedMs = this.#throttle.monotonicMs()
      const running = api.run(reader, call)
      call.tookMs = call.elapsedMs
      return running
    }
    return this.#forward(header, frame.bytes.subarray(reader.position, frame.end), frame, line)
  }

  #callOf(header: RequestHeader, frame: Frame, line: Line): RequestCall {
    return new RequestCall(header, frame, line, this.#ports, this.#throttle)
  }

  #forward(header: RequestHeader, body: Buffer, frame: Frame, line: Line): void | Promise<void> {
    const { apiKey, apiVersion, clientId } = header
    const { connectionId, listenerName, clientHost, clientPort, software } = line.caller
    const place = line.openResponse()
    const answer = (responseBody: Buffer | undefined, throttleTimeMs: number): void => {
      if (responseBody === undefined) {
        line.close('main refused the request')
        return
      }
      if (throttleTimeMs > 0) line.mute(throttleTimeMs)
      line.fillResponse(
        place,
        responseChunks(header, (writer) => writer.writeReference(responseBody)),
      )
    }
    const softwareName = software?.name ?? null
    const softwareVersion = software?.version ?? null
    const client = { clientHost, clientPort, clientId, softwareName, softwareVersion }
    const request = { connectionId, listenerName, ...client, apiKey, apiVersion, body }
    if (this.#forwarding.push(request, answer)) return
    const kept = { ...request, body: frame.isOwned ? body : Buffer.from(body) }
    return this.#forwardWhenRoom(line, () => this.#forwarding.push(kept, answer))
  }

  async #forwardWhenRoom(line: Line, push: () => boolean): Promise<void> {
    do {
      await this.#forwarding.waitForRoom()
      // Main has been told that the connection is gone: a member that joined after that would stay for a whole session.
    } while (!line.isClosed && !push())
  }
}

/** One request of a client, as its API sees it. */
class RequestCall implements RawCall {
  readonly ports: Ports
  readonly requestBytes: number
  /** When the request was begun; undefined: its time was not limited then. */
  startedMs: number | undefined
  /** How long it took until it was left to itself; undefined: it has not been yet. */
  tookMs: number | undefined
  readonly #header: RequestHeader
  readonly #isFrameOwned: boolean
  readonly #line: Line
  readonly #place: ResponsePlace
  readonly #throttle: Throttle

  constructor(header: RequestHeader, frame: Frame, line: Line, ports: Ports, throttle: Throttle) {
    this.ports = ports
    this.requestBytes = frame.end - frame.start
    this.#header = header
    this.#isFrameOwned = frame.isOwned
    this.#line = line
    this.#place = line.openResponse()
    this.#throttle = throttle
  }

  /** How long ago it was begun; 0 where that is not known. */
  get elapsedMs(): number {
    return this.startedMs === undefined ? 0 : this.#throttle.monotonicMs() - this.startedMs
  }

  get apiVersion(): number {
    return this.#header.apiVersion
  }

  get clientId(): string | null {
    return this.#header.clientId
  }

  get caller(): Caller {
    return this.#line.caller
  }

  respond(write: (writer: Writer) => void): void {
    this.#line.fillResponse(this.#place, responseChunks(this.#header, write))
  }

  respondNothing(): void {
    this.#line.fillResponse(this.#place, [])
  }

  throttle(use: QuotaUse | undefined): number {
    const throttleTimeMs = this.#throttle.charge(this.#header.clientId, this.tookMs ?? this.elapsedMs, use)
    if (throttleTimeMs > 0) this.#line.mute(throttleTimeMs)
    return throttleTimeMs
  }

  close(reason: string): void {
    this.#line.close(reason)
  }

  keep(bytes: Buffer): Buffer {
    if (!this.#isFrameOwned) return Buffer.from(bytes)
    this.#line.frameKept()
    return bytes
  }
}

/** A whole response frame: size, header, body. */
function responseChunks(header: RequestHeader, write: (writer: Writer) => void): Buffer[] {
  const writer = new Writer(responseBytesFirst)
  writer.writeInt32(0)
  encodeResponseHeader(writer, header.apiKey, header.apiVersion, header.correlationId)
  write(writer)
  const chunks = writer.finish()
  chunks[0]?.writeInt32BE(writer.length - 4, 0)
  return chunks
}
