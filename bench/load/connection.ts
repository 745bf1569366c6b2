/** A bare connection for load: writes prepared frames, and hands over each answer's bytes. */

import { connect, type Socket } from 'node:net'

/** Answers larger than this are a mistake of the load, not a result. */
const answerBytesMax = 256 * 1024 * 1024

export type LoadConnectionOptions = {
  readonly host: string
  readonly port: number
  /** Called with each answer, without its length, in order; the bytes are only valid during the call. */
  readonly onAnswer: (answer: Buffer) => void
  readonly onError: (error: Error) => void
}

/** Sends frames and splits what comes back. */
export class LoadConnection {
  readonly #socket: Socket
  readonly #onAnswer: (answer: Buffer) => void
  #rest: Buffer[] = []
  #restBytes = 0
  #neededBytes = 4

  private constructor(socket: Socket, options: LoadConnectionOptions) {
    this.#socket = socket
    this.#onAnswer = options.onAnswer
    socket.on('data', (chunk: Buffer) => {
      try {
        this.#receive(chunk)
      } catch (thrown) {
        options.onError(thrown instanceof Error ? thrown : new Error(String(thrown)))
        socket.destroy()
      }
    })
    socket.on('error', options.onError)
  }

  static open(options: LoadConnectionOptions): Promise<LoadConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: options.host, port: options.port, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new LoadConnection(socket, options))
      })
    })
  }

  /** `body` is what follows the correlation id; it may be sent many times and is never changed. */
  send(request: { apiKey: number; version: number; correlationId: number; body: Buffer }): void {
    const head = Buffer.allocUnsafe(12)
    head.writeInt32BE(8 + request.body.length, 0)
    head.writeInt16BE(request.apiKey, 4)
    head.writeInt16BE(request.version, 6)
    head.writeInt32BE(request.correlationId, 8)
    this.#socket.cork()
    this.#socket.write(head)
    this.#socket.write(request.body)
    // What one turn sends leaves in one system call.
    queueMicrotask(() => this.#socket.uncork())
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    if (this.#restBytes + chunk.length < this.#neededBytes) {
      this.#rest.push(chunk)
      this.#restBytes += chunk.length
      return
    }
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([...this.#rest, chunk])
    let at = 0
    this.#neededBytes = 4
    while (bytes.length - at >= 4) {
      const frameBytes = 4 + bytes.readInt32BE(at)
      if (frameBytes < 8 || frameBytes > answerBytesMax) throw new Error(`an answer of ${frameBytes} bytes`)
      if (bytes.length - at < frameBytes) {
        this.#neededBytes = frameBytes
        break
      }
      this.#onAnswer(bytes.subarray(at + 4, at + frameBytes))
      at += frameBytes
    }
    this.#rest = at === bytes.length ? [] : [Buffer.from(bytes.subarray(at))]
    this.#restBytes = bytes.length - at
  }
}
