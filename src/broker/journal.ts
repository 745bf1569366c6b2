/** The coordinator's door to its internal logs: appends go through the same rings as everyone's. */

import { assertDefined } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { SafkaError } from '../base/errors.ts'
import { type Offset, type PartitionSlot, partitionKey } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type {
  Journal,
  JournalBatch,
  JournalRecord,
  JournalTopic,
  TransactionalProducer,
  TransactionEnd,
} from '../coordinator/ports.ts'
import type { SteadyReader } from '../log/local/steady-reader.ts'
import { EntryKind } from '../ring/slot.ts'
import { PartitionState, type PartitionTable } from '../ring/table.ts'
import { Codec } from '../wire/compression/compress.ts'
import { ErrorCode, errorName } from '../wire/generated/errors.ts'
import {
  batchBaseOffset,
  batchIsControl,
  batchIsTransactional,
  batchLastOffset,
  batchProducerEpoch,
  batchProducerId,
  buildBatch,
  eachBatch,
  readRecords,
} from '../wire/record-batch.ts'
import { readMarker } from '../wire/transaction-marker.ts'
import type { RingWriter } from './ring-writer.ts'

/** Records that wait for the owners, over all internal logs; beyond that no new request is taken on. */
export const journalRecordsMax = 50_000
/** Bytes that a replay reads at a time. */
const loadBytes = 1024 * 1024

/** Records that stand for all of a log below `endOffset`. */
export type JournalSnapshot = { readonly endOffset: Offset; readonly records: readonly JournalRecord[] }

type JournalPartition = {
  readonly name: string
  readonly slot: PartitionSlot
  readonly reader: Pick<SteadyReader, 'read'>
  /** What stands for the log's records below an offset. */
  readonly snapshot: JournalSnapshot | undefined
  /** Appends that are not settled yet. */
  unsettled: number
  /** The error that every append gets until the partition was loaded again. */
  failedWith: number
  /** Those who wait until nothing is unsettled. */
  readonly waitingForQuiet: (() => void)[]
}

/** The journal over rings. */
export class RingJournal implements Journal {
  readonly #partitions = new Map<string, JournalPartition>()
  readonly #writer: RingWriter
  readonly #table: PartitionTable
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #offsetsCodec: number
  #recordCount = 0

  /** `offsetsCodec`: the codec of the batches of groups and offsets; all others stay uncompressed, as in Kafka. */
  constructor(options: {
    writer: RingWriter
    table: PartitionTable
    clock: Clock
    logger: Logger
    offsetsCodec?: number
  }) {
    this.#writer = options.writer
    this.#table = options.table
    this.#clock = options.clock
    this.#logger = options.logger
    this.#offsetsCodec = options.offsetsCodec ?? Codec.none
  }

