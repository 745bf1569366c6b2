/** The owner over the real engine: what it wrote, and what it knew of its producers, is there after a restart. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { DiskSpec, PartitionSettings, Topology } from '../../src/base/topology.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { OwnerAgent } from '../../src/partition/owner.ts'
import { Bell } from '../../src/ring/bell.ts'
import { Ring } from '../../src/ring/ring.ts'
import { PartitionTable } from '../../src/ring/table.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { testSettings } from './one-ring.ts'

/** One life of a broker's owner over a disk. */
class Life {
  readonly topology: Topology
  readonly agent: OwnerAgent
  readonly table: PartitionTable
  readonly ring = new Ring(Ring.create({ dataBytes: 65_536 }))
  readonly bell: Bell
  readonly #ringMemory = Ring.create({ dataBytes: 65_536 })

  constructor(disk: DiskSpec) {
    const bell = Bell.create(8)
    this.topology = {
      table: PartitionTable.create(8),
      writerBells: [Bell.create(8)],
      ownerBells: [bell],
      disks: { local: disk, memory: disk },
    }
    this.bell = new Bell(bell)
    this.table = new PartitionTable(this.topology.table)
    const random = seededRandom(1)
    this.agent = new OwnerAgent({ topology: this.topology, owner: 0, clock: systemClock, random, logger: silentLogger })
    this.ring = new Ring(this.#ringMemory)
  }

  async open(settings: PartitionSettings) {
    const open = { topic: 'kept', topicId: 'ab'.repeat(16), partition: 0, slot: 0, settings, leaderEpoch: 0 }
    const [opened] = await this.agent.open([open])
    const attached = this.agent.attachRing(0, this.#ringMemory)
    this.agent.doWork()
    await attached
    return opened
  }

  /** Appends a batch of two records and answers its outcome and offset once it is readable. */
  async send(producerId: number, baseSequence: number): Promise<{ outcome: number; baseOffset: number }> {
    const record = { key: null, value: Buffer.from(`${producerId} ${baseSequence}`), timestampMs: systemClock.nowMs() }
    const producer = { producerId, producerEpoch: 0, baseSequence }
    const bytes = buildBatch({ records: [record, record], ...producer })
    const slot = this.ring.append(bytes, 0, bytes.length, 0)
    this.bell.markAndRing(0)
    const endMs = systemClock.monotonicMs() + 2000
    while (this.ring.readable() === slot && systemClock.monotonicMs() < endMs) {
      this.agent.doWork()
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(this.ring.readable(), slot + 1)
    this.ring.markAnswered(slot)
    return { outcome: this.ring.outcome(slot), baseOffset: this.ring.baseOffset(slot) }
  }
}

const { OUT_OF_ORDER_SEQUENCE_NUMBER } = ErrorCode

async function liveTwice(disk: DiskSpec, settings: PartitionSettings, isClean: boolean): Promise<void> {
  const first = new Life(disk)
  assert.equal((await first.open(settings))?.endOffset, 0)
  assert.equal(await first.send(7, 0), { outcome: 0, baseOffset: 0 })
  assert.equal(await first.send(7, 2), { outcome: 0, baseOffset: 2 })
  assert.equal(await first.send(8, 0), { outcome: 0, baseOffset: 4 })
  if (isClean) await first.agent.stop()
  const second = new Life(disk)
  const opened = await second.open(settings)
  assert.equal(opened?.errorCode, ErrorCode.NONE)
  assert.equal(opened?.endOffset, 6)
  assert.equal(second.table.highWatermark(0), 6)
  assert.equal(await second.send(7, 2), { outcome: 0, baseOffset: 2 })
  assert.equal((await second.send(7, 9)).outcome, OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.equal(await second.send(7, 4), { outcome: 0, baseOffset: 6 })
  assert.equal(await second.send(8, 2), { outcome: 0, baseOffset: 8 })
  await second.agent.stop()
}

for (const isClean of [true, false]) {
  const end = isClean ? 'a clean stop' : 'a crash'
  test(`data, offsets and producers survive ${end} on a real disk`, async () => {
    const root = mkdtempSync(join(tmpdir(), 'safka-partition-'))
    try {
      await liveTwice({ kind: 'real', root }, testSettings({ storage: 'local' }), isClean)
    } finally {
      rmSync(root, { recursive: true })
    }
  })
  test(`data, offsets and producers survive ${end} of the owner on a memory disk`, async () => {
    const disk: DiskSpec = { kind: 'memory', memory: MemoryDisk.create(16 << 20) }
    await liveTwice(disk, testSettings({ storage: 'memory' }), isClean)
  })
}

test('with sync policy every a batch becomes readable once its sync is done', async () => {
  const root = mkdtempSync(join(tmpdir(), 'safka-partition-'))
  try {
    await liveTwice({ kind: 'real', root }, testSettings({ storage: 'local', sync: 'every' }), true)
  } finally {
    rmSync(root, { recursive: true })
  }
})

test('a folder that cannot be used makes the partition failed, not the owner', async () => {
  // A file where a folder should be.
  const life = new Life({ kind: 'real', root: join(import.meta.filename, 'data') })
  const opened = await life.open(testSettings({ storage: 'local' }))
  assert.equal(opened?.errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
  assert.ok(life.ring.isSealed())
})

test.run()
