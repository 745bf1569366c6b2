/** The deadlines of a consumer group's members; a member that misses one is out. */

import type { Decision } from '../decision.ts'
import type { Group } from '../group.ts'
import { fenceMembers } from './leave.ts'
import { noteRevocation } from './membership.ts'
import { type ConsumerMember, extendSession } from './state.ts'

/** Acts on every deadline that is over, and notes the next one. */
export function decideConsumerDeadlines(decision: Decision, group: Group): void {
  const { consumer } = group
  if (consumer === undefined) return
  const late = [...consumer.members.values()].filter((member) => firstDeadlineMs(member) <= decision.monotonicMs)
  fenceMembers(decision, group.id, { group: consumer, members: late })
  let nextMs = Number.POSITIVE_INFINITY
  for (const member of consumer.members.values()) nextMs = Math.min(nextMs, firstDeadlineMs(member))
  consumer.wakeMs = nextMs
}

/** Every member known from the journal has a whole session time to show itself again, and its rebalance time anew. */
export function startConsumerSessions(decision: Decision, group: Group): void {
  const { consumer } = group
  if (consumer === undefined) return
  const timeoutMs = decision.ports.groupConfigs.numberOf(group.id, 'consumer.session.timeout.ms')
  for (const member of consumer.members.values()) {
    extendSession(consumer, member, { monotonicMs: decision.monotonicMs, timeoutMs })
    noteRevocation(decision, consumer, member)
  }
}

function firstDeadlineMs(member: ConsumerMember): number {
  return Math.min(member.sessionDeadlineMs, member.revokeDeadlineMs, member.joinDeadlineMs, member.syncDeadlineMs)
}
