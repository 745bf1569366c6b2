/** A power cut at any operation of a cleaning: the log tells the same afterwards, whichever names have survived. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../../src/base/random.ts'
import type { Disk } from '../../../src/log/disk.ts'
import { CachedDisk } from '../cached-disk.ts'
import { directory, openLog, startMs } from '../log-fixture.ts'
import { cleanOnce, consumeCommitted, RandomLog, tableOf } from './cleaning-fixture.ts'

const settings = {
  isCompacted: true,
  isDeleted: false,
  segmentBytes: 1500,
  indexIntervalBytes: 200,
  deleteRetentionMs: 1,
  dirtyRatioMin: 0,
  sync: 'every',
} as const

async function writeLog(disk: Disk): Promise<Map<string, string>> {
  const { engine } = openLog(disk, settings)
  const log = new RandomLog(seededRandom(9), 8)
  for (let batches = 0; batches < 25; batches++) log.write(engine, startMs)
  log.settle(engine, startMs)
  engine.sync()
  engine.close()
  assert.is(engine.failure, undefined)
  return tableOf(log.committed)
}

async function clean(disk: Disk): Promise<void> {
  try {
    const { engine } = openLog(disk, settings)
    for (const nowMs of [startMs, startMs + 10]) {
      await cleanOnce(disk, engine, { cleanedEnd: 0, stableEnd: engine.endOffset, nowMs })
    }
    engine.close()
  } catch {
    // The power went.
  }
}

for (const names of ['synced', 'all'] as const) {
  const survivors = names === 'all' ? 'all names survive' : 'names survive that were synced'
  test(`nothing is lost, where ${survivors}`, async () => {
    const whole = new CachedDisk()
    const expected = [...(await writeLog(whole))].sort()
    const written = whole.operations
    await clean(whole)
    const operations = whole.operations - written
    for (let cut = 0; cut < operations; cut++) {
      const disk = new CachedDisk()
      await writeLog(disk)
      disk.cutAt = disk.operations + cut
      await clean(disk)
      disk.restart(names)
      const { engine } = openLog(disk, settings)
      const seen = await consumeCommitted(disk, engine, engine.endOffset)
      assert.equal([...tableOf(seen)].sort(), expected, `cut at ${cut} of ${operations}`)
      const left = disk.list(directory).filter((file) => /\.(cleaned|swap)$/.test(file))
      assert.equal(left, [], `cut at ${cut} of ${operations}`)
    }
  })
}

test.run()
