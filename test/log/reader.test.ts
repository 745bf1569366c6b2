/** The reader of segments: any offset, any size, any time, compared with a plain look at all batches. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Random, seededRandom } from '../../src/base/random.ts'
import type { Disk } from '../../src/log/disk.ts'
import type { Engine } from '../../src/log/engine.ts'
import type { LogPoint, LogReader } from '../../src/log/local/reader.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { batchLastOffset, buildBatch, readRecords } from '../../src/wire/record-batch.ts'
import {
  batchAt,
  batchesAt,
  directory,
  onEachDisk,
  openLog,
  propertyBudget,
  readAll,
  readerOf,
  startMs,
} from './log-fixture.ts'

type World = { disk: Disk; engine: Engine; batches: Buffer[]; reader: LogReader }

/** A log of random batches: sizes, codecs, gaps in offsets, and timestamps that mostly rise. */
function randomWorld(random: Random): World {
  const disk = new MemoryDisk(MemoryDisk.create(64 << 20))
  const { engine } = openLog(disk, {
    segmentBytes: 500 + random.below(30_000),
    indexIntervalBytes: random.below(3) === 0 ? random.below(100) : random.below(6000),
  })
  const batches: Buffer[] = []
  let offset = 0
  let timestampMs = startMs
  const count = 1 + random.below(150)
  for (let made = 0; made < count; made++) {
    const timestampsMs = Array.from({ length: 1 + random.below(8) }, () => {
      timestampMs += random.below(20)
      return timestampMs - random.below(40)
    })
    const valueBytes = random.below(10) === 0 ? random.below(20_000) : random.below(300)
    const batch = batchAt(offset, { timestampsMs, valueBytes, compression: random.below(5) })
    batches.push(batch)
    offset = batchLastOffset(batch, 0) + 1
    if (random.below(20) === 0) offset += random.below(5)
    engine.submit([batch])
    if (random.below(10) === 0) engine.maintain(startMs)
  }
  return { disk, engine, batches, reader: readerOf(disk) }
}

function recordsOf(batches: readonly Buffer[]): LogPoint[] {
  return batches.flatMap((batch) => readRecords(batch, 0).map(({ offset, timestampMs }) => ({ offset, timestampMs })))
}

/** What a read must answer, by looking at every batch. */
function expectedRead(
  batches: readonly Buffer[],
  at: { offset: number; bytesMax: number; endOffset: number },
): Buffer | undefined {
  const parts: Buffer[] = []
  let bytes = 0
  for (const batch of batches) {
    if (batchLastOffset(batch, 0) < at.offset) continue
    if (batchLastOffset(batch, 0) >= at.endOffset) break
    if (parts.length > 0 && bytes + batch.length > at.bytesMax) break
    parts.push(batch)
    bytes += batch.length
  }
  // A hole before the end is empty; what lies behind all batches is not in the log.
  const isInside = at.offset < at.endOffset && batches.some((batch) => batchLastOffset(batch, 0) >= at.offset)
  return isInside ? Buffer.concat(parts) : undefined
}

async function checkRead(world: World, random: Random): Promise<void> {
  const { engine, batches, reader } = world
  const offset = random.below(engine.endOffset)
  const endOffset = random.below(3) === 0 ? random.below(engine.endOffset + 1) : engine.endOffset
  const bytesMax = random.below(random.below(2) === 0 ? 500 : 100_000)
  const read = await reader.read({ offset, bytesMax, endOffset, generation: engine.segmentsVersion })
  const expected = offset >= endOffset ? undefined : expectedRead(batches, { offset, bytesMax, endOffset })
  assert.is(read === undefined, expected === undefined)
  if (read === undefined || expected === undefined) return
  // A read ends with its segment or its buffer: it may answer with less than allowed, but never with anything else.
  assert.ok(read.equals(expected.subarray(0, read.length)), `offset ${offset} of ${engine.endOffset}`)
  assert.ok(
    read.length >= Math.min(batches.find((batch) => batchLastOffset(batch, 0) >= offset)?.length ?? 0, expected.length),
  )
}

