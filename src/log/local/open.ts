/** Opens the log of one partition: recovers its folder, hands out the producers' state, and makes the engine. */

import type { Offset } from '../../base/ids.ts'
import type { Engine, ProducerSnapshot } from '../engine.ts'
import { type Checkpoint, noCheckpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { LocalLog, type LocalLogOptions } from './log.ts'
import { belongsToAnother } from './partition-files.ts'
import { loadSnapshot } from './producer-snapshots.ts'
import { recoverSegments, syncLog, visitBatches } from './recovery.ts'
import { removeFolder } from './rolled-segment.ts'
import { segmentFile } from './segment-names.ts'
import type { FoundSegments } from './segments.ts'

export type OpenLocalLogOptions = LocalLogOptions & {
  readonly visitSnapshot?: (snapshot: ProducerSnapshot) => void
  readonly visitBatch?: (bytes: Buffer, at: number, sizeBytes: number) => void
}

/** `recovery` says what was done, '' for nothing. Throws where files can't be read, or can't be repaired. */
export function openLocalLog(options: OpenLocalLogOptions): { engine: Engine; recovery: string } {
  const { disk, directory, topicId } = options
  let recovery = ''
  if (disk.exists(directory)) {
    if (!belongsToAnother(disk, directory, topicId)) return openFolder(options)
    removeFolder(disk, directory, options.random.uuid())
    recovery = 'removed the folder of a deleted topic of the same name'
  }
  return { engine: new LocalLog(options, { rolled: [], active: undefined }, noCheckpoint), recovery }
}

function openFolder(options: OpenLocalLogOptions): { engine: Engine; recovery: string } {
  const { disk, directory, settings } = options
  const found = readCheckpoint(disk, directory)
  const folder = { disk, directory, indexIntervalBytes: settings.indexIntervalBytes }
  const segments = recoverSegments(folder, found)
  const { active } = segments
  let checkpoint = found
  if (active !== undefined && segments.isChanged) {
    // What recovery calls written must be synced where that is what 'readable' means.
    if (settings.sync !== 'never') syncLog(disk, `${directory}/${segmentFile(active.baseOffset, 'log')}`)
    checkpoint = { startOffset: found.startOffset, recoveryPoint: active.baseOffset, closed: active }
    writeCheckpoint(disk, directory, checkpoint, disk.isDurable && checkpoint.startOffset > 0)
  }
  handOutProducers(options, segments, checkpoint)
  return { engine: new LocalLog(options, segments, checkpoint), recovery: segments.sentence }
}

function handOutProducers(options: OpenLocalLogOptions, found: FoundSegments, checkpoint: Checkpoint): void {
  const { disk, directory, settings, visitSnapshot, visitBatch } = options
  const { rolled, active } = found
  if (active === undefined) return
  const endOffset = active.summary.endOffset
  const snapshot = loadSnapshot(disk, directory, endOffset)
  if (snapshot !== undefined) visitSnapshot?.(snapshot)
  if (visitBatch === undefined) return
  const fromOffset: Offset = Math.max(snapshot?.offset ?? 0, checkpoint.startOffset)
  const segments = [...rolled, { baseOffset: active.baseOffset, endOffset }]
  visitBatches({ disk, directory, indexIntervalBytes: settings.indexIntervalBytes }, segments, fromOffset, visitBatch)
}
