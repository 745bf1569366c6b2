/** Short words for what tests send about consumer groups; topic 't' has the id aa… and four partitions, 'u' bb… and four. */

import {
  type ConsumerGroupDescribeResponse,
  consumerGroupDescribeApi,
  makeConsumerGroupDescribeRequest,
} from '../../src/wire/generated/consumer-group-describe.ts'
import {
  type ConsumerGroupHeartbeatRequest,
  type ConsumerGroupHeartbeatResponse,
  consumerGroupHeartbeatApi,
  makeConsumerGroupHeartbeatRequest,
} from '../../src/wire/generated/consumer-group-heartbeat.ts'
import type { CallOptions, GroupFixture } from './group-fixture.ts'

type DescribedGroup = ConsumerGroupDescribeResponse['groups'][number]

/** What a member says; `owns` are partitions of 't'. */
export type Beat = Partial<Omit<ConsumerGroupHeartbeatRequest, 'topicPartitions'>> & {
  readonly owns?: readonly number[] | null
}

/** A heartbeat of group 'g' that must be answered; with the epoch 0, which is the default, the member joins. */
export function beat(fixture: GroupFixture, who: Beat, options: CallOptions = {}): ConsumerGroupHeartbeatResponse {
  const { memberEpoch = 0 } = who
  const isJoining = memberEpoch === 0
  const { owns = isJoining ? [] : null, ...said } = who
  const reads = isJoining && who.subscribedTopicRegex === undefined ? ['t'] : null
  const topicId = Buffer.from('aa'.repeat(16), 'hex')
  const partitions = owns === null ? null : owns.length === 0 ? [] : [{ topicId, partitions: [...owns] }]
  const message = makeConsumerGroupHeartbeatRequest({
    groupId: 'g',
    memberEpoch,
    rebalanceTimeoutMs: isJoining ? 20_000 : -1,
    subscribedTopicNames: reads,
    ...said,
    topicPartitions: partitions,
  })
  const call = fixture.send<ConsumerGroupHeartbeatResponse>(consumerGroupHeartbeatApi.key, message, {
    version: 1,
    ...options,
  })
  if (call.response === undefined) throw new Error('a heartbeat without an answer')
  return call.response
}

/** Partitions that an answer gives, whatever their topic; undefined where it gives none. */
export function given({ assignment }: ConsumerGroupHeartbeatResponse): number[] | undefined {
  return assignment?.topicPartitions.flatMap(({ partitions }) => partitions)
}

export function describeConsumer(fixture: GroupFixture, groupId = 'g'): DescribedGroup {
  const message = makeConsumerGroupDescribeRequest({ groupIds: [groupId] })
  const call = fixture.send<ConsumerGroupDescribeResponse>(consumerGroupDescribeApi.key, message, { version: 1 })
  const [group] = call.response?.groups ?? []
  if (group === undefined) throw new Error('nothing is described')
  return group
}

/** The members' ids, sorted. */
export function memberIds(group: DescribedGroup): string[] {
  return group.members.map(({ memberId }) => memberId).sort()
}
