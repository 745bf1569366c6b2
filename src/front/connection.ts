/** One client's connection: its bytes in, its requests one after the other, its responses out. */

import type { Caller } from '../api/ports.ts'
import type { Timer } from '../base/clock.ts'
import { messageOf, SafkaError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { DecodeError } from '../wire/errors.ts'
import type { BytePool } from './byte-pool.ts'
import type { Dispatcher, Line } from './dispatch.ts'
import type { Duplex, DuplexListener } from './duplex.ts'
import { Framing, FramingError } from './framing.ts'
import type { HalfReceived, Holder } from './half-received.ts'
import { type ResponsePlace, Responses } from './respond.ts'
import type { ResponseBudget } from './response-budget.ts'
import type { Flushable, Turn } from './turn.ts'

/** What all connections of a front share. */
export type ConnectionHome = {
  readonly dispatcher: Dispatcher
  readonly halfReceived: HalfReceived
  readonly turn: Turn
  readonly logger: Logger
  /** Where connections read to while they hold no large frame. */
  readonly readBuffer: Buffer
  readonly pool: BytePool
  readonly budget: ResponseBudget
  readonly requestBytesMax: number
  /** Calls `fire` once, `delayMs` from now. */
  startTimer(delayMs: number, fire: () => void): Timer
  monotonicMs(): number
  /** The client sends no more: what it waits for is answered now. */
  connectionEnded(connection: Connection): void
  connectionClosed(connection: Connection): void
  /** A defect of ours, not of the client: ends the thread. */
  failed(thrown: unknown): void
}

export class Connection implements DuplexListener, Line, Flushable, Holder {
  readonly caller: Caller
  readonly #duplex: Duplex
  readonly #home: ConnectionHome
  readonly #framing: Framing
  readonly #responses: Responses
  #direct: Buffer | undefined
  /** A request is being claimed: the next one waits. */
  #isHeld = false
  #isFrameKept = false
  #isReadingPaused = false
  /** Runs while the client is throttled: until it fires, no request is taken on. */
  #mute: Timer | undefined
  #mutedUntilMs = 0
  #isDispatching = false
  /** No more bytes are read; what was received is finished. */
  #isEnding = false
  #isFinished = false
  #isClosed = false

  constructor(options: { readonly caller: Caller; readonly duplex: Duplex; readonly home: ConnectionHome }) {
    this.caller = options.caller
    this.#duplex = options.duplex
    this.#home = options.home
    this.#framing = new Framing(options.home.requestBytesMax, options.home.pool)
    this.#responses = new Responses({ duplex: options.duplex, pool: options.home.pool, budget: options.home.budget })
  }

  /** Requests that have been taken on and not been answered. */
  get requestsInWork(): number {
    return this.#responses.count + (this.#isHeld ? 1 : 0)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  readTarget(): Buffer {
    this.#direct = this.#framing.directTarget()
    return this.#direct ?? this.#home.readBuffer
  }

  received(bytes: Buffer, length: number): void {
    if (this.#isClosed) return
    this.#home.turn.within(() => {
      if (this.#direct !== undefined && bytes === this.#direct) this.#framing.receivedDirectly(length)
      else this.#framing.feed(bytes, length)
      this.#direct = undefined
      this.#pump()
    })
  }

  drained(): void {
    if (!this.#isClosed) this.#home.turn.within(() => this.#pump())
  }

  /** As Kafka, finishes what the client has sent before it hung up. */
  ended(): void {
    if (this.#isClosed) return
    this.#home.turn.within(() => {
      this.#home.connectionEnded(this)
      this.end()
    })
  }

  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#mute?.cancel()
    this.#home.halfReceived.change(this, 0)
    this.#responses.close()
    this.#home.connectionClosed(this)
  }

  evict(): void {
    this.close('its half-received request took memory that others needed')
  }

  close(reason: string): void {
    if (this.#isClosed) return
    this.#home.logger.debug('closing a connection', { connection: this.caller.connectionId, reason })
    this.#duplex.destroy()
    this.closed()
  }

  mute(forMs: number): void {
    if (this.#isClosed || this.#isEnding) return
    const untilMs = this.#home.monotonicMs() + forMs
    // Requests that were under way are answered later: the longer wait stands.
    if (this.#mute !== undefined && untilMs <= this.#mutedUntilMs) return
    this.#mute?.cancel()
    this.#mutedUntilMs = untilMs
    this.#mute = this.#home.startTimer(forMs, () => {
      this.#mute = undefined
      if (!this.#isClosed) this.#home.turn.within(() => this.#pump())
    })
    if (!this.#isDispatching) this.#pauseReading()
  }

  /** Reads no more, and closes once what has been received is answered. */
  end(): void {
    this.#unmute()
    this.#isEnding = true
    this.#pauseReading()
    this.#endIfIdle()
  }

  frameKept(): void {
    this.#isFrameKept = true
  }

  openResponse(): ResponsePlace {
    return this.#responses.open()
  }

  fillResponse(place: ResponsePlace, chunks: readonly Buffer[]): void {
    if (this.#isClosed) return
    if (this.#responses.fill(place, chunks)) this.#home.turn.wantFlush(this)
  }

  flush(): void {
    if (this.#isClosed) return
    this.#responses.flush()
    // Answers make room for more requests.
    if (this.#isReadingPaused && !this.#isDispatching) this.#pump()
    this.#endIfIdle()
  }

  /** Dispatches what has been received, as far as that may be; reads on, or not. */
  #pump(): void {
    this.#isDispatching = true
    try {
      while (this.#mayDispatch() && this.#framing.next()) this.#dispatch()
    } catch (thrown) {
      this.#fail(thrown)
    } finally {
      this.#isDispatching = false
    }
    if (this.#isClosed) return
    this.#framing.keepInput()
    this.#home.halfReceived.change(this, this.#framing.heldBytes)
    if (this.#mayDispatch() && !this.#isEnding) this.#resumeReading()
    else this.#pauseReading()
  }

  /** What was received from a client that leaves is answered all the same. */
  #unmute(): void {
    if (this.#mute === undefined) return
    this.#mute.cancel()
    this.#mute = undefined
    this.#pump()
  }

  #mayDispatch(): boolean {
    return this.#mute === undefined && !this.#isHeld && !this.#isClosed && this.#responses.hasRoom()
  }

  #dispatch(): void {
    const framing = this.#framing
    const { bytes } = framing
    this.#isFrameKept = false
    const held = this.#home.dispatcher.dispatch(framing, this)
    if (held === undefined) {
      if (framing.isOwned && !this.#isFrameKept) this.#home.pool.giveBack(bytes)
      return
    }
    this.#isHeld = true
    held.then(
      () => this.#release(),
      (thrown: unknown) => {
        this.#fail(thrown)
        this.#release()
      },
    )
  }

  #release(): void {
    this.#home.turn.within(() => {
      this.#isHeld = false
      if (this.#isClosed) return
      this.#pump()
      this.#endIfIdle()
    })
  }

  /** A client that sends rubbish loses its connection; a defect of ours ends the thread. */
  #fail(thrown: unknown): void {
    if (thrown instanceof DecodeError || thrown instanceof FramingError) {
      this.close(thrown.message)
      return
    }
    this.#home.logger.error('a request failed', { connection: this.caller.connectionId, reason: messageOf(thrown) })
    this.close(messageOf(thrown))
    if (thrown instanceof SafkaError && thrown.code === 'SAFKA_ASSERTION_FAILED') this.#home.failed(thrown)
  }

  #pauseReading(): void {
    if (this.#isReadingPaused || this.#isClosed) return
    this.#isReadingPaused = true
    this.#duplex.pause()
  }

  #resumeReading(): void {
    if (!this.#isReadingPaused) return
    this.#isReadingPaused = false
    this.#duplex.resume()
  }

  #endIfIdle(): void {
    if (!this.#isEnding || this.#isFinished || this.#isClosed || this.requestsInWork > 0) return
    this.#isFinished = true
    this.#duplex.end()
  }
}
