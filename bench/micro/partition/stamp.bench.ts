/** What stamping costs: a batch of each size and codec is checked, and given its offset, over and over. */

import type { PartitionSettings } from '../../../src/base/topology.ts'
import { RingOnlyEngine } from '../../../src/log/ring-only.ts'
import { Partition } from '../../../src/partition/partition.ts'
import { ProducerStates } from '../../../src/partition/producer-state.ts'
import { stamp } from '../../../src/partition/stamp.ts'
import { BatchValidator } from '../../../src/partition/validate-batch.ts'
import { isSlot, slotAfter } from '../../../src/ring/cursor.ts'
import { Ring } from '../../../src/ring/ring.ts'
import { buildBatch } from '../../../src/wire/record-batch.ts'
import { type Case, measure, type Result } from '../ring/measure.ts'

const nowMs = 1_700_000_000_000

const settings: PartitionSettings = {
  storage: 'ring',
  ringBytes: 8 << 20,
  segmentBytes: 1 << 30,
  segmentMs: 604_800_000,
  segmentJitterMs: 0,
  indexIntervalBytes: 4096,
  segmentIndexBytes: 10_485_760,
  retentionBytes: -1,
  retentionMs: -1,
  maxMessageBytes: 4 << 20,
  isCompacted: false,
  isDeleted: true,
  deleteRetentionMs: 86_400_000,
  compactionLagMinMs: 0,
  compactionLagMaxMs: 2 ** 63,
  dirtyRatioMin: 0.5,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: 2 ** 63,
  timestampAfterMaxMs: 3_600_000,
  compressionType: 'producer',
  compressionLevel: 0,
  sync: 'never',
  flushMessages: 2 ** 63,
  flushMs: 2 ** 63,
  retentionCheckMs: 300_000,
  fileDeleteDelayMs: 0,
}

/** A partition whose ring passes everything on at once. */
class Stamping {
  readonly #ring = new Ring(Ring.create({ dataBytes: 8 << 20 }))
  readonly #partition: Partition
  readonly #validator = new BatchValidator()
  readonly #batch: Buffer
  readonly #count: number

  constructor(batch: Buffer, count: number, timestampType: PartitionSettings['timestampType']) {
    const topicSettings = { ...settings, timestampType }
    const open = {
      topic: 'bench',
      topicId: '0'.repeat(32),
      partition: 0,
      slot: 0,
      leaderEpoch: 0,
      settings: topicSettings,
    }
    this.#partition = new Partition(open, new RingOnlyEngine(), new ProducerStates())
    this.#batch = batch
    this.#count = count
  }

  readonly round = (): void => {
    const ring = this.#ring
    for (let count = 0; count < this.#count; count++) {
      if (!isSlot(ring.append(this.#batch, 0, this.#batch.length, 0))) throw new Error('the ring is full')
    }
    stamp(this.#partition, ring, this.#validator, nowMs)
    const end = ring.stamped()
    if (this.#partition.accepted.length !== this.#count) throw new Error('a good batch was refused')
    this.#partition.accepted.length = 0
    ring.setWritten(end)
    ring.setReadable(end)
    for (let slot = ring.retired(); slot !== end; slot = slotAfter(slot)) ring.markAnswered(slot)
    ring.retire(end)
  }
}

function batchOf(recordBytes: number, batchBytes: number, compression: number): Buffer {
  const value = Buffer.alloc(recordBytes, 'the quick brown fox jumps over the lazy dog')
  const count = Math.max(1, Math.floor(batchBytes / (recordBytes + 10)))
  const records = Array.from({ length: count }, () => ({ key: null, value, timestampMs: nowMs }))
  return buildBatch({ records, compression })
}

/** Claim, copy, stamp and retire of batches; operations are batches. */
export async function run({ isTiny }: { isTiny: boolean }): Promise<readonly Result[]> {
  const cases: Case[] = []
  const add = (name: string, batch: Buffer, timestampType: PartitionSettings['timestampType'] = 'CreateTime'): void => {
    const operations = Math.max(1, Math.min(256, Math.floor(2_000_000 / batch.length)))
    cases.push({ name, operations, round: new Stamping(batch, operations, timestampType).round })
  }
  add('stamp one record of 100 B', batchOf(100, 100, 0))
  add('stamp 16 KiB of 100 B records', batchOf(100, 16_384, 0))
  add('stamp 16 KiB of 1 KiB records', batchOf(1024, 16_384, 0))
  add('stamp 64 KiB of 1 KiB records', batchOf(1024, 65_536, 0))
  add('stamp 64 KiB of 100 B records', batchOf(100, 65_536, 0))
  add('stamp 1 MiB of 1 KiB records', batchOf(1024, 1 << 20, 0))
  add('stamp 64 KiB of 1 KiB records, LogAppendTime', batchOf(1024, 65_536, 0), 'LogAppendTime')
  for (const [codec, name] of [
    [1, 'gzip'],
    [2, 'snappy'],
    [3, 'lz4'],
    [4, 'zstd'],
  ] as const) {
    add(`stamp 64 KiB of 1 KiB records, ${name}`, batchOf(1024, 65_536, codec))
  }
  return measure(cases, { isTiny })
}
