/** Who comes into a consumer group: whether a member may, looked at as a whole before anything is written. */

import type { Refusal } from '../../configs/alter.ts'
import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import type { TopicPartitions } from './assignment.ts'
import {
  checkEpoch,
  fencedInstance,
  groupFull,
  sizeMax,
  unknownInstance,
  unknownMember,
  unreleasedInstance,
} from './checks.ts'
import { compilePattern } from './pattern.ts'
import { type ConsumerMember, staticMember } from './state.ts'
import { checkUpgrade } from './upgrade.ts'

/** A member that comes in, or is in and says something, by either protocol. */
export type Entry = {
  readonly groupId: string
  readonly memberId: string
  readonly instanceId: string | null
  /** Whether the group, and the member, may be new. */
  readonly isJoining: boolean
  /** Whether it speaks the classic protocol, in which epochs are looked at elsewhere. */
  readonly isClassic: boolean
  readonly epoch: number
  /** What it says that it owns; null where it says nothing. */
  readonly owned: TopicPartitions | null
  /** null where it does not say. */
  readonly topicRegex: string | null
}

/** Why the member cannot come in; undefined if it can. */
export function checkEntry(decision: Decision, group: Group | undefined, entry: Entry): Refusal | undefined {
  return (
    checkGroupKind(decision, group) ??
    checkSize(decision, group, entry) ??
    checkMember(group, entry) ??
    checkRegex(group, entry)
  )
}

/** A classic group with members has to become a consumer group first. */
function checkGroupKind(decision: Decision, group: Group | undefined): Refusal | undefined {
  if (group === undefined || group.consumer !== undefined || group.classic.state === 'Empty') return undefined
  return checkUpgrade(decision, group)
}

function checkSize(decision: Decision, group: Group | undefined, entry: Entry): Refusal | undefined {
  const members = group?.consumer?.members ?? group?.classic.members
  const limit = sizeMax(decision.ports.settings)
  if (members === undefined || members.size < limit || members.has(entry.memberId)) return undefined
  return groupFull(limit)
}

function checkMember(group: Group | undefined, entry: Entry): Refusal | undefined {
  const { memberId, instanceId, isJoining } = entry
  // Members of a classic group that is upgraded give way to whoever comes with their instance id.
  const consumer = group?.consumer
  if (instanceId === null) {
    const member = consumer?.members.get(memberId)
    if (member !== undefined) return checkOwnEpoch(member, entry)
    return isJoining ? undefined : unknownMember(entry.groupId, memberId)
  }
  const holder = consumer === undefined ? undefined : staticMember(consumer, instanceId)
  if (isJoining) {
    // Between members of the consumer protocol an instance id must have been let go of.
    const isHeld = holder !== undefined && holder.profile.classic === null && holder.standing.epoch !== -2
    return isHeld && !entry.isClassic ? unreleasedInstance(memberId, instanceId, holder) : undefined
  }
  if (holder === undefined) return unknownInstance(instanceId)
  if (holder.id !== memberId) return fencedInstance(memberId, instanceId, holder)
  return checkOwnEpoch(holder, entry)
}

function checkOwnEpoch(member: ConsumerMember, { epoch, owned, isClassic }: Entry): Refusal | undefined {
  return isClassic ? undefined : checkEpoch(member, { epoch, owned })
}

/** An expression that no member has yet must be a valid one. */
function checkRegex(group: Group | undefined, { topicRegex, memberId }: Entry): Refusal | undefined {
  if (topicRegex === null || topicRegex === '') return undefined
  const consumer = group?.consumer
  if (consumer?.regexMembers.has(topicRegex) === true) return undefined
  if (consumer?.members.get(memberId)?.profile.topicRegex === topicRegex) return undefined
  const pattern = compilePattern(topicRegex)
  return 'matches' in pattern ? undefined : pattern
}
