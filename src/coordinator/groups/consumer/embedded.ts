/** What consumers of the classic protocol say and are told inside of JoinGroup and SyncGroup: Kafka's consumer protocol. */

import { topicIdBytes } from '../../../base/ids.ts'
import {
  decodeConsumerProtocolAssignment,
  encodeConsumerProtocolAssignment,
} from '../../../wire/generated/consumer-protocol-assignment.ts'
import {
  type ConsumerProtocolSubscription,
  consumerProtocolSubscriptionSchema,
  decodeConsumerProtocolSubscription,
} from '../../../wire/generated/consumer-protocol-subscription.ts'
import { DecodeError, Reader } from '../../../wire/reader.ts'
import type { TopicView } from '../../topic-view.ts'
import { versionedBytes } from '../../versioned-bytes.ts'
import { fromWire, type TopicPartitions, type WirePartitions } from './assignment.ts'

/** The protocol type of consumers. */
export const consumerProtocolType = 'consumer'

type NamedPartitions = { topic: string; partitions: number[] }

/** What a member subscribes to; undefined where that cannot be read. */
export function readSubscription(metadata: Buffer): ConsumerProtocolSubscription | undefined {
  return readOrNone(() => {
    const reader = new Reader(metadata)
    return decodeConsumerProtocolSubscription(reader, knownVersion(reader.readInt16()))
  })
}

/**
 * The partitions of an assignment, those of topics that are there; undefined where it cannot be read. `hasUserData` tells of words
 * between a custom assignor and its members, which no other assignor could keep up.
 */
export function readAssignment(
  bytes: Buffer,
  topics: TopicView,
): { readonly partitions: TopicPartitions; readonly hasUserData: boolean } | undefined {
  return readOrNone(() => {
    const reader = new Reader(bytes)
    const assignment = decodeConsumerProtocolAssignment(reader, knownVersion(reader.readInt16()))
    return {
      partitions: withIds(assignment.assignedPartitions, topics),
      hasUserData: (assignment.userData?.length ?? 0) > 0,
    }
  })
}

/** The assignment that a member with this metadata can read: in the version that it speaks. */
export function assignmentBytes(partitions: TopicPartitions, metadata: Buffer, topics: TopicView): Buffer {
  const version = knownVersion(metadata.length < 2 ? 0 : metadata.readInt16BE(0))
  const assignedPartitions = Array.from(partitions, ([topicId, numbers]) => ({
    topic: topics.nameOf(topicId),
    partitions: [...numbers].sort((left, right) => left - right),
  })).filter((named): named is NamedPartitions => named.topic !== undefined)
  return versionedBytes(version, (writer) =>
    encodeConsumerProtocolAssignment(writer, { assignedPartitions, userData: null }, version),
  )
}

/** Partitions by topic id; those that are not there (any more) are left out: a topic of the same name may be another one. */
export function withIds(named: readonly NamedPartitions[], topics: TopicView): TopicPartitions {
  const wire = named.flatMap(({ topic, partitions }): WirePartitions[] => {
    const id = topics.idOf(topic)
    const count = topics.partitionCount(topic) ?? 0
    const present = partitions.filter((partition) => partition >= 0 && partition < count)
    return id === undefined ? [] : [{ topicId: topicIdBytes(id), partitions: present }]
  })
  return fromWire(wire)
}

/** Later versions begin with what the latest known one has. */
function knownVersion(version: number): number {
  return Math.min(Math.max(version, 0), consumerProtocolSubscriptionSchema.versionMax)
}

function readOrNone<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof DecodeError) return undefined
    throw thrown
  }
}
