/** The real disk: descriptors come and go under open files, and reads and writes do not notice. */

import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { errnoOf } from '../../src/base/errors.ts'
import { writeAll } from '../../src/log/disk.ts'
import { openDisk } from '../../src/log/open-disk.ts'
import { RealDisk } from '../../src/log/real-disk.ts'
import { batchAt, onRealDisk, openLog, readAll } from './log-fixture.ts'

test('many more files than descriptors stay usable', async () => {
  await onRealDisk(async (_, root) => {
    const disk = new RealDisk(root, { descriptorsMax: 8 })
    disk.makeDirectory('many')
    const files = Array.from({ length: 100 }, (_, place) => disk.open(`many/${place}`, 'write'))
    assert.ok(disk.descriptorCount <= 8)
    for (let round = 0; round < 3; round++) {
      for (const [place, file] of files.entries()) writeAll(file, [Buffer.from(`${place},`)], file.size())
    }
    const reads = files.map(async (file, place) => {
      const target = Buffer.alloc(file.size())
      await file.readAsync(target, 0)
      assert.is(target.toString(), `${place},`.repeat(3))
    })
    await Promise.all(reads)
    files[0]?.sync()
    await files[1]?.syncAsync()
    for (const file of files.slice(8)) file.size()
    assert.ok(disk.descriptorCount <= 8)
    disk.close()
    assert.is(disk.descriptorCount, 0)
  })
})

test('a file closed during a read finishes it, and then gives its descriptor back', async () => {
  await onRealDisk(async (disk) => {
    const file = disk.open('file', 'write')
    writeAll(file, [Buffer.alloc(1 << 20, 7)], 0)
    const target = Buffer.alloc(1 << 20)
    const read = file.readAsync(target, 0)
    file.close()
    assert.is(await read, 1 << 20)
    assert.is(target[(1 << 20) - 1], 7)
    assert.is(disk.descriptorCount, 0)
  })
})

test('however many files are synced and read at once, descriptors stay within their bound', async () => {
  await onRealDisk(async (_, root) => {
    const disk = new RealDisk(root, { descriptorsMax: 8 })
    disk.makeDirectory('many')
    const files = Array.from({ length: 100 }, (_unused, place) => disk.open(`many/${place}`, 'write'))
    let most = 0
    const look = (): void => {
      most = Math.max(most, disk.descriptorCount)
    }
    const reads = files.map((file) => file.readAsync(Buffer.alloc(1), 0).then(look))
    const syncs = files.map((file) => file.syncAsync().then(look))
    const folders = files.map(() => disk.syncDirectoryAsync('many'))
    look()
    files[99]?.close()
    const results = await Promise.allSettled([...reads, ...syncs, ...folders])
    assert.is(results.filter(({ status }) => status === 'rejected').length, 2, 'those of the closed file')
    assert.ok(most <= 9, `${most} descriptors`)
    await disk.syncDirectoryAsync('many')
    disk.close()
  })
})

test('a segment that is removed while its sync waits for its turn does no harm', async () => {
  await onRealDisk(async (_, root) => {
    const disk = new RealDisk(root, { descriptorsMax: 2 })
    disk.makeDirectory('other')
    const { engine } = openLog(disk, { segmentBytes: 300 })
    const busy = Array.from({ length: 4 }, () => disk.syncDirectoryAsync('other'))
    engine.submit([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((offset) => batchAt(offset)))
    engine.deleteRecordsBefore(8)
    await Promise.all(busy)
    for (let round = 0; round < 50; round++) await new Promise((resolve) => setImmediate(resolve))
    await disk.syncDirectoryAsync('other')
    assert.is(engine.failure, undefined)
    engine.close()
  })
})

test('more buffers than the system takes in one call are written in order', async () => {
  await onRealDisk((disk) => {
    const file = disk.open('file', 'write')
    const buffers = Array.from({ length: 5000 }, (_, place) => Buffer.from([place % 256]))
    writeAll(file, buffers, 0)
    const target = Buffer.alloc(5001)
    assert.is(file.read(target, 0), 5000)
    assert.ok(target.subarray(0, 5000).equals(Buffer.concat(buffers)))
  })
})

test('a missing file, and a root that is none, are clear errors', async () => {
  await onRealDisk((disk, root) => {
    let code = ''
    try {
      disk.open('missing', 'read')
    } catch (thrown) {
      code = errnoOf(thrown)
    }
    assert.is(code, 'ENOENT')
    disk.open('file', 'write')
    assert.throws(() => openDisk({ kind: 'real', root: `${root}/file/below` }), /ENOTDIR|EEXIST/)
  })
})

test('files keep their owner across a log of many segments and few descriptors', async () => {
  await onRealDisk(async (_, root) => {
    const disk = new RealDisk(root, { descriptorsMax: 4 })
    const { engine } = openLog(disk, { segmentBytes: 300, sync: 'every' })
    const batches = Array.from({ length: 100 }, (_, offset) => batchAt(offset))
    for (const batch of batches) {
      engine.submit([batch])
      engine.poll()
    }
    assert.equal(await readAll(disk, engine), Buffer.concat(batches))
    while (engine.poll().syncedEnd < 100 && engine.failure === undefined)
      await new Promise((resolve) => setImmediate(resolve))
    assert.is(engine.failure, undefined)
    engine.close()
    disk.close()
    if (process.platform === 'linux') assert.ok(readdirSync('/proc/self/fd').length < 100)
  })
})

test.run()
