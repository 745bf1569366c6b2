/** Cleans one log, step by step: reads rolled segments and writes what is left of them, as Kafka's Cleaner. */

import type { Offset } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import { BatchRecords } from '../../wire/batch-records.ts'
import { batchBaseOffset, batchIsControl, batchLastOffset } from '../../wire/record-batch.ts'
import { type Disk, readWhole } from '../disk.ts'
import type { AbortedTransaction, CleanableSegment, CleanedSegment, CleaningPlan } from '../engine.ts'
import { decodeAborted } from '../local/aborted-entries.ts'
import { entryRelativeOffset, floorEntry, offsetEntryBytes } from '../local/index-entries.ts'
import { segmentFile } from '../local/segment-names.ts'
import { BatchFilter } from './batch-filter.ts'
import { eachChunk } from './chunks.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { CleanedWriter } from './cleaned-writer.ts'
import { KeyHash } from './key-hash.ts'
import { OffsetMap } from './offset-map.ts'
import { groupSegments, type SizedSegment } from './segment-groups.ts'

/** Where, what and how a log is cleaned. */
export type CleaningOptions = {
  readonly disk: Disk
  readonly plan: CleaningPlan
  readonly nowMs: number
  readonly random: Random
  /** Memory for keys, and which part of it may be filled (Kafka's log.cleaner.dedupe.buffer.size and io.buffer.load.factor). */
  readonly keyBytesMax: number
  readonly keyLoadFactor: number
  /** What one step reads, unless a batch is larger. */
  readonly chunkBytes: number
}

/** A pause in a cleaning: so many bytes were moved since the last one, and perhaps a segment is to be put in its place. */
export type CleaningPause = { readonly movedBytes: number; readonly cleaned: CleanedSegment | undefined }

/** What a cleaning did. */
export type CleaningOutcome = {
  /** Behind what needs no cleaning any more. */
  readonly cleanedEnd: Offset
  /** False where it was called off: then cleanedEnd means nothing. */
  readonly isFinished: boolean
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly recordsRead: number
  readonly recordsKept: number
  /** False where the memory for keys was full before the plan's end: another round is to follow. */
  readonly areAllKeysNoted: boolean
}

/** Answers each pause with whether to go on: the segment was put in its place, and nobody called the cleaning off. */
export type Cleaning = Generator<CleaningPause, CleaningOutcome, boolean>

/**
 * Cleans a log. Nothing of it changes but by those who take the cleaned segments. Throws the disk's errors, ENOENT where a
 * segment has gone meanwhile, and DecodeError where a batch is damaged; what was written and not taken is removed again.
 */
export function* cleanLog(options: CleaningOptions): Cleaning {
  const { disk, plan, nowMs } = options
  const { segments, firstDirtyOffset, producers, deleteRetentionMs } = plan
  const endOffset = segments.at(-1)?.endOffset ?? 0
  const aborted = readAborted(disk, plan, endOffset)
  const offsets = new OffsetMap({
    hash: new KeyHash(options.random.uuid()),
    bytesMax: options.keyBytesMax,
    loadFactor: options.keyLoadFactor,
    keysMax: endOffset - firstDirtyOffset,
  })
  const outcome = { bytesRead: 0, bytesWritten: 0, isFinished: false }
  const isRead = yield* noteKeys(options, offsets, aborted)
  let writer: CleanedWriter | undefined
  const transactions = new CleanedTransactions(aborted, (transaction) => writer?.abort(transaction))
  const filter = new BatchFilter({ offsets, transactions, producers, nowMs, deleteRetentionMs })
  const cleanedEnd = offsets.latestOffset + 1
  const sized = segments.filter(({ baseOffset }) => baseOffset < cleanedEnd).map((one) => withIndexSizes(options, one))
  try {
    outcome.isFinished = isRead
    for (const group of groupSegments(sized, plan.settings)) {
      if (!outcome.isFinished) break
      const { directory, settings } = plan
      writer = new CleanedWriter({ disk, directory, indexIntervalBytes: settings.indexIntervalBytes }, group)
      outcome.isFinished = yield* cleanGroup(options, group, filter, writer)
      if (!outcome.isFinished) break
      const cleaned = writer.finish()
      outcome.bytesWritten += cleaned.sizeBytes
      for (const { sizeBytes } of group) outcome.bytesRead += sizeBytes
      outcome.isFinished = yield { movedBytes: 0, cleaned }
      if (outcome.isFinished) writer = undefined
    }
  } finally {
    writer?.discard()
  }
  const { recordsRead, recordsKept } = filter
  return { ...outcome, cleanedEnd, recordsRead, recordsKept, areAllKeysNoted: cleanedEnd === endOffset }
}

