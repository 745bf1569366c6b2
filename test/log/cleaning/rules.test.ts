/** What stays of a log, rule by rule: tombstones and markers until their horizon, producers' last batches, the end of what was cleaned. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Disk } from '../../../src/log/disk.ts'
import type { Engine, LastOfProducer } from '../../../src/log/engine.ts'
import { MemoryDisk } from '../../../src/log/memory-disk.ts'
import {
  type BatchInput,
  batchBaseOffset,
  batchBaseTimestamp,
  batchHasDeleteHorizon,
  batchIsControl,
  batchLastOffset,
  batchRecordCount,
  batchTimestampType,
  buildBatch,
  readRecords,
} from '../../../src/wire/record-batch.ts'
import { buildMarker } from '../../../src/wire/transaction-marker.ts'
import { openLog, startMs } from '../log-fixture.ts'
import { cleanOnce, readBatches } from './cleaning-fixture.ts'

const retentionMs = 5_000

type Table = { readonly disk: Disk; readonly engine: Engine; end: number }

function openTable(): Table {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  const settings = { isCompacted: true, isDeleted: false, segmentBytes: 1000, deleteRetentionMs: retentionMs }
  return { disk, engine: openLog(disk, { ...settings, dirtyRatioMin: 0 }).engine, end: 0 }
}

function write(table: Table, values: Record<string, string | null>, more: Partial<BatchInput> = {}): void {
  const records = Object.entries(values).map(([key, value]) => ({
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestampMs: startMs,
  }))
  table.engine.submit([buildBatch({ records, baseOffset: table.engine.endOffset, leaderEpoch: 0, ...more })])
}

function mark(table: Table, isCommit: boolean, producerId = 9): void {
  const { engine } = table
  const marker = buildMarker({ producerId, producerEpoch: 0, isCommit, coordinatorEpoch: 0 }, startMs)
  marker.writeBigInt64BE(BigInt(engine.endOffset), 0)
  engine.submit([marker])
}

/** Ends the active segment, so that all before may be cleaned; its last batch is none that a test asks for. */
function roll(table: Table): void {
  table.end = table.engine.endOffset
  write(table, { end: 'e' })
  for (let filler = 0; filler < 3; filler++) write(table, { filler: 'f'.repeat(900) })
}

/** Cleans all, and answers what is left before the filler: batches by base offset. */
async function cleaned(
  table: Table,
  nowMs: number,
  producers: ReadonlyMap<number, LastOfProducer> = new Map(),
): Promise<Map<number, Buffer>> {
  const { disk, engine } = table
  const outcome = await cleanOnce(disk, engine, { cleanedEnd: 0, stableEnd: engine.endOffset, nowMs, producers })
  assert.ok(outcome?.isFinished)
  const batches = await readBatches(disk, engine)
  return new Map(
    batches.filter((batch) => batchBaseOffset(batch, 0) < table.end).map((batch) => [batchBaseOffset(batch, 0), batch]),
  )
}

function textsOf(batch: Buffer | undefined): string[] {
  return batch === undefined ? [] : readRecords(batch, 0).map(({ key, value, offset }) => `${offset} ${key}=${value}`)
}

test('a tombstone stays until delete.retention.ms after the first cleaning that saw it', async () => {
  const table = openTable()
  write(table, { a: 'old', b: 'kept' })
  write(table, { a: null, c: 'kept too' })
  roll(table)
  const first = await cleaned(table, startMs + 100)
  assert.equal(textsOf(first.get(0)), ['1 b=kept'])
  const batch = first.get(2)
  assert.equal(textsOf(batch), ['2 a=null', '3 c=kept too'])
  assert.ok(batch !== undefined && batchHasDeleteHorizon(batch, 0))
  assert.is(batchBaseTimestamp(batch, 0), startMs + 100 + retentionMs)
  assert.equal(
    readRecords(batch, 0).map(({ timestampMs }) => timestampMs),
    [startMs, startMs],
  )
  const early = await cleaned(table, startMs + 100 + retentionMs - 1)
  assert.ok(early.get(2)?.equals(batch), 'before that nothing changes, not even the horizon')
  const due = await cleaned(table, startMs + 100 + retentionMs)
  assert.equal(textsOf(due.get(2)), ['3 c=kept too'])
})

