/** Owners and fronts that only remember what they were told, for tests of main's rooms. */

import {
  type CatalogChange,
  nothingRecovered,
  type OpenedPartition,
  type OpenPartition,
  type PartitionFacts,
  type PartitionSettings,
  type ProducerFacts,
} from '../../src/base/topology.ts'
import type { DirtiestLog, FrontControl, ListenerSpec, OwnerControl } from '../../src/broker/remotes.ts'
import type { ClientLimits } from '../../src/metrics/client-quotas.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'

/** Kafka's defaults, roughly. */
export const partitionSettings: PartitionSettings = {
  storage: 'local',
  ringBytes: 1024 * 1024,
  segmentBytes: 1024 * 1024 * 1024,
  segmentMs: 604_800_000,
  segmentJitterMs: 0,
  indexIntervalBytes: 4_096,
  segmentIndexBytes: 10 * 1024 * 1024,
  retentionBytes: -1,
  retentionMs: 604_800_000,
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
  flushMessages: 2 ** 63,
  flushMs: 2 ** 63,
  retentionCheckMs: 300_000,
  fileDeleteDelayMs: 0,
}

export class FakeOwner implements OwnerControl {
  readonly opened: OpenPartition[] = []
  readonly rings = new Map<number, SharedArrayBuffer>()
  readonly removed: number[] = []
  readonly settings = new Map<number, PartitionSettings>()
  attachments = 0

  async open(partitions: readonly OpenPartition[]): Promise<readonly OpenedPartition[]> {
    this.opened.push(...partitions)
    return partitions.map(({ slot }) => ({
      slot,
      startOffset: 0,
      endOffset: 0,
      errorCode: ErrorCode.NONE,
      recovery: nothingRecovered,
    }))
  }

  async attachRing(slot: number, ring: SharedArrayBuffer): Promise<void> {
    this.attachments++
    this.rings.set(slot, ring)
  }

  async detachRing(slot: number): Promise<void> {
    this.rings.delete(slot)
  }

  async configure(slot: number, settings: PartitionSettings): Promise<void> {
    this.settings.set(slot, settings)
  }

  async remove(slots: readonly number[]): Promise<void> {
    this.removed.push(...slots)
  }

  async deleteRecords(_slot: number, beforeOffset: number): Promise<{ errorCode: number; startOffset: number }> {
    return { errorCode: ErrorCode.NONE, startOffset: beforeOffset }
  }

  async dirtiestLog(): Promise<DirtiestLog> {
    return { dirtiest: undefined, failed: [] }
  }

  async replaceSegments(): Promise<boolean> {
    return false
  }

  async setCleanedEnds(): Promise<void> {}

  async describe(slots: readonly number[]): Promise<readonly PartitionFacts[]> {
    return slots.map((slot) => ({
      slot,
      sizeBytes: slot,
      segments: 1,
      ringBytes: 0,
      ringHead: 0,
      ringTail: 0,
      ringWraps: 0,
    }))
  }

  async describeProducers(): Promise<readonly ProducerFacts[]> {
    return []
  }

  async stop(): Promise<void> {}
}

export class FakeFront implements FrontControl {
  readonly changes: CatalogChange[] = []
  limits: ClientLimits | undefined
  readonly rings = new Map<number, SharedArrayBuffer | undefined>()

  async applyCatalog(changes: readonly CatalogChange[]): Promise<void> {
    this.changes.push(...changes)
  }

  async applyLimits(limits: ClientLimits): Promise<void> {
    this.limits = limits
  }

  async attachRing(slot: number, ring: SharedArrayBuffer | undefined): Promise<void> {
    this.rings.set(slot, ring)
  }

  async listen(listeners: readonly ListenerSpec[]): Promise<readonly number[]> {
    return listeners.map(({ port }) => port)
  }

  async stop(): Promise<void> {}
}
