/** The record that keeps a committed offset: OffsetCommitKey and OffsetCommitValue, as Kafka 4.3 writes them. */

import { noTopicId, topicIdBytes } from '../../base/ids.ts'
import { decodeOffsetCommitKey, encodeOffsetCommitKey } from '../../wire/generated/offset-commit-key.ts'
import { decodeOffsetCommitValue, encodeOffsetCommitValue } from '../../wire/generated/offset-commit-value.ts'
import { Reader } from '../../wire/reader.ts'
import type { JournalRecord } from '../ports.ts'
import { versionedBytes } from '../versioned-bytes.ts'
import type { CommittedOffset } from './state.ts'

const keyVersion = 1
/** Key versions that mean a committed offset: the present one, and the one from before Kafka 0.9 with the same fields. */
export const offsetKeyVersions: readonly number[] = [0, 1]
const keyMessageVersion = 0
const valueVersion = 4
/** Only version 1 can say when a commit expires. */
const expiringValueVersion = 1
/** What a record takes beside the strings in it. */
const bytesAroundStrings = 80
const zeroTopicId = topicIdBytes(noTopicId)

/** A group's offset in one partition; null: there is none any more. */
export type OffsetRecord = {
  readonly kind: 'offset'
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  readonly committed: CommittedOffset | null
}

/** What the record takes at most. */
export function offsetRecordBytes({ groupId, topic, committed }: OffsetRecord): number {
  return bytesAroundStrings + 3 * (groupId.length + topic.length + (committed?.metadata.length ?? 0))
}

export function encodeOffsetRecord(record: OffsetRecord): JournalRecord {
  const { groupId, topic, partition, committed } = record
  return {
    key: versionedBytes(keyVersion, (writer) =>
      encodeOffsetCommitKey(writer, { group: groupId, topic, partition }, keyMessageVersion),
    ),
    value: committed === null ? null : encodeCommitted(committed),
  }
}

/** `key` stands behind its version prefix. */
export function decodeOffsetRecord(key: Reader, value: Buffer | null): OffsetRecord {
  const { group, topic, partition } = decodeOffsetCommitKey(key, keyMessageVersion)
  const committed = value === null ? null : decodeCommitted(value)
  return { kind: 'offset', groupId: group, topic, partition, committed }
}

function encodeCommitted(committed: CommittedOffset): Buffer {
  const version = committed.expireTimestampMs === -1 ? valueVersion : expiringValueVersion
  return versionedBytes(version, (writer) =>
    encodeOffsetCommitValue(
      writer,
      {
        offset: committed.offset,
        leaderEpoch: committed.leaderEpoch,
        metadata: committed.metadata,
        commitTimestamp: committed.commitTimestampMs,
        expireTimestamp: committed.expireTimestampMs,
        topicId: committed.topicId ?? zeroTopicId,
      },
      version,
    ),
  )
}

function decodeCommitted(bytes: Buffer): CommittedOffset {
  const reader = new Reader(bytes)
  const value = decodeOffsetCommitValue(reader, reader.readInt16())
  return {
    offset: value.offset,
    leaderEpoch: value.leaderEpoch,
    metadata: value.metadata,
    commitTimestampMs: value.commitTimestamp,
    expireTimestampMs: value.expireTimestamp,
    // A copy: what was decoded may be a view of a whole batch.
    topicId: value.topicId.equals(zeroTopicId) ? null : Buffer.from(value.topicId),
  }
}
