/** Which partitions this front knows to be part of which producer's transaction (KIP-890): main is asked once for each. */

import type { Place, TransactionBatch, Transactions } from '../api/ports.ts'
import type { Clock } from '../base/clock.ts'
import type { MainControl } from '../broker/remotes.ts'
import { ErrorCode } from '../wire/generated/errors.ts'

/** Producers remembered; those longest unused are asked for once more. */
export const transactionalProducersMax = 4_096

/** While the producer's last transaction still ends, main is asked again so often, for so long: the client would wait longer. */
const retryMs = 5
const retryMsMax = 100

/** Partitions go by their topic's id, as their places in the table are given to others once they are deleted. */
type Known = {
  readonly epoch: number
  readonly added: Set<string>
  /** The lowest sequence that could not be added yet, a partition: nothing behind it may come before it. */
  readonly refused: Map<string, number>
}

export class Additions implements Transactions {
  readonly #main: Pick<MainControl, 'addToTransaction'>
  readonly #clock: Clock
  /** By producer id, in order of last use. */
  readonly #known = new Map<number, Known>()

  constructor(main: Pick<MainControl, 'addToTransaction'>, clock: Clock) {
    this.#main = main
    this.#clock = clock
  }

  isAdded(batch: TransactionBatch): boolean {
    const known = this.#known.get(batch.producerId)
    return known !== undefined && known.epoch === batch.producerEpoch && known.added.has(nameOf(batch.place))
  }

  async add(transactionalId: string, batch: TransactionBatch): Promise<number> {
    const { producerId, producerEpoch, place, firstSequence } = batch
    const name = nameOf(place)
    const known = this.#knownOf(producerId, producerEpoch)
    // Without this the partition, which may not know the producer, would take any sequence for the first.
    if (firstSequence > (known.refused.get(name) ?? firstSequence)) return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    const addition = {
      transactionalId,
      producerId,
      producerEpoch,
      topic: place.topic.name,
      partition: place.partition.index,
    }
    const endMs = this.#clock.monotonicMs() + retryMsMax
    let errorCode = await this.#main.addToTransaction(addition)
    while (errorCode === ErrorCode.CONCURRENT_TRANSACTIONS && this.#clock.monotonicMs() < endMs) {
      await new Promise<void>((resolve) => this.#clock.startTimer(retryMs, resolve))
      errorCode = await this.#main.addToTransaction(addition)
    }
    if (errorCode === ErrorCode.NONE) {
      known.refused.delete(name)
      known.added.add(name)
    } else {
      known.refused.set(name, firstSequence)
    }
    return errorOfAddition(errorCode)
  }

  forget(producerId: number): void {
    this.#known.delete(producerId)
  }

  #knownOf(producerId: number, epoch: number): Known {
    const before = this.#known.get(producerId)
    const known = before?.epoch === epoch ? before : { epoch, added: new Set<string>(), refused: new Map() }
    this.#known.delete(producerId)
    this.#known.set(producerId, known)
    if (this.#known.size > transactionalProducersMax) {
      const [stalest] = this.#known.keys()
      if (stalest !== undefined) this.#known.delete(stalest)
    }
    return known
  }
}

function nameOf({ topic, partition }: Place): string {
  return `${topic.id}-${partition.index}`
}

/** Errors of the coordinator that producers do not expect become one that they all answer by sending again, as in Kafka. */
function errorOfAddition(errorCode: number): number {
  switch (errorCode) {
    case ErrorCode.CONCURRENT_TRANSACTIONS:
    case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
    case ErrorCode.COORDINATOR_NOT_AVAILABLE:
    case ErrorCode.NOT_COORDINATOR:
      return ErrorCode.NOT_ENOUGH_REPLICAS
    default:
      return errorCode
  }
}
