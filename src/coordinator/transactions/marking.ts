/** Tells the partitions' logs where a transaction begins and ends, for as long as it takes. */

import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { Gather } from '../groups/gather.ts'
import type { TransactionalProducer, TransactionEnd, TransactionMarks } from '../ports.ts'
import type { TopicView } from '../topic-view.ts'
import { markRetryMs, markRetryMsMax } from './limits.ts'
import type { TransactionalOffsets } from './ports.ts'
import { placesOf, type TransactionPartitions, type TransactionPlace } from './state.ts'

/** The topic whose partitions hold the offsets that are committed within transactions. */
export const offsetsTopic = '__consumer_offsets'

export type MarkingOptions = {
  readonly clock: Clock
  readonly marks: TransactionMarks
  readonly topics: TopicView
  readonly groups: TransactionalOffsets
  readonly logger: Logger
}

/** How one partition is to be marked. */
type Mark = {
  readonly place: TransactionPlace
  /** False once nobody wants the mark any more: then it is neither tried again nor called done. */
  readonly isWanted: () => boolean
  /** Makes one attempt. */
  readonly attempt: (settle: (errorCode: number) => void) => void
  /** The mark is there, or the partition is gone. */
  readonly done: () => void
  /** The first attempt is over, however it went. */
  readonly tried: () => void
}

export class Marking {
  readonly #options: MarkingOptions

  constructor(options: MarkingOptions) {
    this.#options = options
  }

  /** Tries once to open the transaction in each partition; answers with an error code for each, in their order. */
  open(
    producer: TransactionalProducer,
    places: readonly TransactionPlace[],
    settle: (errorCodes: readonly number[]) => void,
  ): void {
    const gather = new Gather<number>(places.length, settle)
    for (const [index, { topic, partition }] of places.entries()) {
      const waiter = gather.waiterAt(index, (errorCode) => errorCode)
      this.#options.marks.open(topic, partition, producer, (errorCode) => waiter.answer(errorCode))
    }
  }

  /** Opens the transaction in each partition again, until it is open there; `tried` is called after the first round. */
  reopen(
    producer: TransactionalProducer,
    transaction: { readonly partitions: TransactionPartitions; readonly isWanted: () => boolean },
    tried: () => void,
  ): void {
    const places = placesOf(transaction.partitions)
    const round = countdown(places.length, tried)
    for (const place of places) {
      this.#mark({
        place,
        isWanted: transaction.isWanted,
        attempt: (settle) => this.#options.marks.open(place.topic, place.partition, producer, settle),
        done: () => undefined,
        tried: round,
      })
    }
  }

  /**
   * Writes the end into each partition, until it is there. `done` is called when all have it, unless it is not wanted any more;
   * `tried` when each was tried.
   */
  end(
    end: TransactionEnd,
    transaction: { readonly partitions: TransactionPartitions; readonly isWanted: () => boolean },
    { done, tried }: { readonly done: () => void; readonly tried: () => void },
  ): void {
    const places = placesOf(transaction.partitions)
    const all = countdown(places.length, done)
    const round = countdown(places.length, tried)
    for (const place of places) {
      this.#mark({
        place,
        isWanted: transaction.isWanted,
        attempt: (settle) => this.endOnce(end, place, settle),
        done: all,
        tried: round,
      })
    }
  }

  /** Tries once. Offsets that are still on their way must lie before the end, or they would never see it. */
  endOnce(end: TransactionEnd, { topic, partition }: TransactionPlace, settle: (errorCode: number) => void): void {
    const { marks, groups } = this.#options
    if (topic !== offsetsTopic) {
      marks.end(topic, partition, end, settle)
      return
    }
    groups.whenSettled(partition, () => {
      marks.end(topic, partition, end, (errorCode) => {
        if (errorCode === ErrorCode.NONE) groups.transactionEnded(partition, end)
        settle(errorCode)
      })
    })
  }

  #mark(mark: Mark): void {
    const { topics, logger, clock } = this.#options
    const { topic, partition } = mark.place
    let isFirst = true
    let pauseMs = markRetryMs
    const attempt = (): void => {
      if (partition >= (topics.partitionCount(topic) ?? 0)) finish(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      else mark.attempt(finish)
    }
    const finish = (errorCode: number): void => {
      // Who waits for the first round is told last, so that it finds done what is done.
      const tried = isFirst ? mark.tried : undefined
      isFirst = false
      if (mark.isWanted()) {
        if (isOver(errorCode)) mark.done()
        else {
          // Said once: a partition may be offline for long.
          if (pauseMs === markRetryMs) {
            logger.warn('a partition does not take the mark of a transaction yet', { topic, partition, errorCode })
          }
          clock.startTimer(pauseMs, () => {
            if (mark.isWanted()) attempt()
          })
          pauseMs = Math.min(2 * pauseMs, markRetryMsMax)
        }
      }
      tried?.()
    }
    attempt()
  }
}

/** Whether another attempt would change nothing: what is gone needs no marks, and a later epoch has taken over otherwise. */
function isOver(errorCode: number): boolean {
  switch (errorCode) {
    case ErrorCode.NONE:
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.UNKNOWN_TOPIC_ID:
    case ErrorCode.INVALID_PRODUCER_EPOCH:
    case ErrorCode.PRODUCER_FENCED:
    case ErrorCode.TRANSACTION_COORDINATOR_FENCED:
      return true
    default:
      return false
  }
}

/** Calls `complete` at the call number `count` (at once for none). */
function countdown(count: number, complete: () => void): () => void {
  let missing = count
  if (count === 0) complete()
  return () => {
    missing -= 1
    if (missing === 0) complete()
  }
}
