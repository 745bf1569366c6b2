/** Files `<offset>.snapshot` with the state of a partition's producers, so that a restart need not read the whole log for it. */

import type { Offset } from '../../base/ids.ts'
import { type Disk, readWhole, replaceWhole } from '../disk.ts'
import type { ProducerSnapshot } from '../engine.ts'
import { offsetsNamed, segmentFile } from './segment-names.ts'

/** Writes a snapshot, durably if `isSynced`, and removes all others. Throws the disk's errors. */
export function saveSnapshot(disk: Disk, directory: string, snapshot: ProducerSnapshot, isSynced: boolean): void {
  replaceWhole(disk, `${directory}/${segmentFile(snapshot.offset, 'snapshot')}`, snapshot.bytes, isSynced)
  for (const offset of offsetsNamed(disk.list(directory), 'snapshot')) {
    if (offset !== snapshot.offset) disk.remove(`${directory}/${segmentFile(offset, 'snapshot')}`)
  }
}

/** The newest snapshot at or below `endOffset`; later ones tell of batches that recovery cut off, and are removed. */
export function loadSnapshot(disk: Disk, directory: string, endOffset: Offset): ProducerSnapshot | undefined {
  let newest: Offset | undefined
  for (const offset of offsetsNamed(disk.list(directory), 'snapshot')) {
    if (offset <= endOffset) newest = offset
    else disk.remove(`${directory}/${segmentFile(offset, 'snapshot')}`)
  }
  if (newest === undefined) return undefined
  const bytes = readWhole(disk, `${directory}/${segmentFile(newest, 'snapshot')}`)
  return bytes === undefined ? undefined : { offset: newest, bytes }
}
