/** Whether a member of a consumer group may commit, or ask for, offsets: as Kafka's ConsumerGroup looks at epochs. */

import type { TopicIdHex } from '../../../base/ids.ts'
import { ErrorCode } from '../../../wire/generated/errors.ts'
import { heldOf } from './assignment.ts'
import type { ConsumerGroup, ConsumerMember } from './state.ts'

/** From this version of OffsetCommit on a client can understand STALE_MEMBER_EPOCH. */
const epochVersion = 9

export type Committer = {
  readonly memberId: string
  readonly instanceId: string | null
  readonly epoch: number
  /** The version of the OffsetCommit; null where offsets are committed within a transaction. */
  readonly offsetCommitVersion: number | null
}

/** The error of one partition; topics that are not there have no id. */
export type PartitionCheck = (topicId: TopicIdHex | undefined, partition: number) => number

const allowed: PartitionCheck = () => ErrorCode.NONE

/** The error of the whole commit, or what remains to be asked of each partition. */
export function checkConsumerCommit(group: ConsumerGroup, committer: Committer): number | PartitionCheck {
  const { memberId, instanceId, epoch, offsetCommitVersion } = committer
  const isTransactional = offsetCommitVersion === null
  if (epoch < 0 && group.members.size === 0) return allowed
  // Clients of before KIP-447 do not say who they are when they commit in a transaction.
  if (isTransactional && epoch === -1 && memberId === '' && instanceId === null) return allowed
  const member = group.members.get(memberId)
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  const isClassic = member.profile.classic !== null
  if (!isTransactional && !isClassic && offsetCommitVersion < epochVersion) return ErrorCode.UNSUPPORTED_VERSION
  if (epoch === member.standing.epoch) return allowed
  const stale = staleCode(member, isTransactional)
  if (epoch > member.standing.epoch) return stale
  // KIP-1251: an older epoch will do for a partition that the member has had since then.
  return (topicId, partition) => {
    const since = topicId === undefined ? undefined : heldSinceEpoch(member, topicId, partition)
    return since === undefined || epoch < since ? stale : ErrorCode.NONE
  }
}

/** The error of an OffsetFetch that says who asks; NONE if there is none. */
export function checkConsumerFetch(
  group: ConsumerGroup,
  { memberId, memberEpoch }: { readonly memberId: string | null; readonly memberEpoch: number },
): number {
  if (memberId === null && memberEpoch < 0) return ErrorCode.NONE
  const member = memberId === null ? undefined : group.members.get(memberId)
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  return memberEpoch === member.standing.epoch ? ErrorCode.NONE : staleCode(member, false)
}

function heldSinceEpoch({ standing }: ConsumerMember, topicId: TopicIdHex, partition: number): number | undefined {
  return heldOf(standing.assigned, topicId).get(partition) ?? heldOf(standing.revoking, topicId).get(partition)
}

function staleCode({ profile }: ConsumerMember, isTransactional: boolean): number {
  const isOld = profile.classic !== null || isTransactional
  return isOld ? ErrorCode.ILLEGAL_GENERATION : ErrorCode.STALE_MEMBER_EPOCH
}
