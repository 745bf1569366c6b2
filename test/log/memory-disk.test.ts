/** The disk in shared memory: it behaves as a folder does, keeps to its bound, and other threads see it. */

import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { errnoOf } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { propertyBudget } from './log-fixture.ts'

function errorCode(step: () => unknown): string {
  try {
    step()
    return ''
  } catch (thrown) {
    return errnoOf(thrown)
  }
}

function diskOf(bytesMax: number): MemoryDisk {
  return new MemoryDisk(MemoryDisk.create(bytesMax))
}

test('files and folders come, go and are listed', () => {
  const disk = diskOf(1 << 20)
  assert.equal(disk.list(''), [])
  assert.equal(disk.list('nowhere'), [])
  assert.is(
    errorCode(() => disk.open('folder/file', 'write')),
    'ENOENT',
  )
  assert.is(
    errorCode(() => disk.open('file', 'read')),
    'ENOENT',
  )
  disk.makeDirectory('folder')
  disk.makeDirectory('folder')
  disk.makeDirectory('a/deep/one')
  assert.is(disk.space.directoryCount(), 4)
  disk.open('folder/first', 'write').writev([Buffer.from('one'), Buffer.from('two')], 0)
  disk.open('folder/second', 'write')
  disk.open('at-root', 'write')
  assert.equal(disk.list('folder').sort(), ['first', 'second'])
  assert.equal(disk.list('').sort(), ['a', 'at-root', 'folder'])
  assert.is(disk.sizeOf('folder/first'), 6)
  assert.is(disk.sizeOf('folder/third'), undefined)
  disk.rename('folder/first', 'folder/second')
  assert.is(disk.sizeOf('folder/second'), 6)
  assert.equal(disk.list('folder'), ['second'])
  assert.is(
    errorCode(() => disk.rename('folder/first', 'folder/x')),
    'ENOENT',
  )
  assert.is(
    errorCode(() => disk.open('folder', 'read')),
    'EISDIR',
  )
  assert.is(
    errorCode(() => disk.open(`folder/${'x'.repeat(400)}`, 'write')),
    'ENAMETOOLONG',
  )
  disk.remove('folder')
  disk.remove('folder')
  assert.is(disk.exists('folder/second'), false)
  assert.equal(disk.list('').sort(), ['a', 'at-root'])
  assert.is(disk.space.usedBytes(), 0)
})

test('a file is read anywhere, as far as it goes', () => {
  const disk = diskOf(1 << 20)
  const file = disk.open('file', 'write')
  const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, place) => place % 251))
  for (let at = 0; at < bytes.length; at += 777)
    file.writev([bytes.subarray(at, at + 300), bytes.subarray(at + 300, at + 777)], at)
  for (const [position, length] of [
    [0, 20_000],
    [4095, 2],
    [4096, 4096],
    [8191, 8193],
    [19_999, 5],
    [0, 0],
  ] as const) {
    const target = Buffer.alloc(length)
    const count = file.read(target, position)
    assert.is(count, Math.min(length, 20_000 - position))
    assert.ok(target.subarray(0, count).equals(bytes.subarray(position, position + count)))
  }
  assert.is(file.read(Buffer.alloc(5), 20_000), 0)
  file.writev([Buffer.from('over')], 100)
  assert.is(file.size(), 20_000)
})

test('a full disk refuses whole writes, and takes them once something went', () => {
  const disk = diskOf(10 * 4096)
  const first = disk.open('first', 'write')
  first.writev([Buffer.alloc(6 * 4096, 1)], 0)
  const second = disk.open('second', 'write')
  assert.is(
    errorCode(() => second.writev([Buffer.alloc(4 * 4096 + 1)], 0)),
    'ENOSPC',
  )
  assert.is(second.size(), 0)
  assert.is(disk.space.usedBytes(), 6 * 4096)
  second.writev([Buffer.alloc(4 * 4096, 2)], 0)
  assert.is(disk.space.usedBytes(), disk.space.bytesMax)
  assert.is(
    errorCode(() => second.writev([Buffer.alloc(1)], 4 * 4096)),
    'ENOSPC',
  )
  disk.remove('first')
  second.writev([Buffer.alloc(6 * 4096, 3)], 4 * 4096)
  const target = Buffer.alloc(2)
  second.read(target, 4 * 4096 - 1)
  assert.equal([...target], [2, 3])
  assert.is(
    errorCode(() => Array.from({ length: 5000 }, (_, place) => disk.open(`file ${place}`, 'write'))),
    'ENOSPC',
  )
})