async function checkTime(world: World, random: Random): Promise<void> {
  const { engine, batches, reader } = world
  const records = recordsOf(batches)
  const startOffset = random.below(2) === 0 ? 0 : random.below(engine.endOffset)
  const timestampMs = startMs - 50 + random.below((records.at(-1)?.timestampMs ?? startMs) - startMs + 100)
  const range = { startOffset, endOffset: engine.endOffset, generation: engine.segmentsVersion }
  const expected = records.find((record) => record.timestampMs >= timestampMs && record.offset >= startOffset)
  assert.equal(
    await reader.offsetForTimestamp({ ...range, timestampMs }),
    expected,
    `time ${timestampMs} from ${startOffset}`,
  )
}

async function checkMaxTime({ engine, batches, reader }: World): Promise<void> {
  const records = recordsOf(batches)
  const newest = records.reduce((best, record) => (record.timestampMs > best.timestampMs ? record : best))
  const range = { startOffset: 0, endOffset: engine.endOffset, generation: engine.segmentsVersion }
  assert.equal(await reader.maxTimestamp(range), newest)
}

test('reads by offset and by time answer as a look at all batches would', async () => {
  const { budgetMs, seed } = propertyBudget()
  const random = seededRandom(seed)
  const endMs = performance.now() + budgetMs
  let worlds = 0
  try {
    while (performance.now() < endMs || worlds < 3) {
      const world = randomWorld(random)
      for (let look = 0; look < 30; look++) {
        await checkRead(world, random)
        await checkTime(world, random)
      }
      await checkMaxTime(world)
      assert.ok(
        (await readAll(world.disk, world.engine, 0, 1 + random.below(5000))).equals(Buffer.concat(world.batches)),
      )
      world.reader.close()
      worlds++
    }
  } catch (thrown) {
    console.error(`SEED=${seed}, world ${worlds}`)
    throw thrown
  }
  console.log(`seed ${seed}: ${worlds} logs`)
})

test('a fetch in the middle of a batch answers with the whole batch, however small its limit', async () => {
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk)
    const batch = batchAt(0, { count: 100, valueBytes: 1000 })
    engine.submit([batch, batchAt(100)])
    const reader = readerOf(disk)
    for (const bytesMax of [0, 1, 5000, batch.length, batch.length + 1]) {
      assert.equal(await reader.read({ offset: 57, bytesMax, endOffset: 101, generation: 1 }), batch)
    }
    assert.equal(
      await reader.read({ offset: 99, bytesMax: 1e6, endOffset: 101, generation: 1 }),
      Buffer.concat([batch, batchAt(100)]),
    )
    assert.is(await reader.read({ offset: 57, bytesMax: 1, endOffset: 57, generation: 1 }), undefined)
    assert.is(
      await reader.read({ offset: 57, bytesMax: 1, endOffset: 100, generation: 1 })?.then((read) => read?.length),
      batch.length,
    )
    assert.is((await reader.read({ offset: 57, bytesMax: 1, endOffset: 99, generation: 1 }))?.length, 0)
    engine.close()
    reader.close()
  })
})

test('of several records with the greatest timestamp the earliest is found', async () => {
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk, { segmentBytes: 250, indexIntervalBytes: 0 })
    const newest = startMs + 500
    const times = [[1, 2], [3, 500, 500], [500], [4], [500, 7], [500], [8]]
    let offset = 0
    for (const batch of times) {
      engine.submit([batchAt(offset, { timestampsMs: batch.map((time) => startMs + time) })])
      offset += batch.length
    }
    assert.ok(engine.segmentCount() > 2)
    const reader = readerOf(disk)
    const range = { startOffset: 0, endOffset: offset, generation: 1 }
    assert.equal(await reader.maxTimestamp(range), { offset: 3, timestampMs: newest })
    assert.equal(await reader.offsetForTimestamp({ ...range, timestampMs: newest }), { offset: 3, timestampMs: newest })
    assert.equal(await reader.maxTimestamp({ ...range, endOffset: 2 }), { offset: 1, timestampMs: startMs + 2 })
    const next = await reader.offsetForTimestamp({ ...range, startOffset: 5, timestampMs: newest })
    assert.equal(next, { offset: 5, timestampMs: newest })
    reader.close()
    engine.close()
  })
})

