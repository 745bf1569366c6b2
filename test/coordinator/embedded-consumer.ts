/** What consumers of the classic protocol put into JoinGroup and SyncGroup, and a leader that shares out partitions in turn. */

import {
  type ConsumerProtocolAssignmentTopicPartition,
  decodeConsumerProtocolAssignment,
  encodeConsumerProtocolAssignment,
} from '../../src/wire/generated/consumer-protocol-assignment.ts'
import {
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolSubscription,
  makeConsumerProtocolSubscription,
} from '../../src/wire/generated/consumer-protocol-subscription.ts'
import type { JoinGroupResponse } from '../../src/wire/generated/join-group.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import type { FakeTopics } from './group-fixture.ts'

const version = 1

export function subscriptionBytes(topics: readonly string[]): Buffer {
  const writer = new Writer()
  writer.writeInt16(version)
  encodeConsumerProtocolSubscription(writer, makeConsumerProtocolSubscription({ topics: [...topics] }), version)
  return writer.finishJoined()
}

/** A member's share, as bytes say it; without bytes it is nothing. */
export function readShare(bytes: Buffer): ConsumerProtocolAssignmentTopicPartition[] {
  if (bytes.length === 0) return []
  const reader = new Reader(bytes)
  return decodeConsumerProtocolAssignment(reader, reader.readInt16()).assignedPartitions
}

/** Every partition of a topic that is read goes to one of its readers. */
export function share(
  members: JoinGroupResponse['members'],
  topics: FakeTopics,
): { memberId: string; assignment: Buffer }[] {
  const shares = new Map(members.map(({ memberId }) => [memberId, new Map<string, number[]>()]))
  const readers = new Map<string, string[]>()
  for (const { memberId, metadata } of members) {
    const reader = new Reader(metadata)
    for (const topic of decodeConsumerProtocolSubscription(reader, reader.readInt16()).topics) {
      readers.set(topic, [...(readers.get(topic) ?? []), memberId])
    }
  }
  for (const [topic, memberIds] of readers) {
    for (let partition = 0; partition < (topics.partitionCount(topic) ?? 0); partition++) {
      const own = shares.get(memberIds[partition % memberIds.length] ?? '')
      own?.set(topic, [...(own.get(topic) ?? []), partition])
    }
  }
  return Array.from(shares, ([memberId, own]) => ({ memberId, assignment: shareBytes(own) }))
}

function shareBytes(own: ReadonlyMap<string, number[]>): Buffer {
  const writer = new Writer()
  writer.writeInt16(version)
  const assignedPartitions = Array.from(own, ([topic, partitions]) => ({ topic, partitions }))
  encodeConsumerProtocolAssignment(writer, { assignedPartitions, userData: null }, version)
  return writer.finishJoined()
}
