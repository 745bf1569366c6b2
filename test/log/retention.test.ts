/** Retention and DeleteRecords: whole segments go, oldest first, and the log start never moves back. */

import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { expiredCount } from '../../src/log/local/retention.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { cleanOnce } from './cleaning/cleaning-fixture.ts'
import { FaultyDisk } from './faulty-disk.ts'
import {
  batchAt,
  batchesAt,
  directory,
  onEachDisk,
  onRealDisk,
  openLog,
  readAll,
  readerOf,
  settingsWith,
  startMs,
} from './log-fixture.ts'

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Past Kafka's interval between two looks. */
const checkMs = 300_000

test('segments whose newest record is too old go', async () => {
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk, { segmentBytes: 1000, retentionMs: 1_000_000 })
    for (let hour = 0; hour < 5; hour++) {
      engine.submit([batchAt(hour, { timestampsMs: [startMs + hour * 400_000], valueBytes: 900 })])
    }
    assert.is(engine.maintain(startMs + 1_000_000 + 299_999).startOffset, 1)
    assert.is(engine.maintain(startMs + 1_000_000 + 400_000 + checkMs).startOffset, 2)
    assert.is(engine.segmentCount(), 3)
    assert.equal(
      disk
        .list(directory)
        .filter((name) => name.endsWith('.log'))
        .sort()
        .at(0),
      `${'2'.padStart(20, '0')}.log`,
    )
    const reader = readerOf(disk)
    assert.is(await reader.read({ offset: 1, bytesMax: 1, endOffset: 5, generation: 1 }), undefined)
    assert.equal(
      await readAll(disk, engine),
      Buffer.concat(
        [2, 3, 4].map((hour) => batchAt(hour, { timestampsMs: [startMs + hour * 400_000], valueBytes: 900 })),
      ),
    )
    engine.close()
  })
})

test('when all is too old the log is empty, and keeps its end across a restart', async () => {
  await onEachDisk((disk) => {
    const { engine } = openLog(disk, { retentionMs: 1000 })
    engine.submit(batchesAt(0, 10))
    assert.is(engine.maintain(startMs + 1_000_000).startOffset, 10)
    assert.is(engine.sizeBytes(), 0)
    assert.is(engine.segmentCount(), 1)
    engine.close()
    const again = openLog(disk).engine
    assert.is(again.startOffset, 10)
    assert.is(again.endOffset, 10)
    again.submit([batchAt(10)])
    assert.is(again.poll().writtenEnd, 11)
    again.close()
  })
})

test('after a start the first look comes after half a minute, the next five minutes later', async () => {
  await onEachDisk((disk) => {
    const first = openLog(disk, { segmentBytes: 1000, retentionBytes: 3000 }).engine
    first.submit(batchesAt(0, 100))
    assert.is(first.maintain(startMs + 299_999).startOffset, 0)
    first.close()
    const { engine } = openLog(disk, { segmentBytes: 1000, retentionBytes: 3000 })
    assert.is(engine.maintain(startMs + 29_999).startOffset, 0)
    const { startOffset } = engine.maintain(startMs + 30_000)
    assert.ok(startOffset > 50)
    engine.submit(batchesAt(100, 100))
    assert.is(engine.maintain(startMs + 329_999).startOffset, startOffset)
    assert.ok(engine.maintain(startMs + 330_000).startOffset > startOffset)
  })
})

test('the oldest segments go while the log is larger than allowed', async () => {
  await onEachDisk((disk) => {
    const { engine } = openLog(disk, { segmentBytes: 1000, retentionBytes: 3000 })
    engine.submit(batchesAt(0, 100))
    const before = engine.sizeBytes()
    engine.maintain(startMs + checkMs)
    assert.ok(before > 8000)
    assert.ok(engine.sizeBytes() >= 3000, `${engine.sizeBytes()} is less than may be kept`)
    assert.ok(engine.sizeBytes() < 4000)
    assert.ok(engine.startOffset > 50)
    assert.is(engine.endOffset, 100)
  })
})

