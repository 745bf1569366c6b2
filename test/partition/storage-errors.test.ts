/** A storage error, wherever it comes, is one partition's trouble, and one that passes: the owner and its other partitions go on. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Topology } from '../../src/base/topology.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { openEngine } from '../../src/log/open-engine.ts'
import { maintainEveryMs } from '../../src/partition/maintenance.ts'
import { OwnerAgent } from '../../src/partition/owner.ts'
import { reopenPauseMsMax } from '../../src/partition/reopening.ts'
import { Bell } from '../../src/ring/bell.ts'
import { isSlot, slotAfter } from '../../src/ring/cursor.ts'
import { Ring } from '../../src/ring/ring.ts'
import { PartitionState, PartitionTable } from '../../src/ring/table.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { DyingDisk } from '../log/dying-disk.ts'
import { testSettings } from './one-ring.ts'
import { goodBatch } from './owner-kit.ts'

const { NONE, KAFKA_STORAGE_ERROR } = ErrorCode

/** An owner of two partitions, the first of which has a disk that fails at operation `first`. */
class Scene {
  readonly clock = new VirtualClock(1_700_000_000_000)
  readonly disk: DyingDisk
  readonly topology: Topology
  readonly table: PartitionTable
  readonly agent: OwnerAgent
  readonly #rings: Ring[] = []
  readonly #sync: 'every' | 'never'

  constructor(inner: MemoryDisk, other: MemoryDisk, first: number, sync: 'every' | 'never') {
    this.disk = new DyingDisk(inner, first, 1)
    this.#sync = sync
    const healthy = new DyingDisk(other, 0, 0)
    this.topology = {
      table: PartitionTable.create(8),
      writerBells: [Bell.create(8)],
      ownerBells: [Bell.create(8)],
      disks: { local: { kind: 'memory', memory: new SharedArrayBuffer(0) } },
    }
    this.table = new PartitionTable(this.topology.table)
    this.agent = new OwnerAgent({
      topology: this.topology,
      owner: 0,
      clock: this.clock,
      random: seededRandom(1),
      logger: silentLogger,
      openDisk: () => this.disk,
      openEngine: (options) => openEngine({ ...options, disk: options.partition === 0 ? this.disk : healthy }),
    })
  }

  async open(): Promise<void> {
    const settings = testSettings({ storage: 'local', sync: this.#sync, segmentBytes: 600, retentionBytes: 1500 })
    const open = (slot: number) => ({
      topic: 'test',
      topicId: 'ab'.repeat(16),
      partition: slot,
      slot,
      settings,
      leaderEpoch: 0,
    })
    await this.agent.open([open(0), open(1)])
    for (const slot of [0, 1]) await this.#giveRing(slot)
  }

  async #giveRing(slot: number): Promise<void> {
    const memory = Ring.create({ dataBytes: 65_536 })
    const attached = this.agent.attachRing(slot, memory)
    await this.settle()
    await attached
    this.#rings[slot] = new Ring(memory)
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      while (this.agent.doWork() > 0);
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** The outcome of a batch once it is readable. A partition that came back gets another ring, as main would give it. */
  async send(slot: number): Promise<number> {
    if (this.table.state(slot) === PartitionState.failed) return KAFKA_STORAGE_ERROR
    if (this.#rings[slot]?.isSealed()) await this.#giveRing(slot)
    const ring = this.#rings[slot]
    const batch = goodBatch(this.clock.nowMs())
    const entry = ring?.append(batch, 0, batch.length, 0) ?? -1
    if (ring === undefined || !isSlot(entry)) return KAFKA_STORAGE_ERROR
    new Bell(this.topology.ownerBells[0] ?? new SharedArrayBuffer(0)).markAndRing(slot)
    await this.settle()
    assert.is(ring.readable(), slotAfter(entry), 'every batch is answered')
    ring.markAnswered(entry)
    return ring.outcome(entry)
  }
}

/** Answers with the records that were accepted. After the one error the partition is back once it was tried again. */
async function live(scene: Scene): Promise<number> {
  let written = 0
  await scene.open()
  for (let round = 0; round < 6; round++) {
    for (let count = 0; count < 3; count++) {
      const outcome = await scene.send(0)
      if (outcome === NONE) {
        written += 3
        assert.is(scene.table.highWatermark(0), written, 'nothing that was refused is in the log')
      } else {
        assert.is(outcome, KAFKA_STORAGE_ERROR)
        assert.is(scene.table.state(0), PartitionState.failed)
      }
      assert.is(await scene.send(1), NONE)
    }
    if (round === 3) await scene.agent.deleteRecords(0, 20)
    scene.clock.advance(round % 2 === 0 ? maintainEveryMs : 300_000)
    await scene.settle()
  }
  // The error may have come just now, when the partition was looked after, or comes when it is tried again.
  for (let tries = 0; tries < 2 && scene.table.state(0) === PartitionState.failed; tries++) {
    scene.clock.advance(reopenPauseMsMax)
    await scene.settle()
  }
  assert.is(scene.table.state(0), PartitionState.online, 'it is back')
  await scene.agent.stop()
  return written
}

for (const sync of ['every', 'never'] as const) {
  test(`with sync ${sync}, an error at any operation is answered, what was answered before is kept, and the partition comes back`, async () => {
    const disk = () => new MemoryDisk(MemoryDisk.create(1 << 20))
    const whole = new Scene(disk(), disk(), Number.POSITIVE_INFINITY, sync)
    assert.is(await live(whole), 54)
    for (let first = 0; first < whole.disk.operations; first++) {
      const inner = disk()
      const written = await live(new Scene(inner, disk(), first, sync))
      const again = new Scene(inner, disk(), Number.POSITIVE_INFINITY, sync)
      await again.open()
      assert.is(again.table.state(0), PartitionState.online, `at operation ${first}`)
      const kept = again.table.highWatermark(0)
      assert.ok(kept >= written, `${kept} of ${written} records are left after an error at operation ${first}`)
    }
  })
}

test.run()
