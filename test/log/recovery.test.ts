/** After a crash: whatever the last bytes are, the log opens with every whole batch and nothing else. */

import { cpSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Disk } from '../../src/log/disk.ts'
import { readWhole, writeAll } from '../../src/log/disk.ts'
import { consumeCleanShutdown, writeCleanShutdown } from '../../src/log/local/clean-shutdown.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { RealDisk } from '../../src/log/real-disk.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { batchAt, batchesAt, directory, onEachDisk, onRealDisk, openLog, readAll, settingsWith } from './log-fixture.ts'

const logPath = `${directory}/00000000000000000000.log`

/** A disk with a log that was written and never closed. */
function crashedDisk(batches: readonly Buffer[], settings = {}): Disk {
  const disk = new MemoryDisk(MemoryDisk.create(4 << 20))
  openLog(disk, settings).engine.submit(batches)
  return disk
}

function patch(disk: Disk, path: string, position: number, bytes: Buffer): void {
  const file = disk.open(path, 'write')
  writeAll(file, [bytes], position)
  file.close()
}

test('a tail torn at any byte of the last batch is cut off, and the log goes on', async () => {
  const kept = Buffer.concat([batchAt(0), batchAt(1)])
  const last = batchAt(2, { count: 2 })
  for (let tornBytes = 0; tornBytes <= last.length; tornBytes++) {
    const disk = crashedDisk([batchAt(0), batchAt(1), last])
    disk.open(logPath, 'write').truncate(kept.length + tornBytes)
    const { engine, recovery, visited } = openLog(disk)
    const isWhole = tornBytes === last.length
    assert.is(engine.endOffset, isWhole ? 4 : 2, `torn at ${tornBytes}`)
    assert.equal(visited, isWhole ? [0, 1, 2] : [0, 1])
    assert.match(recovery, /^checked \d+ bytes/)
    assert.is(recovery.includes(`cut ${tornBytes} bytes off at offset 2`), tornBytes > 0 && !isWhole, recovery)
    if (tornBytes % 16 !== 0 || isWhole) continue
    engine.submit([batchAt(2)])
    assert.equal(await readAll(disk, engine), Buffer.concat([kept, batchAt(2)]))
    engine.close()
    const again = openLog(disk)
    assert.is(again.recovery, '')
    assert.is(again.engine.endOffset, 3)
  }
})

test('a last batch with any damaged byte below its checksum is cut off', () => {
  const kept = Buffer.concat([batchAt(0), batchAt(1)])
  const last = batchAt(2)
  for (let place = 16; place < last.length; place++) {
    const disk = crashedDisk([batchAt(0), batchAt(1), last])
    patch(disk, logPath, kept.length + place, Buffer.from([last.readUInt8(place) ^ 0x41]))
    const { engine } = openLog(disk)
    assert.is(engine.endOffset, 2, `damaged at ${place}`)
    assert.is(engine.sizeBytes(), kept.length)
  }
})

test('a last batch whose offset lies beyond what a segment can hold is cut off', () => {
  for (const offset of [2n ** 31n, 2n ** 40n, 2n ** 62n]) {
    const batches = batchesAt(0, 3)
    const disk = crashedDisk(batches)
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(offset)
    patch(disk, logPath, (batches[0]?.length ?? 0) + (batches[1]?.length ?? 0), bytes)
    const { engine, recovery } = openLog(disk)
    assert.is(engine.endOffset, 2)
    assert.match(recovery, /too far/)
  }
})

test('zeros and foreign bytes behind the last batch are cut off', () => {
  const kept = Buffer.concat([batchAt(0), batchAt(1)])
  for (const tail of [Buffer.alloc(5000), Buffer.alloc(70, 0xff), Buffer.alloc(11, 1), batchAt(1), batchAt(0)]) {
    const disk = crashedDisk([batchAt(0), batchAt(1)])
    patch(disk, logPath, kept.length, tail)
    const { engine, recovery } = openLog(disk)
    assert.is(engine.endOffset, 2, recovery)
    assert.is(disk.sizeOf(logPath), kept.length)
  }
})

test('a batch larger than a read is checked whole', () => {
  const big = batchAt(0, { valueBytes: 2_500_000 })
  const disk = new MemoryDisk(MemoryDisk.create(128 << 20))
  openLog(disk).engine.submit([big, batchAt(1), batchAt(2, { valueBytes: 1_100_000 })])
  assert.is(openLog(disk).engine.endOffset, 3)
  patch(disk, logPath, big.length - 1, Buffer.from([0x55]))
  const { engine, recovery } = openLog(disk)
  assert.is(engine.endOffset, 3, 'it was checked before, and closed then')
  assert.is(recovery, '')
  disk.remove(`${directory}/safka-checkpoint`)
  assert.is(openLog(disk).engine.endOffset, 0)
})

