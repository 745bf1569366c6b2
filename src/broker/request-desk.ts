/** Main's side of the request queues: takes forwarded requests, hands them to the coordinator, sends the answers back. */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { RequestContext } from '../coordinator/ports.ts'
import { anonymous, type ClientQuotas } from '../metrics/client-quotas.ts'
import type { Bell } from '../ring/bell.ts'
import type { ByteQueue } from '../ring/queue.ts'
import { DecodeError, EncodeError } from '../wire/errors.ts'
import {
  decodeForwardedRequest,
  encodeForwardedResponse,
  type ForwardedMessage,
  type ForwardedRequest,
  type ForwardedResponse,
} from '../wire/forwarded.ts'
import { type MessageCodec, messageCodec } from '../wire/generated/registry.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'

/** A part of the coordinator that answers requests. */
export interface CoordinatorPart {
  readonly apiKeys: readonly number[]
  /** `reply` is called exactly once, now or later, with the response's object, or 'close' to end the connection. */
  handle(context: RequestContext, request: unknown, reply: (response: unknown) => void): void
  connectionClosed(connectionId: string): void
}

/** One front as the desk sees it. */
export type DeskFront = { readonly requests: ByteQueue; readonly responses: ByteQueue; readonly bell: Bell }

/** Responses that wait for room in one front's queue; past that the desk takes no more of its requests. */
const responsesWaitingMax = 1_024
/** Requests taken from one front before the others have their turn. */
const requestsAtOnce = 256

type Counter = { readonly front: DeskFront; readonly waiting: Buffer[][] }

/** Spreads forwarded requests over the coordinator's parts by API key. `doWork` belongs to main's duty cycle. */
export class RequestDesk {
  readonly #counters: readonly Counter[]
  readonly #parts: ReadonlyMap<number, CoordinatorPart>
  readonly #allParts: readonly CoordinatorPart[]
  readonly #isJournalFull: () => boolean
  readonly #quotas: ClientQuotas
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(options: {
    fronts: readonly DeskFront[]
    parts: readonly CoordinatorPart[]
    isJournalFull: () => boolean
    quotas: ClientQuotas
    clock: Clock
    logger: Logger
  }) {
    this.#counters = options.fronts.map((front) => ({ front, waiting: [] }))
    this.#allParts = options.parts
    this.#parts = new Map(options.parts.flatMap((part) => part.apiKeys.map((key) => [key, part] as const)))
    this.#isJournalFull = options.isJournalFull
    this.#quotas = options.quotas
    this.#clock = options.clock
    this.#logger = options.logger
  }

  /** A step of main's duty cycle; answers how many requests were taken. */
  doWork(): number {
    let work = 0
    for (const counter of this.#counters) {
      work += this.#sendWaiting(counter)
      let hasLooked = false
      for (let taken = 0; taken < requestsAtOnce; taken++) {
        if (counter.waiting.length >= responsesWaitingMax || this.#isJournalFull()) break
        hasLooked = true
        const bytes = counter.front.requests.pop()
        if (bytes === undefined) break
        this.#take(counter, decodeForwardedRequest(bytes))
        work++
      }
      // Where nothing was taken there is no new room: a front that was woken for it would only ask, and wake main, again.
      if (hasLooked && counter.front.requests.takeRoomInterest()) counter.front.bell.ring()
    }
    return work
  }

  #take(counter: Counter, forwarded: ForwardedMessage): void {
    if (forwarded.kind === 'connection-closed') {
      for (const part of this.#allParts) part.connectionClosed(forwarded.connectionId)
      return
    }
    const { requestId, apiKey, apiVersion } = forwarded
    const codec = messageCodec(apiKey)
    const part = this.#parts.get(apiKey)
    if (codec === undefined || part === undefined) {
      this.#send(counter, { kind: 'close', requestId })
      return
    }
    try {
      const request = codec.decodeRequest(new Reader(forwarded.body), apiVersion)
      const charge = this.#quotas.timesRequests ? this.#startedNow(forwarded) : undefined
      part.handle(forwarded, request, (response) => {
        this.#reply(counter, forwarded, codec, throttled(response, charge?.throttleTimeMs() ?? 0))
      })
      charge?.ran()
    } catch (thrown) {
      this.#refuse(counter, forwarded, thrown)
    }
  }

  #reply(counter: Counter, forwarded: ForwardedRequest, codec: MessageCodec, response: unknown): void {
    const { requestId, apiVersion } = forwarded
    if (response === 'close') {
      this.#send(counter, { kind: 'close', requestId })
      return
    }
    const writer = new Writer()
    try {
      codec.encodeResponse(writer, response, apiVersion)
    } catch (thrown) {
      this.#refuse(counter, forwarded, thrown)
      return
    }
    const throttleTimeMs = throttleTimeOf(response)
    this.#send(counter, { kind: 'body', requestId, throttleTimeMs, body: writer.finishJoined() })
  }

  /** Tells, at the end, for how long the client is to wait, by the time that main spent on its request (`request_percentage`). */
  #startedNow({ clientId }: ForwardedRequest): { ran(): void; throttleTimeMs(): number } {
    const startMs = this.#clock.monotonicMs()
    let tookMs: number | undefined
    const client = { user: anonymous, clientId: clientId ?? '' }
    return {
      ran: () => {
        tookMs ??= this.#clock.monotonicMs() - startMs
      },
      throttleTimeMs: () => {
        tookMs ??= this.#clock.monotonicMs() - startMs
        return this.#quotas.throttleTime(client, { tookMs, nowMs: this.#clock.nowMs() })
      },
    }
  }

  /** A request whose text is more than its answer, or a record, can hold is as senseless as one that cannot be read. */
  #refuse(counter: Counter, { requestId, clientHost, apiKey, apiVersion }: ForwardedRequest, thrown: unknown): void {
    if (!(thrown instanceof DecodeError) && !(thrown instanceof EncodeError)) throw thrown
    this.#logger.warn(`a request of ${clientHost} makes no sense: ${messageOf(thrown)}`, { apiKey, apiVersion })
    this.#send(counter, { kind: 'close', requestId })
  }

  #send(counter: Counter, response: ForwardedResponse): void {
    counter.waiting.push(encodeForwardedResponse(response))
    this.#sendWaiting(counter)
  }

  #sendWaiting(counter: Counter): number {
    let sent = 0
    // A response longer than the queue goes in pieces: nothing overtakes its rest.
    const hadRest = counter.front.responses.hasRest
    const isFree = counter.front.responses.flush()
    for (const parts of isFree ? counter.waiting : []) {
      if (!counter.front.responses.tryPush(parts)) break
      sent++
    }
    counter.waiting.splice(0, sent)
    if (sent > 0 || hadRest) counter.front.bell.ring()
    return sent
  }
}

/** What a response says of it; some have been throttled by the part that answered. */
function throttleTimeOf(response: unknown): number {
  const told = typeof response === 'object' && response !== null && 'throttleTimeMs' in response
  return told && typeof response.throttleTimeMs === 'number' ? response.throttleTimeMs : 0
}

/** The response with the longer of two waits. */
function throttled(response: unknown, throttleTimeMs: number): unknown {
  if (throttleTimeMs <= throttleTimeOf(response) || typeof response !== 'object') return response
  return { ...response, throttleTimeMs }
}
