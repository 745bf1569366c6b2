/** Records that say who wrote them: each value is a number of its own. */

import {
  batchBaseOffset,
  batchCrc,
  batchIsControl,
  batchIsTransactional,
  batchLastOffset,
  batchProducerId,
  buildBatch,
  computeBatchCrc,
  eachBatch,
  readRecords,
} from '../../src/wire/record-batch.ts'
import { damagedValue, noOffset, noTransaction, type Outcome } from '../history/history.ts'
import { Violation, type World } from './world.ts'

/** What a producer says of itself in each batch. */
export type ProducerIdentity = {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
}

const recordsMax = 4
const paddingBytesMax = 120
/** Of a hundred batches so many are compressed, and so many are large. */
const compressedPercent = 2
const largePercent = 2
const largeBytes = 1_500

/** A batch on its way, with what the history is to know of it. */
export class SentBatch {
  readonly world: World
  readonly partition: number
  readonly values: readonly number[]
  readonly #process: number
  readonly #transaction: number
  readonly #mayRepeat: boolean
  readonly #startedAt: number
  readonly #firstOrder: number

  constructor(world: World, from: { process: number; partition: number; transaction?: number; mayRepeat?: boolean }) {
    this.world = world
    this.partition = from.partition
    this.values = Array.from({ length: 1 + world.random.below(recordsMax) }, () => world.nextValue())
    this.#process = from.process
    this.#transaction = from.transaction ?? noTransaction
    this.#mayRepeat = from.mayRepeat ?? false
    this.#startedAt = world.history.now
    // Values grow in the order in which they are sent.
    this.#firstOrder = this.values[0] ?? 0
  }

  bytes(nowMs: number, producer?: ProducerIdentity): Buffer {
    const { random } = this.world
    const compression = this.world.chance(compressedPercent) ? 1 + random.below(4) : 0
    const paddingBytes = this.world.chance(largePercent) ? largeBytes : random.below(paddingBytesMax)
    return buildBatch({
      records: this.values.map((value) => ({
        key: null,
        value: Buffer.from(`${value} `.padEnd(paddingBytes, '.')),
        timestampMs: nowMs,
      })),
      compression,
      ...producer,
    })
  }

  /** Notes how it ended; a base offset below 0 is none. */
  end(outcome: Outcome, baseOffset = noOffset): void {
    this.values.forEach((value, index) => {
      this.world.history.add({
        kind: 'send',
        process: this.#process,
        order: this.#firstOrder + index,
        partition: this.partition,
        value,
        outcome,
        offset: baseOffset < 0 ? noOffset : baseOffset + index,
        transaction: this.#transaction,
        mayRepeat: this.#mayRepeat,
        startedAt: this.#startedAt,
      })
    })
  }
}

/** What one fetch of one partition brought to a reader. */
export type Fetched = { readonly offsets: number[]; readonly values: number[]; next: number }

/** Takes a fetched partition apart as careful clients do: checks every checksum, leaves out what was aborted. */
export function takeApart(
  where: string,
  bytes: Buffer,
  from: number,
  aborted: readonly { readonly producerId: number; readonly firstOffset: number }[],
): Fetched {
  const fetched: Fetched = { offsets: [], values: [], next: from }
  const waiting = [...aborted].sort((one, other) => one.firstOffset - other.firstOffset)
  const abortedNow = new Set<number>()
  const wholeBytes = eachBatch(bytes, (at) => {
    const baseOffset = batchBaseOffset(bytes, at)
    if (batchCrc(bytes, at) !== computeBatchCrc(bytes, at)) {
      throw new Violation(`${where}: the batch at offset ${baseOffset} fails its checksum`)
    }
    for (
      let first = waiting[0];
      first !== undefined && first.firstOffset <= batchLastOffset(bytes, at);
      first = waiting[0]
    ) {
      abortedNow.add(first.producerId)
      waiting.shift()
    }
    const producerId = batchProducerId(bytes, at)
    if (batchIsControl(bytes, at)) abortedNow.delete(producerId)
    else if (!batchIsTransactional(bytes, at) || !abortedNow.has(producerId)) {
      for (const { offset, value } of readRecords(bytes, at)) {
        if (offset < from) continue
        const number = Number.parseInt(value?.toString() ?? '', 10)
        fetched.offsets.push(offset)
        fetched.values.push(Number.isNaN(number) ? damagedValue : number)
      }
    }
    fetched.next = Math.max(fetched.next, batchLastOffset(bytes, at) + 1)
  })
  if (wholeBytes !== bytes.length) throw new Violation(`${where}: a fetch ended in the midst of a batch`)
  return fetched
}
