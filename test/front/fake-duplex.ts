/** A client and its stream without sockets: sends frames to a front, in pieces if asked, and collects the responses. */

import type { Duplex, DuplexListener } from '../../src/front/duplex.ts'
import { Reader } from '../../src/wire/reader.ts'
import { decodeResponseHeader, encodeRequestHeader } from '../../src/wire/request-header.ts'
import { Writer } from '../../src/wire/writer.ts'

/** A response as it came. */
export type Answer<Response> = { readonly correlationId: number; readonly response: Response }

/** What makes and reads the messages of one API. */
export type Codec<Request, Response> = {
  readonly key: number
  readonly encode: (writer: Writer, request: Request, version: number) => void
  readonly decode: (reader: Reader, version: number) => Response
}

export class FakeDuplex implements Duplex {
  readonly localHost = '127.0.0.1'
  readonly localPort = 9000
  readonly remoteHost = '10.0.0.7'
  readonly remotePort = 40_000
  isPaused = false
  isDestroyed = false
  isEnded = false
  /** What the system has not taken yet, as a test wants it. */
  unsentBytes = 0
  writes = 0
  #listener: DuplexListener | undefined
  #waiting: Buffer[] = []
  #output = Buffer.alloc(0)
  /** Where all connections read to: the first target, as there is no frame to be continued yet. */
  #shared: Buffer | undefined

  connect(listener: DuplexListener): void {
    this.#listener = listener
  }

  /** Delivers bytes as the system would: never while paused. */
  send(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#deliver()
  }

  hangUp(): void {
    this.#listener?.ended()
  }

  drain(): void {
    this.unsentBytes = 0
    this.#listener?.drained()
  }

  /** Whether a whole response frame is there. */
  get hasFrame(): boolean {
    return this.#output.length >= 4 && this.#output.length >= 4 + this.#output.readInt32BE(0)
  }

  /** Takes the next whole response frame. */
  takeFrame(): Buffer | undefined {
    if (this.#output.length < 4) return undefined
    const end = 4 + this.#output.readInt32BE(0)
    if (this.#output.length < end) return undefined
    const frame = this.#output.subarray(4, end)
    this.#output = this.#output.subarray(end)
    return frame
  }

  /** Takes the next response, which has to be there. */
  take<Request, Response>(codec: Codec<Request, Response>, version: number): Answer<Response> {
    const frame = this.takeFrame()
    if (frame === undefined) throw new Error('no response came')
    const reader = new Reader(frame)
    const correlationId = decodeResponseHeader(reader, codec.key, version)
    const response = codec.decode(reader, version)
    if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes follow the response`)
    return { correlationId, response }
  }

  write(chunks: readonly Buffer[], sent?: () => void): void {
    this.writes += 1
    this.#output = Buffer.concat([this.#output, ...chunks])
    sent?.()
  }

  pendingBytes(): number {
    return this.unsentBytes
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    this.#deliver()
  }

  end(): void {
    this.isEnded = true
    this.destroy()
  }

  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    this.#listener?.closed()
  }

  #deliver(): void {
    while (!this.isPaused && !this.isDestroyed) {
      const bytes = this.#waiting.shift()
      const listener = this.#listener
      if (bytes === undefined || listener === undefined) return
      const target = listener.readTarget()
      this.#shared ??= target
      const length = bytes.copy(target)
      if (length < bytes.length) this.#waiting.unshift(bytes.subarray(length))
      listener.received(target, length)
      // The next read of any connection goes to the same memory, but where a large frame's rest is read to its own.
      if (target === this.#shared) target.fill(0xee, 0, length)
    }
  }
}

/** A whole request frame. */
export function requestFrame<Request>(
  codec: Pick<Codec<Request, unknown>, 'key' | 'encode'>,
  request: Request,
  options: { readonly version: number; readonly correlationId?: number; readonly clientId?: string },
): Buffer {
  const { version, correlationId = 1, clientId = 'test' } = options
  const writer = new Writer()
  writer.writeInt32(0)
  encodeRequestHeader(writer, { apiKey: codec.key, apiVersion: version, correlationId, clientId })
  codec.encode(writer, request, version)
  const frame = writer.finishJoined()
  frame.writeInt32BE(frame.length - 4, 0)
  return frame
}