test('compacted topics, and topics without limits, keep everything', async () => {
  for (const settings of [
    { isDeleted: false, retentionMs: 1, retentionBytes: 1 },
    { retentionMs: -1, retentionBytes: -1 },
  ]) {
    await onEachDisk((disk) => {
      const { engine } = openLog(disk, { segmentBytes: 1000, ...settings })
      engine.submit(batchesAt(0, 50))
      assert.is(engine.maintain(startMs + 1e12).startOffset, 0)
    })
  }
})

test('segments of records without timestamps go by the time of their file, as in Kafka', async () => {
  await onRealDisk((disk, root) => {
    const timestampsMs = [-1]
    const { engine } = openLog(disk, { segmentBytes: 1000, retentionMs: 1_000_000 })
    for (let offset = 0; offset < 4; offset++) engine.submit([batchAt(offset, { timestampsMs, valueBytes: 900 })])
    const written = (offset: number, ageMs: number): void => {
      const seconds = (startMs + checkMs - ageMs) / 1000
      utimesSync(join(root, directory, `${String(offset).padStart(20, '0')}.log`), seconds, seconds)
    }
    written(0, 1_000_001)
    written(1, 1_000_000)
    written(2, 2_000_000)
    written(3, 2_000_000)
    assert.is(engine.maintain(startMs + checkMs).startOffset, 1)
    written(1, 1_000_001)
    assert.is(engine.maintain(startMs + 2 * checkMs).startOffset, 4, 'also the one that is written to')
    engine.close()
  })
})

test('how often retention looks can be set, and changed while it runs', () => {
  const disk = new MemoryDisk(MemoryDisk.create(16 << 20))
  const settings = { segmentBytes: 1000, retentionBytes: 3000, retentionCheckMs: 2_000 }
  const { engine } = openLog(disk, settings)
  engine.submit(batchesAt(0, 100))
  assert.is(engine.maintain(startMs + 1_999).startOffset, 0)
  const { startOffset } = engine.maintain(startMs + 2_000)
  assert.ok(startOffset > 50)
  engine.submit(batchesAt(100, 100))
  engine.configure(settingsWith({ ...settings, retentionCheckMs: 500 }))
  assert.ok(engine.maintain(startMs + 2_500).startOffset > startOffset)
})

test('limits that change while the log is open hold from the next look on', () => {
  const disk = new MemoryDisk(MemoryDisk.create(16 << 20))
  const { engine } = openLog(disk, { segmentBytes: 1000 })
  engine.submit(batchesAt(0, 100))
  assert.is(engine.maintain(startMs + checkMs).startOffset, 0)
  engine.configure(settingsWith({ segmentBytes: 1000, retentionBytes: 3000 }))
  assert.ok(engine.maintain(startMs + 2 * checkMs).startOffset > 50)
  engine.configure(settingsWith({ segmentBytes: 1000, retentionMs: 1000 }))
  assert.is(engine.maintain(startMs + 3 * checkMs).startOffset, 100)
})

test('with a count of messages until a sync, what readers see expires although it is not synced', async () => {
  const disk = new FaultyDisk(new MemoryDisk(MemoryDisk.create(16 << 20)), true)
  disk.holdsSyncs = true
  const { engine } = openLog(disk, { segmentBytes: 1000, retentionMs: 1000, sync: 'every', flushMessages: 51 })
  engine.submit(batchesAt(0, 100))
  engine.poll()
  const { startOffset } = engine.maintain(startMs + checkMs)
  assert.ok(startOffset > 30 && startOffset <= 50, `${startOffset}`)
})

test('files of what was deleted stay for file.delete.delay.ms under other names, and are found by the next start', async () => {
  await onRealDisk(async (disk) => {
    const clock = new VirtualClock(startMs)
    const settings = { segmentBytes: 1000, fileDeleteDelayMs: 60_000 }
    const { engine } = openLog(disk, settings, { clock })
    engine.submit(batchesAt(0, 50))
    engine.deleteRecordsBefore(25)
    const left = (): number => disk.list(directory).filter((name) => name.endsWith('.log.deleted')).length
    const count = left()
    assert.ok(count > 1)
    assert.is(engine.startOffset, 25)
    clock.advance(59_999)
    await settled()
    assert.is(left(), count)
    clock.advance(1)
    while (left() > 0) await settled()
    engine.deleteRecordsBefore(40)
    assert.ok(left() > 0)
    engine.close()
    const again = openLog(disk, settings, { clock }).engine
    assert.is(left(), 0)
    assert.equal(await readAll(disk, again, 40), Buffer.concat(batchesAt(40, 10)))
    again.removeFiles()
    const doomed = (): string[] => disk.list('').filter((name) => name.endsWith('-delete'))
    await settled()
    assert.equal([disk.exists(directory), doomed().length], [false, 1])
    clock.advance(60_000)
    while (doomed().length > 0) await settled()
  })
})

