/** What the tests of cleaning share: logs of random keyed records with transactions, and what a consumer sees of them. */

import * as assert from 'uvu/assert'
import type { Random } from '../../../src/base/random.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { type CleaningOptions, type CleaningOutcome, cleanLog } from '../../../src/log/cleaning/clean-log.ts'
import type { Disk } from '../../../src/log/disk.ts'
import type { DirtyLogQuestion, Engine, LastOfProducer } from '../../../src/log/engine.ts'
import type { LogReader } from '../../../src/log/local/reader.ts'
import {
  type BatchRecord,
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
} from '../../../src/wire/record-batch.ts'
import { buildMarker, readMarker } from '../../../src/wire/transaction-marker.ts'
import { readerOf, startMs } from '../log-fixture.ts'

/** A record as a consumer gets it. */
export type SeenRecord = BatchRecord

type Ongoing = { readonly firstOffset: number; readonly records: SeenRecord[] }

/** Writes random batches through an engine, and keeps what a careful consumer would see if nothing were ever compacted. */
export class RandomLog {
  /** Records of decided and not aborted transactions, and of none, in offset order. */
  readonly committed: SeenRecord[] = []
  readonly producers = new Map<number, LastOfProducer>()
  readonly #random: Random
  readonly #keys: number
  readonly #ongoing = new Map<number, Ongoing>()
  readonly #sequences = new Map<number, number>()

  constructor(random: Random, keys: number) {
    this.#random = random
    this.#keys = keys
  }

