/** Applies group records: the only place where what the journal says about a classic group changes. */

import type { GroupMetadataValue } from '../../../wire/generated/group-metadata-value.ts'
import {
  addMember,
  type ClassicGroup,
  type ClassicMember,
  metadataFor,
  removeMember,
  setProtocols,
  setState,
} from './state.ts'

type RecordedMember = GroupMetadataValue['members'][number]

/**
 * Makes the group what the record says. Right after a decision the members are there already, with joins and sessions of
 * their own that stay; at start they are made from the record.
 */
export function replayGroup(group: ClassicGroup, value: GroupMetadataValue): void {
  group.isRecorded = true
  const recorded = new Set(value.members.map(({ memberId }) => memberId))
  for (const memberId of [...group.members.keys()]) if (!recorded.has(memberId)) removeMember(group, memberId)
  for (const member of value.members) replayMember(group, member, value)
  group.generation = value.generation
  group.protocolType = value.protocolType === '' ? null : value.protocolType
  group.protocol = value.protocol
  group.leader = value.leader
  group.stateTimestampMs = value.currentStateTimestamp
  setState(group, group.members.size === 0 ? 'Empty' : 'Stable')
}

function replayMember(group: ClassicGroup, recorded: RecordedMember, value: GroupMetadataValue): void {
  const { memberId, subscription, assignment, sessionTimeout } = recorded
  const ownProtocol = () => ({ name: value.protocol ?? '', metadata: ownBytes(subscription) })
  const rebalanceTimeoutMs = recorded.rebalanceTimeout === -1 ? sessionTimeout : recorded.rebalanceTimeout
  const present = group.members.get(memberId)
  if (present === undefined) {
    addMember(group, loadedMember(recorded, { protocols: [ownProtocol()], rebalanceTimeoutMs }), value.protocolType)
    return
  }
  present.assignment = ownBytes(assignment)
  present.sessionTimeoutMs = sessionTimeout
  present.rebalanceTimeoutMs = rebalanceTimeoutMs
  // Only a later record, read at start, says something else than the member itself did.
  if (!metadataFor(present, value.protocol).equals(subscription)) setProtocols(group, present, [ownProtocol()])
}

function loadedMember(
  recorded: RecordedMember,
  rest: Pick<ClassicMember, 'protocols' | 'rebalanceTimeoutMs'>,
): ClassicMember {
  return {
    ...rest,
    id: recorded.memberId,
    instanceId: recorded.groupInstanceId,
    clientId: recorded.clientId,
    clientHost: recorded.clientHost,
    sessionTimeoutMs: recorded.sessionTimeout,
    assignment: ownBytes(recorded.assignment),
    connectionId: '',
    joinWaiter: undefined,
    syncWaiter: undefined,
    isNew: false,
    sessionDeadlineMs: Number.POSITIVE_INFINITY,
  }
}

/** A copy, since what was decoded is a view of a frame or of a whole batch that would stay in memory with it. */
export function ownBytes(bytes: Buffer): Buffer {
  return Buffer.from(bytes)
}