test('a segment that Kafka compacted to nothing does not hold up those behind it, and the empty last one stays', () => {
  const segments = [0, 100, 0].map((sizeBytes, place) => ({ endOffset: 10 * (place + 1), sizeBytes, timeMs: 1_000 }))
  const settings = settingsWith({ retentionMs: 500 })
  const bounds = { settings, startOffset: 0, revealedEnd: 30, nowMs: 2_000 }
  assert.is(
    expiredCount(segments, ({ timeMs }) => timeMs, bounds),
    2,
  )
})

test('a log that is compacted and deleted gives its cleaned segments to retention too', async () => {
  await onEachDisk(async (disk) => {
    const both = { isCompacted: true, isDeleted: true, segmentBytes: 400, retentionMs: 1_000_000, dirtyRatioMin: 0 }
    const { engine } = openLog(disk, both)
    for (let minute = 0; minute < 30; minute++) {
      engine.submit([batchAt(minute, { timestampsMs: [startMs + minute * 60_000] })])
    }
    const outcome = await cleanOnce(disk, engine, { cleanedEnd: 0, stableEnd: 30, nowMs: startMs + 1_800_000 })
    assert.ok(outcome?.isFinished)
    assert.is(engine.startOffset, 0)
    const { startOffset } = engine.maintain(startMs + 1_800_000 + checkMs)
    assert.ok(startOffset > 10 && startOffset <= 19, `the log begins at ${startOffset}`)
    assert.is(engine.endOffset, 30)
    assert.ok((await readAll(disk, engine)).length > 0)
    engine.close()
  })
})

test('what is not revealed yet does not expire', () => {
  const segments = [
    { endOffset: 10, sizeBytes: 5 },
    { endOffset: 20, sizeBytes: 5 },
  ]
  const bounds = { settings: settingsWith({ retentionMs: 1 }), startOffset: 0, nowMs: 1e9 }
  assert.is(
    expiredCount(segments, () => 0, { ...bounds, revealedEnd: 19 }),
    1,
  )
  assert.is(
    expiredCount(segments, () => 0, { ...bounds, revealedEnd: 20 }),
    2,
  )
  assert.is(
    expiredCount(segments, () => -1, { ...bounds, revealedEnd: 20 }),
    0,
    'what has no known time stays',
  )
})

test('DeleteRecords moves the start, removes whole segments below, and survives restart and crash', async () => {
  await onEachDisk(async (disk) => {
    const settings = { segmentBytes: 1000 }
    const { engine } = openLog(disk, settings)
    engine.submit(batchesAt(0, 50))
    const segments = engine.segmentCount()
    engine.deleteRecordsBefore(25)
    assert.is(engine.startOffset, 25)
    assert.ok(engine.segmentCount() < segments)
    assert.equal(await readAll(disk, engine, 25), Buffer.concat(batchesAt(25, 25)))
    engine.deleteRecordsBefore(20)
    assert.is(engine.startOffset, 25, 'never back')
    assert.is(openLog(disk, settings).engine.startOffset, 25, 'after a crash')
    engine.deleteRecordsBefore(1000)
    assert.is(engine.startOffset, 50, 'never beyond the end')
    engine.close()
    const again = openLog(disk, settings)
    assert.is(again.engine.startOffset, 50)
    assert.is(again.engine.endOffset, 50)
    assert.equal(again.visited, [44, 45, 46, 47, 48, 49], 'what is deleted, and still there, tells who wrote it')
  })
})

test.run()
