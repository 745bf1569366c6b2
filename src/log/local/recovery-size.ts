/** How much there is to check in a partition's folder, so that progress can be told before it is made. */

import type { Disk } from '../disk.ts'
import { readCheckpoint } from './checkpoint.ts'
import { offsetsNamed, segmentFile } from './segment-names.ts'

/** Bytes of the segments that recovery will read: those that may not be whole on disk. 0 for a folder that was closed in order. */
export function bytesToCheck(disk: Disk, directory: string): number {
  const { recoveryPoint, closed } = readCheckpoint(disk, directory)
  const bases = offsetsNamed(disk.list(directory), 'log')
  const sizeOf = (baseOffset: number): number => disk.sizeOf(`${directory}/${segmentFile(baseOffset, 'log')}`) ?? 0
  const lastBase = bases.at(-1)
  if (lastBase === undefined) return 0
  if (closed?.baseOffset === lastBase && closed.summary.sizeBytes === sizeOf(lastBase)) return 0
  const first = bases.findIndex((_, place) => (bases[place + 1] ?? Number.POSITIVE_INFINITY) > recoveryPoint)
  return bases.slice(first).reduce((bytes, baseOffset) => bytes + sizeOf(baseOffset), 0)
}
