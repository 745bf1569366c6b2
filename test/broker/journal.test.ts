/** The journal: appends are settled once, in order, when they are readable; after a failure nothing is taken until a reload. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { RingJournal } from '../../src/broker/journal.ts'
import { type KeptPartition, RingKeeper } from '../../src/broker/ring-keeper.ts'
import { RingWriter } from '../../src/broker/ring-writer.ts'
import { LogReader } from '../../src/log/local/reader.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { Bell } from '../../src/ring/bell.ts'
import { slotAfter } from '../../src/ring/cursor.ts'
import type { Ring } from '../../src/ring/ring.ts'
import { Verdict } from '../../src/ring/slot.ts'
import { PartitionState, PartitionTable } from '../../src/ring/table.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { FakeFront, FakeOwner, partitionSettings } from './fake-agents.ts'

const slot = 4

function makeJournal() {
  const clock = new VirtualClock()
  const table = new PartitionTable(PartitionTable.create(16))
  const bell = new Bell(Bell.create(16))
  const ownerBell = new Bell(Bell.create(16))
  const keeper = new RingKeeper({
    owners: [new FakeOwner()],
    fronts: [new FakeFront()],
    clock,
    ringBytesMax: 1024 * 1024,
    memoryBytesMax: 16 * 1024 * 1024,
    find: () => find(),
  })
  const find = (): KeptPartition => ({ slot, owner: 0, settings: partitionSettings })
  const writer = new RingWriter({ keeper, find, table, ownerBells: [ownerBell], bell, clock, logger: silentLogger })
  const journal = new RingJournal({ writer, table, clock, logger: silentLogger })
  const disk = new MemoryDisk(MemoryDisk.create(1024 * 1024))
  const reader = new LogReader({ disk, directory: '__consumer_offsets-0' })
  journal.add({ topic: '__consumer_offsets', partition: 0, slot, reader })
  let nextOffset = 0
  const rings: Ring[] = []
  const serve = (ring: Ring, errorCode: number): void => {
    let stamped = ring.stamped()
    while (ring.isPublished(stamped)) {
      ring.setVerdict(stamped, errorCode === ErrorCode.NONE ? Verdict.accepted : Verdict.refused)
      ring.setOutcome(stamped, errorCode)
      ring.setBaseOffset(stamped, nextOffset)
      ring.setLastOffset(stamped, nextOffset++)
      stamped = slotAfter(stamped)
    }
    ring.setStamped(stamped)
    ring.setWritten(stamped)
    ring.setReadable(stamped)
    if (table.takeInterest(slot) !== 0) bell.markAndRing(slot)
    bell.drain((dirty) => writer.progress(dirty))
    let retired = ring.retired()
    while (retired !== ring.readable() && ring.isAnswered(retired)) retired = slotAfter(retired)
    ring.retire(retired)
    if (table.takeRoomInterest(slot) !== 0) bell.markAndRing(slot)
  }
  /** One turn of main and then of an owner that gives all that is published the same outcome. */
  const turn = async (errorCode?: number): Promise<void> => {
    bell.drain((dirty) => writer.progress(dirty))
    writer.doWork()
    await new Promise((resolve) => setImmediate(resolve))
    const newest = keeper.ringOf(slot)
    if (newest !== undefined && newest !== rings.at(-1)) rings.push(newest)
    // A ring that was replaced is drained before its successor is served, as owners do.
    if (errorCode !== undefined) for (const ring of rings) serve(ring, errorCode)
  }
  return { journal, turn, clock, table, keeper }
}

const record = (text: string) => ({ key: Buffer.from(text), value: Buffer.from(text) })

test('appends settle in the order they were made, and only once they are readable', async () => {
  const { journal, turn } = makeJournal()
  const settled: string[] = []
  for (let index = 0; index < 100; index++) {
    journal.append('__consumer_offsets', 0, [record(`${index}`)], (code) => settled.push(`${index}:${code}`))
  }
  await turn()
  await turn()
  assert.equal(settled, [], 'the owner has not been there yet')
  for (let round = 0; round < 5; round++) await turn(ErrorCode.NONE)
  assert.equal(
    settled,
    Array.from({ length: 100 }, (_, index) => `${index}:0`),
  )
})

