/** Hands requests that main answers over to it, and its answers back: through one queue of bytes each way. */

import type { ByteQueue } from '../ring/queue.ts'
import { decodeForwardedResponse, encodeForwardedRequest, type ForwardedRequest } from '../wire/forwarded.ts'

/**
 * Hears main's answer: the body to send, or undefined to close the connection; and for how long the client is throttled. Called once,
 * unless the connection closes first.
 */
export type AnswerForwarded = (body: Buffer | undefined, throttleTimeMs: number) => void

export class Forwarding {
  readonly #requests: ByteQueue
  readonly #responses: ByteQueue
  readonly #wantMain: () => void
  readonly #answers = new Map<number, { readonly connectionId: string; readonly answer: AnswerForwarded }>()
  /** Connections that closed while the queue was full; no more than there are connections. */
  readonly #closed: string[] = []
  #waiters: (() => void)[] = []
  #lastRequestId = 0

  constructor(options: {
    readonly requests: ByteQueue
    readonly responses: ByteQueue
    /** Called when main has something to look at. */
    readonly wantMain: () => void
  }) {
    this.#requests = options.requests
    this.#responses = options.responses
    this.#wantMain = options.wantMain
  }

  /** Requests that main has not answered yet. */
  get count(): number {
    return this.#answers.size
  }

  /** Copies the request into the queue; false where there is no room: `waitForRoom`, then again. */
  push(request: Omit<ForwardedRequest, 'kind' | 'requestId'>, answer: AnswerForwarded): boolean {
    if (!this.#pushClosed()) return false
    const requestId = this.#lastRequestId + 1
    if (!this.#requests.tryPush(encodeForwardedRequest({ ...request, kind: 'request', requestId }))) return false
    this.#lastRequestId = requestId
    this.#answers.set(requestId, { connectionId: request.connectionId, answer })
    this.#wantMain()
    return true
  }

  waitForRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
    })
  }

  connectionClosed(connectionId: string): void {
    // Main need not answer those who are gone.
    for (const [requestId, waiting] of this.#answers) {
      if (waiting.connectionId === connectionId) this.#answers.delete(requestId)
    }
    this.#closed.push(connectionId)
    this.#pushClosed()
  }

  /** Takes main's answers, and lets those go on that waited for room; answers how much there was to do. */
  doWork(): number {
    let work = 0
    for (let message = this.#responses.pop(); message !== undefined; message = this.#responses.pop()) {
      const response = decodeForwardedResponse(message)
      const waiting = this.#answers.get(response.requestId)
      this.#answers.delete(response.requestId)
      if (response.kind === 'body') waiting?.answer(response.body, response.throttleTimeMs)
      else waiting?.answer(undefined, 0)
      work += 1
    }
    if (this.#responses.takeRoomInterest()) this.#wantMain()
    return work + this.#pushMore()
  }

  #pushMore(): number {
    if (!this.#requests.hasRest && this.#closed.length === 0 && this.#waiters.length === 0) return 0
    const closedBefore = this.#closed.length
    // A long message goes piece by piece: main is to look again after each.
    this.#wantMain()
    if (!this.#pushClosed()) return closedBefore - this.#closed.length
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter()
    return closedBefore + waiters.length
  }

  #pushClosed(): boolean {
    while (this.#closed.length > 0) {
      const [connectionId] = this.#closed
      if (connectionId === undefined) break
      if (!this.#requests.tryPush(encodeForwardedRequest({ kind: 'connection-closed', connectionId }))) return false
      this.#closed.shift()
      this.#wantMain()
    }
    return this.#requests.flush()
  }
}