test('an offset outside of the segments is not found', async () => {
  await onEachDisk(async (disk) => {
    const reader = readerOf(disk)
    assert.is(await reader.read({ offset: 0, bytesMax: 1, endOffset: 10, generation: 0 }), undefined)
    const range = { startOffset: 0, endOffset: 10, generation: 0 }
    assert.is(await reader.offsetForTimestamp({ ...range, timestampMs: 1 }), undefined)
    assert.is(await reader.maxTimestamp(range), undefined)
    const { engine } = openLog(disk)
    engine.submit(batchesAt(0, 5))
    assert.is(await reader.read({ offset: 5, bytesMax: 1, endOffset: 10, generation: 0 }), undefined)
    assert.is(await reader.offsetForTimestamp({ ...range, timestampMs: startMs + 5 }), undefined)
    engine.close()
    reader.close()
  })
})

test('reads go on while segments are removed under them', async () => {
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk, { segmentBytes: 500 })
    engine.submit(batchesAt(0, 60))
    const reader = readerOf(disk)
    const read = (offset: number): Promise<Buffer | undefined> =>
      reader.read({ offset, bytesMax: 1, endOffset: 60, generation: 7 })
    for (let offset = 0; offset < 60; offset++) assert.ok(await read(offset))
    // All files are open now, and the generation stays the same: only the missing files tell.
    const underWay = Promise.all(Array.from({ length: 60 }, (_, offset) => read(offset)))
    engine.deleteRecordsBefore(30)
    for (const [offset, bytes] of (await underWay).entries()) {
      if (bytes !== undefined || offset >= 30) assert.equal(bytes, batchAt(offset))
    }
    for (let offset = 30; offset < 60; offset++) assert.equal(await read(offset), batchAt(offset))
    const anew = await reader.read({ offset: 0, bytesMax: 1, endOffset: 60, generation: 8 })
    assert.is(anew, undefined, 'a new generation makes the reader look again')
    engine.close()
    reader.close()
  })
})

test('replay visits every record in order, without control batches', async () => {
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk, { segmentBytes: 2000 })
    const marker = { baseOffset: 40, isControl: true, isTransactional: true, producerId: 1, producerEpoch: 0 }
    engine.submit([
      ...Array.from({ length: 20 }, (_, place) => batchAt(place * 2, { count: 2, compression: place % 5 })),
      buildBatch({ ...marker, records: [{ key: Buffer.alloc(4), value: Buffer.alloc(6), timestampMs: startMs }] }),
      batchAt(41),
    ])
    const reader = readerOf(disk)
    const offsets: number[] = []
    const values: (string | undefined)[] = []
    await reader.readAllRecords({ startOffset: 3, endOffset: 42, generation: 1 }, (record, offset) => {
      offsets.push(offset)
      values.push(record.value?.toString().trimEnd().replace(/\.+$/, '').trim())
    })
    assert.equal(offsets, [...Array.from({ length: 37 }, (_, place) => place + 3), 41])
    assert.equal(
      values,
      offsets.map((offset) => `value of ${offset}`),
    )
    reader.close()
    engine.close()
  })
})

test('a file that makes no sense is an error, not an endless loop', async () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 20))
  disk.makeDirectory(directory)
  const file = disk.open(`${directory}/00000000000000000000.log`, 'write')
  file.writev([Buffer.alloc(500)], 0)
  const reader = readerOf(disk)
  let code = ''
  await reader.read({ offset: 0, bytesMax: 1, endOffset: 10, generation: 0 }).catch((thrown) => {
    code = thrown.code
  })
  assert.is(code, 'SAFKA_LOG_CORRUPT')
})

test.run()