test('damage in an earlier segment that was not synced ends the log there', async () => {
  const disk = crashedDisk(batchesAt(0, 30), { segmentBytes: 1000 })
  const logs = disk
    .list(directory)
    .filter((name) => name.endsWith('.log'))
    .sort()
  const second = logs[1] ?? ''
  patch(disk, `${directory}/${second}`, 70, Buffer.from('damage'))
  const { engine, recovery } = openLog(disk)
  assert.is(engine.endOffset, Number(second.slice(0, 20)))
  assert.is(engine.segmentCount(), 2)
  assert.match(recovery, `removed the ${logs.length - 2} segments behind it`)
  assert.equal(await readAll(disk, engine), Buffer.concat(batchesAt(0, engine.endOffset)))
})

test('segments below the recovery point are not read again', async () => {
  await onRealDisk(async (disk) => {
    const settings = { segmentBytes: 1000 }
    const { engine } = openLog(disk, settings)
    engine.submit(batchesAt(0, 30))
    engine.sync()
    engine.deleteRecordsBefore(1)
    const { recovery } = openLog(disk, settings)
    const lastBytes = Math.min(
      ...disk
        .list(directory)
        .filter((name) => name.endsWith('.log'))
        .map((name) => disk.sizeOf(`${directory}/${name}`) ?? 0),
    )
    assert.is(recovery, `checked ${lastBytes} bytes`)
  })
})

test('missing and damaged indexes are made again as they were', async () => {
  const settings = { segmentBytes: 2000, indexIntervalBytes: 150 }
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk, settings)
    engine.submit(batchesAt(0, 60))
    engine.close()
    const indexes = disk
      .list(directory)
      .filter((name) => /index$/.test(name))
      .sort()
    const bytesOf = (name: string): Buffer => {
      const bytes = Buffer.alloc(disk.sizeOf(`${directory}/${name}`) ?? 0)
      disk.open(`${directory}/${name}`, 'read').read(bytes, 0)
      return bytes
    }
    const before = indexes.map(bytesOf)
    const damages: ((path: string, name: string) => void)[] = [
      (path) => disk.remove(path),
      (path) => patch(disk, path, disk.sizeOf(path) ?? 0, Buffer.from([1, 2, 3])),
      (path, name) => {
        if (name.endsWith('.index')) patch(disk, path, (disk.sizeOf(path) ?? 0) - 8, Buffer.alloc(8, 0x7f))
      },
    ]
    for (const damage of damages) {
      for (const name of indexes.slice(0, 4)) damage(`${directory}/${name}`, name)
      const again = openLog(disk, settings)
      assert.match(again.recovery, 'rebuilt the indexes of 2 segments')
      assert.equal(indexes.map(bytesOf), before)
      assert.equal(await readAll(disk, again.engine, 33), Buffer.concat(batchesAt(33, 27)))
      again.engine.close()
    }
    disk.remove(`${directory}/${indexes.at(-1)}`)
    assert.match(openLog(disk, settings).recovery, 'rebuilt the indexes of 1 segments')
    assert.equal(indexes.map(bytesOf), before)
  })
})

test('orphaned indexes, half-written small files and snapshots beyond the end are removed', () => {
  const disk = crashedDisk(batchesAt(0, 5))
  for (const name of ['00000000000000000099.index', '00000000000000000007.snapshot', 'safka-checkpoint.tmp']) {
    patch(disk, `${directory}/${name}`, 0, Buffer.from('left over'))
  }
  const { snapshots } = openLog(disk)
  assert.equal(snapshots, [])
  assert.equal(
    disk.list(directory).filter((name) => /99|07\.|tmp$/.test(name)),
    [],
  )
})

test('a checkpoint that makes no sense means a full check', () => {
  for (const text of ['', '{', '[]', '{"version":2}', '{"version":1,"startOffset":3,"recoveryPoint":"9"}', 'null']) {
    const disk = crashedDisk(batchesAt(0, 5))
    patch(disk, `${directory}/safka-checkpoint`, 0, Buffer.from(text))
    const { engine, recovery } = openLog(disk)
    assert.is(engine.endOffset, 5, text)
    assert.match(recovery, 'checked')
  }
})

test('a checkpoint in which any one bit has changed moves neither the start nor the end of the log', () => {
  const path = `${directory}/safka-checkpoint`
  const bits = 8 * (closedDisk().sizeOf(path) ?? 0)
  assert.ok(bits > 400)
  for (let bit = 0; bit < bits; bit++) {
    const disk = closedDisk()
    const bytes = readWhole(disk, path) ?? Buffer.alloc(0)
    bytes.writeUInt8(bytes.readUInt8(bit >>> 3) ^ (1 << (bit & 7)), bit >>> 3)
    patch(disk, path, 0, bytes)
    const { engine } = openLog(disk)
    assert.equal([engine.startOffset, engine.endOffset], [0, 5], `bit ${bit}`)
  }
})

