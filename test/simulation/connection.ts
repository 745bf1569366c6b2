/** A client's connection: sends requests in Kafka's own bytes, and resolves them with what comes back. */

import type { Clock, Timer } from '../../src/base/clock.ts'
import type { Call } from '../../src/client/calls.ts'
import { ConnectionError } from '../../src/client/errors.ts'
import { Reader } from '../../src/wire/reader.ts'
import { decodeResponseHeader, encodeRequestHeader } from '../../src/wire/request-header.ts'
import { Writer } from '../../src/wire/writer.ts'
import type { ClientEnd, SimulatedDuplex } from './network.ts'

type Pending = {
  readonly call: Call<never, unknown>
  readonly version: number
  readonly resolve: (reader: Reader) => void
  readonly reject: (reason: Error) => void
  readonly timer: Timer
}

/** How long a client waits for an answer: longer than any wait that it asks for. */
const requestTimeoutMs = 30_000

/** One connection; a client that loses it opens another. */
export class SimulatedConnection implements ClientEnd {
  readonly #clock: Clock
  readonly #clientId: string
  readonly #pending = new Map<number, Pending>()
  #duplex: SimulatedDuplex | undefined
  #correlationId = 0
  #received: Buffer = Buffer.alloc(0)

  constructor(clock: Clock, clientId: string) {
    this.#clock = clock
    this.#clientId = clientId
  }

  /** The stream comes once the broker has accepted it. */
  opened(duplex: SimulatedDuplex): void {
    this.#duplex = duplex
  }

  get isOpen(): boolean {
    return this.#duplex !== undefined && !this.#duplex.isOver
  }

  async send<Request, Response>(
    call: Call<Request, Response>,
    request: Request,
    options: { readonly version?: number; readonly timeoutMs?: number } = {},
  ): Promise<Response> {
    const version = options.version ?? call.versionMax
    const reader = await this.#exchange(call, request, version, options.timeoutMs ?? requestTimeoutMs)
    return call.decode(reader, version)
  }

  /** For requests that are not answered: Produce with acks=0. */
  sendOnly<Request>(call: Call<Request, unknown>, request: Request, version: number): void {
    if (!this.isOpen) throw new ConnectionError('there is no connection')
    this.#write(call, request, version, ++this.#correlationId)
  }

  close(): void {
    this.#duplex?.breakOff()
  }

  received(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE(0)
      if (this.#received.length < end) return
      const frame = this.#received.subarray(4, end)
      this.#received = this.#received.subarray(end)
      this.#answer(frame)
    }
  }

  closed(): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { timer, reject } of pending) {
      timer.cancel()
      reject(new ConnectionError('the connection broke'))
    }
  }

  #exchange<Request>(call: Call<Request, unknown>, request: Request, version: number, timeoutMs: number) {
    return new Promise<Reader>((resolve, reject) => {
      if (!this.isOpen) throw new ConnectionError('there is no connection')
      const correlationId = ++this.#correlationId
      const timer = this.#clock.startTimer(timeoutMs, () => this.close())
      this.#pending.set(correlationId, { call, version, resolve, reject, timer })
      this.#write(call, request, version, correlationId)
    })
  }

  #write<Request>(call: Call<Request, unknown>, request: Request, version: number, correlationId: number): void {
    const writer = new Writer()
    writer.writeInt32(0)
    encodeRequestHeader(writer, { apiKey: call.key, apiVersion: version, correlationId, clientId: this.#clientId })
    call.encode(writer, request, version)
    const frame = writer.finishJoined()
    frame.writeInt32BE(frame.length - 4, 0)
    this.#duplex?.send(frame)
  }

  #answer(frame: Buffer): void {
    const pending = this.#pending.get(frame.readInt32BE(0))
    if (pending === undefined) throw new Error('an answer came to a request that was not made')
    const [first] = this.#pending.values()
    if (pending !== first) throw new Error('answers came in another order than requests')
    this.#pending.delete(frame.readInt32BE(0))
    pending.timer.cancel()
    const reader = new Reader(frame)
    decodeResponseHeader(reader, pending.call.key, pending.version)
    pending.resolve(reader)
  }
}
