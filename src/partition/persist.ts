/** The second stage: hands stamped batches to the engine and moves the cursors that say how far it has come. */

import { slotAfter, slotDistance } from '../ring/cursor.ts'
import type { Ring } from '../ring/ring.ts'
import { Verdict } from '../ring/slot.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import type { Partition } from './partition.ts'
import { closedError, refuse } from './verdicts.ts'

/** Submits what was stamped and advances `written` and `synced`. Answers how many slots `written` moved. */
export function persist(partition: Partition, ring: Ring): number {
  if (partition.state !== 'online') return passOver(partition, ring)
  const engine = partition.engine
  if (partition.aborted.length > 0) {
    engine.submitAborted(partition.aborted)
    partition.aborted.length = 0
  }
  if (partition.accepted.length > 0) {
    engine.submit(partition.accepted)
    partition.accepted.length = 0
  }
  const readable = ring.readable()
  const stamped = ring.stamped()
  if (readable === stamped) return 0
  const progress = engine.poll()
  if (engine.failure !== undefined) return 0
  const first = ring.written()
  const written = endOf(ring, first, stamped, progress.writtenEnd)
  if (written !== first) ring.setWritten(written)
  const { sync, flushMessages } = partition.settings
  if (sync === 'every') {
    // Slots before `readable` may have been retired already: only a policy that waits for `synced` keeps it up to date.
    const synced = ring.synced()
    const from = slotDistance(synced, readable) > 0 ? readable : synced
    // Fewer records than the policy counts may be shown unsynced, as in Kafka, which flushes once there are as many.
    ring.setSynced(endOf(ring, from, written, progress.syncedEnd + flushMessages - 1))
  }
  return slotDistance(first, written)
}

/** The first slot in [slot, limit) whose batch ends beyond `offsetEnd`; refused and repeated ones are passed over. */
function endOf(ring: Ring, slot: number, limit: number, offsetEnd: number): number {
  let end = slot
  while (end !== limit) {
    if (ring.verdict(end) === Verdict.accepted && ring.lastOffset(end) >= offsetEnd) break
    end = slotAfter(end)
  }
  return end
}

/** Turns every slot that nobody has seen yet into a refusal: what a failed or removed partition owes its writers. */
function passOver(partition: Partition, ring: Ring): number {
  const first = ring.written()
  const errorCode = closedError(partition)
  const stamped = ring.stamped()
  for (let slot = ring.readable(); slot !== stamped; slot = slotAfter(slot)) {
    if (ring.verdict(slot) === Verdict.refused && ring.outcome(slot) !== ErrorCode.NONE) continue
    refuse(ring, slot, errorCode)
  }
  partition.accepted.length = 0
  partition.aborted.length = 0
  ring.setWritten(stamped)
  ring.setSynced(stamped)
  return slotDistance(first, stamped)
}
