/** The transaction index: readers find what was aborted, it goes with its segment, and a crash does not lose it. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import type { Disk } from '../../src/log/disk.ts'
import type { AbortedTransaction, Engine } from '../../src/log/engine.ts'
import { segmentFile } from '../../src/log/local/segment-names.ts'
import { batchBaseOffset, batchIsControl } from '../../src/wire/record-batch.ts'
import { buildMarker } from '../../src/wire/transaction-marker.ts'
import {
  batchAt,
  directory,
  onEachDisk,
  onRealDisk,
  openLog,
  propertyBudget,
  readerOf,
  startMs,
} from './log-fixture.ts'

/** A marker; what it aborts is made up by the tests, and kept in a map by its offset. */
function markerAt(offset: number, producerId = 7): Buffer {
  const bytes = buildMarker({ producerId, producerEpoch: 0, isCommit: false, coordinatorEpoch: 0 }, startMs)
  bytes.writeBigInt64BE(BigInt(offset), 0)
  return bytes
}

function abort(engine: Engine, aborted: AbortedTransaction): void {
  engine.submitAborted([aborted])
  engine.submit([markerAt(aborted.lastOffset, aborted.producerId)])
  assert.is(engine.poll().writtenEnd, aborted.lastOffset + 1)
}

async function found(
  disk: Disk,
  engine: Engine,
  startOffset: number,
  endOffset: number,
): Promise<number[] | undefined> {
  const reader = readerOf(disk)
  const { abortedEnd, segmentsVersion: generation } = engine
  const entries = await reader.abortedTransactions({ startOffset, endOffset, abortedEnd, generation })
  reader.close()
  return entries?.map(({ firstOffset }) => firstOffset)
}

/** Kafka's definition, without any index. */
function expected(all: readonly AbortedTransaction[], startOffset: number, endOffset: number): number[] {
  return all
    .filter(({ firstOffset, lastOffset }) => lastOffset >= startOffset && firstOffset < endOffset)
    .map(({ firstOffset }) => firstOffset)
}

const one = { producerId: 7, firstOffset: 1, lastOffset: 3, lastStableOffset: 4 }

test('an aborted transaction is found from each of its offsets, in the format of Kafka', async () => {
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk)
    engine.submit([batchAt(0), batchAt(1), batchAt(2)])
    assert.is(engine.abortedEnd, 0)
    abort(engine, one)
    assert.is(engine.abortedEnd, 4)
    for (const [start, end] of [
      [0, 4],
      [1, 2],
      [3, 4],
    ] as const) {
      assert.equal(await found(disk, engine, start, end), [1])
    }
    assert.equal(await found(disk, engine, 0, 1), [])
    const bytes = Buffer.alloc(34)
    const file = disk.open(`${directory}/${segmentFile(0, 'txnindex')}`, 'read')
    assert.is(file.read(bytes, 0), 34)
    assert.is(file.size(), 34)
    file.close()
    const numbers = ['0000', '0000000000000007', '0000000000000001', '0000000000000003', '0000000000000004']
    assert.is(bytes.toString('hex'), numbers.join(''))
    engine.close()
    const again = openLog(disk)
    assert.is(again.recovery, '')
    assert.is(again.engine.abortedEnd, 4)
    assert.equal(await found(disk, again.engine, 0, 4), [1])
    again.engine.close()
  })
})

test('a partition without aborted transactions has no transaction index', () =>
  onRealDisk((disk) => {
    const { engine } = openLog(disk, { segmentBytes: 200 })
    for (let offset = 0; offset < 10; offset++) engine.submit([batchAt(offset)])
    engine.close()
    assert.equal(
      disk.list(directory).filter((name) => name.endsWith('.txnindex')),
      [],
    )
  }))

test('the index goes with its segment, and what has no segment is not to be found', async () => {
  await onEachDisk(async (disk) => {
    const { engine } = openLog(disk, { segmentBytes: 150 })
    engine.submit([batchAt(0), batchAt(1), batchAt(2)])
    abort(engine, one)
    engine.submit([batchAt(4), batchAt(5)])
    engine.deleteRecordsBefore(5)
    assert.is(disk.sizeOf(`${directory}/${segmentFile(3, 'txnindex')}`), undefined)
    assert.is(await found(disk, engine, 1, 4), undefined)
    assert.equal(await found(disk, engine, 5, 6), [])
    engine.close()
  })
})

/** Opens again after a crash, telling what the markers end as the partition would. */
function reopen(disk: Disk, all: readonly AbortedTransaction[], visited: number[] = []): Engine {
  const ended = new Map(all.map((aborted) => [aborted.lastOffset, aborted]))
  return openLog(
    disk,
    {},
    {
      visitBatch: (bytes: Buffer, at: number) => {
        visited.push(batchBaseOffset(bytes, at))
        return batchIsControl(bytes, at) ? ended.get(batchBaseOffset(bytes, at)) : undefined
      },
    },
  ).engine
}