  /** Makes an internal partition known, once its owner has opened it. */
  add(options: {
    readonly topic: JournalTopic
    readonly partition: number
    readonly slot: PartitionSlot
    readonly reader: JournalPartition['reader']
    readonly snapshot?: JournalSnapshot | undefined
  }): void {
    const { topic, partition, slot, reader, snapshot } = options
    const name = partitionKey(topic, partition)
    this.#partitions.set(name, {
      name,
      slot,
      reader,
      snapshot,
      unsettled: 0,
      failedWith: ErrorCode.NONE,
      waitingForQuiet: [],
    })
  }

  append(
    topic: JournalTopic,
    index: number,
    records: readonly JournalRecord[],
    settle: (errorCode: number) => void,
    transaction?: TransactionalProducer,
  ): void {
    const partition = this.#partitions.get(partitionKey(topic, index))
    const errorCode = partition === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : partition.failedWith
    if (partition === undefined || errorCode !== ErrorCode.NONE) {
      queueMicrotask(() => settle(errorCode))
      return
    }
    const timestampMs = this.#clock.nowMs()
    const bytes = buildBatch({
      records: records.map((record) => ({ ...record, headers: [], timestampMs })),
      compression: topic === '__consumer_offsets' ? this.#offsetsCodec : Codec.none,
      // The same sequence each time, as Kafka's coordinator has it: it never sends a batch twice.
      ...(transaction === undefined ? {} : { ...transaction, baseSequence: 0, isTransactional: true }),
    })
    partition.unsettled++
    this.#recordCount += records.length
    this.#writer.append(partition.slot, {
      bytes,
      kind: EntryKind.data,
      settle: (outcome) => {
        this.#recordCount -= records.length
        this.#settled(partition, outcome)
        settle(partition.failedWith)
      },
    })
  }

  isFull(): boolean {
    return this.#recordCount >= journalRecordsMax
  }

  /** The offset behind the last readable record of an internal log; 0 where the log is not known. */
  logEnd(topic: JournalTopic, index: number): Offset {
    const partition = this.#partitions.get(partitionKey(topic, index))
    return partition === undefined ? 0 : this.#table.highWatermark(partition.slot)
  }

  async load(
    topic: JournalTopic,
    index: number,
    visit: (record: JournalRecord, offset: Offset, batch: JournalBatch) => void,
    visitEnd?: (end: TransactionEnd) => void,
  ): Promise<void> {
    const partition = assertDefined(this.#partitions.get(partitionKey(topic, index)), 'a journal partition is known')
    // What was on its way when an append failed may still get into the log: a replay must not miss it.
    while (partition.unsettled > 0) await new Promise<void>((resolve) => partition.waitingForQuiet.push(resolve))
    if (this.#table.state(partition.slot) === PartitionState.failed) throw offline(partition.name)
    const endOffset = this.#table.highWatermark(partition.slot)
    for (const record of partition.snapshot?.records ?? []) visit(record, -1, {})
    let offset = Math.max(this.#table.logStartOffset(partition.slot), partition.snapshot?.endOffset ?? 0)
    while (offset < endOffset) {
      const generation = this.#table.segmentsGeneration(partition.slot)
      const bytes = await partition.reader.read({ offset, bytesMax: loadBytes, endOffset, generation })
      if (bytes === undefined || bytes.length === 0) throw cutShort(partition.name, offset, endOffset)
      eachBatch(bytes, (at) => {
        if (!batchIsControl(bytes, at)) visitBatch(bytes, at, offset, visit)
        else if (batchBaseOffset(bytes, at) >= offset) visitMarker(bytes, at, visitEnd)
        offset = Math.max(offset, batchLastOffset(bytes, at) + 1)
      })
    }
    partition.failedWith = ErrorCode.NONE
  }

  #settled(partition: JournalPartition, errorCode: number): void {
    partition.unsettled--
    if (errorCode !== ErrorCode.NONE && partition.failedWith === ErrorCode.NONE) {
      partition.failedWith = errorCode
      const error = errorName(errorCode)
      this.#logger.error(`the internal log ${partition.name} refused an append; its state will be loaded again`, {
        error,
      })
    }
    if (partition.unsettled > 0) return
    for (const resume of partition.waitingForQuiet.splice(0)) resume()
  }
}

function visitMarker(bytes: Buffer, at: number, visitEnd: ((end: TransactionEnd) => void) | undefined): void {
  const end = readMarker(bytes, at)
  if (end !== undefined) visitEnd?.(end)
}

function visitBatch(
  bytes: Buffer,
  at: number,
  from: Offset,
  visit: (record: JournalRecord, offset: Offset, batch: JournalBatch) => void,
): void {
  const producer = { producerId: batchProducerId(bytes, at), producerEpoch: batchProducerEpoch(bytes, at) }
  const batch = batchIsTransactional(bytes, at) ? { transaction: producer } : {}
  for (const { key, value, offset } of readRecords(bytes, at)) if (offset >= from) visit({ key, value }, offset, batch)
}

/** Its end is not known for sure until it has been recovered. */
function offline(name: string): SafkaError {
  return new SafkaError('SAFKA_JOURNAL', `the internal log ${name} is offline, since its storage failed`)
}

/** A state built from a part of its log would be wrong: nothing is served from it. */
function cutShort(name: string, offset: Offset, endOffset: Offset): SafkaError {
  return new SafkaError('SAFKA_JOURNAL', `the internal log ${name} ends at offset ${offset} instead of ${endOffset}`)
}
