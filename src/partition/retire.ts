/** The fourth stage: gives ring memory back to writers, late enough for hot reads and early enough for them not to wait. */

import { assert } from '../base/assert.ts'
import { slotAfter, slotDistance } from '../ring/cursor.ts'
import type { Ring } from '../ring/ring.ts'
import type { PartitionTable } from '../ring/table.ts'
import type { Partition } from './partition.ts'
import { publishStart } from './reveal.ts'

/**
 * How long a full ring is left before the owner looks again whether its slots have been answered. Fronts ring the owner
 * after answering while somebody waits for room; this is for those who cannot, such as a connection that went away.
 */
export const roomRetryMs = 5

/**
 * Which part of a ring is kept free without anyone asking. Where segments hold the data too, half: an entry may take half
 * of a ring, and so it finds room at once. In a `ring` topic what retires is lost, so an eighth.
 */
const freeShareWithLog = 1 / 2
const freeShareRingOnly = 1 / 8

/**
 * Retires the oldest slots that are readable and answered, as far as room is wanted; `isRoomAwaited` says that a writer
 * found the ring full. Answers how many slots.
 */
export function retire(partition: Partition, ring: Ring, table: PartitionTable, isRoomAwaited: boolean): number {
  const first = ring.retired()
  const end = endOfRetired(partition, ring, first, isRoomAwaited)
  if (end === first) return 0
  if (partition.settings.storage === 'ring' && partition.state === 'online') {
    moveStart(partition, table, ring.lastOffset(slotAfter(end, -1)) + 1)
  }
  ring.retire(end)
  return slotDistance(first, end)
}

function endOfRetired(partition: Partition, ring: Ring, first: number, isRoomAwaited: boolean): number {
  const share = partition.settings.storage === 'ring' ? freeShareRingOnly : freeShareWithLog
  const usedBytes = ring.usedBytes()
  const usedSlots = ring.usedSlots()
  // How much a waiting writer wants is not known. Each time that what is free was too little, it is doubled.
  const keptBytesMax = keptMax({ size: ring.dataBytes, used: usedBytes, share, isRoomAwaited })
  const keptSlotsMax = keptMax({ size: ring.slotCount, used: usedSlots, share, isRoomAwaited })
  const readable = ring.readable()
  let end = first
  let keptBytes = usedBytes
  let keptSlots = usedSlots
  while (end !== readable && (keptBytes > keptBytesMax || keptSlots > keptSlotsMax)) {
    if (!ring.isAnswered(end)) break
    keptBytes -= ring.length(end)
    keptSlots--
    end = slotAfter(end)
  }
  return end
}

function keptMax(part: { size: number; used: number; share: number; isRoomAwaited: boolean }): number {
  const free = part.size - part.used
  const wanted = part.isRoomAwaited ? Math.max(2 * free, part.size * part.share) : part.size * part.share
  return part.size - wanted
}

/** Moves a partition's log start up to `offset`; readers see that before the data goes. */
export function moveStart(partition: Partition, table: PartitionTable, offset: number): void {
  if (offset <= partition.startOffset) return
  assert(offset <= partition.highWatermark, 'the log start must not pass the high watermark')
  partition.engine.deleteRecordsBefore(offset)
  // What the engine could not keep would come back with the partition.
  if (partition.engine.failure !== undefined) return
  partition.startOffset = offset
  publishStart(partition, table)
}
