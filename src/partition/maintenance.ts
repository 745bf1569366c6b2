/** Which partitions are worth looking after now. */

import type { Partition } from './partition.ts'

/** How often every partition is looked after: rolls by age, retention, interval syncs, producers' expiry. */
export const maintainEveryMs = 1000

/**
 * Partitions that nothing was appended to for this long are looked after only as often as this: twenty thousand idle
 * ones would keep a core busy otherwise. Where retention is to look more often, so it is. Those on a bounded memory disk are not spared, since others wait for their room.
 */
export const idleAfterMs = 10_000

/** Whether a partition has been written to so lately that something may be due, or was left alone for long. */
export function isMaintenanceWorthwhile(partition: Partition, nowMs: number): boolean {
  const { settings } = partition
  if (settings.storage === 'ring') return false
  const idleLookMs = Math.min(idleAfterMs, settings.retentionCheckMs)
  if (settings.storage === 'memory' || nowMs - partition.maintainedMs >= idleLookMs) return true
  // A time that never comes is nothing to wait for.
  const flushMs = settings.flushMs < Number.MAX_SAFE_INTEGER ? settings.flushMs : 0
  return nowMs - partition.movedMs < idleAfterMs + flushMs
}
