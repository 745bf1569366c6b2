/** The one timer of a group, of either kind: armed for the earliest deadline; sessions that were extended meanwhile cost nothing. */

import type { Clock } from '../../base/clock.ts'
import type { Group } from './group.ts'

/** Sees to it that `fire` is called by the group's next deadline. To be called after whatever may have set one. */
export function armTimer(group: Group, clock: Clock, fire: () => void): void {
  const wakeMs = takeWakeMs(group)
  if (wakeMs === Number.POSITIVE_INFINITY || (group.timer !== undefined && group.timer.dueMs <= wakeMs)) return
  cancelTimer(group)
  const delayMs = Math.max(0, wakeMs - clock.monotonicMs())
  group.timer = { dueMs: wakeMs, timer: clock.startTimer(delayMs, fire) }
}

export function cancelTimer(group: Group): void {
  group.timer?.timer.cancel()
  group.timer = undefined
}

function takeWakeMs({ classic, consumer }: Group): number {
  const wakeMs = Math.min(classic.wakeMs, consumer?.wakeMs ?? Number.POSITIVE_INFINITY)
  classic.wakeMs = Number.POSITIVE_INFINITY
  if (consumer !== undefined) consumer.wakeMs = Number.POSITIVE_INFINITY
  return wakeMs
}
