/** A partition with a ring and an engine of its own, for tests of single stages. */

import type { PartitionSettings } from '../../src/base/topology.ts'
import { RingOnlyEngine } from '../../src/log/ring-only.ts'
import { Partition } from '../../src/partition/partition.ts'
import { ProducerStates } from '../../src/partition/producer-state.ts'
import { stamp } from '../../src/partition/stamp.ts'
import { BatchValidator } from '../../src/partition/validate-batch.ts'
import { slotAfter } from '../../src/ring/cursor.ts'
import { Ring } from '../../src/ring/ring.ts'

/** Kafka's defaults for a topic, changed as a test wants them. */
export function testSettings(change: Partial<PartitionSettings> = {}): PartitionSettings {
  return {
    storage: 'ring',
    ringBytes: 1 << 20,
    segmentBytes: 1 << 30,
    segmentMs: 604_800_000,
    segmentJitterMs: 0,
    indexIntervalBytes: 4096,
    segmentIndexBytes: 10_485_760,
    retentionBytes: -1,
    retentionMs: -1,
    maxMessageBytes: 1_048_588,
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
    flushMessages: change.sync === 'every' ? 1 : 2 ** 63,
    flushMs: 2 ** 63,
    retentionCheckMs: 300_000,
    fileDeleteDelayMs: 0,
    ...change,
  }
}

/** Stamps entries one at a time. */
export class OneRing {
  readonly ring = new Ring(Ring.create({ dataBytes: 1 << 20, slots: 4096 }))
  readonly partition: Partition
  readonly #validator = new BatchValidator()

  constructor(settings: PartitionSettings) {
    const open = { topic: 'test', topicId: '0'.repeat(32), partition: 0, slot: 0, settings, leaderEpoch: 0 }
    this.partition = new Partition(open, new RingOnlyEngine(), new ProducerStates())
  }

  /** Appends `entry`, stamps it at `nowMs`, and answers what its slot and its bytes then hold. */
  stampOne(entry: Buffer, nowMs: number) {
    const { ring } = this
    const slot = ring.append(entry, 0, entry.length, 1)
    stamp(this.partition, ring, this.#validator, nowMs)
    const bytes = Buffer.from(ring.view(slot))
    const stamped = {
      verdict: ring.verdict(slot),
      outcome: ring.outcome(slot),
      baseOffset: ring.baseOffset(slot),
      logAppendTimeMs: ring.logAppendTime(slot),
      bytes,
    }
    this.#pass(slotAfter(slot))
    return stamped
  }

  #pass(end: number): void {
    const { ring } = this
    this.partition.accepted.length = 0
    ring.setWritten(end)
    ring.setReadable(end)
    for (let slot = ring.retired(); slot !== end; slot = slotAfter(slot)) ring.markAnswered(slot)
    ring.retire(end)
  }
}
