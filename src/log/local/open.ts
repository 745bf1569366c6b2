/** Opens the log of one partition: recovers its folder, hands out the producers' state, and makes the engine. */

import type { Offset } from '../../base/ids.ts'
import { nothingRecovered, type Recovery } from '../../base/topology.ts'
import type { AbortedTransaction, Engine, ProducerSnapshot } from '../engine.ts'
import { abortedEndOf, writeAbortedIndexes } from './aborted-recovery.ts'
import { noCheckpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { type Folder, syncFile, syncIndexes } from './index-recovery.ts'
import { beginEpoch } from './leader-epochs.ts'
import { LocalLog, type LocalLogOptions } from './log.ts'
import { ownerOf, syncPartitionFilesNow, writeOwner } from './partition-files.ts'
import { loadSnapshot } from './producer-snapshots.ts'
import { recoverSegments } from './recovery.ts'
import { removeFolder } from './rolled-segment.ts'
import { segmentFile } from './segment-names.ts'
import { visitBatches } from './visit-batches.ts'

export type OpenLocalLogOptions = LocalLogOptions & {
  readonly visitSnapshot?: (snapshot: ProducerSnapshot) => boolean
  readonly endOffsetMax?: Offset
  readonly visitBatch?: (bytes: Buffer, at: number, sizeBytes: number) => AbortedTransaction | undefined
}

/** Throws where files can't be read, or can't be repaired. */
export function openLocalLog(options: OpenLocalLogOptions): { engine: Engine; recovery: Recovery } {
  const { disk, directory, topicId } = options
  let recovery = nothingRecovered
  if (disk.exists(directory)) {
    const owner = ownerOf(disk, directory, topicId)
    if (owner === 'unknown' && disk.isDurable) writeOwner(disk, directory, topicId)
    if (owner !== 'another') return openFolder(options)
    removeFolder(disk, directory, options.random.uuid())
    recovery = { checkedBytes: 0, repairs: 'removed the folder of a deleted topic of the same name' }
  }
  return { engine: new LocalLog(options, { rolled: [], active: undefined }, noCheckpoint), recovery }
}

function openFolder(options: OpenLocalLogOptions): { engine: Engine; recovery: Recovery } {
  const { disk, directory, settings, leaderEpoch } = options
  const found = readCheckpoint(disk, directory)
  const folder = { disk, directory, indexIntervalBytes: settings.indexIntervalBytes }
  const segments = recoverSegments(folder, found, options.endOffsetMax)
  const { rolled, active } = segments
  if (active === undefined) {
    // A log start that outlived its log would hide what is written anew below it.
    if (found.startOffset > 0) writeCheckpoint(disk, directory, noCheckpoint, disk.isDurable)
    return { engine: new LocalLog(options, segments, noCheckpoint), recovery: segments.recovery }
  }
  const startOffset = Math.min(found.startOffset, active.summary.endOffset)
  const ranges = [...rolled, { baseOffset: active.baseOffset, endOffset: active.summary.endOffset }]
  const abortedFrom = earlier(segments.abortedFrom, found.abortedFrom)
  const aborted = handOutProducers(options, ranges, abortedFrom)
  const isLeftToOthers = options.visitBatch === undefined
  if (abortedFrom !== undefined && !isLeftToOthers) {
    const remade = ranges.filter(({ baseOffset }) => baseOffset >= abortedFrom)
    active.summary.abortedEntries = writeAbortedIndexes(folder, remade, aborted)
  }
  let checkpoint = found
  if (segments.isChanged || abortedFrom !== undefined) {
    // What recovery calls written must be synced where that is what 'readable' means.
    if (settings.sync !== 'never') syncFile(disk, `${directory}/${segmentFile(active.baseOffset, 'log')}`)
    // So must the names, and the last indexes, of what counts as checked from now on.
    if (disk.isDurable) syncFolder(folder, active.baseOffset)
    const left = abortedFrom !== undefined && isLeftToOthers ? { abortedFrom } : {}
    checkpoint = { startOffset, recoveryPoint: active.baseOffset, closed: active, ...left }
    writeCheckpoint(disk, directory, checkpoint, disk.isDurable && found.startOffset > 0)
  }
  // Most partitions know of no other epoch than 0, and their start should not take another file.
  if (leaderEpoch > 0) beginEpoch(disk, directory, { epoch: leaderEpoch, startOffset: active.summary.endOffset })
  const engine = new LocalLog(options, segments, checkpoint, abortedEndOf(folder, ranges))
  return { engine, recovery: segments.recovery }
}

function syncFolder(folder: Folder, lastBase: Offset): void {
  const { disk, directory } = folder
  syncIndexes(folder, lastBase)
  syncPartitionFilesNow(disk, directory)
  disk.syncDirectory(directory)
  disk.syncDirectory('')
}

/** Tells of producers what a snapshot and the batches behind it say; answers the transactions that were aborted there. */
function handOutProducers(
  options: OpenLocalLogOptions,
  ranges: readonly { readonly baseOffset: Offset; readonly endOffset: Offset }[],
  abortedFrom: Offset | undefined,
): AbortedTransaction[] {
  const { disk, directory, settings, visitSnapshot, visitBatch } = options
  const endOffset = ranges.at(-1)?.endOffset ?? 0
  const at = { endOffset, offsetMax: abortedFrom ?? endOffset }
  const snapshot = loadSnapshot(disk, directory, at, visitSnapshot)
  const aborted: AbortedTransaction[] = []
  if (visitBatch === undefined) return aborted
  // Deleted records that are still there count as well: without them a producer's next sequence would look like a gap.
  const fromOffset = snapshot?.offset ?? 0
  const folder = { disk, directory, indexIntervalBytes: settings.indexIntervalBytes }
  visitBatches(folder, ranges, fromOffset, (bytes, at, sizeBytes) => {
    const found = visitBatch(bytes, at, sizeBytes)
    if (found !== undefined) aborted.push(found)
  })
  return aborted
}

function earlier(first: Offset | undefined, second: Offset | undefined): Offset | undefined {
  if (first === undefined || second === undefined) return first ?? second
  return Math.min(first, second)
}
