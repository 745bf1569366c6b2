/** Files `<offset>.snapshot` with the state of a partition's producers, so that a restart need not read the whole log for it. */

import type { Offset } from '../../base/ids.ts'
import { type Disk, readWhole, replaceWhole } from '../disk.ts'
import type { ProducerSnapshot } from '../engine.ts'
import { offsetsNamed, segmentFile } from './segment-names.ts'

/**
 * Writes a snapshot, durably if `isSynced`. Of the others it keeps those from the last one at or below `recoveryPoint` on: after
 * a crash, the transactions of the segments behind that are looked through once more, and the producers are told from there.
 */
export function saveSnapshot(
  disk: Disk,
  directory: string,
  snapshot: ProducerSnapshot,
  at: { readonly recoveryPoint: Offset; readonly isSynced: boolean },
): void {
  replaceWhole(disk, `${directory}/${segmentFile(snapshot.offset, 'snapshot')}`, snapshot.bytes, at.isSynced)
  const offsets = offsetsNamed(disk.list(directory), 'snapshot')
  const oldestKept = offsets.findLast((offset) => offset <= at.recoveryPoint) ?? 0
  for (const offset of offsets) {
    if (offset < oldestKept) disk.remove(`${directory}/${segmentFile(offset, 'snapshot')}`)
  }
}

/**
 * The newest snapshot at or below `offsetMax` that is usable; those that are not, and those beyond `endOffset`, which tell of
 * batches that recovery cut off, are removed.
 */
export function loadSnapshot(
  disk: Disk,
  directory: string,
  at: { readonly endOffset: Offset; readonly offsetMax: Offset },
  isUsable: (snapshot: ProducerSnapshot) => boolean = () => true,
): ProducerSnapshot | undefined {
  for (const offset of offsetsNamed(disk.list(directory), 'snapshot').toReversed()) {
    const path = `${directory}/${segmentFile(offset, 'snapshot')}`
    if (offset <= at.offsetMax) {
      const bytes = readWhole(disk, path)
      const snapshot = bytes === undefined ? undefined : { offset, bytes }
      if (snapshot !== undefined && isUsable(snapshot)) return snapshot
      disk.remove(path)
    } else if (offset > at.endOffset) disk.remove(path)
  }
  return undefined
}