test('more than the first ring holds waits for room, and nothing is lost or settled twice', async () => {
  const { journal, turn, clock } = makeJournal()
  const settled: number[] = []
  for (let index = 0; index < 200; index++) {
    const large = { key: null, value: Buffer.alloc(20_000, index) }
    journal.append('__consumer_offsets', 0, [large], () => settled.push(index))
  }
  for (let round = 0; round < 500 && settled.length < 200; round++) {
    await turn(ErrorCode.NONE)
    clock.advance(25)
  }
  assert.equal(
    settled,
    Array.from({ length: 200 }, (_, index) => index),
  )
})

test('after a failed append all that waits fails too, until the partition was loaded again', async () => {
  const { journal, turn } = makeJournal()
  const settled: number[] = []
  const append = (): void => journal.append('__consumer_offsets', 0, [record('x')], (code) => settled.push(code))
  append()
  append()
  await turn()
  await turn()
  await turn(ErrorCode.KAFKA_STORAGE_ERROR)
  append()
  await turn()
  assert.equal(settled, [56, 56, 56])
  await journal.load('__consumer_offsets', 0, () => undefined)
  append()
  await turn()
  await turn(ErrorCode.NONE)
  assert.equal(settled, [56, 56, 56, 0])
})

test('what waits for the ring of a partition that failed is told so', async () => {
  const { journal, turn, table, keeper } = makeJournal()
  const settled: number[] = []
  const append = (): void => journal.append('__consumer_offsets', 0, [record('x')], (code) => settled.push(code))
  append()
  await turn()
  await turn(ErrorCode.NONE)
  // As an owner does after an error of its storage.
  keeper.ringOf(slot)?.seal()
  table.setState(slot, PartitionState.failed)
  append()
  append()
  await turn()
  assert.equal(settled, [ErrorCode.NONE, ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.KAFKA_STORAGE_ERROR])
})

test('a log is not read while its partition is offline, and taken up again in a ring of its own once it is back', async () => {
  const { journal, turn, table, keeper } = makeJournal()
  const settled: number[] = []
  const append = (): void => journal.append('__consumer_offsets', 0, [record('x')], (code) => settled.push(code))
  append()
  await turn()
  const first = keeper.ringOf(slot)
  first?.seal()
  append()
  append()
  table.setState(slot, PartitionState.failed)
  const load = () => journal.load('__consumer_offsets', 0, () => undefined)
  await turn(ErrorCode.KAFKA_STORAGE_ERROR)
  await turn()
  assert.equal(settled, [56, 56, 56])
  await load().then(
    () => assert.unreachable('it was read'),
    (thrown: unknown) => assert.match(String(thrown), /is offline/),
  )
  table.setState(slot, PartitionState.online)
  await load()
  append()
  for (let round = 0; round < 3; round++) await turn(ErrorCode.NONE)
  assert.equal(settled, [56, 56, 56, 0])
  assert.is.not(keeper.ringOf(slot), first)
})

test('what waits behind an append that was refused is refused too, also where the partition is back already', async () => {
  const { journal, turn, keeper } = makeJournal()
  const settled: number[] = []
  const append = (): void => journal.append('__consumer_offsets', 0, [record('x')], (code) => settled.push(code))
  append()
  await turn()
  keeper.ringOf(slot)?.seal()
  append()
  append()
  await turn(ErrorCode.KAFKA_STORAGE_ERROR)
  await turn(ErrorCode.NONE)
  assert.equal(settled, [56, 56, 56])
})

test('an append to a partition that nobody has opened fails, later and not at once', async () => {
  const { journal } = makeJournal()
  const settled: number[] = []
  journal.append('__consumer_offsets', 9, [record('x')], (code) => settled.push(code))
  assert.equal(settled, [])
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(settled, [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION])
})

test('the journal says that it is full before memory grows without bound', async () => {
  const { journal } = makeJournal()
  const many = Array.from({ length: 5_000 }, () => record('x'))
  for (let round = 0; round < 9; round++) journal.append('__consumer_offsets', 0, many, () => undefined)
  assert.is(journal.isFull(), false)
  journal.append('__consumer_offsets', 0, many, () => undefined)
  assert.is(journal.isFull(), true)
})

test.run()
