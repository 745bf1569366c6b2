/** Readers of a log that is compacted meanwhile: nothing counts that may be of files which do not belong together. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Disk, DiskFile } from '../../src/log/disk.ts'
import type { Engine } from '../../src/log/engine.ts'
import { SteadyReader } from '../../src/log/local/steady-reader.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { batchBaseOffset } from '../../src/wire/record-batch.ts'
import { cleanOnce } from './cleaning/cleaning-fixture.ts'
import { batchAt, directory, openLog, startMs } from './log-fixture.ts'

const settings = { isCompacted: true, isDeleted: false, segmentBytes: 400, dirtyRatioMin: 0, indexIntervalBytes: 100 }

/** Calls `meanwhile` once, in the middle of an asynchronous read. */
function interrupting(disk: Disk, meanwhile: () => Promise<void>): Disk {
  let isDone = false
  const open = (path: string, mode: 'read' | 'write'): DiskFile => {
    const file = disk.open(path, mode)
    return {
      size: () => file.size(),
      read: (target, position) => file.read(target, position),
      readAsync: async (target, position) => {
        if (!isDone) {
          isDone = true
          await meanwhile()
        }
        return file.readAsync(target, position)
      },
      writev: (buffers, position) => file.writev(buffers, position),
      truncate: (size) => file.truncate(size),
      sync: () => file.sync(),
      syncAsync: () => file.syncAsync(),
      close: () => file.close(),
    }
  }
  return new Proxy(disk, {
    get: (target, name) => {
      if (name === 'open') return open
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

function writtenLog(disk: Disk): Engine {
  const { engine } = openLog(disk, settings)
  // Without keys, so that a cleaning leaves nothing but the ends of segments.
  for (let offset = 0; offset < 40; offset++) engine.submit([batchAt(offset)])
  return engine
}

async function cleanWith(disk: Disk, engine: Engine, bump: () => void): Promise<void> {
  const question = { cleanedEnd: 0, stableEnd: engine.endOffset, nowMs: startMs }
  bump()
  await cleanOnce(disk, engine, question)
  bump()
}

test('a read that was overtaken by a cleaning is done again, over the new files', async () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  const engine = writtenLog(disk)
  let rewrites = 0
  const bump = (): void => {
    rewrites++
  }
  const place = interrupting(disk, () => cleanWith(disk, engine, bump))
  const reader = new SteadyReader({ disk: place, directory, rewrites: () => rewrites })
  const bytes = await reader.read({ offset: 1, bytesMax: 1, endOffset: 40, generation: 0 })
  assert.is(rewrites, 2)
  assert.ok(bytes !== undefined && batchBaseOffset(bytes, 0) > 1, 'offset 1 is gone, and the next one came')
  const time = await reader.offsetForTimestamp({
    startOffset: 0,
    endOffset: 40,
    generation: 1,
    timestampMs: startMs + 2,
  })
  assert.ok(time !== undefined && time.offset > 2)
  reader.close()
})

test('while files are replaced, a reader waits for the end of that', async () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  writtenLog(disk)
  let rewrites = 1
  const reader = new SteadyReader({ disk, directory, rewrites: () => rewrites })
  let isAnswered = false
  const reading = reader.read({ offset: 3, bytesMax: 1, endOffset: 40, generation: 0 }).then((bytes) => {
    isAnswered = true
    return bytes
  })
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.not.ok(isAnswered)
  rewrites = 2
  assert.is(batchBaseOffset((await reading) ?? Buffer.alloc(61), 0), 3)
  reader.close()
})

test('errors count only where nothing moved', async () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  writtenLog(disk)
  let rewrites = 0
  let fails = 2
  const place = interrupting(disk, async () => undefined)
  const failing = new Proxy(place, {
    get: (target, name) => {
      if (name !== 'list') return Reflect.get(target, name, target)
      return (folder: string): string[] => {
        if (fails-- > 0) {
          rewrites += 2
          throw Object.assign(new Error('EIO: planted'), { code: 'EIO' })
        }
        return disk.list(folder)
      }
    },
  })
  const reader = new SteadyReader({ disk: failing, directory, rewrites: () => rewrites })
  assert.ok((await reader.read({ offset: 3, bytesMax: 1, endOffset: 40, generation: 0 })) !== undefined)
  const broken = new SteadyReader({
    disk: new Proxy(disk, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target)
        if (name === 'list') return () => assert.unreachable('planted')
        return typeof member === 'function' ? member.bind(target) : member
      },
    }),
    directory,
    rewrites: () => 0,
  })
  let isRejected = false
  await broken.read({ offset: 3, bytesMax: 1, endOffset: 40, generation: 0 }).catch(() => {
    isRejected = true
  })
  assert.ok(isRejected)
})

test.run()
