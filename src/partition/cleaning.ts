/** Compaction as an owner sees it: which of its logs is dirtiest, and when a cleaned segment may take its place. */

import { messageOf } from '../base/errors.ts'
import type { Offset, PartitionSlot } from '../base/ids.ts'
import type { DirtiestLog } from '../broker/remotes.ts'
import type { CleanedSegment, LastOfProducer } from '../log/engine.ts'
import { slotAfter } from '../ring/cursor.ts'
import type { Ring } from '../ring/ring.ts'
import type { PartitionTable } from '../ring/table.ts'
import type { Partition } from './partition.ts'

/** The dirtiest log of those that are to be cleaned, and those that could not be looked at. */
export function dirtiestLog(
  partitions: Iterable<Partition>,
  except: ReadonlySet<PartitionSlot>,
  nowMs: number,
): DirtiestLog {
  let dirtiest: DirtiestLog['dirtiest']
  const failed: { slot: PartitionSlot; reason: string }[] = []
  for (const partition of partitions) {
    const { slot, cleanedEnd, engine } = partition
    if (!partition.settings.isCompacted || partition.state !== 'online' || except.has(slot)) continue
    try {
      const stableEnd = partition.transactions.lastStableOffset(partition.highWatermark)
      const dirty = engine.dirtyLog({ cleanedEnd, stableEnd, nowMs, producers: () => lastOfProducers(partition) })
      if (dirty !== undefined && dirty.dirtyRatio > (dirtiest?.dirtyRatio ?? 0)) dirtiest = { slot, ...dirty }
    } catch (thrown) {
      failed.push({ slot, reason: messageOf(thrown) })
    }
  }
  return { dirtiest, failed }
}

/** What must stay in the log so that each known producer can be made out from it again. */
function lastOfProducers(partition: Partition): ReadonlyMap<number, LastOfProducer> {
  const facts = partition.producers.facts()
  return new Map(facts.map(({ producerId, lastOffset, epoch }) => [producerId, { lastOffset, epoch }]))
}

/**
 * Puts a cleaned segment in the place of others; false where that is no more possible. What the ring holds of its offsets is
 * retired first: readers of the ring look up aborted transactions in the segments, which may know nothing of data that is gone.
 */
export function replaceSegments(
  partition: Partition,
  table: PartitionTable,
  cleaned: CleanedSegment,
): Promise<boolean> {
  return partition.engine.replaceSegments(cleaned, {
    begin: () => {
      if (partition.ring !== undefined && !retireBelow(partition.ring, cleaned.endOffset)) return false
      table.bumpRewrites(partition.slot)
      return true
    },
    end: () => table.bumpRewrites(partition.slot),
  })
}

/** Retires all slots that end below an offset; false where one was not answered yet. */
function retireBelow(ring: Ring, offset: Offset): boolean {
  const readable = ring.readable()
  let end = ring.retired()
  while (end !== readable && ring.lastOffset(end) < offset) {
    if (!ring.isAnswered(end)) return false
    end = slotAfter(end)
  }
  ring.retire(end)
  return true
}
