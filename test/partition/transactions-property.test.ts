/**
 * Goal: whatever transactional and other producers write beside one another, over crashes and restarts, a careful reader sees
 * exactly what was committed, in the order of the log. Method: seeded random openings, batches, markers and restarts against a
 * model; the reader is the real one over the real log, and leaves out what is aborted as Kafka's clients do.
 */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock, VirtualClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { type OpenPartition, partitionDirectory, type Topology } from '../../src/base/topology.ts'
import { LogReader } from '../../src/log/local/reader.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { openEngine } from '../../src/log/open-engine.ts'
import { recoverLog } from '../../src/partition/open-partition.ts'
import { OwnerAgent } from '../../src/partition/owner.ts'
import { Bell } from '../../src/ring/bell.ts'
import { isSlot } from '../../src/ring/cursor.ts'
import { Ring } from '../../src/ring/ring.ts'
import { EntryKind } from '../../src/ring/slot.ts'
import { PartitionTable } from '../../src/ring/table.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  batchIsControl,
  batchIsTransactional,
  batchLastOffset,
  batchProducerId,
  buildBatch,
  eachBatch,
  readRecords,
} from '../../src/wire/record-batch.ts'
import { buildMarker, readMarker } from '../../src/wire/transaction-marker.ts'
import { encodeTransactionOpen } from '../../src/wire/transaction-open.ts'
import { testSettings } from './one-ring.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 3000)
const firstSeed = Number(process.env.SEED ?? 1)

type Written = {
  readonly offset: number
  readonly value: string
  readonly isTransactional: boolean
  fate: 'open' | 'kept' | 'gone'
}

/** A producer as the model knows it. */
type Producer = {
  readonly id: number
  epoch: number
  sequence: number
  isOpen: boolean
  /** Of the open transaction. */
  written: Written[]
  /** Whether each of its transactions has an epoch of its own, as with KIP-890. */
  readonly isBumping: boolean
}

