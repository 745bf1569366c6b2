/** Where transactions begin and end in partitions' logs: entries that main publishes into their rings. */

import type { Clock } from '../base/clock.ts'
import type { TransactionalProducer, TransactionEnd, TransactionMarks } from '../coordinator/ports.ts'
import { EntryKind } from '../ring/slot.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { buildMarker } from '../wire/transaction-marker.ts'
import { encodeTransactionOpen } from '../wire/transaction-open.ts'
import type { RingWriter } from './ring-writer.ts'
import type { TopicRegistry } from './topic-registry.ts'

/** Publishes marks through main's ring writer. */
export class RingTransactionMarks implements TransactionMarks {
  readonly #writer: RingWriter
  readonly #registry: TopicRegistry
  readonly #clock: Clock

  constructor(options: { writer: RingWriter; registry: TopicRegistry; clock: Clock }) {
    this.#writer = options.writer
    this.#registry = options.registry
    this.#clock = options.clock
  }

  open(topic: string, partition: number, producer: TransactionalProducer, settle: (errorCode: number) => void): void {
    this.#publish(topic, partition, { bytes: encodeTransactionOpen(producer), kind: EntryKind.open, settle })
  }

  end(topic: string, partition: number, end: TransactionEnd, settle: (errorCode: number) => void): void {
    const bytes = buildMarker(end, this.#clock.nowMs())
    this.#publish(topic, partition, { bytes, kind: EntryKind.marker, settle })
  }

  #publish(topic: string, partition: number, entry: Parameters<RingWriter['append']>[1]): void {
    const place = this.#registry.topic(topic)?.partitions[partition]
    if (place === undefined) queueMicrotask(() => entry.settle(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
    else this.#writer.append(place.slot, entry)
  }
}
