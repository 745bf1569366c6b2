/** A consumer group as ConsumerGroupDescribe and ListGroups show it. */

import { topicIdBytes } from '../../../base/ids.ts'
import {
  type ConsumerGroupDescribeResponse,
  makeConsumerGroupDescribeResponseDescribedGroup,
} from '../../../wire/generated/consumer-group-describe.ts'
import { ErrorCode } from '../../../wire/generated/errors.ts'
import type { Refusal } from '../../configs/alter.ts'
import type { TopicView } from '../../topic-view.ts'
import { allOperations, type ListedGroup, operationsNotAsked } from '../classic/describe.ts'
import type { DecisionPorts } from '../decision.ts'
import type { Group } from '../group.ts'
import { heldOf, type TopicPartitions, toWire, withoutEpochs } from './assignment.ts'
import { noConsumerGroup } from './checks.ts'
import { type ConsumerGroup, type ConsumerMember, stateOf, targetOf } from './state.ts'
import { preferredAssignor } from './target.ts'

export type DescribedConsumerGroup = ConsumerGroupDescribeResponse['groups'][number]
type DescribedMember = DescribedConsumerGroup['members'][number]
type DescribedPartitions = DescribedMember['assignment']['topicPartitions']

/** Kafka's numbers of the protocols that a member may speak. */
const memberType = { classic: 0, consumer: 1 } as const

/** A group, or the error that stands for one that is not there or of another kind. */
export function describeConsumerGroup(
  groupId: string,
  group: Group | undefined,
  { ports, asksOperations }: { readonly ports: DecisionPorts; readonly asksOperations: boolean },
): DescribedConsumerGroup {
  if (groupId === '') return describeConsumerError('', { errorCode: ErrorCode.INVALID_GROUP_ID, message: null })
  const consumer = group?.consumer
  if (consumer === undefined) return describeConsumerError(groupId, noConsumerGroup(groupId, group !== undefined))
  return {
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    groupId,
    groupState: stateOf(consumer),
    groupEpoch: consumer.epoch,
    assignmentEpoch: consumer.targetEpoch,
    assignorName: preferredAssignor(consumer) ?? ports.settings.consumer.assignors[0] ?? '',
    members: Array.from(consumer.members.values(), (member) => describeMember(consumer, member, ports.topics)),
    authorizedOperations: asksOperations ? allOperations : operationsNotAsked,
  }
}

/** An entry that only carries an error. */
export function describeConsumerError(groupId: string, { errorCode, message }: Refusal): DescribedConsumerGroup {
  return makeConsumerGroupDescribeResponseDescribedGroup({
    groupId,
    errorCode,
    errorMessage: message,
    authorizedOperations: operationsNotAsked,
  })
}

export function listConsumerGroup(group: Group, consumer: ConsumerGroup): ListedGroup {
  return { groupId: group.id, protocolType: 'consumer', groupState: stateOf(consumer), groupType: 'consumer' }
}

function describeMember(group: ConsumerGroup, member: ConsumerMember, topics: TopicView): DescribedMember {
  const { profile, standing } = member
  // What a member has yet to give up counts as its own.
  const held = new Map(withoutEpochs(standing.assigned))
  for (const [topicId, epochs] of standing.revoking) {
    held.set(topicId, new Set([...heldOf(standing.assigned, topicId).keys(), ...epochs.keys()]))
  }
  return {
    memberId: member.id,
    instanceId: profile.instanceId,
    rackId: profile.rackId,
    memberEpoch: standing.epoch,
    clientId: profile.clientId,
    clientHost: profile.clientHost,
    subscribedTopicNames: [...profile.topicNames],
    subscribedTopicRegex: profile.topicRegex,
    assignment: { topicPartitions: named(held, topics) },
    targetAssignment: { topicPartitions: named(targetOf(group, member.id), topics) },
    memberType: profile.classic === null ? memberType.consumer : memberType.classic,
  }
}

/** Topics that are gone have no name, and are left out. */
function named(partitions: TopicPartitions, topics: TopicView): DescribedPartitions {
  return [...partitions].flatMap(([topicId, numbers]) => {
    const topicName = topics.nameOf(topicId)
    if (topicName === undefined) return []
    const [wire] = toWire(new Map([[topicId, numbers]]))
    return [{ topicId: topicIdBytes(topicId), topicName, partitions: wire?.partitions ?? [] }]
  })
}
