/** A partition with transactions whose disk dies at any one operation: what careful readers are told fits what is in the log. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Disk } from '../../src/log/disk.ts'
import { LogReader } from '../../src/log/local/reader.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { openEngine } from '../../src/log/open-engine.ts'
import { endTransaction } from '../../src/partition/aborted.ts'
import { openPartition, type PartitionOpening, recoverLog } from '../../src/partition/open-partition.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { encodeSnapshot } from '../../src/partition/snapshot.ts'
import { batchBaseOffset, batchIsControl, batchProducerId, buildBatch, eachBatch } from '../../src/wire/record-batch.ts'
import { buildMarker, readMarker } from '../../src/wire/transaction-marker.ts'
import { DyingDisk } from '../log/dying-disk.ts'
import { testSettings } from './one-ring.ts'

function openingOn(disk: Disk): PartitionOpening {
  const settings = testSettings({ storage: 'local', segmentBytes: 700, indexIntervalBytes: 100, retentionBytes: 2500 })
  return {
    open: { topic: 'test', topicId: 'ab'.repeat(16), partition: 0, slot: 0, settings, leaderEpoch: 0 },
    openEngine,
    disk: () => disk,
    clock: new VirtualClock(),
    random: seededRandom(1),
    logger: silentLogger,
    onProgress: () => undefined,
  }
}

function write(partition: Partition, producerId: number, sequences: Map<number, number>): void {
  const { engine, producers, transactions } = partition
  const baseOffset = engine.endOffset
  const baseSequence = sequences.get(producerId) ?? 0
  sequences.set(producerId, baseSequence + 1)
  const producer = { producerId, producerEpoch: 0, baseSequence, isTransactional: true }
  const records = [{ key: null, value: Buffer.from('x'), timestampMs: 1 }]
  const sequence = { firstSequence: baseSequence, lastSequence: baseSequence }
  const place = { baseOffset, lastOffset: baseOffset, timestampMs: 1, isTransactional: true }
  producers.append({ producerId, epoch: 0, ...sequence, ...place }, 1)
  transactions.wrote(producerId, baseOffset)
  engine.submit([buildBatch({ records, baseOffset, ...producer })])
}

function end(partition: Partition, producerId: number, isCommit: boolean): void {
  const { engine } = partition
  const marker = { producerId, producerEpoch: 0, isCommit, coordinatorEpoch: 0 }
  const offset = engine.endOffset
  const aborted = endTransaction(partition, marker, offset, 1)
  if (aborted !== undefined) engine.submitAborted([aborted])
  const bytes = buildMarker(marker, 1)
  bytes.writeBigInt64BE(BigInt(offset), 0)
  engine.submit([bytes])
}

/** Two lives of a partition with overlapping transactions. */
function live(disk: Disk): void {
  const sequences = new Map<number, number>()
  for (let life = 0; life < 2; life++) {
    const { partition } = openPartition(openingOn(disk))
    if (partition.state !== 'online') return
    const { engine } = partition
    for (let round = 0; round < 8; round++) {
      for (const producerId of [1, 2, 3]) if ((round + producerId) % 3 > 0) write(partition, producerId, sequences)
      end(partition, 1 + (round % 2), round % 4 === 3)
      if (round === 5) end(partition, 3, false)
      if (round % 3 === 1) engine.saveProducerSnapshot(engine.endOffset, encodeSnapshot(partition.producers.facts()))
      if (round === 4) engine.deleteRecordsBefore(engine.startOffset + 2)
      engine.maintain(300_000 * (round + 1))
      partition.transactions.lastStableOffset(engine.endOffset)
    }
    engine.close()
  }
}

/** What the log itself says: which transactions were aborted, and where the earliest open one begins. */
async function facts(disk: Disk, startOffset: number, endOffset: number) {
  const reader = new LogReader({ disk, directory: 'test-0' })
  const open = new Map<number, number>()
  const aborted: { producerId: number; firstOffset: number }[] = []
  for (let offset = startOffset; offset < endOffset; ) {
    const bytes = await reader.read({ offset, bytesMax: 1, endOffset, generation: 1 })
    assert.ok(bytes !== undefined)
    eachBatch(bytes, (at) => {
      offset = batchBaseOffset(bytes, at) + 1
      const producerId = batchProducerId(bytes, at)
      const firstOffset = open.get(producerId)
      if (!batchIsControl(bytes, at)) open.set(producerId, firstOffset ?? offset - 1)
      else {
        open.delete(producerId)
        if (firstOffset !== undefined && readMarker(bytes, at)?.isCommit === false)
          aborted.push({ producerId, firstOffset })
      }
    })
  }
  return { aborted, open, reader }
}

/** Those that careful readers can see data of; their first offsets may lie before the log start. */
async function check(disk: Disk, where: string): Promise<void> {
  const { partition } = openPartition(openingOn(disk))
  assert.is(partition.state, 'online', where)
  const { startOffset, highWatermark, transactions, engine } = partition
  const { aborted, open, reader } = await facts(disk, startOffset, highWatermark)
  const range = { startOffset, endOffset: highWatermark, abortedEnd: engine.abortedEnd, generation: 1 }
  const told = highWatermark > startOffset ? await reader.abortedTransactions(range) : []
  const clipped = (told ?? []).map(({ producerId, firstOffset }) => ({ producerId, from: firstOffset }))
  for (const { producerId, firstOffset } of aborted) {
    const isTold = clipped.some((one) => one.producerId === producerId && one.from <= firstOffset)
    assert.ok(isTold, `${where}: that of ${producerId} at ${firstOffset} is not among ${JSON.stringify(clipped)}`)
  }
  const stable = transactions.lastStableOffset(highWatermark)
  for (const [producerId, firstOffset] of open) {
    assert.ok(stable <= firstOffset, `${where}: ${producerId} is open at ${firstOffset}, stable is ${stable}`)
  }
  const known = partition.producers.facts().filter(({ transactionStart }) => transactionStart >= startOffset)
  assert.equal(new Set(known.map(({ producerId }) => producerId)).size, known.length)
  for (const { producerId } of known) assert.ok(open.has(producerId), `${where}: ${producerId} is not open`)
}

test('a disk that dies at any operation leaves a log whose transactions are known', async () => {
  const whole = new DyingDisk(new MemoryDisk(MemoryDisk.create(1 << 20)), Number.POSITIVE_INFINITY, 0)
  live(whole)
  await check(whole, 'without an error')
  for (let first = 0; first < whole.operations; first++) {
    const disk = new MemoryDisk(MemoryDisk.create(256 << 10))
    live(new DyingDisk(disk, first, Number.POSITIVE_INFINITY))
    const healthy = new DyingDisk(disk, 0, 0)
    if (first % 2 === 0) recoverLog(openingOn(healthy))
    await check(healthy, `at operation ${first}`)
    await check(healthy, `at operation ${first}, again`)
  }
})

test.run()
