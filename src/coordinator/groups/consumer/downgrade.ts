/** A consumer group whose last member of the consumer protocol is gone becomes a classic group, with the others in it. */

import { assertDefined } from '../../../base/assert.ts'
import { prepareRebalance } from '../classic/rebalance.ts'
import { type GroupRecord, groupRecord, groupRecordBytes } from '../classic/records.ts'
import {
  addMember,
  type ClassicMember,
  extendSession,
  metadataFor,
  newClassicGroup,
  noAssignment,
  selectProtocol,
  setProtocols,
} from '../classic/state.ts'
import type { Decision } from '../decision.ts'
import { groupRecordBytesMax, membersMax } from '../limits.ts'
import { assignmentBytes, consumerProtocolType } from './embedded.ts'
import { type ConsumerGroup, type ConsumerMember, targetOf } from './state.ts'
import { writeGroupRemoval, writer } from './write.ts'

/** The classic group to be: its record, and what of its members the record does not hold. */
export type Downgrade = { readonly record: GroupRecord; readonly members: readonly ClassicMember[] }

/** What the group becomes once `leaving` are gone; undefined where it stays what it is. */
export function planDowngrade(
  decision: Decision,
  groupId: string,
  { group, leaving }: { readonly group: ConsumerGroup; readonly leaving: ReadonlySet<string> },
): Downgrade | undefined {
  const { settings, topics } = decision.ports
  const staying: ConsumerMember[] = []
  for (const member of group.members.values()) {
    if (leaving.has(member.id)) continue
    if (member.profile.classic === null) return undefined
    staying.push(member)
  }
  if (staying.length === 0 || !settings.consumer.migration.canDowngrade) return undefined
  if (staying.length > Math.min(settings.groupMembersMax, membersMax)) return undefined
  const classic = newClassicGroup()
  const members = staying.map(classicMember)
  for (const member of members) addMember(classic, member, consumerProtocolType)
  classic.generation = group.epoch
  classic.protocol = selectProtocol(classic)
  const assignmentOf = (memberId: string): Buffer => {
    const member = assertDefined(classic.members.get(memberId), 'an assignment of nobody')
    return assignmentBytes(targetOf(group, memberId), metadataFor(member, classic.protocol), topics)
  }
  const record = groupRecord(groupId, classic, { nowMs: decision.nowMs, assignmentOf })
  // What does not fit into a classic group's one record stays.
  return groupRecordBytes(record) > groupRecordBytesMax ? undefined : { record, members }
}

/** Records the group anew, as a classic one; with `rebalances` its members are called together at once. */
export function downgradeToClassic(
  decision: Decision,
  { record, members }: Downgrade,
  { rebalances }: { readonly rebalances: boolean },
): void {
  const consumer = assertDefined(decision.current()?.consumer, 'a downgrade of nothing')
  writeGroupRemoval(writer(decision, record.groupId), consumer)
  decision.write(record)
  const group = assertDefined(decision.current(), 'a downgraded group is missing')
  for (const { id, protocols, connectionId, sessionTimeoutMs } of members) {
    const member = assertDefined(group.classic.members.get(id), 'a member was lost in a downgrade')
    // The record holds one protocol only.
    setProtocols(group.classic, member, protocols)
    member.connectionId = connectionId
    extendSession(group.classic, member, { monotonicMs: decision.monotonicMs, timeoutMs: sessionTimeoutMs })
  }
  if (rebalances) prepareRebalance(decision, group)
}

function classicMember({ id, profile, connectionId }: ConsumerMember): ClassicMember {
  const classic = assertDefined(profile.classic, 'a member that cannot speak the classic protocol')
  return {
    id,
    instanceId: profile.instanceId,
    clientId: profile.clientId,
    clientHost: profile.clientHost,
    rebalanceTimeoutMs: profile.rebalanceTimeoutMs,
    sessionTimeoutMs: classic.sessionTimeoutMs,
    protocols: classic.protocols,
    assignment: noAssignment,
    connectionId,
    joinWaiter: undefined,
    syncWaiter: undefined,
    isNew: false,
    sessionDeadlineMs: Number.POSITIVE_INFINITY,
  }
}
