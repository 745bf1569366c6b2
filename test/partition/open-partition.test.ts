/** Opening a partition: what it knows of its producers comes from a snapshot that is sound, or from the batches. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { openEngine } from '../../src/log/open-engine.ts'
import { openPartition, type PartitionOpening } from '../../src/partition/open-partition.ts'
import { encodeSnapshot } from '../../src/partition/snapshot.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { testSettings } from './one-ring.ts'

function openingOn(disk: MemoryDisk): PartitionOpening {
  const settings = testSettings({ storage: 'memory' })
  return {
    open: { topic: 'test', topicId: '0'.repeat(32), partition: 0, slot: 0, settings, leaderEpoch: 0 },
    openEngine,
    disk: () => disk,
    clock: new VirtualClock(),
    random: seededRandom(1),
    logger: silentLogger,
    onProgress: () => undefined,
  }
}

function transactional(producerId: number, baseOffset: number, baseSequence: number): Buffer {
  const records = [{ key: null, value: Buffer.from('x'), timestampMs: 1 }]
  return buildBatch({ records, baseOffset, producerId, producerEpoch: 0, baseSequence, isTransactional: true })
}

for (const hasOlder of [true, false]) {
  const source = hasOlder ? 'the snapshot before it and the batches since' : 'all batches'
  test(`where a producer snapshot is damaged, open transactions are known from ${source}`, () => {
    const disk = new MemoryDisk(MemoryDisk.create(4 << 20))
    const { engine, producers } = openPartition(openingOn(disk)).partition
    engine.submit([transactional(7, 0, 0)])
    const first = { producerId: 7, epoch: 0, firstSequence: 0, lastSequence: 0, baseOffset: 0, lastOffset: 0 }
    producers.append({ ...first, timestampMs: 1, isTransactional: true }, 1)
    if (hasOlder) engine.saveProducerSnapshot(1, encodeSnapshot(producers.facts()))
    engine.submit([transactional(8, 1, 0)])
    engine.saveProducerSnapshot(2, Buffer.from('no snapshot'))
    engine.close()
    const { partition } = openPartition(openingOn(disk))
    assert.is(partition.state, 'online')
    assert.is(partition.highWatermark, 2)
    assert.is(partition.transactions.lastStableOffset(2), 0)
    assert.is(partition.producers.transactionStartOf(7), 0)
    assert.is(partition.producers.transactionStartOf(8), 1)
    assert.is(partition.snapshotOffset, hasOlder ? 1 : 0)
  })
}

test('a partition whose storage cannot be opened can be deleted, and its files go', () => {
  const disk = new MemoryDisk(MemoryDisk.create(4 << 20))
  openPartition(openingOn(disk)).partition.engine.submit([transactional(7, 0, 0)])
  const damaged = (): never => {
    throw new Error('damaged')
  }
  const { partition } = openPartition({ ...openingOn(disk), openEngine: damaged })
  assert.is(partition.state, 'failed')
  assert.ok(disk.exists('test-0'))
  partition.engine.removeFiles()
  assert.is(disk.exists('test-0'), false)
})

test.run()
