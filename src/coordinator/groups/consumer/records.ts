/** The records that keep a consumer group, as Kafka 4.3 writes them, in the coordinator's words. */

import { type TopicIdHex, topicIdBytes, topicIdHex } from '../../../base/ids.ts'
import {
  consumerGroupCurrentMemberAssignmentKeySchema,
  decodeConsumerGroupCurrentMemberAssignmentKey,
  encodeConsumerGroupCurrentMemberAssignmentKey,
} from '../../../wire/generated/consumer-group-current-member-assignment-key.ts'
import {
  type ConsumerGroupCurrentMemberAssignmentValueTopicPartitions,
  decodeConsumerGroupCurrentMemberAssignmentValue,
  encodeConsumerGroupCurrentMemberAssignmentValue,
} from '../../../wire/generated/consumer-group-current-member-assignment-value.ts'
import {
  consumerGroupMemberMetadataKeySchema,
  decodeConsumerGroupMemberMetadataKey,
  encodeConsumerGroupMemberMetadataKey,
} from '../../../wire/generated/consumer-group-member-metadata-key.ts'
import {
  decodeConsumerGroupMemberMetadataValue,
  encodeConsumerGroupMemberMetadataValue,
} from '../../../wire/generated/consumer-group-member-metadata-value.ts'
import {
  consumerGroupMetadataKeySchema,
  decodeConsumerGroupMetadataKey,
  encodeConsumerGroupMetadataKey,
} from '../../../wire/generated/consumer-group-metadata-key.ts'
import {
  decodeConsumerGroupMetadataValue,
  encodeConsumerGroupMetadataValue,
} from '../../../wire/generated/consumer-group-metadata-value.ts'
import {
  consumerGroupPartitionMetadataKeySchema,
  decodeConsumerGroupPartitionMetadataKey,
  encodeConsumerGroupPartitionMetadataKey,
} from '../../../wire/generated/consumer-group-partition-metadata-key.ts'
import {
  consumerGroupRegularExpressionKeySchema,
  decodeConsumerGroupRegularExpressionKey,
  encodeConsumerGroupRegularExpressionKey,
} from '../../../wire/generated/consumer-group-regular-expression-key.ts'
import {
  decodeConsumerGroupRegularExpressionValue,
  encodeConsumerGroupRegularExpressionValue,
} from '../../../wire/generated/consumer-group-regular-expression-value.ts'
import {
  consumerGroupTargetAssignmentMemberKeySchema,
  decodeConsumerGroupTargetAssignmentMemberKey,
  encodeConsumerGroupTargetAssignmentMemberKey,
} from '../../../wire/generated/consumer-group-target-assignment-member-key.ts'
import {
  decodeConsumerGroupTargetAssignmentMemberValue,
  encodeConsumerGroupTargetAssignmentMemberValue,
} from '../../../wire/generated/consumer-group-target-assignment-member-value.ts'
import {
  consumerGroupTargetAssignmentMetadataKeySchema,
  decodeConsumerGroupTargetAssignmentMetadataKey,
  encodeConsumerGroupTargetAssignmentMetadataKey,
} from '../../../wire/generated/consumer-group-target-assignment-metadata-key.ts'
import {
  decodeConsumerGroupTargetAssignmentMetadataValue,
  encodeConsumerGroupTargetAssignmentMetadataValue,
} from '../../../wire/generated/consumer-group-target-assignment-metadata-value.ts'
import { Reader } from '../../../wire/reader.ts'
import type { Writer } from '../../../wire/writer.ts'
import type { JournalRecord } from '../../ports.ts'
import { versionedBytes } from '../../versioned-bytes.ts'
import { fromWire, type HeldPartitions, type TopicPartitions, toWire } from './assignment.ts'
import type { MemberProfile, MemberStanding, ResolvedRegex } from './state.ts'

/** The key's version prefix, which says what kind of record follows. */
const keyVersions = {
  group: consumerGroupMetadataKeySchema.key,
  'partition-metadata': consumerGroupPartitionMetadataKeySchema.key,
  member: consumerGroupMemberMetadataKeySchema.key,
  'target-epoch': consumerGroupTargetAssignmentMetadataKeySchema.key,
  target: consumerGroupTargetAssignmentMemberKeySchema.key,
  standing: consumerGroupCurrentMemberAssignmentKeySchema.key,
  regex: consumerGroupRegularExpressionKeySchema.key,
} as const

/** The prefixes of all kinds. */
export const consumerKeyVersions: readonly number[] = Object.values(keyVersions)
/** Keys and values of all kinds have one version so far. */
const version = 0