/** Notes the latest offset of each key from the first dirty offset on, as far as there is room. False: called off. */
function* noteKeys(
  options: CleaningOptions,
  offsets: OffsetMap,
  aborted: readonly AbortedTransaction[],
): Generator<CleaningPause, boolean, boolean> {
  const { disk, plan, chunkBytes } = options
  const { firstDirtyOffset } = plan
  // Of those that ended before, no marker will be seen.
  const ongoing = aborted.filter(({ lastOffset }) => lastOffset >= firstDirtyOffset)
  const transactions = new CleanedTransactions(ongoing, () => undefined)
  const records = new BatchRecords()
  for (const segment of plan.segments) {
    if (segment.endOffset <= firstDirtyOffset) continue
    const position = positionOf(options, segment, firstDirtyOffset)
    for (const chunk of eachChunk({ disk, directory: plan.directory, segment, position, chunkBytes })) {
      for (const at of chunk.batches) {
        const isSpent = transactions.isSpent(chunk.bytes, at)
        const isNoted = isSpent || batchIsControl(chunk.bytes, at)
        if (!isNoted && !noteBatch(chunk.bytes, at, { records, offsets, firstDirtyOffset })) return true
        const lastOffset = batchLastOffset(chunk.bytes, at)
        if (lastOffset >= firstDirtyOffset) offsets.latestOffset = lastOffset
      }
      if (!(yield { movedBytes: chunk.bytes.length, cleaned: undefined })) return false
    }
    // Offsets may be missing at the segment's end.
    offsets.latestOffset = segment.endOffset - 1
  }
  return true
}

/** False where there is no room for another key. */
function noteBatch(
  bytes: Buffer,
  at: number,
  to: { readonly records: BatchRecords; readonly offsets: OffsetMap; readonly firstDirtyOffset: Offset },
): boolean {
  const { records, offsets, firstDirtyOffset } = to
  records.read(bytes, at)
  const baseOffset = batchBaseOffset(bytes, at)
  for (let index = 0; index < records.count; index++) {
    const keyStart = records.keyStarts[index] ?? -1
    const offset = baseOffset + (records.offsetDeltas[index] ?? 0)
    if (keyStart < 0 || offset < firstDirtyOffset) continue
    if (!offsets.put(records.bytes, keyStart, records.keyEnds[index] ?? 0, offset)) return false
  }
  return true
}

/** Writes what is left of a group of segments. False: called off. */
function* cleanGroup(
  options: CleaningOptions,
  group: readonly CleanableSegment[],
  filter: BatchFilter,
  writer: CleanedWriter,
): Generator<CleaningPause, boolean, boolean> {
  const { disk, plan, chunkBytes } = options
  const last = group.findLast(({ sizeBytes }) => sizeBytes > 0)
  for (const segment of group) {
    for (const chunk of eachChunk({ disk, directory: plan.directory, segment, position: 0, chunkBytes })) {
      const runs: Buffer[] = []
      for (const [place, at] of chunk.batches.entries()) {
        const end = chunk.batches[place + 1] ?? chunk.bytes.length
        // The last batch stays, so that where the segment ends can be told from its files alone.
        const isEnd = segment === last && chunk.isLast && end === chunk.bytes.length
        const left = filter.filter(chunk.bytes, at, isEnd)
        if (left === undefined) continue
        const kept = left === 'whole' ? chunk.bytes.subarray(at, end) : left
        runs.push(kept)
        writer.account(kept, 0, kept.length)
      }
      const movedBytes = chunk.bytes.length + writer.append(runs)
      if (!(yield { movedBytes, cleaned: undefined })) return false
    }
  }
  return true
}

/** The aborted transactions with data among what is cleaned, wherever their markers are. */
function readAborted(disk: Disk, plan: CleaningPlan, endOffset: Offset): AbortedTransaction[] {
  const bases = [...plan.segments.map(({ baseOffset }) => baseOffset), ...plan.laterBases]
  return bases.flatMap((baseOffset) => {
    const bytes = readWhole(disk, `${plan.directory}/${segmentFile(baseOffset, 'txnindex')}`)
    return bytes === undefined ? [] : decodeAborted(bytes).filter(({ firstOffset }) => firstOffset < endOffset)
  })
}

function positionOf({ disk, plan }: CleaningOptions, { baseOffset }: CleanableSegment, offset: Offset): number {
  if (offset <= baseOffset) return 0
  const index = readWhole(disk, `${plan.directory}/${segmentFile(baseOffset, 'index')}`) ?? Buffer.alloc(0)
  const entry = floorEntry(index, offsetEntryBytes, offset - baseOffset, entryRelativeOffset)
  return entry < 0 ? 0 : index.readInt32BE(entry + 4)
}

function withIndexSizes({ disk, plan }: CleaningOptions, segment: CleanableSegment): SizedSegment {
  const sizeOf = (kind: 'index' | 'timeindex'): number =>
    disk.sizeOf(`${plan.directory}/${segmentFile(segment.baseOffset, kind)}`) ?? 0
  return { ...segment, indexBytes: sizeOf('index'), timeIndexBytes: sizeOf('timeindex') }
}
