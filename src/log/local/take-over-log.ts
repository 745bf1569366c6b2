/** Makes one partition's folder, as Apache Kafka left it, one that recovery understands. Nothing of Kafka's is touched. */

import type { Offset } from '../../base/ids.ts'
import type { Disk } from '../disk.ts'
import { writeCheckpoint } from './checkpoint.ts'
import { offsetsNamed, segmentFile } from './segment-names.ts'

/** The magic byte's place in all of Kafka's formats, old ones too. */
const magicAt = 16
const magicServed = 2

/** What Kafka's checkpoints say of a partition. */
export type KafkaOffsets = { readonly startOffset: Offset; readonly recoveryPoint: Offset }

/** Notes what Kafka knew; from there on recovery checks the log. */
export function takeOverLog(disk: Disk, directory: string, offsets: KafkaOffsets): void {
  writeCheckpoint(disk, directory, offsets, disk.isDurable)
}

/**
 * The name of the first segment that begins with batches of a format from before Kafka 0.11, which are not served; undefined
 * where there is none. Later segments cannot hold any once one begins with the present format.
 */
export function oldFormatSegment(disk: Disk, directory: string): string | undefined {
  const magic = Buffer.alloc(1)
  for (const baseOffset of offsetsNamed(disk.list(directory), 'log')) {
    const name = segmentFile(baseOffset, 'log')
    const file = disk.open(`${directory}/${name}`, 'read')
    try {
      if (file.read(magic, magicAt) === magic.length && magic.readInt8(0) < magicServed) return name
    } finally {
      file.close()
    }
  }
  return undefined
}
