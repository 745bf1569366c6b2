/** TxnOffsetCommit: who may commit to a group within a transaction, and which partitions are taken. */

import { ErrorCode } from '../../wire/generated/errors.ts'
import type { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from '../../wire/generated/txn-offset-commit.ts'
import { checkMember } from '../groups/classic/state.ts'
import { checkConsumerCommit } from '../groups/consumer/offset-checks.ts'
import type { Decision } from '../groups/decision.ts'
import type { Group } from '../groups/group.ts'
import { commitBytesMax } from '../groups/limits.ts'
import { firstError } from './commit.ts'
import { type OffsetRecord, offsetRecordBytes } from './records.ts'

type AnsweredPartition = TxnOffsetCommitResponse['topics'][number]['partitions'][number]

type TxnCommit = {
  readonly decision: Decision
  /** undefined where there is no such group yet. */
  readonly group: Group | undefined
  readonly request: TxnOffsetCommitRequest
}

/** Decides a TxnOffsetCommit. Partitions that do not exist are refused one by one, the rest stands or falls with the group. */
export function decideTxnCommit({ decision, group, request }: TxnCommit): TxnOffsetCommitResponse {
  const { topics: view, settings } = decision.ports
  const records: OffsetRecord[] = []
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition): AnsweredPartition => {
      const { partitionIndex } = partition
      if (partitionIndex < 0 || partitionIndex >= (view.partitionCount(name) ?? 0)) {
        return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
      }
      if ((partition.committedMetadata ?? '').length > settings.offsetMetadataMax) {
        return { partitionIndex, errorCode: ErrorCode.OFFSET_METADATA_TOO_LARGE }
      }
      records.push(txnOffsetRecord(decision, { groupId: request.groupId, topic: name, partition }))
      return { partitionIndex, errorCode: ErrorCode.NONE }
    }),
  }))
  let bytes = 0
  for (const record of records) bytes += offsetRecordBytes(record)
  const errorCode =
    bytes > commitBytesMax
      ? ErrorCode.INVALID_COMMIT_OFFSET_SIZE
      : checkCommitter({ decision, group, request }, records)
  if (errorCode === ErrorCode.NONE) {
    for (const record of records) decision.write(record)
    return { throttleTimeMs: 0, topics }
  }
  for (const { partitions } of topics) {
    for (const partition of partitions) {
      if (partition.errorCode !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) partition.errorCode = errorCode
    }
  }
  return { throttleTimeMs: 0, topics }
}

/** The same error for every partition. */
export function txnCommitError(request: TxnOffsetCommitRequest, errorCode: number): TxnOffsetCommitResponse {
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }))
  return { throttleTimeMs: 0, topics }
}

/** The transaction itself fences producers, so that less is asked of the group than in an OffsetCommit. */
function checkCommitter({ decision, group, request }: TxnCommit, records: readonly OffsetRecord[]): number {
  const { groupId, generationId, memberId, groupInstanceId } = request
  if (groupId === '') return ErrorCode.INVALID_GROUP_ID
  if (group === undefined) return generationId < 0 ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION
  const { classic, consumer } = group
  if (consumer !== undefined) {
    const committer = { memberId, instanceId: groupInstanceId, epoch: generationId, offsetCommitVersion: null }
    const check = checkConsumerCommit(consumer, committer)
    return typeof check === 'number' ? check : firstError(records, check, decision.ports.topics)
  }
  if (generationId < 0 && classic.state === 'Empty') return ErrorCode.NONE
  // Clients before version 3 do not say who they are.
  if (generationId < 0 && memberId === '' && groupInstanceId === null) return ErrorCode.NONE
  const errorCode = checkMember(classic, memberId, groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  return generationId === classic.generation ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION
}

function txnOffsetRecord(
  { nowMs }: Decision,
  place: {
    readonly groupId: string
    readonly topic: string
    readonly partition: TxnOffsetCommitRequest['topics'][number]['partitions'][number]
  },
): OffsetRecord {
  const { groupId, topic, partition } = place
  return {
    kind: 'offset',
    groupId,
    topic,
    partition: partition.partitionIndex,
    committed: {
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch,
      metadata: partition.committedMetadata ?? '',
      commitTimestampMs: nowMs,
      expireTimestampMs: -1,
      topicId: null,
    },
  }
}
