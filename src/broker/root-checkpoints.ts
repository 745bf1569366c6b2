/** Writes Kafka's offset checkpoints at the data folder's root, for an Apache Kafka that may take the folder over. */

import { type CatalogTopic, partitionDirectory } from '../base/topology.ts'
import type { Disk } from '../log/disk.ts'
import { readCheckpoint } from '../log/local/checkpoint.ts'
import { offsetCheckpoints, type PartitionOffset, writeOffsetCheckpoint } from '../log/local/offset-checkpoint.ts'
import type { PartitionTable } from '../ring/table.ts'

/**
 * Called once every log is closed. Partitions that nothing was ever written to have no folder, and no line. Throws the disk's errors.
 */
export function writeRootCheckpoints(disk: Disk, table: PartitionTable, topics: Iterable<CatalogTopic>): void {
  const starts: PartitionOffset[] = []
  const recoveryPoints: PartitionOffset[] = []
  const highWatermarks: PartitionOffset[] = []
  for (const { name: topic, settings, partitions } of topics) {
    if (settings.storage !== 'local') continue
    for (const { index: partition, slot } of partitions) {
      const highWatermark = table.highWatermark(slot)
      if (highWatermark === 0) continue
      const start = table.logStartOffset(slot)
      const { recoveryPoint } = readCheckpoint(disk, partitionDirectory(topic, partition))
      if (start > 0) starts.push({ topic, partition, offset: start })
      recoveryPoints.push({ topic, partition, offset: recoveryPoint })
      highWatermarks.push({ topic, partition, offset: highWatermark })
    }
  }
  writeOffsetCheckpoint(disk, offsetCheckpoints.logStart, starts, disk.isDurable)
  writeOffsetCheckpoint(disk, offsetCheckpoints.recoveryPoint, recoveryPoints, disk.isDurable)
  writeOffsetCheckpoint(disk, offsetCheckpoints.replication, highWatermarks, disk.isDurable)
}
