/** InitProducerId: gives every idempotent producer an id that no other one has or had. */

import { assert } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import { type Logger, silentLogger } from '../../base/logger.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  type InitProducerIdRequest,
  initProducerIdApi,
  makeInitProducerIdResponse,
} from '../../wire/generated/init-producer-id.ts'
import type { Journal, JournalRecord, JournalTopic, RequestContext } from '../ports.ts'
import { decodeReserved, encodeReserved } from './records.ts'
import { blockSize, hasFreeId, newProducerIdState, refillBelow, replayReserved, takeProducerId } from './state.ts'

/** Requests that wait for the next block; one more is told to come again. */
export const waitingMax = 10_000
/** How long a journal that could not be read is left alone. */
const reloadDelayMs = 1_000

/** Called with NONE and an id, or with an error code and -1. */
type Settle = (errorCode: number, producerId: number) => void

export type ProducerIdCoordinatorOptions = {
  readonly clock: Clock
  readonly journal: Journal
  readonly nodeId: number
  readonly logger?: Logger
}

/** Serves producers without transactions, and the transaction coordinator with ids for those that have them. */
export class ProducerIdCoordinator {
  readonly apiKeys: readonly number[] = [initProducerIdApi.key]
  readonly #clock: Clock
  readonly #journal: Journal
  readonly #nodeId: number
  readonly #logger: Logger
  readonly #state = newProducerIdState()
  #waiting: Settle[] = []
  #isReserving = false
  #isReloading = false
  /** That the log cannot be read is said once, and not with each try. */
  #isUnreadable = false

  constructor({ clock, journal, nodeId, logger = silentLogger }: ProducerIdCoordinatorOptions) {
    this.#clock = clock
    this.#journal = journal
    this.#nodeId = nodeId
    this.#logger = logger
  }

  /** Applies a record of the metadata log; others than ours are passed over. Throws a DecodeError on a damaged one. */
  replay(topic: JournalTopic, record: JournalRecord): void {
    if (topic !== '__cluster_metadata') return
    const reserved = decodeReserved(record)
    if (reserved !== undefined) replayReserved(this.#state, reserved)
  }

  /** `reply` is called once, now or when the next block of ids is durable. */
  handle(context: RequestContext, request: unknown, reply: (response: unknown) => void): void {
    assert(context.apiKey === initProducerIdApi.key, 'a request that is not about producer ids')
    const errorCode = refusal(request as InitProducerIdRequest)
    if (errorCode !== ErrorCode.NONE) {
      reply(makeInitProducerIdResponse({ errorCode }))
      return
    }
    this.next((outcome, producerId) => {
      const isGiven = outcome === ErrorCode.NONE
      reply(makeInitProducerIdResponse(isGiven ? { producerId, producerEpoch: 0 } : { errorCode: outcome }))
    })
  }

  /** Gives an id that no other producer has or had. `settle` is called once, now or when the next block of ids is durable. */
  next(settle: Settle): void {
    if ((this.#isReloading && !hasFreeId(this.#state)) || this.#waiting.length >= waitingMax) {
      settle(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, -1)
      return
    }
    this.#waiting.push(settle)
    this.#serve()
  }

  /** Ids belong to producers, not to connections. */
  connectionClosed(): void {}

  #serve(): void {
    while (this.#waiting.length > 0) {
      const producerId = takeProducerId(this.#state)
      if (producerId === undefined) break
      this.#waiting.shift()?.(ErrorCode.NONE, producerId)
    }
    if (this.#state.freeEnd - this.#state.freeStart < refillBelow) this.#reserve()
  }

  #reserve(): void {
    if (this.#isReserving || this.#isReloading) return
    this.#isReserving = true
    const start = this.#state.reservedEnd
    const reserved = { brokerId: this.#nodeId, nextProducerId: start + blockSize }
    replayReserved(this.#state, reserved)
    this.#journal.append('__cluster_metadata', 0, [encodeReserved(reserved)], (errorCode) => {
      this.#isReserving = false
      if (errorCode === ErrorCode.NONE) this.#addBlock(start)
      else this.#fail(errorCode)
    })
  }

  #addBlock(start: number): void {
    const state = this.#state
    // What is left of the former block stays unused where the new one does not follow it: ids are plenty.
    if (state.freeEnd !== start) state.freeStart = start
    state.freeEnd = start + blockSize
    this.#serve()
  }

  /** Ids of the failed block are never used: after the reload the journal says what is taken. */
  #fail(errorCode: number): void {
    this.#logger.error('producer ids could not be reserved', { errorCode })
    this.#isReloading = true
    const waiting = this.#waiting
    this.#waiting = []
    this.#reload()
    for (const settle of waiting) settle(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, -1)
  }

  #reload(): void {
    const visit = (record: JournalRecord) => this.replay('__cluster_metadata', record)
    this.#journal.load('__cluster_metadata', 0, visit).then(
      () => {
        this.#isReloading = false
        this.#isUnreadable = false
      },
      (thrown: unknown) => {
        const reason = messageOf(thrown)
        if (!this.#isUnreadable) this.#logger.error('the metadata journal cannot be read yet', { reason })
        this.#isUnreadable = true
        this.#clock.startTimer(reloadDelayMs, () => this.#reload())
      },
    )
  }
}

/** The error that a request gets whatever ids there are; NONE for one that is served. */
function refusal(request: InitProducerIdRequest): number {
  // Both or neither, as Kafka asks; an idempotent producer gets a new id either way.
  const hasId = request.producerId !== -1
  const hasEpoch = request.producerEpoch !== -1
  return hasId === hasEpoch ? ErrorCode.NONE : ErrorCode.INVALID_REQUEST
}
