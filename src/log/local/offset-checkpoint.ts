/** Kafka's files at a data folder's root that hold one offset of each partition (OffsetCheckpointFile). */

import type { Offset } from '../../base/ids.ts'
import { type Disk, readWhole, replaceWhole } from '../disk.ts'

/** An offset of one partition. */
export type PartitionOffset = { readonly topic: string; readonly partition: number; readonly offset: Offset }

/** Which offsets a file holds. */
export const offsetCheckpoints = {
  /** Where logs begin that DeleteRecords cut within their first segment. */
  logStart: 'log-start-offset-checkpoint',
  /** Below these, logs are surely on the disk. */
  recoveryPoint: 'recovery-point-offset-checkpoint',
  /** High watermarks. */
  replication: 'replication-offset-checkpoint',
} as const

const fileVersion = 0

/** A file's offsets; none where it is missing or makes no sense: whoever needs them then looks at the log itself. */
export function readOffsetCheckpoint(disk: Disk, name: string): PartitionOffset[] {
  const [version, count, ...lines] = (readWhole(disk, name)?.toString() ?? '').split('\n')
  if (Number(version) !== fileVersion || !(Number(count) >= 0)) return []
  const offsets = lines.slice(0, Number(count)).map((line) => {
    const [topic = '', partition, offset] = line.split(' ')
    return { topic, partition: Number(partition), offset: Number(offset) }
  })
  const isSound = ({ partition, offset }: PartitionOffset): boolean =>
    Number.isInteger(partition) && Number.isInteger(offset) && offset >= 0
  return offsets.every(isSound) ? offsets : []
}

/** Replaces a file. `isSynced` makes it durable too. */
export function writeOffsetCheckpoint(
  disk: Disk,
  name: string,
  offsets: readonly PartitionOffset[],
  isSynced: boolean,
): void {
  const lines = offsets.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}\n`)
  replaceWhole(disk, name, Buffer.from(`${fileVersion}\n${offsets.length}\n${lines.join('')}`), isSynced)
}