function closedDisk(): Disk {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  const { engine } = openLog(disk)
  engine.submit(batchesAt(0, 5))
  engine.close()
  return disk
}

test('a real folder that was copied in the middle of writing opens with a prefix of the log', async () => {
  await onRealDisk(async (disk, root) => {
    const { engine } = openLog(disk, { segmentBytes: 3000 })
    engine.submit(batchesAt(0, 100))
    const copy = join(root, 'copy')
    cpSync(join(root, directory), join(copy, directory), { recursive: true })
    const logs = disk
      .list(directory)
      .filter((name) => name.endsWith('.log'))
      .sort()
    truncateSync(join(copy, directory, logs.at(-1) ?? ''), 100)
    writeFileSync(join(copy, directory, logs.at(-2) ?? '').replace('.log', '.index'), 'x')
    const copied = new RealDisk(copy)
    const again = openLog(copied, { segmentBytes: 3000 }).engine
    assert.ok(again.endOffset > 50 && again.endOffset < 100)
    assert.equal(await readAll(copied, again), Buffer.concat(batchesAt(0, again.endOffset)))
    copied.close()
  })
})

test('a log that lost its end below its start begins where it ends, and keeps what is written there', async () => {
  for (const isAllLost of [true, false]) {
    const disk = new FaultyDisk(new MemoryDisk(MemoryDisk.create(4 << 20)), true)
    const { engine } = openLog(disk)
    engine.submit(batchesAt(0, 10))
    engine.deleteRecordsBefore(8)
    if (isAllLost) disk.remove(logPath)
    else disk.open(logPath, 'write').truncate(batchAt(0).length * 5)
    const lost = openLog(disk).engine
    const startOffset = isAllLost ? 0 : 5
    assert.is(lost.endOffset, startOffset)
    assert.is(lost.startOffset, startOffset)
    lost.submit(batchesAt(startOffset, 10))
    assert.is(openLog(disk).engine.startOffset, startOffset)
  }
})

test('segments that were checked after a crash are made durable with their indexes', () => {
  const disk = new FaultyDisk(crashedDisk(batchesAt(0, 30), { segmentBytes: 1000 }), true)
  openLog(disk, { segmentBytes: 1000 })
  const logs = disk.list(directory).filter((name) => name.endsWith('.log'))
  for (const name of logs.sort().slice(0, -1)) {
    const path = `${directory}/${name.slice(0, 20)}`
    for (const kind of ['log', 'index', 'timeindex']) assert.ok(disk.syncs.includes(`${path}.${kind}`), path)
  }
})

test('a folder is not taken for a deleted topic of the same name where the file with its topic id is torn', async () => {
  const disk = new MemoryDisk(MemoryDisk.create(16 << 20))
  const durable = new FaultyDisk(disk, true)
  openLog(durable).engine.submit(batchesAt(0, 3))
  const whole = readWhole(disk, 'orders-3/partition.metadata') ?? Buffer.alloc(0)
  assert.ok(whole.length > 0)
  for (let length = 0; length < whole.length; length++) {
    const file = disk.open('orders-3/partition.metadata', 'write')
    file.truncate(0)
    file.writev([whole.subarray(0, length)], 0)
    file.close()
    assert.is(openLog(durable).engine.endOffset, 3, `${length} bytes are left`)
  }
})

test('what was found after a crash is made durable with its names before it counts', () => {
  const disk = new FaultyDisk(new MemoryDisk(MemoryDisk.create(16 << 20)), true)
  openLog(disk, { sync: 'every' }).engine.submit(batchesAt(0, 3))
  disk.syncs.length = 0
  openLog(disk, { sync: 'every' })
  const indexes = ['index', 'timeindex'].map((kind) => `${directory}/00000000000000000000.${kind}`)
  for (const path of [logPath, ...indexes, `${directory}/partition.metadata`, `${directory}/`, '/']) {
    assert.ok(disk.syncs.includes(path), path)
  }
})

test('the mark of a clean shutdown is seen once', async () => {
  await onEachDisk((disk) => {
    assert.is(consumeCleanShutdown(disk), false)
    writeCleanShutdown(disk)
    assert.is(consumeCleanShutdown(disk), true)
    assert.is(consumeCleanShutdown(disk), false)
  })
})

test('a log keeps its place when its settings change', () => {
  const disk = crashedDisk(batchesAt(0, 5))
  const { engine } = openLog(disk)
  engine.configure(settingsWith({ segmentBytes: 100 }))
  engine.submit([batchAt(5)])
  assert.is(engine.segmentCount(), 2)
})

test.run()
