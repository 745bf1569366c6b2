/** A group as the coordinator keeps it: its members, and the offsets committed under its id. */

import type { Timer } from '../../base/clock.ts'
import { PendingOffsets } from '../offsets/pending.ts'
import type { GroupOffsets } from '../offsets/state.ts'
import { type ClassicGroup, newClassicGroup } from './classic/state.ts'
import type { ConsumerGroup } from './consumer/state.ts'

/** The one timer of a group, armed for its earliest deadline (monotonic). */
export type GroupTimer = { readonly dueMs: number; readonly timer: Timer }

/** Of one kind at a time: where `consumer` is set, `classic` is as new. A group of offsets only is an empty classic one. */
export type Group = {
  readonly id: string
  classic: ClassicGroup
  consumer: ConsumerGroup | undefined
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
    consumer: undefined,
    offsets: new Map(),
    pending: new PendingOffsets(),
    lastSequence: 0,
    timer: undefined,
  }
}

/** Whether nobody is in the group, nor about to be. */
export function isEmptyGroup({ classic, consumer }: Group): boolean {
  return consumer === undefined ? classic.state === 'Empty' : consumer.members.size === 0
}

/** Whether nothing keeps the group: neither members, nor records of them, nor offsets. */
export function isUnused({ classic, consumer, offsets, pending }: Group): boolean {
  return !classic.isRecorded && consumer === undefined && offsets.size === 0 && pending.isEmpty
}