/** One fact about a group; null takes it back. */
export type ConsumerChange =
  | { readonly of: 'group'; readonly value: { readonly epoch: number; readonly metadataHash: bigint } | null }
  | { readonly of: 'partition-metadata'; readonly isThere: boolean }
  | { readonly of: 'member'; readonly memberId: string; readonly value: MemberProfile | null }
  | { readonly of: 'target-epoch'; readonly value: { readonly epoch: number; readonly timestampMs: number } | null }
  | { readonly of: 'target'; readonly memberId: string; readonly value: TopicPartitions | null }
  | { readonly of: 'standing'; readonly memberId: string; readonly value: MemberStanding | null }
  | { readonly of: 'regex'; readonly regex: string; readonly value: ResolvedRegex | null }

export type ConsumerRecord = {
  readonly kind: 'consumer'
  readonly groupId: string
  readonly change: ConsumerChange
}

export function encodeConsumerRecord({ groupId, change }: ConsumerRecord): JournalRecord {
  const key = versionedBytes(keyVersions[change.of], (writer) => encodeKey(writer, groupId, change))
  const isGone = change.of === 'partition-metadata' || change.value === null
  return { key, value: isGone ? null : versionedBytes(version, (writer) => encodeValue(writer, change)) }
}

/** `key` stands behind its version prefix, which is one of consumerKeyVersions. */
export function decodeConsumerRecord(keyVersion: number, key: Reader, bytes: Buffer | null): ConsumerRecord {
  const value = bytes === null ? null : new Reader(bytes)
  // Of each kind there is one version; another one is refused by the decoder that is called.
  const valueVersion = value?.readInt16() ?? version
  const { groupId, change } = decodeChange(keyVersion, key, { value, valueVersion })
  return { kind: 'consumer', groupId, change }
}

function encodeKey(writer: Writer, groupId: string, change: ConsumerChange): void {
  switch (change.of) {
    case 'group':
      encodeConsumerGroupMetadataKey(writer, { groupId }, version)
      break
    case 'partition-metadata':
      encodeConsumerGroupPartitionMetadataKey(writer, { groupId }, version)
      break
    case 'member':
      encodeConsumerGroupMemberMetadataKey(writer, { groupId, memberId: change.memberId }, version)
      break
    case 'target-epoch':
      encodeConsumerGroupTargetAssignmentMetadataKey(writer, { groupId }, version)
      break
    case 'target':
      encodeConsumerGroupTargetAssignmentMemberKey(writer, { groupId, memberId: change.memberId }, version)
      break
    case 'standing':
      encodeConsumerGroupCurrentMemberAssignmentKey(writer, { groupId, memberId: change.memberId }, version)
      break
    case 'regex':
      encodeConsumerGroupRegularExpressionKey(writer, { groupId, regularExpression: change.regex }, version)
      break
  }
}

function encodeValue(writer: Writer, change: ConsumerChange): void {
  if (change.of === 'partition-metadata' || change.value === null) return
  switch (change.of) {
    case 'group':
      encodeConsumerGroupMetadataValue(writer, change.value, version)
      break
    case 'member':
      encodeConsumerGroupMemberMetadataValue(writer, wireProfile(change.value), version)
      break
    case 'target-epoch': {
      const { epoch, timestampMs } = change.value
      const value = { assignmentEpoch: epoch, assignmentTimestamp: timestampMs }
      encodeConsumerGroupTargetAssignmentMetadataValue(writer, value, version)
      break
    }
    case 'target':
      encodeConsumerGroupTargetAssignmentMemberValue(writer, { topicPartitions: toWire(change.value) }, version)
      break
    case 'standing':
      encodeConsumerGroupCurrentMemberAssignmentValue(writer, wireStanding(change.value), version)
      break
    case 'regex': {
      const { topics, version: topicsVersion, timestampMs } = change.value
      const value = { topics: [...topics], version: topicsVersion, timestamp: timestampMs }
      encodeConsumerGroupRegularExpressionValue(writer, value, version)
      break
    }
  }
}

type ValueReader = { readonly value: Reader | null; readonly valueVersion: number }

function decodeChange(
  keyVersion: number,
  key: Reader,
  { value, valueVersion }: ValueReader,
): { groupId: string; change: ConsumerChange } {
  switch (keyVersion) {
    case keyVersions.group: {
      const { groupId } = decodeConsumerGroupMetadataKey(key, version)
      return { groupId, change: { of: 'group', value: value && decodeConsumerGroupMetadataValue(value, valueVersion) } }
    }
    case keyVersions['partition-metadata']: {
      const { groupId } = decodeConsumerGroupPartitionMetadataKey(key, version)
      return { groupId, change: { of: 'partition-metadata', isThere: value !== null } }
    }
    case keyVersions.member: {
      const { groupId, memberId } = decodeConsumerGroupMemberMetadataKey(key, version)
      return { groupId, change: { of: 'member', memberId, value: value && readProfile(value, valueVersion) } }
    }
    case keyVersions['target-epoch']: {
      const { groupId } = decodeConsumerGroupTargetAssignmentMetadataKey(key, version)
      return { groupId, change: { of: 'target-epoch', value: value && readTargetEpoch(value, valueVersion) } }
    }
    case keyVersions.target: {
      const { groupId, memberId } = decodeConsumerGroupTargetAssignmentMemberKey(key, version)
      return { groupId, change: { of: 'target', memberId, value: value && readTarget(value, valueVersion) } }
    }
    case keyVersions.standing: {
      const { groupId, memberId } = decodeConsumerGroupCurrentMemberAssignmentKey(key, version)
      return { groupId, change: { of: 'standing', memberId, value: value && readStanding(value, valueVersion) } }
    }
    default: {
      const { groupId, regularExpression: regex } = decodeConsumerGroupRegularExpressionKey(key, version)
      return { groupId, change: { of: 'regex', regex, value: value && readRegex(value, valueVersion) } }
    }
  }
}

