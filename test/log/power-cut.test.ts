/** A power cut at any operation loses nothing that counted as synced, and leaves a log that can be read from end to end. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Disk } from '../../src/log/disk.ts'
import type { Engine } from '../../src/log/engine.ts'
import { CachedDisk } from './cached-disk.ts'
import { batchAt, openLog, readAll } from './log-fixture.ts'

const settings = { segmentBytes: 1000, indexIntervalBytes: 150, retentionBytes: 3000 } as const

async function work(disk: Disk, sync: 'every' | 'never'): Promise<{ syncedEnd: number; deletedEnd: number }> {
  const seen = { syncedEnd: 0, deletedEnd: 0 }
  for (let life = 0; life < 2; life++) {
    let engine: Engine
    try {
      engine = openLog(disk, { ...settings, sync }).engine
    } catch {
      return seen
    }
    for (let round = 0; round < 12 && engine.failure === undefined; round++) {
      const at = engine.endOffset
      engine.submit([batchAt(at), batchAt(at + 1), batchAt(at + 2)])
      engine.poll()
      await new Promise((resolve) => setImmediate(resolve))
      if (engine.failure === undefined) seen.syncedEnd = Math.max(seen.syncedEnd, engine.poll().syncedEnd)
      if (round % 4 === 1)
        engine.saveProducerSnapshot(engine.endOffset, Buffer.from(`producers at ${engine.endOffset}`))
      if (round % 4 === 2) {
        const target = Math.max(engine.startOffset, at - 7)
        engine.deleteRecordsBefore(target)
        if (engine.failure === undefined) seen.deletedEnd = Math.max(seen.deletedEnd, target)
      }
      if (round % 4 === 3) engine.maintain(1_700_000_000_000 + 600_000 * (life * 12 + round + 1))
    }
    engine.close()
  }
  return seen
}

for (const sync of ['every', 'never'] as const) {
  for (const names of ['synced', 'all'] as const) {
    const survivors = names === 'all' ? 'all names survive' : 'names survive that were synced'
    test(`with sync ${sync}, where ${survivors}`, async () => {
      const whole = new CachedDisk()
      await work(whole, sync)
      for (let cut = 0; cut < whole.operations; cut++) {
        const disk = new CachedDisk()
        disk.cutAt = cut
        const { syncedEnd, deletedEnd } = await work(disk, sync)
        disk.restart(names)
        const { engine, snapshots } = openLog(disk, { ...settings, sync })
        const { startOffset, endOffset } = engine
        const where = `cut at ${cut}: ${syncedEnd} synced, ${deletedEnd} deleted, now ${startOffset} to ${endOffset}`
        assert.ok(startOffset >= Math.min(deletedEnd, endOffset) && startOffset <= endOffset, where)
        if (endOffset > startOffset) await readAll(disk, engine)
        if (sync === 'never') continue
        assert.ok(endOffset >= syncedEnd, where)
        for (const { offset, bytes } of snapshots) assert.is(bytes.toString(), `producers at ${offset}`, where)
      }
    })
  }
}

test.run()
