/** The record that keeps a classic group: GroupMetadataKey and GroupMetadataValue, version 3 as Kafka 4.3 writes it. */

import { decodeGroupMetadataKey, encodeGroupMetadataKey } from '../../../wire/generated/group-metadata-key.ts'
import {
  decodeGroupMetadataValue,
  encodeGroupMetadataValue,
  type GroupMetadataValue,
} from '../../../wire/generated/group-metadata-value.ts'
import { Reader } from '../../../wire/reader.ts'
import type { JournalRecord } from '../../ports.ts'
import { versionedBytes } from '../../versioned-bytes.ts'
import { type ClassicGroup, metadataFor } from './state.ts'

/** The key's version prefix, which says what kind of record follows. */
export const groupKeyVersion = 2
const keyMessageVersion = 0
const valueVersion = 3

/** A group is as `value` says; null: it is gone. */
export type GroupRecord = {
  readonly kind: 'group'
  readonly groupId: string
  readonly value: GroupMetadataValue | null
}

/** The group with its present members and generation, and the assignments that its leader decided. */
export function groupRecord(
  groupId: string,
  group: ClassicGroup,
  { nowMs, assignmentOf }: { readonly nowMs: number; readonly assignmentOf: (memberId: string) => Buffer },
): GroupRecord {
  return {
    kind: 'group',
    groupId,
    value: {
      protocolType: group.protocolType ?? '',
      generation: group.generation,
      protocol: group.protocol,
      leader: group.leader,
      currentStateTimestamp: nowMs,
      members: Array.from(group.members.values(), (member) => ({
        memberId: member.id,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: metadataFor(member, group.protocol),
        assignment: assignmentOf(member.id),
      })),
    },
  }
}

/** The first record of a group: it exists, and nobody is in it yet. */
export function newGroupRecord(groupId: string, nowMs: number): GroupRecord {
  return {
    kind: 'group',
    groupId,
    value: {
      protocolType: '',
      generation: 0,
      protocol: null,
      leader: null,
      currentStateTimestamp: nowMs,
      members: [],
    },
  }
}

export function encodeGroupRecord(record: GroupRecord): JournalRecord {
  const { groupId, value } = record
  return {
    key: versionedBytes(groupKeyVersion, (writer) =>
      encodeGroupMetadataKey(writer, { group: groupId }, keyMessageVersion),
    ),
    value:
      value === null
        ? null
        : versionedBytes(valueVersion, (writer) => encodeGroupMetadataValue(writer, value, valueVersion)),
  }
}

/** `key` stands behind its version prefix. */
export function decodeGroupRecord(key: Reader, value: Buffer | null): GroupRecord {
  const groupId = decodeGroupMetadataKey(key, keyMessageVersion).group
  if (value === null) return { kind: 'group', groupId, value: null }
  const reader = new Reader(value)
  return { kind: 'group', groupId, value: decodeGroupMetadataValue(reader, reader.readInt16()) }
}

/** About how many bytes the record takes, to refuse what no batch could hold before anything is decided. */
export function groupRecordBytes(record: GroupRecord): number {
  const { key, value } = encodeGroupRecord(record)
  return (key?.length ?? 0) + (value?.length ?? 0)
}
