/** Opens the log of one partition: recovers its folder, hands out the producers' state, and makes the engine. */

import type { Offset } from '../../base/ids.ts'
import type { Disk } from '../disk.ts'
import type { Engine, ProducerSnapshot } from '../engine.ts'
import { noCheckpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { LocalLog, type LocalLogOptions, type OpenedSegments } from './log.ts'
import { belongsToAnother } from './partition-files.ts'
import { loadSnapshot } from './producer-snapshots.ts'
import { recoverSegments, visitBatches } from './recovery.ts'
import { segmentFile } from './segment-names.ts'

export type OpenLocalLogOptions = LocalLogOptions & {
  readonly visitSnapshot?: (snapshot: ProducerSnapshot) => void
  readonly visitBatch?: (bytes: Buffer, at: number, sizeBytes: number) => void
}

/** `recovery` says what was done, '' for nothing. Throws where files can't be read, or can't be repaired. */
export function openLocalLog(options: OpenLocalLogOptions): { engine: Engine; recovery: string } {
  const { disk, directory, topicId } = options
  if (!disk.exists(directory)) {
    return { engine: new LocalLog(options, { rolled: [], active: undefined, checkpoint: noCheckpoint }), recovery: '' }
  }
  if (belongsToAnother(disk, directory, topicId)) {
    disk.remove(directory)
    const engine = new LocalLog(options, { rolled: [], active: undefined, checkpoint: noCheckpoint })
    return { engine, recovery: 'removed the folder of a deleted topic of the same name' }
  }
  const { opened, recovery } = recoverFolder(options)
  handOutProducers(options, opened)
  return { engine: new LocalLog(options, opened), recovery }
}

function recoverFolder(options: OpenLocalLogOptions): { opened: OpenedSegments; recovery: string } {
  const { disk, directory, settings } = options
  const found = readCheckpoint(disk, directory)
  const folder = { disk, directory, indexIntervalBytes: settings.indexIntervalBytes }
  const { rolled, active, isChanged, sentence } = recoverSegments(folder, found)
  if (active === undefined || !isChanged) return { opened: { rolled, active, checkpoint: found }, recovery: sentence }
  syncLog(disk, `${directory}/${segmentFile(active.baseOffset, 'log')}`)
  const checkpoint = { startOffset: found.startOffset, recoveryPoint: active.baseOffset, closed: active }
  writeCheckpoint(disk, directory, checkpoint)
  return { opened: { rolled, active, checkpoint }, recovery: sentence }
}

function syncLog(disk: Disk, path: string): void {
  const file = disk.open(path, 'write')
  try {
    file.sync()
  } finally {
    file.close()
  }
}

function handOutProducers(options: OpenLocalLogOptions, opened: OpenedSegments): void {
  const { disk, directory, settings, visitSnapshot, visitBatch } = options
  const { rolled, active, checkpoint } = opened
  if (active === undefined) return
  const endOffset = active.summary.endOffset
  const snapshot = loadSnapshot(disk, directory, endOffset)
  if (snapshot !== undefined) visitSnapshot?.(snapshot)
  if (visitBatch === undefined) return
  const fromOffset: Offset = Math.max(snapshot?.offset ?? 0, checkpoint.startOffset)
  const segments = [...rolled, { baseOffset: active.baseOffset, endOffset }]
  visitBatches({ disk, directory, indexIntervalBytes: settings.indexIntervalBytes }, segments, fromOffset, visitBatch)
}