test('after a crash the index is made again, also where its file is gone, torn or full of rubbish', async () => {
  for (const damage of ['none', 'gone', 'torn', 'rubbish'] as const) {
    await onEachDisk(async (disk) => {
      const { engine } = openLog(disk)
      engine.submit([batchAt(0), batchAt(1), batchAt(2)])
      abort(engine, one)
      const path = `${directory}/${segmentFile(0, 'txnindex')}`
      const file = disk.open(path, 'write')
      if (damage === 'gone') disk.remove(path)
      if (damage === 'torn') file.truncate(20)
      if (damage === 'rubbish') file.writev([Buffer.alloc(68, 1)], 0)
      file.close()
      const again = reopen(disk, [one])
      assert.is(disk.sizeOf(path), 34)
      assert.equal(await found(disk, again, 0, 4), [1])
      const two = { producerId: 8, firstOffset: 4, lastOffset: 5, lastStableOffset: 6 }
      again.submit([batchAt(4)])
      abort(again, two)
      assert.equal(await found(disk, again, 0, 6), [1, 4])
      again.close()
    })
  }
})

test('who knows nothing of transactions leaves their indexes to whoever opens next', async () => {
  await onRealDisk(async (disk) => {
    const { engine } = openLog(disk, { segmentBytes: 150 })
    for (const offset of [0, 1, 2]) engine.submit([batchAt(offset)])
    abort(engine, one)
    for (const offset of [4, 5]) engine.submit([batchAt(offset)])
    for (const name of disk.list(directory)) if (name.endsWith('.txnindex')) disk.remove(`${directory}/${name}`)
    for (let times = 0; times < 2; times++) {
      const ignorant = openLog(disk, {}, {}, false)
      assert.is(ignorant.engine.abortedEnd, 0)
      ignorant.engine.close()
    }
    assert.equal(await found(disk, reopen(disk, [one]), 0, 6), [1])
  })
})

test('a crash has only the segments looked through that were not synced, from a snapshot before them', async () => {
  await onRealDisk(async (disk) => {
    const { engine } = openLog(disk, { segmentBytes: 300 })
    for (let offset = 0; offset < 12; offset++) engine.submit([batchAt(offset)])
    engine.saveProducerSnapshot(12, Buffer.from('twelve'))
    engine.sync()
    const aborted = { producerId: 7, firstOffset: 5, lastOffset: 12, lastStableOffset: 13 }
    abort(engine, aborted)
    for (let offset = 13; offset < 20; offset++) engine.submit([batchAt(offset)])
    engine.saveProducerSnapshot(20, Buffer.from('twenty'))
    const visited: number[] = []
    const again = reopen(disk, [aborted], visited)
    assert.ok((visited[0] ?? 20) <= 12, 'the marker was visited')
    assert.equal(await found(disk, again, 6, 7), [5])
    again.close()
  })
})

test('any range finds what was aborted in it, while transactions interleave, segments roll and readers stay', async () => {
  const { budgetMs, seed } = propertyBudget()
  const random = seededRandom(seed)
  const endMs = performance.now() + budgetMs
  let rounds = 0
  for (; performance.now() < endMs; rounds++) {
    await onEachDisk(async (disk, name) => {
      const { engine } = openLog(disk, { segmentBytes: 100 + random.below(900) })
      const reader = readerOf(disk)
      const open = new Map<number, number>()
      const all: AbortedTransaction[] = []
      const steps = 10 + random.below(100)
      for (let offset = 0; offset < steps; offset++) {
        const producerId = random.below(4)
        const firstOffset = open.get(producerId)
        if (firstOffset !== undefined && random.below(3) === 0) {
          open.delete(producerId)
          const lastStableOffset = Math.min(...open.values(), offset + 1)
          all.push({ producerId, firstOffset, lastOffset: offset, lastStableOffset })
          abort(engine, all.at(-1) ?? one)
        } else {
          if (firstOffset === undefined) open.set(producerId, offset)
          engine.submit([batchAt(offset)])
        }
        const startOffset = random.below(offset + 1)
        const stableOffset = Math.min(...open.values(), offset + 1)
        const endOffset = startOffset + random.below(stableOffset - startOffset + 1)
        if (endOffset <= startOffset) continue
        const { abortedEnd, segmentsVersion: generation } = engine
        const entries = await reader.abortedTransactions({ startOffset, endOffset, abortedEnd, generation })
        const context = `${name}, seed ${seed}, round ${rounds}, [${startOffset}, ${endOffset}) of ${offset + 1}`
        assert.equal(
          entries?.map((entry) => entry.firstOffset),
          expected(all, startOffset, endOffset),
          context,
        )
      }
      const again = random.below(2) === 0 ? engine : reopen(disk, all)
      assert.is(again.abortedEnd, (all.at(-1)?.lastOffset ?? -1) + 1)
      reader.close()
    })
  }
  console.log(`seed ${seed}: ${rounds} rounds`)
  assert.ok(rounds > 0)
})

test.run()
