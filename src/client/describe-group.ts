/** One group as administrators want to see it, whatever protocol its members speak. */

import {
  type ConsumerGroupDescribeResponse,
  makeConsumerGroupDescribeRequest,
} from '../wire/generated/consumer-group-describe.ts'
import { type DescribeGroupsResponse, makeDescribeGroupsRequest } from '../wire/generated/describe-groups.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { consumerGroupDescribeCall, describeGroupsCall } from './calls.ts'
import type { KafkaClient } from './client.ts'
import { KafkaError, throwOnError } from './errors.ts'
import { decodeAssignment } from './group-member.ts'

export type DescribedMember = {
  readonly id: string
  readonly clientId: string
  readonly host: string
  /** By topic name. */
  readonly partitions: ReadonlyMap<string, readonly number[]>
}

export type DescribedGroup = {
  readonly groupId: string
  /** 'classic', or 'consumer' for the protocol of KIP-848. */
  readonly type: 'classic' | 'consumer'
  readonly state: string
  /** '' where there is none. */
  readonly assignor: string
  readonly members: readonly DescribedMember[]
}

/** The group with its members. Throws where there is none. */
export async function describeGroup(client: KafkaClient, groupId: string): Promise<DescribedGroup> {
  const coordinator = await client.findCoordinator(groupId)
  const request = makeDescribeGroupsRequest({ groups: [groupId] })
  const [classic] = (await client.callNode(coordinator, describeGroupsCall, request)).groups
  if (classic?.errorCode === ErrorCode.NONE && classic.groupState !== 'Dead') return fromClassic(classic)
  if (classic !== undefined && classic.errorCode !== ErrorCode.GROUP_ID_NOT_FOUND) {
    throwOnError(classic.errorCode, `group '${groupId}'`, classic.errorMessage)
  }
  const consumer = await describeConsumerGroup(client, coordinator, groupId)
  if (consumer === undefined) throw new KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, `there is no group '${groupId}'`)
  return consumer
}

/** undefined where there is no such group, or a broker that knows no such groups. */
async function describeConsumerGroup(
  client: KafkaClient,
  coordinator: Awaited<ReturnType<KafkaClient['findCoordinator']>>,
  groupId: string,
): Promise<DescribedGroup | undefined> {
  const request = makeConsumerGroupDescribeRequest({ groupIds: [groupId] })
  const response = await client.callNode(coordinator, consumerGroupDescribeCall, request).catch((thrown: unknown) => {
    if (thrown instanceof KafkaError && thrown.errorCode === ErrorCode.UNSUPPORTED_VERSION) return undefined
    throw thrown
  })
  const [group] = response?.groups ?? []
  if (group === undefined || group.errorCode === ErrorCode.GROUP_ID_NOT_FOUND) return undefined
  throwOnError(group.errorCode, `group '${groupId}'`, group.errorMessage)
  return fromConsumer(group)
}

function fromClassic(group: DescribeGroupsResponse['groups'][number]): DescribedGroup {
  const isConsumers = group.protocolType === 'consumer'
  return {
    groupId: group.groupId,
    type: 'classic',
    state: group.groupState,
    assignor: group.protocolData,
    members: group.members.map(({ memberId, clientId, clientHost, memberAssignment }) => ({
      id: memberId,
      clientId,
      host: clientHost,
      partitions: isConsumers ? decodeAssignment(memberAssignment) : new Map(),
    })),
  }
}

function fromConsumer(group: ConsumerGroupDescribeResponse['groups'][number]): DescribedGroup {
  return {
    groupId: group.groupId,
    type: 'consumer',
    state: group.groupState,
    assignor: group.assignorName,
    members: group.members.map(({ memberId, clientId, clientHost, assignment }) => ({
      id: memberId,
      clientId,
      host: clientHost,
      partitions: new Map(assignment.topicPartitions.map(({ topicName, partitions }) => [topicName, partitions])),
    })),
  }
}
