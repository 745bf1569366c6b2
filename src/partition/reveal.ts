/** The third stage: makes what is safe visible to readers and to those who wait for an outcome. */

import { slotAfter, slotDistance } from '../ring/cursor.ts'
import type { Ring } from '../ring/ring.ts'
import { Verdict } from '../ring/slot.ts'
import type { PartitionTable } from '../ring/table.ts'
import type { Partition } from './partition.ts'

/** Moves the high watermark and the last stable offset, and then `readable`. Answers how many slots became readable. */
export function reveal(partition: Partition, ring: Ring, table: PartitionTable): number {
  const first = ring.readable()
  const isSyncAwaited = partition.settings.sync === 'every' && partition.settings.storage !== 'ring'
  const end = isSyncAwaited ? ring.synced() : ring.written()
  // `readable` never goes back, also not when the sync policy becomes stricter while batches are on their way.
  if (slotDistance(first, end) <= 0) return 0
  for (let slot = first; slot !== end; slot = slotAfter(slot)) {
    if (ring.verdict(slot) === Verdict.accepted) partition.highWatermark = ring.lastOffset(slot) + 1
  }
  publishOffsets(partition, table)
  ring.setReadable(end)
  return slotDistance(first, end)
}

/** Writes the partition's offsets into the table, which must happen before the cursor that reveals them moves. */
export function publishOffsets(partition: Partition, table: PartitionTable): void {
  table.setLogStartOffset(partition.slot, partition.startOffset)
  table.setAbortedEnd(partition.slot, partition.engine.abortedEnd)
  table.setHighWatermark(partition.slot, partition.highWatermark)
  const stableOffset = partition.transactions.lastStableOffset(partition.highWatermark)
  // Data of an open transaction may have been deleted.
  table.setLastStableOffset(partition.slot, Math.max(stableOffset, partition.startOffset))
}

/** Writes the partition's log start alone into the table. Data of an open transaction may be among what was deleted. */
export function publishStart(partition: Partition, table: PartitionTable): void {
  const { slot, startOffset } = partition
  table.setLogStartOffset(slot, startOffset)
  if (table.lastStableOffset(slot) < startOffset) table.setLastStableOffset(slot, startOffset)
}