function wireProfile(profile: MemberProfile): Parameters<typeof encodeConsumerGroupMemberMetadataValue>[1] {
  const { topicNames, topicRegex, classic, ...same } = profile
  return {
    ...same,
    subscribedTopicNames: [...topicNames],
    subscribedTopicRegex: topicRegex,
    classicMemberMetadata:
      classic === null
        ? null
        : { sessionTimeoutMs: classic.sessionTimeoutMs, supportedProtocols: [...classic.protocols] },
  }
}

function readProfile(reader: Reader, valueVersion: number): MemberProfile {
  const { subscribedTopicNames, subscribedTopicRegex, classicMemberMetadata, ...same } =
    decodeConsumerGroupMemberMetadataValue(reader, valueVersion)
  const isClassic = classicMemberMetadata !== null && classicMemberMetadata.supportedProtocols.length > 0
  return {
    ...same,
    topicNames: subscribedTopicNames,
    topicRegex: subscribedTopicRegex ?? '',
    classic: isClassic
      ? {
          sessionTimeoutMs: classicMemberMetadata.sessionTimeoutMs,
          // Copies: what was decoded may be a view of a whole batch.
          protocols: classicMemberMetadata.supportedProtocols.map(({ name, metadata }) => ({
            name,
            metadata: Buffer.from(metadata),
          })),
        }
      : null,
  }
}

function readTargetEpoch(reader: Reader, valueVersion: number): { epoch: number; timestampMs: number } {
  const value = decodeConsumerGroupTargetAssignmentMetadataValue(reader, valueVersion)
  return { epoch: value.assignmentEpoch, timestampMs: value.assignmentTimestamp }
}

function readTarget(reader: Reader, valueVersion: number): TopicPartitions {
  return fromWire(decodeConsumerGroupTargetAssignmentMemberValue(reader, valueVersion).topicPartitions)
}

function wireStanding(standing: MemberStanding): Parameters<typeof encodeConsumerGroupCurrentMemberAssignmentValue>[1] {
  return {
    memberEpoch: standing.epoch,
    previousMemberEpoch: standing.previousEpoch,
    state: standing.state,
    assignedPartitions: wireHeld(standing.assigned),
    partitionsPendingRevocation: wireHeld(standing.revoking),
  }
}

function wireHeld(held: HeldPartitions): ConsumerGroupCurrentMemberAssignmentValueTopicPartitions[] {
  return Array.from(held, ([topicId, epochs]) => ({
    topicId: topicIdBytes(topicId),
    partitions: [...epochs.keys()],
    assignmentEpochs: [...epochs.values()],
  }))
}

function readStanding(reader: Reader, valueVersion: number): MemberStanding {
  const value = decodeConsumerGroupCurrentMemberAssignmentValue(reader, valueVersion)
  return {
    epoch: value.memberEpoch,
    previousEpoch: value.previousMemberEpoch,
    state: value.state,
    assigned: readHeld(value.assignedPartitions, value.memberEpoch),
    revoking: readHeld(value.partitionsPendingRevocation, value.memberEpoch),
  }
}

/** Records from before 4.3 have no epochs: then the member's own counts, but never one below 0. */
function readHeld(
  topics: readonly ConsumerGroupCurrentMemberAssignmentValueTopicPartitions[],
  memberEpoch: number,
): HeldPartitions {
  const held = new Map<TopicIdHex, ReadonlyMap<number, number>>()
  for (const { topicId, partitions, assignmentEpochs } of topics) {
    const epochs = assignmentEpochs?.length === partitions.length ? assignmentEpochs : []
    const otherwise = Math.max(memberEpoch, 0)
    held.set(topicIdHex(topicId), new Map(partitions.map((partition, at) => [partition, epochs[at] ?? otherwise])))
  }
  return held
}

function readRegex(reader: Reader, valueVersion: number): ResolvedRegex {
  const value = decodeConsumerGroupRegularExpressionValue(reader, valueVersion)
  return { topics: value.topics, version: value.version, timestampMs: value.timestamp }
}