  /** Where the first undecided transaction begins; the log's end without any. */
  stableEnd(engine: Engine): number {
    return Math.min(engine.endOffset, ...[...this.#ongoing.values()].map(({ firstOffset }) => firstOffset))
  }

  /** One batch: of a plain, an idempotent or a transactional producer, or a marker. */
  write(engine: Engine, nowMs: number): void {
    const choice = this.#random.below(10)
    if (choice < 4) this.#writeRecords(engine, nowMs, -1, false)
    else if (choice < 6) this.#writeRecords(engine, nowMs, 1 + this.#random.below(2), false)
    else if (choice < 8) this.#writeRecords(engine, nowMs, 11 + this.#random.below(3), true)
    else this.#writeMarker(engine, nowMs, 11 + this.#random.below(3))
  }

  /** Ends all transactions. */
  settle(engine: Engine, nowMs: number): void {
    for (const producerId of [...this.#ongoing.keys()]) this.#writeMarker(engine, nowMs, producerId)
  }

  #writeRecords(engine: Engine, nowMs: number, producerId: number, isTransactional: boolean): void {
    const baseOffset = engine.endOffset
    const random = this.#random
    const count = 1 + random.below(4)
    const sequence = this.#sequences.get(producerId) ?? 0
    const batch = buildBatch({
      baseOffset,
      leaderEpoch: 0,
      compression: random.below(3) === 0 ? random.below(5) : 0,
      timestampType: random.below(4) === 0 ? 'LogAppendTime' : 'CreateTime',
      ...(producerId < 0 ? {} : { producerId, producerEpoch: 0, baseSequence: sequence }),
      isTransactional,
      records: Array.from({ length: count }, (_, place) => this.#record(baseOffset + place, nowMs)),
    })
    if (producerId >= 0) {
      this.#sequences.set(producerId, sequence + count)
      this.producers.set(producerId, { lastOffset: baseOffset + count - 1, epoch: 0 })
    }
    engine.submit([batch])
    const records = readRecords(batch, 0)
    const ongoing = this.#ongoing.get(producerId)
    if (!isTransactional) this.committed.push(...records)
    else if (ongoing !== undefined) ongoing.records.push(...records)
    else this.#ongoing.set(producerId, { firstOffset: baseOffset, records: [...records] })
  }

  #record(offset: number, nowMs: number) {
    const random = this.#random
    const isTombstone = random.below(5) === 0
    return {
      key: Buffer.from(`key ${random.below(this.#keys)}`),
      value: isTombstone ? null : Buffer.from(`value at ${offset} `.padEnd(10 + random.below(60), 'x')),
      timestampMs: nowMs - random.below(3000),
      headers: random.below(3) === 0 ? [{ key: `h${random.below(9)}`, value: Buffer.from('of header') }] : [],
    }
  }

  #writeMarker(engine: Engine, nowMs: number, producerId: number): void {
    const isCommit = this.#random.below(2) === 0
    const offset = engine.endOffset
    const marker = buildMarker({ producerId, producerEpoch: 0, isCommit, coordinatorEpoch: 0 }, nowMs)
    marker.writeBigInt64BE(BigInt(offset), 0)
    const ongoing = this.#ongoing.get(producerId)
    this.#ongoing.delete(producerId)
    if (ongoing !== undefined && isCommit) {
      this.committed.push(...ongoing.records)
      this.committed.sort((first, second) => first.offset - second.offset)
    }
    if (ongoing !== undefined && !isCommit) {
      const firstOffset = ongoing.firstOffset
      const lastStableOffset = Math.min(offset + 1, ...[...this.#ongoing.values()].map((one) => one.firstOffset))
      engine.submitAborted([{ producerId, firstOffset, lastOffset: offset, lastStableOffset }])
    }
    engine.submit([marker])
  }
}

/** Everything in the segments, as batches. */
export async function readBatches(disk: Disk, engine: Engine, reader: LogReader = readerOf(disk)): Promise<Buffer[]> {
  const batches: Buffer[] = []
  let offset = engine.startOffset
  while (offset < engine.endOffset) {
    const generation = engine.segmentsVersion
    const bytes = await reader.read({ offset, bytesMax: 2000, endOffset: engine.endOffset, generation })
    assert.ok(bytes !== undefined, `nothing to read at ${offset} below ${engine.endOffset}`)
    eachBatch(bytes, (at, sizeBytes) => {
      const batch = Buffer.from(bytes.subarray(at, at + sizeBytes))
      assert.ok(batchLastOffset(batch, 0) >= offset, 'offsets go up')
      assert.is(batchCrc(batch, 0), computeBatchCrc(batch, 0), `the batch at ${batchBaseOffset(batch, 0)} is sound`)
      offset = batchLastOffset(batch, 0) + 1
      batches.push(batch)
    })
  }
  return batches
}

/** What a consumer of committed records sees, who asks for what was aborted and skips it as Kafka's clients do. */
export async function consumeCommitted(disk: Disk, engine: Engine, stableEnd: number): Promise<SeenRecord[]> {
  const reader = readerOf(disk)
  const batches = await readBatches(disk, engine, reader)
  const aborted = await reader.abortedTransactions({
    startOffset: engine.startOffset,
    endOffset: stableEnd,
    abortedEnd: engine.abortedEnd,
    generation: engine.segmentsVersion,
  })
  reader.close()
  const starts = [...(aborted ?? [])].sort((first, second) => first.firstOffset - second.firstOffset)
  const skipped = new Set<number>()
  const seen: SeenRecord[] = []
  for (const batch of batches) {
    if (batchLastOffset(batch, 0) >= stableEnd) break
    while ((starts[0]?.firstOffset ?? Number.POSITIVE_INFINITY) <= batchLastOffset(batch, 0)) {
      skipped.add(starts.shift()?.producerId ?? -1)
    }
    const producerId = batchProducerId(batch, 0)
    if (batchIsControl(batch, 0)) {
      if (readMarker(batch, 0)?.isCommit === false) skipped.delete(producerId)
    } else if (!batchIsTransactional(batch, 0) || !skipped.has(producerId)) {
      seen.push(...readRecords(batch, 0))
    }
  }
  return seen
}

/** Cleans an engine's log as far as it is dirty; undefined where nothing is to be done. */
export async function cleanOnce(
  disk: Disk,
  engine: Engine,
  question: Omit<DirtyLogQuestion, 'producers'> & { readonly producers?: ReadonlyMap<number, LastOfProducer> },
  changes: Partial<Pick<CleaningOptions, 'keyBytesMax' | 'chunkBytes'>> = {},
): Promise<CleaningOutcome | undefined> {
  const { producers = new Map(), ...rest } = question
  const dirty = engine.dirtyLog({ ...rest, producers: () => producers })
  if (dirty === undefined) return undefined
  const cleaning = cleanLog({
    disk,
    plan: dirty.plan,
    nowMs: question.nowMs,
    random: seededRandom(7),
    keyBytesMax: 1 << 20,
    keyLoadFactor: 0.9,
    chunkBytes: 700,
    ...changes,
  })
  let step = cleaning.next()
  while (step.done !== true) {
    const { cleaned } = step.value
    const goesOn =
      cleaned === undefined || (await engine.replaceSegments(cleaned, { begin: () => true, end: () => undefined }))
    step = cleaning.next(goesOn)
  }
  return step.value
}

/** What is left of a table that the records are the changes of: each key's latest value, as text. */
export function tableOf(records: readonly SeenRecord[]): Map<string, string> {
  const table = new Map<string, string>()
  for (const { key, value } of records) {
    const name = String(key)
    if (value === null) table.delete(name)
    else table.set(name, String(value))
  }
  return table
}

export { startMs }
