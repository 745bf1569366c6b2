/** Which logs are to be cleaned and how far: by dirty ratio, lags, the last stable offset, and never the active segment. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PartitionSettings } from '../../../src/base/topology.ts'
import { rollMs } from '../../../src/log/cleaning/dirty-log.ts'
import type { DirtyLog, DirtyLogQuestion, Engine } from '../../../src/log/engine.ts'
import { MemoryDisk } from '../../../src/log/memory-disk.ts'
import { batchAt, openLog, startMs } from '../log-fixture.ts'

const hourMs = 3_600_000
const settings = { isCompacted: true, isDeleted: false, segmentBytes: 200, dirtyRatioMin: 0.5 }

/** Ten segments of one record each, an hour apart, and an active one. */
function openHours(changes: Partial<PartitionSettings> = {}): Engine {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  const { engine } = openLog(disk, { ...settings, ...changes })
  for (let hour = 0; hour < 11; hour++) {
    engine.submit([batchAt(hour, { timestampsMs: [startMs + hour * hourMs], valueBytes: 110 })])
  }
  assert.is(engine.segmentCount(), 11)
  return engine
}

function ask(engine: Engine, question: Partial<DirtyLogQuestion> = {}): DirtyLog | undefined {
  const nowMs = startMs + 10 * hourMs
  return engine.dirtyLog({ cleanedEnd: 0, stableEnd: 11, nowMs, producers: () => new Map(), ...question })
}

const basesOf = (dirty: DirtyLog | undefined): number[] =>
  dirty?.plan.segments.map(({ baseOffset }) => baseOffset) ?? []

test('all but the active segment may be cleaned, and what lies behind is named', () => {
  const dirty = ask(openHours())
  assert.equal(basesOf(dirty), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.equal(dirty?.plan.laterBases, [10])
  assert.is(dirty?.dirtyRatio, 1)
  assert.is(ask(openHours({ isCompacted: false })), undefined)
})

test('segments that reach beyond the last stable offset stay', () => {
  assert.equal(basesOf(ask(openHours(), { stableEnd: 4 })), [0, 1, 2, 3])
  assert.is(ask(openHours(), { stableEnd: 0 }), undefined)
})

test('a log is cleaned once its dirty part is larger than the ratio says', () => {
  assert.is(ask(openHours(), { cleanedEnd: 5 }), undefined, 'a half is not more than a half')
  const dirty = ask(openHours(), { cleanedEnd: 4 })
  assert.is(dirty?.dirtyRatio, 0.6)
  assert.is(dirty?.plan.firstDirtyOffset, 4)
  assert.is(basesOf(dirty).length, 10)
  assert.is(ask(openHours({ dirtyRatioMin: 0 }), { cleanedEnd: 10 }), undefined, 'nothing is dirty')
  assert.is(ask(openHours({ dirtyRatioMin: 1 })), undefined)
})

test('min.compaction.lag.ms keeps what is young, and all behind it', () => {
  const dirty = ask(openHours({ compactionLagMinMs: 3 * hourMs }))
  assert.equal(basesOf(dirty), [0, 1, 2, 3, 4, 5, 6, 7])
  const clean = ask(openHours({ compactionLagMinMs: 100 * hourMs, dirtyRatioMin: 0 }), { cleanedEnd: 9 })
  assert.is(clean, undefined)
})

test('max.compaction.lag.ms makes a log due however little of it is dirty, and segments roll for it', () => {
  const waiting = openHours({ compactionLagMaxMs: 2 * hourMs, segmentMs: hourMs })
  assert.is(ask(waiting, { cleanedEnd: 8 }), undefined, 'not older than that')
  const overdue = ask(waiting, { cleanedEnd: 7 })
  assert.ok(overdue?.isOverdue)
  assert.is(basesOf(overdue).length, 10)
  assert.is(rollMs({ isCompacted: true, segmentMs: 10, compactionLagMaxMs: 5 }), 5)
  assert.is(rollMs({ isCompacted: true, segmentMs: 10, compactionLagMaxMs: 50 }), 10)
  assert.is(rollMs({ isCompacted: false, segmentMs: 10, compactionLagMaxMs: 5 }), 10)
  const rolling = openLog(new MemoryDisk(MemoryDisk.create(1 << 20)), {
    isCompacted: true,
    compactionLagMaxMs: 5,
  }).engine
  rolling.submit([batchAt(0, { timestampsMs: [startMs] })])
  rolling.submit([batchAt(1, { timestampsMs: [startMs + 6] })])
  assert.is(rolling.segmentCount(), 2)
})

test('a place that cannot be is not believed: all counts as dirty then', () => {
  assert.is(ask(openHours(), { cleanedEnd: 12 })?.plan.firstDirtyOffset, 0)
  const shortened = openHours()
  shortened.deleteRecordsBefore(3)
  const dirty = ask(shortened, { cleanedEnd: 2 })
  assert.is(dirty?.plan.firstDirtyOffset, 3)
  assert.is(basesOf(dirty)[0], 3)
})

test.run()
