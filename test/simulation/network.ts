/** Connections between clients and the broker: bytes come in pieces of any size, late, and until either end breaks. */

import type { Duplex, DuplexListener } from '../../src/front/duplex.ts'
import type { Runnable, Scheduler } from './scheduler.ts'

/** What a client's end is told. */
export interface ClientEnd {
  received(bytes: Buffer): void
  closed(): void
}

/** Of so many deliveries one ends in the midst of the bytes. */
const splitShare = 6

/** One direction of a connection. */
class Stream implements Runnable {
  readonly name: string
  readonly #scheduler: Scheduler
  readonly #deliver: (bytes: Buffer) => number
  #chunks: { bytes: Buffer; readonly sent: (() => void) | undefined }[] = []
  #isPaused = false

  /** `deliver` answers how many of the bytes it took. */
  constructor(scheduler: Scheduler, name: string, deliver: (bytes: Buffer) => number) {
    this.#scheduler = scheduler
    this.name = name
    this.#deliver = deliver
  }

  get waitingBytes(): number {
    return this.#chunks.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  push(bytes: Buffer, sent?: () => void): void {
    this.#chunks.push({ bytes, sent })
    this.#schedule()
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#schedule()
  }

  run(): void {
    const first = this.#chunks[0]
    if (first === undefined) return
    const { bytes } = first
    const isSplit = bytes.length > 1 && this.#scheduler.random.below(splitShare) === 0
    const length = isSplit ? 1 + this.#scheduler.random.below(bytes.length - 1) : bytes.length
    const taken = this.#deliver(bytes.subarray(0, length))
    if (this.#chunks[0] !== first) return
    first.bytes = bytes.subarray(taken)
    if (first.bytes.length === 0) {
      this.#chunks.shift()
      // From here on the memory is its owner's again: who reads it later reads nonsense.
      first.sent?.()
    }
    this.#schedule()
  }

  end(): void {
    this.#chunks = []
    this.#schedule()
  }

  #schedule(): void {
    if (this.#chunks.length > 0 && !this.#isPaused) this.#scheduler.add(this)
    else this.#scheduler.remove(this)
  }
}

/** A connection, seen from the front; clients have `send` and `breakOff`. */
export class SimulatedDuplex implements Duplex {
  readonly localHost = '127.0.0.1'
  readonly localPort = 9092
  readonly remoteHost = '10.0.0.7'
  readonly remotePort = 40_000
  readonly #toFront: Stream
  readonly #toClient: Stream
  readonly #client: ClientEnd
  readonly #scheduler: Scheduler
  #listener: DuplexListener | undefined
  #isOver = false
  #isEnding = false

  constructor(scheduler: Scheduler, client: ClientEnd) {
    this.#scheduler = scheduler
    this.#client = client
    this.#toFront = new Stream(scheduler, 'to front', (bytes) => this.#deliver(bytes))
    this.#toClient = new Stream(scheduler, 'to client', (bytes) => {
      // Copied only now: until it is sent, the front must leave its memory alone.
      this.#client.received(Buffer.from(bytes))
      return bytes.length
    })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  connect(listener: DuplexListener): void {
    this.#listener = listener
  }

  /** The client sends. */
  send(bytes: Buffer): void {
    if (!this.#isOver) this.#toFront.push(bytes)
  }

  /** The connection breaks: what is on its way is lost, and each end hears of it. */
  breakOff(): void {
    if (this.#isOver) return
    this.#over()
    this.#listener?.closed()
  }

  /** The broker's process is gone: nobody there hears of anything. */
  abandon(): void {
    this.#listener = undefined
    this.#over()
  }

  write(chunks: readonly Buffer[], sent?: () => void): void {
    if (this.#isOver) return
    chunks.forEach((chunk, index) => {
      this.#toClient.push(chunk, () => {
        if (index === chunks.length - 1) sent?.()
        if (this.#isEnding && this.#toClient.waitingBytes === 0) this.destroy()
      })
    })
  }

  pendingBytes(): number {
    return this.#toClient.waitingBytes
  }

  pause(): void {
    this.#toFront.setPaused(true)
  }

  resume(): void {
    this.#toFront.setPaused(false)
  }

  end(): void {
    this.#isEnding = true
    if (this.#toClient.waitingBytes === 0) this.destroy()
  }

  destroy(): void {
    if (this.#isOver) return
    this.#over()
    this.#listener?.closed()
  }

  #over(): void {
    this.#isOver = true
    this.#toFront.end()
    this.#toClient.end()
    const runnable: Runnable = {
      name: 'closed',
      run: () => {
        this.#scheduler.remove(runnable)
        this.#client.closed()
      },
    }
    this.#scheduler.add(runnable)
  }

  #deliver(bytes: Buffer): number {
    const listener = this.#listener
    if (listener === undefined) return bytes.length
    const target = listener.readTarget()
    const length = bytes.copy(target)
    listener.received(target, length)
    return length
  }
}
