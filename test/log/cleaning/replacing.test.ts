/** A log that changes while it is cleaned: what came too late is thrown away, and nothing that went comes back. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../../src/base/random.ts'
import { type Cleaning, cleanLog } from '../../../src/log/cleaning/clean-log.ts'
import type { Disk } from '../../../src/log/disk.ts'
import type { CleanedSegment, Engine } from '../../../src/log/engine.ts'
import { MemoryDisk } from '../../../src/log/memory-disk.ts'
import { FaultyDisk } from '../faulty-disk.ts'
import { batchAt, directory, openLog, startMs } from '../log-fixture.ts'
import { readBatches } from './cleaning-fixture.ts'

const settings = { isCompacted: true, isDeleted: true, segmentBytes: 400, dirtyRatioMin: 0 }
const edges = { begin: () => true, end: () => undefined }

function beginCleaning(disk: Disk, engine: Engine): Cleaning {
  const question = { cleanedEnd: 0, stableEnd: engine.endOffset, nowMs: startMs, producers: () => new Map() }
  const plan = engine.dirtyLog(question)?.plan
  assert.ok(plan !== undefined)
  const memory = { keyBytesMax: 1 << 16, keyLoadFactor: 0.9, chunkBytes: 1 << 16 }
  return cleanLog({ disk, plan, nowMs: startMs, random: seededRandom(1), ...memory })
}

/** Goes on until a segment is to be put in its place. */
function nextCleaned(cleaning: Cleaning): CleanedSegment {
  for (;;) {
    const step = cleaning.next(true)
    assert.ok(step.done !== true, 'there is a segment to be cleaned')
    if (step.value.cleaned !== undefined) return step.value.cleaned
  }
}

function openWritten(disk: Disk): Engine {
  const { engine } = openLog(disk, settings)
  for (let offset = 0; offset < 40; offset++) engine.submit([batchAt(offset)])
  return engine
}

function leftOvers(disk: Disk): string[] {
  return disk.list(directory).filter((file) => /\.(cleaned|swap)$/.test(file))
}

test('segments that DeleteRecords took do not come back', async () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  const engine = openWritten(disk)
  const cleaning = beginCleaning(disk, engine)
  const cleaned = nextCleaned(cleaning)
  engine.deleteRecordsBefore(20)
  assert.is(await engine.replaceSegments(cleaned, edges), false)
  const end = cleaning.next(false)
  assert.ok(end.done === true && !end.value.isFinished)
  assert.equal(leftOvers(disk), [])
  assert.is(engine.startOffset, 20)
  assert.is(engine.failure, undefined)
  assert.is((await readBatches(disk, engine)).length, 20)
})

test('segments that go while the swap is made durable do not come back either', async () => {
  const disk = new FaultyDisk(new MemoryDisk(MemoryDisk.create(1 << 20)), true)
  const engine = openWritten(disk)
  const cleaned = nextCleaned(beginCleaning(disk, engine))
  disk.holdsSyncs = true
  const replacing = engine.replaceSegments(cleaned, edges)
  engine.deleteRecordsBefore(20)
  disk.releaseSyncs()
  assert.is(await replacing, false)
  assert.equal(leftOvers(disk), [])
  assert.is((await readBatches(disk, engine)).length, 20)
})

test('who may not rewrite now keeps the log as it is, and may later', async () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  const engine = openWritten(disk)
  const before = engine.sizeBytes()
  const refused = { begin: () => false, end: () => assert.unreachable('nothing began') }
  assert.is(await engine.replaceSegments(nextCleaned(beginCleaning(disk, engine)), refused), false)
  assert.equal(leftOvers(disk), [])
  assert.is(engine.sizeBytes(), before)
  assert.is(await engine.replaceSegments(nextCleaned(beginCleaning(disk, engine)), edges), true)
  assert.ok(engine.sizeBytes() < before)
})

