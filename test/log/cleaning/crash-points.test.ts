/** A disk that dies, or fails once, at any operation of a cleaning and its swaps: the log tells the same after the next start. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../../src/base/random.ts'
import type { Disk } from '../../../src/log/disk.ts'
import { MemoryDisk } from '../../../src/log/memory-disk.ts'
import { DyingDisk } from '../dying-disk.ts'
import { directory, openLog, startMs } from '../log-fixture.ts'
import { cleanOnce, consumeCommitted, RandomLog, tableOf } from './cleaning-fixture.ts'

const settings = {
  isCompacted: true,
  isDeleted: false,
  segmentBytes: 1500,
  indexIntervalBytes: 200,
  deleteRetentionMs: 1,
  dirtyRatioMin: 0,
}
const question = { cleanedEnd: 0, nowMs: startMs }

/** The same log on each disk that it is written to; answers what it tells. */
async function writeLog(disk: Disk): Promise<Map<string, string>> {
  const { engine } = openLog(disk, settings)
  const log = new RandomLog(seededRandom(5), 12)
  for (let batches = 0; batches < 40; batches++) log.write(engine, startMs)
  log.settle(engine, startMs)
  engine.close()
  assert.is(engine.failure, undefined)
  return tableOf(log.committed)
}

/** Opens and cleans twice, so that markers and tombstones go as well; answers whether all went well. */
async function clean(disk: Disk): Promise<boolean> {
  try {
    const { engine } = openLog(disk, settings)
    const stableEnd = engine.endOffset
    const first = await cleanOnce(disk, engine, { ...question, stableEnd })
    const later = { cleanedEnd: 0, nowMs: startMs + 10, stableEnd }
    const second = await cleanOnce(disk, engine, later)
    engine.close()
    return first?.isFinished === true && second?.isFinished === true && engine.failure === undefined
  } catch {
    return false
  }
}

function copyOf(memory: SharedArrayBuffer): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(memory.byteLength)
  new Uint8Array(copy).set(new Uint8Array(memory))
  return copy
}

for (const [name, count] of [
  ['dies at', Number.POSITIVE_INFINITY],
  ['fails once at', 1],
] as const) {
  test(`a disk that ${name} any operation of a cleaning loses nothing and leaves nothing behind`, async () => {
    const memory = MemoryDisk.create(192 << 10)
    const expected = [...(await writeLog(new DyingDisk(new MemoryDisk(memory), 0, 0)))].sort()
    const counting = new DyingDisk(new MemoryDisk(copyOf(memory)), 0, 0)
    assert.ok(await clean(counting))
    let kept = 0
    for (let first = 0; first < counting.operations; first++) {
      const inner = new MemoryDisk(copyOf(memory))
      await clean(new DyingDisk(inner, first, count))
      const disk = new DyingDisk(inner, 0, 0)
      const { engine } = openLog(disk, settings)
      const seen = await consumeCommitted(disk, engine, engine.endOffset)
      assert.equal([...tableOf(seen)].sort(), expected, `after a failure at operation ${first}`)
      const left = inner.list(directory).filter((file) => /\.(cleaned|swap)$/.test(file))
      assert.equal(left, [], `files left after a failure at operation ${first}`)
      if (engine.segmentCount() < 5) kept++
      assert.ok((await cleanOnce(disk, engine, { ...question, stableEnd: engine.endOffset })) !== undefined)
      assert.is(engine.failure, undefined)
    }
    console.log(`${counting.operations} operations; after ${kept} of them the log was cleaned`)
    assert.ok(kept > 0 && kept < counting.operations)
  })
}

test.run()
