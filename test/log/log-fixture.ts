/** What the tests of the log share: settings, batches, disks, and a log that remembers what it was given. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { type PartitionSettings, partitionDirectory, recoveryText } from '../../src/base/topology.ts'
import type { Disk } from '../../src/log/disk.ts'
import type { Engine, ProducerSnapshot } from '../../src/log/engine.ts'
import { LogReader } from '../../src/log/local/reader.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { type OpenEngineOptions, openEngine } from '../../src/log/open-engine.ts'
import { RealDisk } from '../../src/log/real-disk.ts'
import { batchBaseOffset, batchLastOffset, buildBatch, eachBatch } from '../../src/wire/record-batch.ts'

export const topicId = '00112233445566778899aabbccddeeff'
export const directory = partitionDirectory('orders', 3)
export const startMs = 1_700_000_000_000

export function settingsWith(changed: Partial<PartitionSettings> = {}): PartitionSettings {
  return {
    storage: 'local',
    ringBytes: 1 << 20,
    segmentBytes: 1 << 30,
    segmentMs: 7 * 86_400_000,
    segmentJitterMs: 0,
    indexIntervalBytes: 4096,
    segmentIndexBytes: 10 << 20,
    retentionBytes: -1,
    retentionMs: -1,
    maxMessageBytes: 1 << 20,
    isCompacted: false,
    isDeleted: true,
    deleteRetentionMs: 86_400_000,
    compactionLagMinMs: 0,
    compactionLagMaxMs: 2 ** 63,
    dirtyRatioMin: 0.5,
    timestampType: 'CreateTime',
    timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
    timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
    compressionType: 'producer',
    compressionLevel: 0,
    sync: 'never',
    flushMessages: changed.sync === 'every' ? 1 : 2 ** 63,
    flushMs: 1000,
    retentionCheckMs: 300_000,
    fileDeleteDelayMs: 0,
    ...changed,
  }
}

/** A batch of `count` records from `baseOffset` on; each record's value says its offset. */
export function batchAt(
  baseOffset: number,
  options: { count?: number; timestampsMs?: readonly number[]; valueBytes?: number; compression?: number } = {},
): Buffer {
  const count = options.timestampsMs?.length ?? options.count ?? 1
  return buildBatch({
    baseOffset,
    leaderEpoch: 0,
    compression: options.compression ?? 0,
    records: Array.from({ length: count }, (_, place) => ({
      key: null,
      value: Buffer.from(`value of ${baseOffset + place} `.padEnd(options.valueBytes ?? 20, '.')),
      timestampMs: options.timestampsMs?.[place] ?? startMs + baseOffset + place,
    })),
  })
}

/** `count` single-record batches that follow one another. */
export function batchesAt(baseOffset: number, count: number, valueBytes = 20): Buffer[] {
  return Array.from({ length: count }, (_, place) => batchAt(baseOffset + place, { valueBytes }))
}

export type OpenedLog = {
  readonly engine: Engine
  readonly recovery: string
  /** Base offsets of batches that were visited at open. */
  readonly visited: number[]
  readonly snapshots: ProducerSnapshot[]
}

/** Each log gets chance of its own. */
let seed = 1

export function openLog(
  disk: Disk,
  settings: Partial<PartitionSettings> = {},
  more: Partial<Pick<OpenEngineOptions, 'clock' | 'onProgress' | 'topicId' | 'visitBatch'>> = {},
  isVisiting = true,
): OpenedLog {
  const visited: number[] = []
  const snapshots: ProducerSnapshot[] = []
  const visitBatch = (bytes: Buffer, at: number): undefined => {
    visited.push(batchBaseOffset(bytes, at))
  }
  const { engine, recovery } = openEngine({
    storage: 'local',
    disk,
    topic: 'orders',
    partition: 3,
    leaderEpoch: 0,
    topicId,
    settings: settingsWith(settings),
    clock: new VirtualClock(startMs),
    random: seededRandom(seed++),
    visitSnapshot: (snapshot) => snapshots.push(snapshot) > 0,
    ...(isVisiting ? { visitBatch } : {}),
    ...more,
  })
  return { engine, recovery: recoveryText(recovery), visited, snapshots }
}

export function readerOf(disk: Disk): LogReader {
  return new LogReader({ disk, directory })
}

/** Reads everything from `offset` to the engine's end through a fresh reader, and joins it. */
export async function readAll(
  disk: Disk,
  engine: Engine,
  offset = engine.startOffset,
  bytesMax = 64 * 1024,
): Promise<Buffer> {
  const reader = readerOf(disk)
  const endOffset = engine.endOffset
  const parts: Buffer[] = []
  let next = offset
  while (next < endOffset) {
    const bytes = await reader.read({ offset: next, bytesMax, endOffset, generation: engine.segmentsVersion })
    assert.ok(bytes !== undefined, `nothing to read at ${next} below ${endOffset}`)
    const whole = eachBatch(bytes, (at) => {
      next = batchLastOffset(bytes, at) + 1
    })
    assert.is(whole, bytes.length, 'a read answers with whole batches')
    parts.push(bytes)
  }
  reader.close()
  return Buffer.concat(parts)
}

/** Runs a test on a real folder, which goes afterwards, and on memory. */
export async function onEachDisk(visit: (disk: Disk, name: string) => Promise<void> | void): Promise<void> {
  await visit(new MemoryDisk(MemoryDisk.create(16 << 20)), 'memory')
  await onRealDisk((disk) => visit(disk, 'real'))
}

export async function onRealDisk(visit: (disk: RealDisk, root: string) => Promise<void> | void): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'safka-log-'))
  const disk = new RealDisk(root)
  try {
    await visit(disk, root)
  } finally {
    disk.close()
    rmSync(root, { recursive: true, force: true })
  }
}

/** How long a property test may take, and its seed. */
export function propertyBudget(): { readonly budgetMs: number; readonly seed: number } {
  return {
    budgetMs: Number(process.env.SAFKA_TEST_BUDGET_MS ?? 2000),
    seed: Number(process.env.SEED ?? Math.floor(Math.random() * 1e9)),
  }
}
