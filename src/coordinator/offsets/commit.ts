/** OffsetCommit: who may commit to a group, and which partitions are taken. */

import { topicIdHex } from '../../base/ids.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { OffsetCommitRequest, OffsetCommitResponse } from '../../wire/generated/offset-commit.ts'
import { checkMember, extendSession } from '../groups/classic/state.ts'
import { checkConsumerCommit, type PartitionCheck } from '../groups/consumer/offset-checks.ts'
import type { Decision } from '../groups/decision.ts'
import type { Group } from '../groups/group.ts'
import { commitBytesMax } from '../groups/limits.ts'
import type { TopicView } from '../topic-view.ts'
import { type OffsetRecord, offsetRecordBytes } from './records.ts'

type CommitTopic = OffsetCommitRequest['topics'][number]
type CommitPartition = CommitTopic['partitions'][number]
type AnsweredPartition = OffsetCommitResponse['topics'][number]['partitions'][number]

type Commit = {
  readonly decision: Decision
  /** undefined where there is no such group yet. */
  readonly group: Group | undefined
  readonly request: OffsetCommitRequest
  readonly apiVersion: number
}

/** Decides an OffsetCommit. Partitions that do not exist are refused one by one, the rest stands or falls with the group. */
export function decideCommit(commit: Commit): OffsetCommitResponse {
  const { decision, request, apiVersion } = commit
  const { topics: view, settings } = decision.ports
  const records: OffsetRecord[] = []
  let bytes = 0
  const topics = request.topics.map((topic) => {
    const name = topicName(topic, { view, apiVersion })
    const count = name === undefined ? undefined : view.partitionCount(name)
    const missing =
      apiVersion >= 10 && name === undefined ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    const partitions = topic.partitions.map((partition): AnsweredPartition => {
      const { partitionIndex } = partition
      if (name === undefined || count === undefined || partitionIndex < 0 || partitionIndex >= count) {
        return { partitionIndex, errorCode: missing }
      }
      const metadata = partition.committedMetadata ?? ''
      if (metadata.length > settings.offsetMetadataMax) {
        return { partitionIndex, errorCode: ErrorCode.OFFSET_METADATA_TOO_LARGE }
      }
      const record = offsetRecord(commit, { topic, name, partition, metadata })
      bytes += offsetRecordBytes(record)
      records.push(record)
      return { partitionIndex, errorCode: ErrorCode.NONE }
    })
    return { name: topic.name, topicId: topic.topicId, partitions }
  })
  const response = { throttleTimeMs: 0, topics }
  const isKnown = topics.some(({ partitions }) => partitions.some(({ errorCode }) => !isMissing(errorCode)))
  if (!isKnown) return response
  const errorCode = bytes > commitBytesMax ? ErrorCode.INVALID_COMMIT_OFFSET_SIZE : checkCommitter(commit, records)
  if (errorCode !== ErrorCode.NONE) {
    for (const { partitions } of topics) {
      for (const partition of partitions) if (!isMissing(partition.errorCode)) partition.errorCode = errorCode
    }
    return response
  }
  for (const record of records) decision.write(record)
  return response
}

/** The same error for every partition. */
export function commitError(request: OffsetCommitRequest, errorCode: number): OffsetCommitResponse {
  const topics = request.topics.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }))
  return { throttleTimeMs: 0, topics }
}

/** Whether the request comes from where it says: NONE also extends the member's session, as a heartbeat would. */
function checkCommitter({ decision, group, request, apiVersion }: Commit, records: readonly OffsetRecord[]): number {
  const { memberId, groupInstanceId, generationIdOrMemberEpoch: generation } = request
  if (group === undefined) {
    // Without a generation it is a consumer that keeps offsets but is in no group, or an administrator.
    if (generation < 0) return ErrorCode.NONE
    return apiVersion >= 9 ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION
  }
  const { classic, consumer } = group
  if (consumer !== undefined) {
    const epoch = generation
    const committer = { memberId, instanceId: groupInstanceId, epoch, offsetCommitVersion: apiVersion }
    const check = checkConsumerCommit(consumer, committer)
    return typeof check === 'number' ? check : firstError(records, check, decision.ports.topics)
  }
  if (generation < 0 && classic.state === 'Empty') return ErrorCode.NONE
  if (generation < 0 && memberId === '' && groupInstanceId === null) return ErrorCode.UNKNOWN_MEMBER_ID
  const errorCode = checkMember(classic, memberId, groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  if (generation !== classic.generation) return ErrorCode.ILLEGAL_GENERATION
  // The member knows of the new generation, but not yet what it is to read: it has nothing to commit.
  if (classic.state === 'CompletingRebalance') return ErrorCode.REBALANCE_IN_PROGRESS
  const member = classic.members.get(memberId)
  if (member !== undefined) {
    extendSession(classic, member, { monotonicMs: decision.monotonicMs, timeoutMs: member.sessionTimeoutMs })
  }
  return ErrorCode.NONE
}

/** As in Kafka one partition that is not the member's fails them all. */
export function firstError(records: readonly OffsetRecord[], check: PartitionCheck, view: TopicView): number {
  for (const { topic, partition } of records) {
    const errorCode = check(view.idOf(topic), partition)
    if (errorCode !== ErrorCode.NONE) return errorCode
  }
  return ErrorCode.NONE
}

function topicName(
  topic: CommitTopic,
  { view, apiVersion }: { readonly view: TopicView; readonly apiVersion: number },
): string | undefined {
  return apiVersion >= 10 ? view.nameOf(topicIdHex(topic.topicId)) : topic.name
}

function offsetRecord(
  { decision, request, apiVersion }: Commit,
  {
    topic,
    name,
    partition,
    metadata,
  }: {
    readonly topic: CommitTopic
    readonly name: string
    readonly partition: CommitPartition
    readonly metadata: string
  },
): OffsetRecord {
  const { nowMs } = decision
  return {
    kind: 'offset',
    groupId: request.groupId,
    topic: name,
    partition: partition.partitionIndex,
    committed: {
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch,
      metadata,
      commitTimestampMs: nowMs,
      expireTimestampMs: expireTimestampMs(nowMs, request.retentionTimeMs),
      topicId: apiVersion >= 10 ? Buffer.from(topic.topicId) : null,
    },
  }
}

/** -1 asks for the broker's own retention time. The bounds keep what a client may ask for within what can be written. */
function expireTimestampMs(nowMs: number, retentionTimeMs: number): number {
  return retentionTimeMs === -1 ? -1 : Math.min(Math.max(nowMs + retentionTimeMs, 0), Number.MAX_SAFE_INTEGER)
}

function isMissing(errorCode: number): boolean {
  return errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION || errorCode === ErrorCode.UNKNOWN_TOPIC_ID
}
