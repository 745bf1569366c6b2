/** How an API is declared, and what its handler is given: a decoded request and a call to answer. */

import type { Reader } from '../wire/reader.ts'
import type { Writer } from '../wire/writer.ts'
import type { Caller, Ports } from './ports.ts'

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
  /** Closes the connection. */
  close(reason: string): void
  /** The bytes, safe to use after the handler has returned: as they are where the frame owns its memory, else a copy. */
  keep(bytes: Buffer): Buffer
}

/** One request in work. Exactly one of `reply` and `replyNothing` is to be called, once; afterwards only `close`. */
export class Call<Response> {
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

  reply(response: Response): void {
    this.#raw.respond((writer) => this.#encode(writer, response, this.apiVersion))
  }

  /** Replies with another version's body than the one asked for. */
  replyAs(response: Response, version: number): void {
    this.#raw.respond((writer) => this.#encode(writer, response, version))
  }

  replyNothing(): void {
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
export function defineApi<Request, Response>(definition: {
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
