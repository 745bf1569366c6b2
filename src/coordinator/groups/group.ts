/** A group as the coordinator keeps it: its members, and the offsets committed under its id. */

import type { GroupOffsets } from '../offsets/state.ts'
import { type ClassicGroup, newClassicGroup } from './classic/state.ts'
import type { GroupTimer } from './classic/timers.ts'

export type Group = {
  readonly id: string
  readonly classic: ClassicGroup
  readonly offsets: GroupOffsets
  /** The number of the last append that an answer about this group depends on. */
  lastSequence: number
  timer: GroupTimer | undefined
}

export function newGroup(id: string): Group {
  return { id, classic: newClassicGroup(), offsets: new Map(), lastSequence: 0, timer: undefined }
}