test('a file that was removed or cut under an open one reads as missing', () => {
  const disk = diskOf(1 << 20)
  disk.open('file', 'write').writev([Buffer.from('content')], 0)
  const reader = disk.open('file', 'read')
  const writer = disk.open('file', 'write')
  writer.truncate(3)
  assert.is(
    errorCode(() => reader.read(Buffer.alloc(3), 0)),
    'ENOENT',
  )
  assert.is(writer.size(), 3)
  writer.writev([Buffer.from('!')], 3)
  const target = Buffer.alloc(4)
  disk.open('file', 'read').read(target, 0)
  assert.is(target.toString(), 'con!')
  disk.remove('file')
  assert.is(
    errorCode(() => writer.size()),
    'ENOENT',
  )
  disk.open('another', 'write').writev([Buffer.from('xxxxxxx')], 0)
  assert.is(
    errorCode(() => writer.read(Buffer.alloc(3), 0)),
    'ENOENT',
  )
})

test('random steps leave the same files as a map would', () => {
  const { seed } = propertyBudget()
  const random = seededRandom(seed)
  const disk = diskOf(2 << 20)
  const model = new Map<string, Buffer>()
  disk.makeDirectory('d')
  for (let step = 0; step < 4000; step++) {
    const path = `d/${random.below(40)}`
    const known = model.get(path)
    const kind = random.below(10)
    if (kind < 5) {
      const size = random.below(20_000)
      const bytes = Buffer.alloc(size, random.below(256))
      const position = known === undefined ? 0 : random.below(known.length + 1)
      const before = known ?? Buffer.alloc(0)
      disk.open(path, 'write').writev([bytes], position)
      model.set(path, Buffer.concat([before.subarray(0, position), bytes, before.subarray(position + size)]))
    } else if (kind < 7) {
      disk.remove(path)
      model.delete(path)
    } else if (kind < 8 && known !== undefined) {
      const size = random.below(known.length + 1)
      disk.open(path, 'write').truncate(size)
      model.set(path, known.subarray(0, size))
    } else if (kind < 9 && known !== undefined) {
      const target = `d/${random.below(40)}`
      disk.rename(path, target)
      model.delete(path)
      model.set(target, known)
    } else {
      const read = Buffer.alloc(known?.length ?? 0)
      if (known !== undefined) disk.open(path, 'read').read(read, 0)
      assert.ok(read.equals(known ?? Buffer.alloc(0)), `seed ${seed}, step ${step}`)
    }
    if (disk.space.usedBytes() > 1 << 20)
      for (const name of disk.list('d')) if (model.delete(`d/${name}`)) disk.remove(`d/${name}`)
  }
  assert.equal(
    disk
      .list('d')
      .map((name) => `d/${name}`)
      .sort(),
    [...model.keys()].sort(),
  )
  let blocks = 0
  for (const bytes of model.values()) blocks += Math.ceil(bytes.length / 4096)
  assert.is(disk.space.usedBytes(), blocks * 4096, `seed ${seed}`)
})

test('memory that was never written is not resident', () => {
  const before = process.memoryUsage().rss
  const disk = diskOf(2 ** 30)
  disk.makeDirectory('d')
  for (let place = 0; place < 100; place++) disk.open(`d/${place}`, 'write').writev([Buffer.alloc(10_000)], 0)
  const grownMiB = (process.memoryUsage().rss - before) / 2 ** 20
  assert.ok(grownMiB < 40, `${grownMiB} MiB for 1 MB of files`)
})

test('threads share one disk: what one writes another reads, and no block is lost', async () => {
  const memory = MemoryDisk.create(4 << 20)
  const source = `
    import { workerData, parentPort } from 'node:worker_threads'
    const { MemoryDisk } = await import(workerData.module)
    const disk = new MemoryDisk(workerData.memory)
    disk.makeDirectory('t' + workerData.thread)
    let errors = 0
    for (let round = 0; round < 1500; round++) {
      const path = 't' + workerData.thread + '/' + (round % 7)
      if (round % 3 === 2) disk.remove(path)
      const bytes = Buffer.alloc(1 + (round * 997) % 30000, workerData.thread + 1)
      disk.open(path, 'write').writev([bytes], 0)
      const read = Buffer.alloc(bytes.length)
      disk.open(path, 'read').read(read, 0)
      if (!read.equals(bytes)) errors++
    }
    parentPort.postMessage(errors)
  `
  const module = new URL('../../src/log/memory-disk.ts', import.meta.url).href
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
  const errors = await Promise.all(
    [0, 1, 2].map(
      (thread) =>
        new Promise<unknown>((resolve, reject) => {
          const worker = new Worker(url, { workerData: { memory, module, thread } })
          worker.once('message', resolve)
          worker.once('error', reject)
        }),
    ),
  )
  assert.equal(errors, [0, 0, 0])
  const disk = new MemoryDisk(memory)
  let blocks = 0
  for (const folder of disk.list('')) {
    for (const name of disk.list(folder)) blocks += Math.ceil((disk.sizeOf(`${folder}/${name}`) ?? 0) / 4096)
  }
  assert.is(disk.space.usedBytes(), blocks * 4096)
  for (const folder of disk.list('')) disk.remove(folder)
  assert.is(disk.space.usedBytes(), 0)
  disk.open('all', 'write').writev([Buffer.alloc(4 << 20)], 0)
})

test.run()
