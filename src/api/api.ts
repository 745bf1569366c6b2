/** How an API is declared, and what its handler is given: a decoded request and a call to answer. */

import type { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import type { Caller, Ports } from './ports.ts'

/** What a request has used beside its time. `isUntimed`: the time does not count, as nobody waits for an answer. */
export type QuotaUse = {
  readonly key: 'producer_byte_rate' | 'consumer_byte_rate'
  readonly bytes: number
  readonly isUntimed?: boolean
}

/** What the front hands over with each request; `Call` gives it types. */
export interface RawCall {
  readonly apiVersion: number
  readonly clientId: string | null
  readonly caller: Caller
  readonly ports: Ports
  /** Sends the response whose body `write` writes; its place among the connection's responses is kept. */
  respond(write: (writer: Writer) => void): void
  /** Says that no response follows. */
  respondNothing(): void
  /** The request's own size, its header included. */
  readonly requestBytes: number
  /**
   * Counts what the request has used against the client's quotas; answers for how many milliseconds the client is throttled, and
   * reads nothing more from it for so long (KIP-219). To be called once, before the response.
   */
  throttle(use: QuotaUse | undefined): number
  /** Closes the connection. */
  close(reason: string): void
  /** The bytes, safe to use after the handler has returned: as they are where the frame owns its memory, else a copy. */
  keep(bytes: Buffer): Buffer
}

/** One request in work. Exactly one of `reply` and `replyNothing` is to be called, once; afterwards only `close`. */
export class Call<Response extends { throttleTimeMs: number }> {
  readonly apiVersion: number
  readonly clientId: string | null
  readonly caller: Caller
  readonly ports: Ports
  readonly #raw: RawCall
  readonly #encode: Encode<Response>

  constructor(raw: RawCall, encode: Encode<Response>) {
    this.apiVersion = raw.apiVersion
    this.clientId = raw.clientId
    this.caller = raw.caller
    this.ports = raw.ports
    this.#raw = raw
    this.#encode = encode
  }

  /** The request's own size, its header included. */
  get requestBytes(): number {
    return this.#raw.requestBytes
  }

  reply(response: Response, use?: QuotaUse): void {
    this.replyThrottled(response, this.ports.quotas.isOn ? this.#raw.throttle(use) : 0)
  }

  /** Replies where `throttle` has been called. */
  replyThrottled(response: Response, throttleTimeMs: number): void {
    const told = throttleTimeMs === 0 ? response : { ...response, throttleTimeMs }
    this.#raw.respond((writer) => this.#encode(writer, told, this.apiVersion))
  }

  /** Counts the request against the client's quotas before it is answered; for how many milliseconds the client is throttled. */
  throttle(use: QuotaUse): number {
    return this.#raw.throttle(use)
  }

  /** How many bytes the response's body would take. */
  sizeOf(response: Response): number {
    const writer = new Writer()
    this.#encode(writer, response, this.apiVersion)
    return writer.length
  }

  /** Replies with another version's body than the one asked for. */
  replyAs(response: Response, version: number): void {
    this.#raw.respond((writer) => this.#encode(writer, response, version))
  }

  replyNothing(use?: QuotaUse): void {
    if (this.ports.quotas.isOn) this.#raw.throttle(use)
    this.#raw.respondNothing()
  }

  close(reason: string): void {
    this.#raw.close(reason)
  }

  keep(bytes: Buffer): Buffer {
    return this.#raw.keep(bytes)
  }
}

type Encode<Response> = (writer: Writer, response: Response, version: number) => void

/** An API that the front answers itself. */
export type FrontApi = {
  readonly place: 'front'
  readonly key: number
  readonly versionMin: number
  readonly versionMax: number
  /**
   * Decodes the body and handles it. A promise means: do not dispatch this connection's next request before it resolves. Throws
   * DecodeError for a body that cannot be read.
   */
  run(reader: Reader, raw: RawCall): void | Promise<void>
}

/** An API that main answers: the front forwards its bytes as they are. */
export type CoordinatorApi = {
  readonly place: 'coordinator'
  readonly key: number
  readonly versionMin: number
  readonly versionMax: number
}

export type Api = FrontApi | CoordinatorApi

/** Declares an API; `versions` are the first and the last version that it speaks. */
export function defineApi<Request, Response extends { throttleTimeMs: number }>(definition: {
  readonly place: 'front'
  readonly key: number
  readonly versions: readonly [number, number]
  readonly decode: (reader: Reader, version: number) => Request
  readonly encode: Encode<Response>
  /** Bytes in `request` are views that are valid until this returns: what is needed later goes through `call.keep`. */
  readonly handle: (request: Request, call: Call<Response>) => void | Promise<void>
}): FrontApi {
  const { decode, encode, handle } = definition
  return {
    place: 'front',
    key: definition.key,
    versionMin: definition.versions[0],
    versionMax: definition.versions[1],
    run: (reader, raw) => handle(decode(reader, raw.apiVersion), new Call(raw, encode)),
  }
}

/** Declares an API whose requests go to main. */
export function defineForwarded(definition: {
  readonly key: number
  readonly versions: readonly [number, number]
}): CoordinatorApi {
  return {
    place: 'coordinator',
    key: definition.key,
    versionMin: definition.versions[0],
    versionMax: definition.versions[1],
  }
}