class Run {
  readonly #random: Random
  readonly #disk = MemoryDisk.create(8 << 20)
  readonly #producers: Producer[]
  readonly #log: Written[] = []
  readonly #clock = new VirtualClock()
  readonly #segmentBytes: number
  #endOffset = 0
  #owner: OwnerAgent | undefined
  #table: PartitionTable | undefined
  #bell: Bell | undefined
  #ring: Ring | undefined
  #reader: LogReader | undefined
  #values = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    this.#segmentBytes = 200 + this.#random.below(2000)
    this.#producers = Array.from({ length: 1 + this.#random.below(4) }, (_, id) => {
      return { id, epoch: 0, sequence: 0, isOpen: false, written: [], isBumping: this.#random.below(2) === 0 }
    })
  }

  async play(steps: number): Promise<number> {
    await this.#start()
    for (let step = 0; step < steps; step++) {
      if (this.#random.below(40) === 0) await this.#restart()
      else this.#step()
      if (this.#random.below(3) === 0) await this.#check()
    }
    await this.#check()
    return this.#log.length
  }

  async #start(): Promise<void> {
    const ringMemory = Ring.create({ dataBytes: 65_536 })
    const bell = Bell.create(8)
    const disk = { kind: 'memory', memory: this.#disk } as const
    const table = PartitionTable.create(8)
    const topology: Topology = { table, writerBells: [Bell.create(8)], ownerBells: [bell], disks: { memory: disk } }
    const shared = { topology, clock: this.#clock, random: this.#random, logger: silentLogger }
    this.#owner = new OwnerAgent({ ...shared, owner: 0 })
    this.#table = new PartitionTable(table)
    this.#bell = new Bell(bell)
    this.#ring = new Ring(ringMemory)
    this.#reader = new LogReader({ disk: new MemoryDisk(this.#disk), directory: partitionDirectory('t', 0) })
    const [opened] = await this.#owner.open([this.#openPartition()])
    assert.is(opened?.endOffset, this.#endOffset)
    const attached = this.#owner.attachRing(0, ringMemory)
    this.#owner.doWork()
    await attached
  }

  /** With or without a goodbye, and the folder recovered by somebody else before or not; the coordinator says anew which transactions are open. */
  async #restart(): Promise<void> {
    const choice = this.#random.below(4)
    if (choice > 1) await this.#owner?.stop()
    if (choice === 1) this.#recover()
    await this.#start()
    for (const producer of this.#producers) if (producer.isOpen) this.#open(producer)
  }

  #recover(): void {
    recoverLog({
      open: this.#openPartition(),
      openEngine,
      disk: () => new MemoryDisk(this.#disk),
      clock: this.#clock,
      random: this.#random,
      logger: silentLogger,
      onProgress: () => undefined,
    })
  }

  #openPartition(): OpenPartition {
    const settings = testSettings({ storage: 'memory', segmentBytes: this.#segmentBytes })
    return { topic: 't', topicId: 'ab'.repeat(16), partition: 0, slot: 0, settings, leaderEpoch: 0 }
  }

  #step(): void {
    const producer = this.#producers[this.#random.below(this.#producers.length)]
    if (producer === undefined) return
    const choice = this.#random.below(10)
    if (choice === 0) this.#writePlain()
    else if (!producer.isOpen) {
      if (choice < 3) assert.is(this.#write(producer).outcome, ErrorCode.INVALID_TXN_STATE)
      else this.#open(producer)
    } else if (choice < 3) this.#end(producer, this.#random.below(2) === 0)
    else if (choice === 3 && producer.epoch > 0) {
      assert.is(this.#write({ ...producer, epoch: producer.epoch - 1 }).outcome, ErrorCode.INVALID_PRODUCER_EPOCH)
    } else this.#writeOpen(producer)
  }

  #open(producer: Producer): void {
    const bytes = encodeTransactionOpen({ producerId: producer.id, producerEpoch: producer.epoch })
    assert.is(this.#send(bytes, EntryKind.open).outcome, ErrorCode.NONE)
    producer.isOpen = true
  }

  #writeOpen(producer: Producer): void {
    const { outcome, value, count } = this.#write(producer)
    assert.is(outcome, ErrorCode.NONE)
    for (let index = 0; index < count; index++) {
      const written: Written = {
        offset: this.#endOffset++,
        value: `${value}.${index}`,
        isTransactional: true,
        fate: 'open',
      }
      this.#log.push(written)
      producer.written.push(written)
    }
    producer.sequence += count
  }

  #end(producer: Producer, isCommit: boolean): void {
    // An end that fences has a newer epoch than the data, and so has every end with KIP-890.
    const isNewEpoch = producer.isBumping || this.#random.below(8) === 0
    const producerEpoch = producer.epoch + (isNewEpoch ? 1 : 0)
    const bytes = buildMarker({ producerId: producer.id, producerEpoch, isCommit, coordinatorEpoch: 0 }, 1)
    assert.is(this.#send(bytes, EntryKind.marker).outcome, ErrorCode.NONE)
    this.#endOffset++
    for (const written of producer.written) written.fate = isCommit ? 'kept' : 'gone'
    producer.written = []
    producer.isOpen = false
    if (!isNewEpoch) return
    producer.epoch++
    producer.sequence = 0
  }

  #writePlain(): void {
    const value = `plain ${this.#values++}`
    const bytes = buildBatch({ records: [{ key: null, value: Buffer.from(value), timestampMs: 1 }] })
    assert.is(this.#send(bytes, EntryKind.data).outcome, ErrorCode.NONE)
    this.#log.push({ offset: this.#endOffset++, value, isTransactional: false, fate: 'kept' })
  }

  #write(producer: Producer): { outcome: number; value: string; count: number } {
    const value = `${producer.id} ${this.#values++}`
    const count = 1 + this.#random.below(3)
    const records = Array.from({ length: count }, (_, index) => ({
      key: null,
      value: Buffer.from(`${value}.${index}`),
      timestampMs: 1,
    }))
    const { id, epoch, sequence } = producer
    const sent = { producerId: id, producerEpoch: epoch, baseSequence: sequence, isTransactional: true }
    return { ...this.#send(buildBatch({ records, ...sent }), EntryKind.data), value, count }
  }

  #send(bytes: Buffer, kind: EntryKind): { outcome: number } {
    const ring = this.#ring
    assert.ok(ring)
    const slot = ring.append(bytes, 0, bytes.length, 0, kind)
    assert.ok(isSlot(slot))
    this.#bell?.markAndRing(0)
    while ((this.#owner?.doWork() ?? 0) > 0) if (ring.readable() === ring.claimed()) break
    assert.is(ring.readable(), ring.claimed())
    const outcome = ring.outcome(slot)
    ring.markAnswered(slot)
    return { outcome }
  }

  async #check(): Promise<void> {
    const stableOffset = this.#log.find(({ fate }) => fate === 'open')?.offset ?? this.#endOffset
    assert.is(this.#table?.highWatermark(0), this.#endOffset)
    assert.is(this.#table?.lastStableOffset(0), stableOffset)
    const start = this.#random.below(stableOffset + 1)
    const expected = this.#log.filter(({ offset, fate }) => offset >= start && offset < stableOffset && fate === 'kept')
    assert.equal(
      await this.#readCommitted(start),
      expected.map(({ offset, value }) => `${offset}: ${value}`),
    )
  }

  /** Reads from an offset on as Kafka's consumer does. */
  async #readCommitted(start: number): Promise<string[]> {
    const seen: string[] = []
    const [table, reader] = [this.#table, this.#reader]
    assert.ok(table && reader)
    for (let offset = start; offset < table.lastStableOffset(0); ) {
      const endOffset = table.lastStableOffset(0)
      const generation = table.segmentsGeneration(0)
      const bytes = await reader.read({ offset, bytesMax: this.#random.below(600), endOffset, generation })
      assert.ok(bytes, `${offset} cannot be read`)
      let next = offset
      eachBatch(bytes, (at) => {
        next = batchLastOffset(bytes, at) + 1
      })
      const abortedEnd = table.abortedEnd(0)
      const range = { startOffset: offset, endOffset: next, abortedEnd, generation }
      const aborted = (await reader.abortedTransactions(range)) ?? []
      filter(bytes, [...aborted], (record) => {
        if (record.offset >= offset) seen.push(`${record.offset}: ${record.value}`)
      })
      offset = next
    }
    return seen
  }
}

function filter(
  bytes: Buffer,
  aborted: { producerId: number; firstOffset: number }[],
  visit: (record: { offset: number; value: string }) => void,
): void {
  aborted.sort((first, second) => first.firstOffset - second.firstOffset)
  const left = new Set<number>()
  eachBatch(bytes, (at) => {
    for (
      let next = aborted[0];
      next !== undefined && next.firstOffset <= batchLastOffset(bytes, at);
      next = aborted[0]
    ) {
      left.add(next.producerId)
      aborted.shift()
    }
    const producerId = batchProducerId(bytes, at)
    if (batchIsControl(bytes, at)) {
      if (readMarker(bytes, at)?.isCommit === false) left.delete(producerId)
      return
    }
    if (batchIsTransactional(bytes, at) && left.has(producerId)) return
    for (const { offset, value } of readRecords(bytes, at)) visit({ offset, value: value?.toString() ?? '' })
  })
}

test('a careful reader sees what was committed, all of it and nothing else', async () => {
  const endMs = systemClock.monotonicMs() + budgetMs
  let runs = 0
  let records = 0
  for (let seed = firstSeed; systemClock.monotonicMs() < endMs || runs === 0; seed++, runs++) {
    try {
      records += await new Run(seed).play(200)
    } catch (thrown) {
      console.log(`seed ${seed} failed`)
      throw thrown
    }
  }
  console.log(`${runs} runs from seed ${firstSeed}, ${records} records`)
})

test.run()
