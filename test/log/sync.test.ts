/** Sync policies, and what a failing disk does: durability is a position, and the first error is the last step. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { errnoOf } from '../../src/base/errors.ts'
import type { Engine } from '../../src/log/engine.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { batchAt, batchesAt, openLog, readAll, settingsWith, startMs } from './log-fixture.ts'

/** An in-memory disk that counts as durable, so that syncs matter. */
function durableDisk(): FaultyDisk {
  return new FaultyDisk(new MemoryDisk(MemoryDisk.create(16 << 20)), true)
}

/** Lets promises settle. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function logSyncs(disk: FaultyDisk): number {
  return disk.syncs.filter((path) => path.endsWith('.log')).length
}

test("with policy 'every' the synced end moves only after a sync, which covers all that came before it", async () => {
  const disk = durableDisk()
  disk.holdsSyncs = true
  let progressed = 0
  const { engine } = openLog(disk, { sync: 'every' }, { onProgress: () => progressed++ })
  engine.submit([batchAt(0), batchAt(1)])
  assert.equal(engine.poll(), { writtenEnd: 2, syncedEnd: 0 })
  assert.is(logSyncs(disk), 1)
  // What arrives while a sync is under way waits for the next one.
  engine.submit([batchAt(2)])
  assert.equal(engine.poll(), { writtenEnd: 3, syncedEnd: 0 })
  engine.submit([batchAt(3)])
  engine.poll()
  assert.is(logSyncs(disk), 1)
  disk.releaseSyncs()
  await settle()
  assert.is(progressed, 1)
  assert.equal(engine.poll(), { writtenEnd: 4, syncedEnd: 2 })
  assert.is(logSyncs(disk), 2, 'the next sync began by itself')
  disk.releaseSyncs()
  await settle()
  assert.equal(engine.poll(), { writtenEnd: 4, syncedEnd: 4 })
  assert.is(progressed, 2)
  engine.poll()
  assert.is(logSyncs(disk), 2, 'nothing new, no sync')
})

test("with policy 'every' a rolled segment and its folder are synced before the end moves past it", async () => {
  const disk = durableDisk()
  const { engine } = openLog(disk, { sync: 'every', segmentBytes: 500 })
  engine.submit(batchesAt(0, 30))
  engine.poll()
  await settle()
  assert.is(engine.poll().syncedEnd, 30)
  assert.is(new Set(disk.syncs.filter((path) => path.endsWith('.log'))).size, engine.segmentCount())
  assert.ok(disk.syncs.includes('orders-3/'))
  assert.ok(disk.syncs.includes('/'))
})

test('with a count of messages a sync starts once as many are unsynced, and not before', async () => {
  const disk = durableDisk()
  const { engine } = openLog(disk, { sync: 'every', flushMessages: 10, flushMs: 2 ** 63 })
  engine.submit([batchAt(0, { count: 9 })])
  assert.equal(engine.poll(), { writtenEnd: 9, syncedEnd: 0 })
  assert.is(logSyncs(disk), 0)
  engine.submit([batchAt(9)])
  engine.poll()
  await settle()
  assert.equal(engine.poll(), { writtenEnd: 10, syncedEnd: 10 })
  assert.is(logSyncs(disk), 1)
  engine.submit([batchAt(10, { count: 9 })])
  engine.poll()
  await settle()
  assert.equal(engine.poll(), { writtenEnd: 19, syncedEnd: 10 })
  engine.configure(settingsWith({ sync: 'every', flushMessages: 5 }))
  engine.poll()
  await settle()
  assert.is(engine.poll().syncedEnd, 19, 'a smaller count holds at once')
})

test('with a count and a time whichever comes first starts a sync', async () => {
  const disk = durableDisk()
  const { engine } = openLog(disk, { sync: 'every', flushMessages: 10, flushMs: 1000 })
  engine.submit([batchAt(0)])
  engine.poll()
  engine.maintain(startMs + 999)
  assert.is(logSyncs(disk), 0)
  engine.maintain(startMs + 1000)
  await settle()
  assert.is(engine.poll().syncedEnd, 1)
})

test('with a count of messages a finished segment is synced in the background all the same', async () => {
  const disk = durableDisk()
  const { engine } = openLog(disk, { sync: 'every', flushMessages: 1000, segmentBytes: 500 })
  engine.submit(batchesAt(0, 30))
  engine.poll()
  for (let round = 0; round < 30; round++) await settle()
  assert.ok(logSyncs(disk) >= engine.segmentCount() - 1)
  assert.ok(engine.poll().syncedEnd < 30)
})

test('whose folder it is becomes durable with its first batches', async () => {
  const disk = durableDisk()
  const { engine } = openLog(disk, { sync: 'every' })
  engine.submit([batchAt(0)])
  engine.poll()
  await settle()
  assert.is(engine.poll().syncedEnd, 1)
  assert.ok(disk.syncs.includes('orders-3/partition.metadata'))
})

test('a segment that is rolled is synced whole, also what was written before the last start', async () => {
  const disk = durableDisk()
  const first = openLog(disk, { sync: 'never', segmentBytes: 500 }).engine
  first.submit(batchesAt(0, 3))
  first.submitAborted([{ producerId: 1, firstOffset: 0, lastOffset: 2, lastStableOffset: 3 }])
  first.submit([batchAt(3)])
  first.close()
  disk.syncs.length = 0
  const { engine } = openLog(disk, { sync: 'never', segmentBytes: 500 })
  engine.submit(batchesAt(4, 3, 150))
  await settle()
  assert.ok(engine.segmentCount() > 1)
  for (const kind of ['log', 'index', 'timeindex', 'txnindex']) {
    assert.ok(disk.syncs.includes(`orders-3/00000000000000000000.${kind}`), kind)
  }
})

test('a log that is closed in order has its last indexes synced, as nobody compares them with its batches any more', () => {
  const disk = durableDisk()
  const { engine } = openLog(disk, { sync: 'interval' })
  engine.submitAborted([{ producerId: 1, firstOffset: 0, lastOffset: 1, lastStableOffset: 2 }])
  engine.submit(batchesAt(0, 3))
  engine.close()
  assert.ok(disk.syncs.includes('orders-3/00000000000000000000.txnindex'))
  assert.ok(disk.syncs.includes('orders-3/00000000000000000000.timeindex'))
})

test("with policy 'interval' a sync starts once the time is up", async () => {
  const disk = durableDisk()
  const { engine } = openLog(disk, { sync: 'interval', flushMs: 1000 })
  engine.submit([batchAt(0)])
  engine.poll()
  engine.maintain(startMs + 999)
  assert.is(logSyncs(disk), 0)
  engine.maintain(startMs + 1000)
  assert.is(logSyncs(disk), 1)
  await settle()
  assert.equal(engine.poll(), { writtenEnd: 1, syncedEnd: 1 })
  engine.maintain(startMs + 2000)
  assert.is(logSyncs(disk), 1, 'nothing new, no sync')
})

test("with policy 'never' only finished segments are synced", async () => {
  const disk = durableDisk()
  const { engine } = openLog(disk, { segmentBytes: 500 })
  engine.submit([batchAt(0)])
  engine.poll()
  engine.maintain(startMs + 1e9)
  await settle()
  assert.is(logSyncs(disk), 0)
  engine.submit(batchesAt(1, 10))
  await settle()
  assert.is(logSyncs(disk), engine.segmentCount() - 1)
  assert.ok(engine.poll().syncedEnd < 11)
  engine.close()
  assert.is(logSyncs(disk), openLog(disk).engine.segmentCount() - 1)
})

test('a failed sync fails the partition for good, and is not tried again', async () => {
  const disk = durableDisk()
  const { engine } = openLog(disk, { sync: 'every' })
  engine.submit([batchAt(0)])
  disk.syncError = 'EIO'
  engine.poll()
  await settle()
  assert.is(errnoOf(engine.failure), 'EIO')
  const syncs = disk.syncs.length
  disk.syncError = ''
  engine.submit([batchAt(1)])
  assert.equal(engine.poll(), { writtenEnd: 1, syncedEnd: 0 })
  engine.maintain(startMs + 1e9)
  engine.sync()
  engine.close()
  await settle()
  assert.is(disk.syncs.length, syncs)
})

test('a disk that fails or is full fails the partition without a throw; recovery keeps what was written whole', async () => {
  for (const writeError of ['ENOSPC', 'EIO']) {
    const whole = Buffer.concat(batchesAt(0, 3))
    for (let spare = 0; spare < batchAt(3).length; spare += 7) {
      const disk = durableDisk()
      disk.writeError = writeError
      disk.logBytesLeft = whole.length + spare
      const { engine } = openLog(disk)
      engine.submit(batchesAt(0, 3))
      engine.submit(batchesAt(3, 2))
      assert.is(errnoOf(engine.failure), writeError)
      assert.equal(engine.poll(), { writtenEnd: 3, syncedEnd: 0 })
      engine.maintain(startMs + 1e9)
      engine.deleteRecordsBefore(1)
      engine.close()
      disk.logBytesLeft = Number.POSITIVE_INFINITY
      const again = openLog(disk).engine
      assert.is(again.endOffset, 3)
      assert.is(again.startOffset, 0)
      again.submit([batchAt(3)])
      assert.equal(await readAll(disk, again), Buffer.concat([whole, batchAt(3)]))
    }
  }
})

test('errors at any write, of whatever file, never escape', () => {
  const forbidden = (engine: Engine): void => {
    engine.submit(batchesAt(engine.endOffset, 20))
    engine.poll()
    engine.maintain(startMs + 1e9)
    engine.saveProducerSnapshot(engine.endOffset, Buffer.from('state'))
    engine.deleteRecordsBefore(5)
    engine.sync()
    engine.close()
    engine.removeFiles()
  }
  for (let allowed = 0; allowed < 60; allowed++) {
    const inner = new MemoryDisk(MemoryDisk.create(1 << 20))
    const disk = new FaultyDisk(inner, true)
    let left = allowed
    const open = disk.open.bind(disk)
    disk.open = (path, mode) => {
      if (mode === 'write' && left-- <= 0) throw Object.assign(new Error('EMFILE: planted'), { code: 'EMFILE' })
      return open(path, mode)
    }
    const { engine } = openLog(disk, { segmentBytes: 300 })
    forbidden(engine)
  }
})

test('short writes are gone on with', async () => {
  for (const writeBytesMax of [1, 7, 100]) {
    const disk = durableDisk()
    disk.writeBytesMax = writeBytesMax
    const { engine } = openLog(disk, { segmentBytes: 1000, indexIntervalBytes: 100 })
    engine.submit(batchesAt(0, 30))
    assert.is(engine.poll().writtenEnd, 30)
    assert.equal(await readAll(disk, engine), Buffer.concat(batchesAt(0, 30)))
    engine.close()
    assert.is(openLog(disk).recovery, '')
  }
})

test('a disk that writes nothing and says nothing is not waited for', () => {
  const disk = durableDisk()
  disk.writeBytesMax = 0
  const { engine } = openLog(disk)
  engine.submit([batchAt(0)])
  assert.is(errnoOf(engine.failure), 'EIO')
})

test('a close while a sync is under way leaves a clean log', async () => {
  for (const sync of ['every', 'never'] as const) {
    const disk = durableDisk()
    disk.holdsSyncs = true
    let progressed = 0
    const { engine } = openLog(disk, { sync, segmentBytes: 300 }, { onProgress: () => progressed++ })
    engine.submit(batchesAt(0, 10))
    engine.poll()
    engine.close()
    disk.releaseSyncs()
    await settle()
    assert.is(progressed, 0, 'a closed log says nothing more')
    const again = openLog(disk)
    assert.is(again.recovery, '')
    assert.is(again.engine.endOffset, 10)
  }
})

test('a segment that is removed before its sync does no harm', async () => {
  for (const sync of ['every', 'never'] as const) {
    const disk = durableDisk()
    disk.holdsSyncs = true
    const { engine } = openLog(disk, { sync, segmentBytes: 300 })
    engine.submit(batchesAt(0, 10))
    engine.poll()
    engine.submit(batchesAt(10, 10))
    engine.deleteRecordsBefore(15)
    engine.sync()
    assert.is(engine.failure, undefined)
    disk.holdsSyncs = false
    disk.releaseSyncs()
    await settle()
    engine.submit([batchAt(20)])
    engine.poll()
    await settle()
    assert.is(engine.failure, undefined)
    engine.close()
    assert.is(openLog(disk).engine.startOffset, 15)
  }
})

test.run()
