/** What cleaning a compacted log costs: a segment of keyed records, most of them outdated, is cleaned over and over. */

import { seededRandom } from '../../../src/base/random.ts'
import { cleanLog } from '../../../src/log/cleaning/clean-log.ts'
import type { CleaningPlan } from '../../../src/log/engine.ts'
import { segmentFile } from '../../../src/log/local/segment-names.ts'
import { MemoryDisk } from '../../../src/log/memory-disk.ts'
import { buildBatch } from '../../../src/wire/record-batch.ts'
import { type Case, measure, type Result } from '../ring/measure.ts'

const nowMs = 1_700_000_000_000
const directory = 'bench-0'
const mebibyte = 1024 * 1024

type Shape = { readonly recordBytes: number; readonly compression: number; readonly copies: number }

/** A segment of batches of 16 KiB before compression, in which each key comes `copies` times, as a plan to clean it. */
function segmentOf(
  bytes: number,
  { recordBytes, compression, copies }: Shape,
): { disk: MemoryDisk; plan: CleaningPlan } {
  const disk = new MemoryDisk(MemoryDisk.create(3 * bytes + mebibyte))
  disk.makeDirectory(directory)
  const file = disk.open(`${directory}/${segmentFile(0, 'log')}`, 'write')
  // Hexadecimal digits of chance: codecs make half of them.
  const random = seededRandom(7)
  const digits = Buffer.from(Array.from({ length: 65_536 }, () => 48 + random.below(16)))
  const perBatch = Math.max(1, Math.floor(16_384 / (recordBytes + 20)))
  const keys = Math.max(1, Math.ceil(bytes / (recordBytes + 20) / copies))
  let offset = 0
  let sizeBytes = 0
  while (offset * (recordBytes + 20) < bytes) {
    const records = Array.from({ length: perBatch }, (_, place) => ({
      key: Buffer.from(`key ${(offset + place) % keys}`.padEnd(12)),
      value: digits.subarray(((offset + place) * 7) % 32_768).subarray(0, recordBytes),
      timestampMs: nowMs,
    }))
    const batch = buildBatch({ records, baseOffset: offset, compression })
    sizeBytes += file.writev([batch], sizeBytes)
    offset += perBatch
  }
  const settings = { segmentBytes: 2 ** 30, segmentIndexBytes: 10 * mebibyte, indexIntervalBytes: 4096 }
  const segments = [{ baseOffset: 0, endOffset: offset, sizeBytes }]
  const plan = { directory, segments, laterBases: [], firstDirtyOffset: 0, settings, deleteRetentionMs: 1 }
  return { disk, plan: { ...plan, producers: new Map() } }
}

/** Operations are MiB of records before compression, read twice and written as far as something is left. */
export async function run({ isTiny }: { isTiny: boolean }): Promise<readonly Result[]> {
  const cases: Case[] = []
  const add = (name: string, shape: Shape): void => {
    const bytes = isTiny ? mebibyte / 8 : 4 * mebibyte
    const { disk, plan } = segmentOf(bytes, shape)
    const random = seededRandom(1)
    const memory = { keyBytesMax: 128 * mebibyte, keyLoadFactor: 0.9, chunkBytes: 256 * 1024 }
    const round = (): void => {
      const cleaning = cleanLog({ disk, plan, nowMs, random, ...memory })
      while (cleaning.next(true).done !== true);
    }
    cases.push({ name, operations: bytes / mebibyte, round })
  }
  add('clean 1 MiB of 1 KiB records, each key 10 times', { recordBytes: 1000, compression: 0, copies: 10 })
  add('clean 1 MiB of 1 KiB records, no key twice', { recordBytes: 1000, compression: 0, copies: 1 })
  add('clean 1 MiB of 100 B records, each key 10 times', { recordBytes: 100, compression: 0, copies: 10 })
  add('clean 1 MiB of 100 B records, each key twice', { recordBytes: 100, compression: 0, copies: 2 })
  add('clean 1 MiB of zstd, 1 KiB records, each key 10 times', { recordBytes: 1000, compression: 4, copies: 10 })
  return measure(cases, { isTiny })
}
