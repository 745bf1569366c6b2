/** Writes what is decided about one consumer group. */

import type { Decision } from '../decision.ts'
import type { ConsumerChange } from './records.ts'
import type { ConsumerGroup, MemberProfile, MemberStanding } from './state.ts'

export type GroupWriter = (change: ConsumerChange) => void

/** Each change is in force, and on its way to the journal, once it is written. */
export function writer(decision: Decision, groupId: string): GroupWriter {
  return (change) => decision.write({ kind: 'consumer', groupId, change })
}

/** Takes a member's records back. */
export function writeRemoval(write: GroupWriter, memberId: string): void {
  write({ of: 'standing', memberId, value: null })
  write({ of: 'target', memberId, value: null })
  write({ of: 'member', memberId, value: null })
}

/** Takes everything about the group back, in Kafka's order. */
export function writeGroupRemoval(write: GroupWriter, group: ConsumerGroup): void {
  const memberIds = [...group.members.keys()]
  for (const memberId of memberIds) write({ of: 'standing', memberId, value: null })
  for (const memberId of memberIds) write({ of: 'target', memberId, value: null })
  write({ of: 'target-epoch', value: null })
  for (const memberId of memberIds) write({ of: 'member', memberId, value: null })
  for (const regex of [...group.regexes.keys()]) write({ of: 'regex', regex, value: null })
  write({ of: 'partition-metadata', isThere: false })
  write({ of: 'group', value: null })
}

/** What a member is said to be, replacing whatever it was. */
export function writeMember(
  write: GroupWriter,
  memberId: string,
  { profile, standing }: { readonly profile: MemberProfile; readonly standing: MemberStanding },
): void {
  write({ of: 'member', memberId, value: profile })
  write({ of: 'standing', memberId, value: standing })
}
