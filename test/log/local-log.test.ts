/** The local engine: what is appended is read back as it was, across rolls and restarts, on a real folder and in memory. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { type Disk, readWhole, writeAll } from '../../src/log/disk.ts'
import { LogReader } from '../../src/log/local/reader.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import {
  batchAt,
  batchesAt,
  directory,
  onEachDisk,
  onRealDisk,
  openLog,
  readAll,
  startMs,
  topicId,
} from './log-fixture.ts'

test('what was appended is read back byte by byte', async () => {
  await onEachDisk(async (disk, name) => {
    const { engine, recovery } = openLog(disk)
    assert.is(recovery, '')
    const batches = [batchAt(0), batchAt(1, { count: 7 }), batchAt(8, { valueBytes: 9000 }), ...batchesAt(9, 50)]
    engine.submit(batches.slice(0, 2))
    engine.submit(batches.slice(2))
    assert.is(engine.poll().writtenEnd, 59, name)
    assert.is(engine.endOffset, 59)
    assert.equal(await readAll(disk, engine), Buffer.concat(batches))
    assert.is(engine.sizeBytes(), Buffer.concat(batches).length)
    engine.close()
  })
})

test('a partition without records costs nothing on the disk', async () => {
  await onEachDisk((disk) => {
    const { engine } = openLog(disk)
    engine.poll()
    engine.maintain(startMs + 10_000_000)
    engine.sync()
    engine.deleteRecordsBefore(10)
    engine.saveProducerSnapshot(0, Buffer.from('none'))
    engine.close()
    assert.equal(disk.list(''), [])
  })
})

test('segments roll by size, and reads go across them', async () => {
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk, { segmentBytes: 1000, indexIntervalBytes: 200 })
    const batches = batchesAt(0, 100)
    engine.submit(batches)
    assert.ok(engine.segmentCount() > 5)
    assert.is(engine.maintain(startMs).segmentsChanged, true)
    assert.is(engine.maintain(startMs).segmentsChanged, false)
    const sizes = disk.list(directory).filter((file) => file.endsWith('.log'))
    for (const file of sizes) assert.ok((disk.sizeOf(`${directory}/${file}`) ?? 0) <= 1000)
    assert.equal(await readAll(disk, engine), Buffer.concat(batches))
    assert.equal(await readAll(disk, engine, 42, 1), Buffer.concat(batches.slice(42)))
    engine.close()
  })
})

test('a batch larger than a segment gets a segment of its own', async () => {
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk, { segmentBytes: 1000 })
    const batches = [batchAt(0), batchAt(1, { valueBytes: 5000 }), batchAt(2)]
    engine.submit(batches)
    assert.is(engine.segmentCount(), 3)
    assert.equal(await readAll(disk, engine), Buffer.concat(batches))
    engine.close()
  })
})

test('segments roll by age: by the timestamps of records, or by the clock where they have none', async () => {
  await onEachDisk((disk) => {
    const { engine } = openLog(disk, { segmentMs: 1000 })
    engine.submit([batchAt(0, { timestampsMs: [startMs] }), batchAt(1, { timestampsMs: [startMs + 1000] })])
    assert.is(engine.segmentCount(), 1)
    engine.submit([batchAt(2, { timestampsMs: [startMs + 1001] })])
    assert.is(engine.segmentCount(), 2)
    engine.removeFiles()

    const clock = new VirtualClock(startMs)
    const second = openLog(disk, { segmentMs: 1000 }, { clock }).engine
    second.submit([batchAt(0, { timestampsMs: [-1] })])
    clock.advance(1000)
    second.submit([batchAt(1, { timestampsMs: [-1] })])
    assert.is(second.segmentCount(), 1)
    clock.advance(1)
    second.submit([batchAt(2, { timestampsMs: [-1] })])
    assert.is(second.segmentCount(), 2)
    second.removeFiles()
    assert.equal(
      disk.list('').filter((name) => !name.endsWith('-delete')),
      [],
    )
  })
})

test('a jitter makes segments shorter by chance, within their time however large it is', () => {
  const lengths = new Set<number>()
  for (let seed = 0; seed < 20; seed++) {
    const disk = new MemoryDisk(MemoryDisk.create(16 << 20))
    const { engine } = openLog(disk, { segmentMs: 1000, segmentJitterMs: 2 ** 63 })
    let ms = 0
    // In steps of 50 ms, until the first segment has ended.
    for (; engine.segmentCount() < 2; ms += 50)
      engine.submit([batchAt(engine.endOffset, { timestampsMs: [startMs + ms] })])
    assert.ok(ms <= 1_100, `${ms} ms`)
    lengths.add(ms)
  }
  assert.ok(lengths.size > 5, [...lengths].join())
})

test('segments roll when an index is full, and before a relative offset passes 31 bits', async () => {
  await onEachDisk((disk) => {
    const { engine } = openLog(disk, { segmentIndexBytes: 48, indexIntervalBytes: 0 })
    for (const batch of batchesAt(0, 12)) engine.submit([batch])
    assert.is(engine.segmentCount(), 3)
    engine.removeFiles()

    const wide = openLog(disk).engine
    wide.submit([batchAt(0), batchAt(2 ** 31 - 1, { timestampsMs: [startMs] })])
    assert.is(wide.segmentCount(), 1)
    wide.submit([batchAt(2 ** 31, { timestampsMs: [startMs] })])
    assert.is(wide.segmentCount(), 2)
    wide.removeFiles()
  })
})

test('a clean restart keeps all data and offsets, scans nothing, and goes on', async () => {
  await onEachDisk(async (disk) => {
    const settings = { segmentBytes: 1000, indexIntervalBytes: 100 }
    const batches = batchesAt(0, 60)
    for (let round = 0; round < 3; round++) {
      const { engine, recovery } = openLog(disk, settings)
      assert.is(recovery, '')
      assert.is(engine.startOffset, 0)
      assert.is(engine.endOffset, round * 20)
      engine.submit(batches.slice(round * 20, round * 20 + 20))
      assert.equal(await readAll(disk, engine), Buffer.concat(batches.slice(0, round * 20 + 20)))
      engine.close()
    }
    const { engine, visited, recovery } = openLog(disk, settings)
    assert.is(recovery, '')
    assert.is(visited.length, 60, 'without a snapshot all batches are visited')
    engine.saveProducerSnapshot(60, Buffer.from('state'))
    engine.close()
    const last = openLog(disk, settings)
    assert.equal(last.visited, [])
    assert.equal(last.snapshots, [{ offset: 60, bytes: Buffer.from('state') }])
    assert.equal(last.engine.loadProducerSnapshot(), { offset: 60, bytes: Buffer.from('state') })
    last.engine.close()
  })
})

function snapshotsIn(disk: Disk): number {
  return disk.list(directory).filter((file) => file.endsWith('.snapshot')).length
}

test('only batches from the newest snapshot on are visited, and older snapshots go', async () => {
  await onEachDisk((disk) => {
    const { engine } = openLog(disk, { segmentBytes: 1000, indexIntervalBytes: 100, sync: 'interval' })
    engine.submit(batchesAt(0, 30))
    engine.saveProducerSnapshot(10, Buffer.from('ten'))
    engine.saveProducerSnapshot(15, Buffer.from('fifteen'))
    // After a crash all segments would be looked through: nothing was synced.
    assert.is(snapshotsIn(disk), 2)
    engine.sync()
    engine.saveProducerSnapshot(25, Buffer.from('twenty-five'))
    assert.is(snapshotsIn(disk), 2)
    engine.close()
    const again = openLog(disk)
    assert.equal(
      again.snapshots.map((snapshot) => snapshot.bytes.toString()),
      ['twenty-five'],
    )
    assert.equal(again.visited, [25, 26, 27, 28, 29])
    again.engine.close()
  })
})

test("the folder has Kafka's small files", async () => {
  await onRealDisk((disk) => {
    const { engine } = openLog(disk)
    engine.submit([batchAt(0)])
    engine.close()
    const read = (name: string): string => {
      const bytes = Buffer.alloc(disk.sizeOf(`${directory}/${name}`) ?? 0)
      disk.open(`${directory}/${name}`, 'read').read(bytes, 0)
      return bytes.toString()
    }
    assert.is(read('partition.metadata'), `version: 0\ntopic_id: ${Buffer.from(topicId, 'hex').toString('base64url')}`)
    assert.is(read('leader-epoch-checkpoint'), '0\n1\n0 0\n')
    for (const kind of ['log', 'index', 'timeindex'])
      assert.ok(disk.exists(`${directory}/00000000000000000000.${kind}`))
  })
})

test('the folder of a deleted topic of the same name is not taken over', async () => {
  await onRealDisk((disk) => {
    const { engine } = openLog(disk)
    engine.submit([batchAt(0)])
    engine.close()
    const other = openLog(disk, {}, { topicId: 'ff'.repeat(16) })
    assert.is(other.engine.endOffset, 0)
    assert.match(other.recovery, 'deleted topic')
    assert.equal(disk.list(directory), [])
  })
})

test('a folder whose partition.metadata a power cut has torn, emptied or overwritten keeps its records', async () => {
  await onRealDisk((disk) => {
    const { engine } = openLog(disk)
    engine.submit([batchAt(0)])
    engine.close()
    const path = `${directory}/partition.metadata`
    const whole = Buffer.from(`version: 0\ntopic_id: ${Buffer.from(topicId, 'hex').toString('base64url')}`)
    const torn = Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length))
    const zeros = torn.map((start) => Buffer.concat([start, Buffer.alloc(whole.length - start.length)]))
    const noise = torn.map((start) => Buffer.concat([start, Buffer.alloc(whole.length - start.length, 0xa5)]))
    for (const bytes of [...torn, ...zeros, ...noise]) {
      disk.remove(path)
      writeAll(disk.open(path, 'write'), [bytes], 0)
      const again = openLog(disk)
      assert.is(again.engine.endOffset, 1, `with ${JSON.stringify(bytes.toString())}`)
      again.engine.close()
      assert.equal(readWhole(disk, path), whole)
    }
    disk.remove(path)
    openLog(disk).engine.close()
    assert.equal(readWhole(disk, path), whole)
  })
})

test('a reader in another place sees what the owner appends, segment by segment', async () => {
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk, { segmentBytes: 400 })
    const reader = new LogReader({ disk, directory })
    for (let offset = 0; offset < 40; offset++) {
      const batch = batchAt(offset)
      engine.submit([batch])
      // A generation that never changes: the reader has to notice new segments by itself.
      const read = await reader.read({ offset, bytesMax: 1 << 20, endOffset: offset + 1, generation: 0 })
      assert.equal(read, batch)
    }
    reader.close()
    engine.close()
  })
})

test.run()
