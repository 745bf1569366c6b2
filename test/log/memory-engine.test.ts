/** The memory engine on a full disk: the oldest segments go, partitions share, and nothing fails. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Engine } from '../../src/log/engine.ts'
import { LogReader } from '../../src/log/local/reader.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { openEngine } from '../../src/log/open-engine.ts'
import { batchAt, readAll, settingsWith, startMs } from './log-fixture.ts'

const valueBytes = 10_000

function openPartitions(disk: MemoryDisk, count: number): Engine[] {
  return Array.from({ length: count }, (_, partition) => {
    const options = {
      storage: 'memory',
      disk,
      topic: 'orders',
      partition,
      topicId: 'ab'.repeat(16),
      leaderEpoch: 0,
    } as const
    const rest = { settings: settingsWith(), clock: new VirtualClock(startMs), random: seededRandom(1) }
    return openEngine({ ...options, ...rest }).engine
  })
}

async function readPartition(disk: MemoryDisk, engine: Engine, partition: number): Promise<number> {
  const reader = new LogReader({ disk, directory: `orders-${partition}` })
  let count = 0
  for (let offset = engine.startOffset; offset < engine.endOffset; offset++) {
    const endOffset = engine.endOffset
    const bytes = await reader.read({ offset, bytesMax: 1, endOffset, generation: engine.segmentsVersion })
    assert.ok(bytes?.equals(batchAt(offset, { valueBytes })), `partition ${partition}, offset ${offset}`)
    count++
  }
  reader.close()
  return count
}

test('one partition may fill the disk; its oldest records go first', async () => {
  const disk = new MemoryDisk(MemoryDisk.create(4 << 20))
  const engine = openPartitions(disk, 4)[3]
  assert.ok(engine)
  for (let offset = 0; offset < 2000; offset++) {
    engine.submit([batchAt(offset, { valueBytes })])
    assert.is(engine.poll().writtenEnd, offset + 1)
    assert.is(engine.poll().syncedEnd, offset + 1)
  }
  assert.is(engine.failure, undefined)
  assert.ok(engine.sizeBytes() > 2.5 * 2 ** 20, `only ${engine.sizeBytes()} bytes kept`)
  assert.ok(disk.space.usedBytes() <= disk.space.bytesMax * 0.9)
  assert.is((await readAll(disk, engine)).length, engine.sizeBytes())
})

test('many partitions share: a greedy one gives, a quiet one keeps what it has', async () => {
  const disk = new MemoryDisk(MemoryDisk.create(8 << 20))
  const engines = openPartitions(disk, 8)
  const [quiet, ...others] = engines
  assert.ok(quiet)
  for (let offset = 0; offset < 10; offset++) quiet.submit([batchAt(offset, { valueBytes })])
  for (let offset = 0; offset < 400; offset++) {
    for (const [place, engine] of others.entries()) {
      // The first one is greedy: it writes alone for a long time.
      if (offset >= 200 && place > 0) continue
      engine.submit([batchAt(offset, { valueBytes })])
      assert.is(engine.poll().writtenEnd, offset + 1)
    }
  }
  for (const engine of engines) engine.maintain(startMs)
  assert.is(quiet.startOffset, 0)
  for (const [partition, engine] of engines.entries()) {
    assert.is(engine.failure, undefined)
    const count = await readPartition(disk, engine, partition)
    assert.ok(count >= 10, `partition ${partition} kept ${count} records`)
  }
})

test('who finds no room waits until others give, and nothing is lost or failed', async () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  const engines = openPartitions(disk, 2)
  const [first, second] = engines
  assert.ok(first && second)
  for (let offset = 0; offset < 80; offset++) first.submit([batchAt(offset, { valueBytes })])
  // Something else takes all the rest, so that the second finds nothing and has nothing to give.
  const rest = disk.space.bytesMax - disk.space.usedBytes()
  disk.open('other', 'write').writev([Buffer.alloc(rest)], 0)
  second.submit([batchAt(0, { valueBytes })])
  assert.is(second.failure, undefined)
  assert.is(second.endOffset, 1)
  assert.is(second.poll().writtenEnd, 0)
  first.maintain(startMs)
  assert.is(second.poll().writtenEnd, 1)
  assert.is(await readPartition(disk, second, 1), 1)
  assert.ok(first.startOffset > 0)
})

test('a batch that can never fit is an error', () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  const [engine] = openPartitions(disk, 1)
  engine?.submit([batchAt(0, { valueBytes: 2 << 20 })])
  assert.match(engine?.failure?.message ?? '', 'memory disk')
})

test('removed partitions give all their room back', () => {
  const disk = new MemoryDisk(MemoryDisk.create(4 << 20))
  const engines = openPartitions(disk, 20)
  for (const engine of engines) engine.submit([batchAt(0, { valueBytes })])
  for (const engine of engines) engine.removeFiles()
  assert.is(disk.space.usedBytes(), 0)
  assert.is(disk.space.directoryCount(), 0)
})

test.run()