test('a swap that a closed log had begun is finished at the next start', async () => {
  const inner = new MemoryDisk(MemoryDisk.create(1 << 20))
  const disk = new FaultyDisk(inner, true)
  const engine = openWritten(disk)
  const cleaned = nextCleaned(beginCleaning(disk, engine))
  disk.holdsSyncs = true
  const replacing = engine.replaceSegments(cleaned, edges)
  engine.close()
  disk.releaseSyncs()
  assert.is(await replacing, false)
  const { engine: again, recovery } = openLog(new FaultyDisk(inner, true), settings)
  assert.match(recovery, /finished 1 cleanings that were cut short/)
  assert.equal(leftOvers(inner), [])
  assert.is(again.segmentCount(), engine.segmentCount() - cleaned.replaced.length + 1)
  assert.is(again.endOffset, 40)
})

test('a swap that the disk did not make durable counts for nothing, also at the next start', async () => {
  const inner = new MemoryDisk(MemoryDisk.create(1 << 20))
  const disk = new FaultyDisk(inner, true)
  const engine = openWritten(disk)
  const before = inner.list(directory)
  const cleaning = beginCleaning(disk, engine)
  const cleaned = nextCleaned(cleaning)
  disk.syncError = 'EIO'
  const thrown = await engine.replaceSegments(cleaned, edges).catch((error: unknown) => error)
  assert.match(String(thrown), /EIO/)
  assert.equal(leftOvers(inner), [])
  assert.throws(() => cleaning.throw(thrown), /EIO/)
  disk.syncError = ''
  assert.equal(inner.list(directory), before)
  // The next start would replace segments that are others by then.
  const { engine: again, recovery } = openLog(disk, settings)
  assert.not.match(recovery, /cleanings/)
  assert.is((await readBatches(inner, again)).length, 40)
})

for (const kind of ['index', 'log']) {
  test(`a swap that fails at the name of its ${kind} counts for nothing`, async () => {
    const inner = new MemoryDisk(MemoryDisk.create(1 << 20))
    const disk = new FaultyDisk(inner, true)
    const engine = openWritten(disk)
    const before = inner.list(directory)
    const cleaned = nextCleaned(beginCleaning(disk, engine))
    disk.renameErrorAt = `.${kind}.swap`
    const thrown = await engine.replaceSegments(cleaned, edges).catch((error: unknown) => error)
    assert.match(String(thrown), /EIO/)
    assert.equal(inner.list(directory), before)
    assert.is(engine.failure, undefined)
  })
}

test('a log that was opened again in the middle of a cleaning takes nothing of it', async () => {
  const inner = new MemoryDisk(MemoryDisk.create(1 << 20))
  const disk = new FaultyDisk(inner, true)
  const cleaning = beginCleaning(disk, openWritten(disk))
  const cleaned = nextCleaned(cleaning)
  const { engine } = openLog(disk, settings)
  assert.equal(leftOvers(inner), [])
  assert.is(await engine.replaceSegments(cleaned, edges), false)
  assert.is(engine.failure, undefined)
  assert.is(cleaning.next(false).done, true)
  assert.is((await readBatches(inner, engine)).length, 40)
})

test('a cleaning that is given up leaves nothing behind, wherever it is', () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  const engine = openWritten(disk)
  for (let steps = 1; steps < 6; steps++) {
    const cleaning = beginCleaning(disk, engine)
    for (let step = 0; step < steps; step++) cleaning.next(true)
    assert.throws(() => cleaning.throw(new Error('given up')), 'given up')
    assert.equal(leftOvers(disk), [])
  }
})

test('a damaged batch ends a cleaning before anything is made of it', () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  const engine = openWritten(disk)
  const file = disk.open(`${directory}/00000000000000000000.log`, 'write')
  file.writev([Buffer.from('?')], 90)
  const cleaning = beginCleaning(disk, engine)
  assert.throws(
    () => {
      while (cleaning.next(true).done !== true);
    },
    (thrown: unknown) => thrown instanceof Error && /not a sound batch/.test(thrown.message),
  )
  assert.equal(leftOvers(disk), [])
})

test.run()
