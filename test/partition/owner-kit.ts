/** An owner with shared memory of its own, fake engines and a clock that tests move. */

import { assertDefined } from '../../src/base/assert.ts'
import { VirtualClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import { nothingRecovered, type PartitionSettings, type Topology } from '../../src/base/topology.ts'
import { OwnerAgent } from '../../src/partition/owner.ts'
import { Bell } from '../../src/ring/bell.ts'
import { isSlot, slotAfter } from '../../src/ring/cursor.ts'
import { Ring } from '../../src/ring/ring.ts'
import { EntryKind, Verdict } from '../../src/ring/slot.ts'
import { PartitionTable } from '../../src/ring/table.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { FakeEngine } from './fake-engine.ts'
import { testSettings } from './one-ring.ts'

const partitionsMax = 64
export const writerMain = 0
export const writerFront = 1

export class OwnerKit {
  readonly clock = new VirtualClock()
  readonly table: PartitionTable
  readonly ownerBell: Bell
  readonly writerBells: readonly Bell[]
  readonly agent: OwnerAgent
  /** By partition slot, for storage `local`. */
  readonly engines = new Map<number, FakeEngine>()
  readonly rings = new Map<number, Ring>()
  readonly topology: Topology

  constructor() {
    this.topology = {
      table: PartitionTable.create(partitionsMax),
      writerBells: [0, 1, 2].map(() => Bell.create(partitionsMax)),
      ownerBells: [Bell.create(partitionsMax)],
      disks: { local: { kind: 'memory', memory: new SharedArrayBuffer(0) } },
    }
    this.table = new PartitionTable(this.topology.table)
    this.ownerBell = new Bell(assertDefined(this.topology.ownerBells[0], 'the owner has a bell'))
    this.writerBells = this.topology.writerBells.map((memory) => new Bell(memory))
    this.agent = new OwnerAgent({
      topology: this.topology,
      owner: 0,
      clock: this.clock,
      random: seededRandom(1),
      logger: silentLogger,
      openEngine: (options) => {
        const engine = new FakeEngine()
        this.engines.set(options.partition, engine)
        return { engine, recovery: nothingRecovered }
      },
      openDisk: () => undefined,
    })
  }

  /** Opens a partition with a ring; its index is its slot. */
  async open(slot: number, change: Partial<PartitionSettings> = {}, dataBytes = 65_536): Promise<Ring> {
    const settings = testSettings({ storage: 'local', ...change })
    await this.agent.open([{ topic: 'test', topicId: '0'.repeat(32), partition: slot, slot, settings, leaderEpoch: 0 }])
    const memory = Ring.create({ dataBytes })
    const attached = this.agent.attachRing(slot, memory)
    this.agent.doWork()
    await attached
    const ring = new Ring(memory)
    this.rings.set(slot, ring)
    return ring
  }

  /** The bell that the kit's appends are answered by. */
  get frontBell(): Bell {
    return assertDefined(this.writerBells[writerFront], 'the front has a bell')
  }

  engine(slot: number): FakeEngine {
    return assertDefined(this.engines.get(slot), 'the partition has an engine')
  }

  /** Appends a batch and marks the owner's bell. Answers the slot number, which must be one. */
  append(slot: number, batch = goodBatch(this.clock.nowMs()), kind: EntryKind = EntryKind.data): number {
    const ring = assertDefined(this.rings.get(slot), 'the partition has a ring')
    const entry = ring.append(batch, 0, batch.length, writerFront, kind)
    if (!isSlot(entry)) throw new Error('the ring has no room')
    this.ownerBell.markAndRing(slot)
    return entry
  }

  /** Works until there is nothing left; answers the rounds. */
  work(): number {
    let rounds = 0
    while (this.agent.doWork() > 0) if (++rounds > 1000) throw new Error('the owner never comes to rest')
    return rounds
  }
}

/** What a writer would read of a slot. */
export function outcomeOf(ring: Ring, slot: number) {
  return { verdict: ring.verdict(slot), outcome: ring.outcome(slot), baseOffset: ring.baseOffset(slot) }
}

export function accepted(baseOffset: number) {
  return { verdict: Verdict.accepted, outcome: 0, baseOffset }
}

/** Marks everything readable as answered. */
export function answerAll(ring: Ring): void {
  for (let slot = ring.retired(); slot !== ring.readable(); slot = slotAfter(slot)) ring.markAnswered(slot)
}

/** A batch of `count` records. */
export function goodBatch(nowMs: number, count = 3, valueBytes = 20): Buffer {
  const value = Buffer.alloc(valueBytes, 120)
  return buildBatch({ records: Array.from({ length: count }, () => ({ key: null, value, timestampMs: nowMs })) })
}

/** The partitions that a bell was rung for. */
export function rung(bell: Bell): number[] {
  const slots: number[] = []
  bell.drain((slot) => slots.push(slot))
  return slots
}
