/** A group as the coordinator keeps it: its members, and the offsets committed under its id. */

import type { Timer } from '../../base/clock.ts'
import { PendingOffsets } from '../offsets/pending.ts'
import type { GroupOffsets } from '../offsets/state.ts'
import { type ClassicGroup, newClassicGroup } from './classic/state.ts'

/** The one timer of a group, armed for its earliest deadline (monotonic). */
export type GroupTimer = { readonly dueMs: number; readonly timer: Timer }

export type Group = {
  readonly id: string
  readonly classic: ClassicGroup
  readonly offsets: GroupOffsets
  /** What transactions that are still open committed under this id. */
  readonly pending: PendingOffsets
  /** The number of the last append that an answer about this group depends on. */
  lastSequence: number
  timer: GroupTimer | undefined
}

export function newGroup(id: string): Group {
  return {
    id,
    classic: newClassicGroup(),
    offsets: new Map(),
    pending: new PendingOffsets(),
    lastSequence: 0,
    timer: undefined,
  }
}