test('a marker stays while any of its data does, and delete.retention.ms longer', async () => {
  const table = openTable()
  write(table, { a: 'of a transaction' }, { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional: true })
  mark(table, true)
  roll(table)
  const first = await cleaned(table, startMs)
  assert.equal([...first.keys()], [0, 1])
  assert.not.ok(batchHasDeleteHorizon(first.get(1) ?? Buffer.alloc(61), 0))
  write(table, { a: 'newer' })
  roll(table)
  const second = await cleaned(table, startMs + 1000)
  assert.not.ok(second.has(0), 'the data is gone')
  assert.ok(second.has(1), 'the marker was needed in this cleaning still')
  const third = await cleaned(table, startMs + 2000)
  assert.is(batchBaseTimestamp(third.get(1) ?? Buffer.alloc(61), 0), startMs + 2000 + retentionMs)
  const fourth = await cleaned(table, startMs + 2000 + retentionMs)
  assert.not.ok(fourth.has(1))
})

test('the last batch of a known producer stays, if only without records, with its sequence', async () => {
  const table = openTable()
  write(table, { a: 'first' }, { producerId: 4, producerEpoch: 2, baseSequence: 10 })
  write(table, { a: 'second', b: 'second' }, { producerId: 4, producerEpoch: 2, baseSequence: 11, compression: 4 })
  write(table, { a: 'third', b: 'third' })
  roll(table)
  const batches = await cleaned(table, startMs, new Map([[4, { lastOffset: 2, epoch: 2 }]]))
  assert.not.ok(batches.has(0))
  const last = batches.get(1) ?? Buffer.alloc(61)
  assert.equal([batchRecordCount(last, 0), batchLastOffset(last, 0), last.length], [0, 2, 61])
  assert.equal([last.readInt16BE(51), last.readInt32BE(53), last.readInt16BE(21)], [2, 11, 0])
  const forgotten = await cleaned(table, startMs)
  assert.not.ok(forgotten.has(1), 'nobody knows the producer any more')
})

test('of a producer whose last word is a marker, the marker stays', async () => {
  const table = openTable()
  mark(table, false)
  write(table, { a: 'x' })
  roll(table)
  const producers = new Map([[9, { lastOffset: -1, epoch: 0 }]])
  for (const nowMs of [startMs, startMs + retentionMs, startMs + 3 * retentionMs]) {
    const marker = (await cleaned(table, nowMs, producers)).get(0)
    assert.ok(marker !== undefined && batchIsControl(marker, 0))
  }
})

test('records without a key go, and log-append time stays what it is', async () => {
  const table = openTable()
  const keyless = [{ key: null, value: Buffer.from('no key'), timestampMs: startMs }]
  table.engine.submit([buildBatch({ records: keyless, leaderEpoch: 0 })])
  write(table, { a: '1', b: '2' }, { timestampType: 'LogAppendTime', compression: 1 })
  write(table, { a: '3' })
  roll(table)
  const batches = await cleaned(table, startMs)
  assert.not.ok(batches.has(0))
  const rest = batches.get(1) ?? Buffer.alloc(61)
  assert.equal(textsOf(rest), ['2 b=2'])
  assert.is(batchTimestampType(rest, 0), 'LogAppendTime')
  assert.is(readRecords(rest, 0)[0]?.timestampMs, startMs)
})

test('the last batch of what was cleaned stays, so that its end is known after a restart', async () => {
  const table = openTable()
  for (let round = 0; round < 4; round++) write(table, { a: 'x'.repeat(600) })
  for (let round = 0; round < 4; round++) write(table, { a: 'y'.repeat(600) })
  const before = table.engine.endOffset
  await cleaned(table, startMs)
  const bases = (await readBatches(table.disk, table.engine)).map((batch) => batchBaseOffset(batch, 0))
  assert.equal(bases, [0, 1, 2, 3, 4, 5, 6, 7], 'each segment has a batch still')
  assert.ok(table.engine.sizeBytes() < 2000)
  table.engine.close()
  const again = openLog(table.disk, { isCompacted: true, segmentBytes: 1000 })
  assert.is(again.engine.endOffset, before)
  assert.equal(
    (await readBatches(table.disk, again.engine)).map((batch) => batchBaseOffset(batch, 0)),
    bases,
  )
})

test.run()
