/** One connection to a broker: frames, correlation ids, pipelined requests, time limits. */

import { connect, type Socket } from 'node:net'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { apiVersionsApi, makeApiVersionsRequest } from '../wire/generated/api-versions.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { Reader } from '../wire/reader.ts'
import { decodeResponseHeader, encodeRequestHeader } from '../wire/request-header.ts'
import { Writer } from '../wire/writer.ts'
import { apiVersionsCall, type Call } from './calls.ts'
import { ConnectionError, KafkaError } from './errors.ts'

/** A response frame beyond this is damage, not data: fetches ask for far less. */
export const responseBytesMax = 256 * 1024 * 1024
/** Requests that may await their answers on one connection; a caller that outruns this has lost count. */
export const requestsInFlightMax = 4_096

export type ConnectionOptions = {
  readonly host: string
  readonly port: number
  readonly clientId: string
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
}

type Pending = {
  readonly call: Call<never, unknown>
  readonly version: number
  readonly resolve: (reader: Reader) => void
  readonly reject: (reason: Error) => void
  readonly timer: Timer
}

type VersionRange = { readonly min: number; readonly max: number }

/** A connection that is open and knows which versions the broker speaks. */
export class BrokerConnection {
  readonly address: string
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #pending = new Map<number, Pending>()
  #versions: ReadonlyMap<number, VersionRange> = new Map()
  #correlationId = 0
  #received: Buffer[] = []
  #receivedBytes = 0
  /** Bytes of the frame that is being received, with its length; 0 while that is not known. */
  #frameBytes = 0
  #closed: Error | undefined

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.#options = options
    this.#socket = socket
    this.address = addressText(options)
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) =>
      this.#fail(new ConnectionError(`${this.address}: ${error.message}`, { cause: error })),
    )
    socket.on('close', () => this.#fail(new ConnectionError(`${this.address} closed the connection`)))
  }

  /** Connects and asks for the broker's versions. Throws ConnectionError. */
  static async open(options: ConnectionOptions): Promise<BrokerConnection> {
    const connection = new BrokerConnection(options, await connectedSocket(options))
    try {
      await connection.#negotiate()
    } catch (thrown) {
      connection.close()
      throw thrown
    }
    return connection
  }

  get isOpen(): boolean {
    return this.#closed === undefined
  }

  /** The highest version of a call that both sides speak. Throws KafkaError UNSUPPORTED_VERSION where there is none. */
  versionOf(call: Call<never, unknown>): number {
    const range = this.#versions.get(call.key)
    const version = Math.min(range?.max ?? -1, call.versionMax)
    if (range === undefined || version < Math.max(range.min, call.versionMin)) {
      const message = `${this.address} speaks no version of ${call.name} that this client knows`
      throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, message)
    }
    return version
  }

  /** Sends a request and resolves with its response; requests are pipelined. Rejects with ConnectionError. */
  async send<Request, Response>(
    call: Call<Request, Response>,
    request: Request,
    options: { readonly version?: number; readonly timeoutMs?: number } = {},
  ): Promise<Response> {
    const version = options.version ?? this.versionOf(call)
    const reader = await this.#exchange(call, request, version, options.timeoutMs ?? this.#options.requestTimeoutMs)
    return call.decode(reader, version)
  }

  /** Sends a request that has no response: Produce with acks=0. */
  sendOnly<Request>(call: Call<Request, unknown>, request: Request): void {
    if (this.#closed !== undefined) throw this.#closed
    this.#write(call, request, this.versionOf(call), this.#nextCorrelationId())
  }

  /** How many bytes the socket has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  /** Closes at once; what was in flight rejects. */
  close(): void {
    this.#fail(new ConnectionError(`the connection to ${this.address} was closed`))
    this.#socket.destroy()
  }

  #exchange<Request>(
    call: Call<Request, unknown>,
    request: Request,
    version: number,
    timeoutMs: number,
  ): Promise<Reader> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) throw this.#closed
      if (this.#pending.size >= requestsInFlightMax) {
        throw new ConnectionError(`${requestsInFlightMax} requests to ${this.address} await their answers already`)
      }
      const correlationId = this.#nextCorrelationId()
      const timer = this.#options.clock.startTimer(timeoutMs, () => {
        // The answers that follow would still arrive, but one that is this late speaks of a broker that is gone.
        this.#fail(new ConnectionError(`${this.address} did not answer ${call.name} within ${timeoutMs} ms`))
        this.#socket.destroy()
      })
      this.#pending.set(correlationId, { call, version, resolve, reject, timer })
      this.#write(call, request, version, correlationId)
    })
  }

  #write<Request>(call: Call<Request, unknown>, request: Request, version: number, correlationId: number): void {
    const writer = new Writer()
    const { clientId } = this.#options
    encodeRequestHeader(writer, { apiKey: call.key, apiVersion: version, correlationId, clientId })
    call.encode(writer, request, version)
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(writer.length)
    this.#socket.cork()
    this.#socket.write(length)
    for (const chunk of writer.finish()) this.#socket.write(chunk)
    this.#socket.uncork()
  }

  #nextCorrelationId(): number {
    this.#correlationId = (this.#correlationId + 1) & 0x7fffffff
    return this.#correlationId
  }

  async #negotiate(): Promise<void> {
    const request = makeApiVersionsRequest({ clientSoftwareName: 'safka-client', clientSoftwareVersion: '0.1.0' })
    let response = await this.#askVersions(request, apiVersionsApi.versionMax)
    if (response.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      const newest = response.apiKeys.find((api) => api.apiKey === apiVersionsApi.key)?.maxVersion ?? 0
      response = await this.#askVersions(request, Math.min(newest, apiVersionsApi.versionMax))
    }
    if (response.errorCode !== ErrorCode.NONE) {
      throw new KafkaError(response.errorCode, `${this.address} refused to tell its versions`)
    }
    this.#versions = new Map(
      response.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, { min: minVersion, max: maxVersion }]),
    )
  }

  async #askVersions(request: Parameters<typeof apiVersionsCall.encode>[1], version: number) {
    const reader = await this.#exchange(apiVersionsCall, request, version, this.#options.requestTimeoutMs)
    // A broker that does not know the version answers in version 0, whose first field is the error code.
    const errorCode = reader.bytes.readInt16BE(reader.position)
    return apiVersionsCall.decode(reader, errorCode === ErrorCode.UNSUPPORTED_VERSION ? 0 : version)
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk)
    this.#receivedBytes += chunk.length
    if (this.#receivedBytes < Math.max(4, this.#frameBytes)) return
    const bytes = this.#received.length === 1 ? chunk : Buffer.concat(this.#received)
    let start = 0
    this.#frameBytes = 0
    while (bytes.length - start >= 4) {
      const length = bytes.readInt32BE(start)
      if (length < 4 || length > responseBytesMax) {
        this.#fail(new ConnectionError(`${this.address} announced a response of ${length} bytes`))
        this.#socket.destroy()
        return
      }
      this.#frameBytes = 4 + length
      if (bytes.length - start < this.#frameBytes) break
      this.#answer(bytes.subarray(start + 4, start + this.#frameBytes))
      start += this.#frameBytes
      this.#frameBytes = 0
    }
    const rest = bytes.subarray(start)
    this.#received = rest.length === 0 ? [] : [rest]
    this.#receivedBytes = rest.length
  }

  #answer(frame: Buffer): void {
    const correlationId = frame.readInt32BE(0)
    const pending = this.#pending.get(correlationId)
    if (pending === undefined) {
      this.#fail(new ConnectionError(`${this.address} answered a request that was not made`))
      this.#socket.destroy()
      return
    }
    this.#pending.delete(correlationId)
    pending.timer.cancel()
    try {
      const reader = new Reader(frame)
      decodeResponseHeader(reader, pending.call.key, pending.version)
      pending.resolve(reader)
    } catch (thrown) {
      pending.reject(new ConnectionError(`${this.address} sent a damaged response: ${messageOf(thrown)}`))
    }
  }

  #fail(reason: Error): void {
    this.#closed ??= reason
    for (const pending of this.#pending.values()) {
      pending.timer.cancel()
      pending.reject(this.#closed)
    }
    this.#pending.clear()
  }
}

function connectedSocket(options: ConnectionOptions): Promise<Socket> {
  const { host, port, clock, connectTimeoutMs } = options
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const fail = (reason: string, cause?: unknown): void => {
      timer.cancel()
      socket.destroy()
      reject(new ConnectionError(`cannot connect to ${addressText(options)}: ${reason}`, { cause }))
    }
    const timer = clock.startTimer(connectTimeoutMs, () => fail(`no answer within ${connectTimeoutMs} ms`))
    const onError = (error: Error): void => fail(connectReason(error), error)
    socket.once('error', onError)
    socket.once('connect', () => {
      timer.cancel()
      socket.off('error', onError)
      resolve(socket)
    })
  })
}

/** Node's message is empty where several addresses of one name failed. */
function connectReason(error: Error): string {
  if (error.message !== '') return error.message
  return error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : error.name
}

function addressText({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
