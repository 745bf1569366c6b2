/** A log whose disk dies at any one operation, or fails once: nothing is thrown, and nothing that counted as written is lost. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Disk } from '../../src/log/disk.ts'
import type { Engine } from '../../src/log/engine.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { DyingDisk } from './dying-disk.ts'
import { batchAt, openLog, readAll } from './log-fixture.ts'

const settings = { segmentBytes: 1000, indexIntervalBytes: 150, retentionBytes: 3000 }

type Seen = { writtenEnd: number; startOffset: number; deletedEnd: number; abortedEnd: number; isClosed: boolean }

function note(engine: Engine, seen: Seen): void {
  if (engine.failure !== undefined) return
  seen.writtenEnd = engine.poll().writtenEnd
  seen.startOffset = engine.startOffset
  seen.abortedEnd = engine.abortedEnd
}

/** Some of everything that an owner does to an engine. */
async function work(disk: Disk, sync: 'never' | 'every'): Promise<Seen> {
  const seen: Seen = { writtenEnd: 0, startOffset: 0, deletedEnd: 0, abortedEnd: 0, isClosed: false }
  for (let life = 0; life < 2; life++) {
    let engine: Engine
    try {
      engine = openLog(disk, { ...settings, sync }).engine
    } catch {
      return seen
    }
    for (let round = 0; round < 12; round++) {
      const at = engine.endOffset
      engine.submitAborted([{ producerId: 7, firstOffset: at, lastOffset: at + 1, lastStableOffset: at + 2 }])
      engine.submit([batchAt(at), batchAt(at + 1), batchAt(at + 2)])
      note(engine, seen)
      if (round % 4 === 1)
        engine.saveProducerSnapshot(engine.endOffset, Buffer.from(`producers at ${engine.endOffset}`))
      if (round % 4 === 2) {
        const target = Math.max(engine.startOffset, at - 7)
        engine.deleteRecordsBefore(target)
        if (engine.failure === undefined) seen.deletedEnd = Math.max(seen.deletedEnd, target)
      }
      if (round % 4 === 3) engine.maintain(1_700_000_000_000 + 600_000 * (life * 12 + round + 1))
      await Promise.resolve()
      await new Promise((resolve) => setImmediate(resolve))
      note(engine, seen)
    }
    engine.sizeBytes()
    engine.close()
    seen.isClosed = engine.failure === undefined
  }
  return seen
}

for (const sync of ['never', 'every'] as const) {
  for (const [name, count] of [
    ['dies at', Number.POSITIVE_INFINITY],
    ['fails once at', 1],
  ] as const) {
    test(`with sync ${sync}, a disk that ${name} any operation loses nothing that was written`, async () => {
      const whole = new DyingDisk(new MemoryDisk(MemoryDisk.create(4 << 20)), Number.POSITIVE_INFINITY, 0)
      assert.ok((await work(whole, sync)).isClosed)
      for (let first = 0; first < whole.operations; first++) {
        const inner = new MemoryDisk(MemoryDisk.create(256 << 10))
        const seen = await work(new DyingDisk(inner, first, count), sync)
        const where = `at operation ${first}: ${JSON.stringify(seen)}`
        const { engine } = openLog(new DyingDisk(inner, 0, 0), { ...settings, sync })
        assert.ok(engine.endOffset >= seen.writtenEnd, `${where}, opened with the end at ${engine.endOffset}`)
        assert.ok(engine.startOffset >= seen.deletedEnd, `${where}, opened with the start at ${engine.startOffset}`)
        assert.ok(engine.startOffset <= engine.endOffset, where)
        if (engine.endOffset > engine.startOffset) assert.ok((await readAll(inner, engine)).length > 0, where)
      }
    })
  }
}

test.run()
