/** What the disk damages after it was written is never handed out, and takes nothing else with it. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Disk } from '../../src/log/disk.ts'
import { writeAll } from '../../src/log/disk.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { batchBaseOffset, batchLastOffset, eachBatch } from '../../src/wire/record-batch.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { batchAt, directory, openLog, readerOf } from './log-fixture.ts'

const count = 40
const settings = { segmentBytes: 1_000_000, indexIntervalBytes: 400 } as const
const logPath = `${directory}/00000000000000000000.log`
const indexPath = `${directory}/00000000000000000000.index`

/** A log of batches of two records, closed in order. */
function closedLog(): { disk: Disk; batches: Buffer[] } {
  const disk = new FaultyDisk(new MemoryDisk(MemoryDisk.create(4 << 20)), true)
  const batches = Array.from({ length: count }, (_, place) => batchAt(place * 2, { count: 2, valueBytes: 30 }))
  const { engine } = openLog(disk, settings)
  engine.submit(batches)
  engine.close()
  return { disk, batches }
}

function positionOf(batches: readonly Buffer[], place: number): number {
  return batches.slice(0, place).reduce((bytes, batch) => bytes + batch.length, 0)
}

function flip(disk: Disk, position: number, length = 1): void {
  const file = disk.open(logPath, 'write')
  const bytes = Buffer.alloc(length)
  file.read(bytes, position)
  writeAll(file, [bytes.map((byte) => byte ^ 0x5a)], position)
  file.close()
}

/** Reads each offset by itself, as consumers that seek there do: what comes first, or 'damaged'. */
async function readEach(disk: Disk, endOffset: number): Promise<(number | 'damaged')[]> {
  const found: (number | 'damaged')[] = []
  for (let offset = 0; offset < endOffset; offset += 2) {
    const reader = readerOf(disk)
    try {
      const bytes = await reader.read({ offset, bytesMax: 1, endOffset, generation: 1 })
      assert.ok(bytes, `nothing at ${offset}`)
      found.push(batchBaseOffset(bytes, 0))
    } catch (thrown) {
      assert.match(String(thrown), /\.log at byte \d+: a batch/)
      found.push('damaged')
    }
    reader.close()
  }
  return found
}

test('a flipped bit anywhere in a batch keeps that batch from readers, and no other', async () => {
  const { batches } = closedLog()
  const damagedPlace = 17
  const batch = batches[damagedPlace] ?? Buffer.alloc(0)
  const expected = batches.map((_, place) => (place === damagedPlace ? 'damaged' : place * 2))
  for (let at = 16; at < batch.length; at += at < 70 ? 1 : 13) {
    const { disk } = closedLog()
    flip(disk, positionOf(batches, damagedPlace) + at)
    const found = await readEach(disk, count * 2)
    // Where the header is lost, readers find the next batch by the index, which does not know every one.
    const lost = found.filter((offset, place) => offset !== expected[place])
    assert.ok(lost.length <= 5 && lost.every((offset) => offset === 'damaged'), `damaged at ${at}: ${lost}`)
    assert.equal(found.slice(0, damagedPlace), expected.slice(0, damagedPlace))
    assert.is(found[damagedPlace], 'damaged')
    assert.equal(found.slice(damagedPlace + 6), expected.slice(damagedPlace + 6))
  }
})

test('a read that reaches damage answers with what is sound before it', async () => {
  const { disk, batches } = closedLog()
  flip(disk, positionOf(batches, 9) + 80)
  const reader = readerOf(disk)
  const bytes = await reader.read({ offset: 4, bytesMax: 1 << 20, endOffset: count * 2, generation: 1 })
  assert.ok(bytes)
  let last = -1
  eachBatch(bytes, (at) => {
    last = batchLastOffset(bytes, at)
  })
  assert.is(last, 17)
})

test('what was checked is not checked again, until the segments change', async () => {
  const { disk, batches } = closedLog()
  const reader = readerOf(disk)
  const read = (generation: number) => reader.read({ offset: 0, bytesMax: 1, endOffset: count * 2, generation })
  assert.is((await read(1))?.length, batches[0]?.length)
  flip(disk, 80)
  assert.is((await read(1))?.length, batches[0]?.length)
  await read(2).then(
    () => assert.unreachable('it was not checked'),
    (thrown: unknown) => assert.match(String(thrown), /fails its checksum/),
  )
})

test('indexes are made again across damage, and then lead around it batch by batch', async () => {
  for (const { at, length } of [
    { at: 8, length: 1 },
    { at: 0, length: 60 },
    { at: 16, length: 1 },
    { at: -40, length: 80 },
  ]) {
    const { disk, batches } = closedLog()
    flip(disk, positionOf(batches, 17) + at, length)
    disk.remove(indexPath)
    const { engine, recovery } = openLog(disk, settings)
    assert.is(engine.endOffset, count * 2)
    const first = at < 0 ? 16 : 17
    assert.match(recovery, `rebuilt the indexes of 1 segments, offsets ${first * 2} to 35 cannot be read`)
    const found = await readEach(disk, count * 2)
    assert.equal(
      found,
      batches.map((_, place) => (place >= first && place <= 17 ? 'damaged' : place * 2)),
    )
    engine.submit([batchAt(count * 2)])
    assert.is(engine.failure, undefined)
    engine.close()
    assert.is(openLog(disk, settings).engine.endOffset, count * 2 + 1)
  }
})

test('damage at the very end of a closed log leaves its end where it was', () => {
  const { disk, batches } = closedLog()
  flip(disk, positionOf(batches, count - 1) + 8, 4)
  disk.remove(indexPath)
  const { engine, recovery } = openLog(disk, settings)
  assert.is(engine.endOffset, count * 2)
  assert.match(recovery, `offsets ${count * 2 - 2} to ${count * 2 - 1} cannot be read`)
  assert.is(engine.sizeBytes(), disk.sizeOf(logPath))
})

test('an index with entries out of order is made again after a crash', async () => {
  const disk = new FaultyDisk(new MemoryDisk(MemoryDisk.create(4 << 20)), true)
  const { engine } = openLog(disk, { ...settings, segmentBytes: 3_000 })
  engine.submit(Array.from({ length: count }, (_, place) => batchAt(place)))
  engine.sync()
  engine.deleteRecordsBefore(1)
  const path = `${directory}/00000000000000000000.index`
  const file = disk.open(path, 'write')
  assert.ok(file.size() > 16)
  writeAll(file, [Buffer.from([0x7f, 0xff])], 0)
  file.close()
  const again = openLog(disk, { ...settings, segmentBytes: 3_000 })
  assert.match(again.recovery, 'rebuilt the indexes of 1 segments')
  assert.equal(await readEach(disk, 20), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
})

test.run()
