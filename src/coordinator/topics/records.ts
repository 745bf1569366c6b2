/** The metadata log's records, framed as KRaft frames them: frame version, record type, record version, body. */

import { type TopicIdHex, topicIdBytes, topicIdHex } from '../../base/ids.ts'
import type { StorageKind } from '../../base/topology.ts'
import { DecodeError } from '../../wire/errors.ts'
import {
  decodeAccessControlEntryRecord,
  encodeAccessControlEntryRecord,
  makeAccessControlEntryRecord,
} from '../../wire/generated/access-control-entry-record.ts'
import {
  decodeClientQuotaRecord,
  encodeClientQuotaRecord,
  makeClientQuotaRecord,
  makeClientQuotaRecordEntityData,
} from '../../wire/generated/client-quota-record.ts'
import { decodeConfigRecord, encodeConfigRecord, makeConfigRecord } from '../../wire/generated/config-record.ts'
import { decodePartitionChangeRecord } from '../../wire/generated/partition-change-record.ts'
import {
  decodePartitionRecord,
  encodePartitionRecord,
  makePartitionRecord,
} from '../../wire/generated/partition-record.ts'
import {
  decodeRemoveAccessControlEntryRecord,
  encodeRemoveAccessControlEntryRecord,
  makeRemoveAccessControlEntryRecord,
} from '../../wire/generated/remove-access-control-entry-record.ts'
import {
  decodeRemoveTopicRecord,
  encodeRemoveTopicRecord,
  makeRemoveTopicRecord,
} from '../../wire/generated/remove-topic-record.ts'
import { decodeTopicRecord, encodeTopicRecord, makeTopicRecord } from '../../wire/generated/topic-record.ts'
import { Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import type { Acl } from '../acls/acl.ts'
import type { JournalRecord } from '../ports.ts'
import type { QuotaEntity } from '../quotas/state.ts'

/** One change of the topics' hard state, as the metadata log says it. */
export type MetadataRecord =
  | { readonly kind: 'topic'; readonly name: string; readonly id: TopicIdHex }
  | {
      readonly kind: 'partition'
      readonly id: TopicIdHex
      readonly index: number
      readonly nodeId: number
      readonly leaderEpoch: number
      /** Where its batches live: chosen once, at creation, so that a broker started with another default still finds them. */
      readonly storage: StorageKind
    }
  | { readonly kind: 'remove-topic'; readonly id: TopicIdHex }
  | {
      readonly kind: 'config'
      readonly resourceType: number
      readonly resourceName: string
      readonly name: string
      /** null takes the config away. */
      readonly value: string | null
    }
  | {
      readonly kind: 'quota'
      readonly entity: QuotaEntity
      readonly key: string
      /** null takes the limit away. */
      readonly value: number | null
    }
  | { readonly kind: 'acl'; readonly id: string; readonly acl: Acl }
  | { readonly kind: 'remove-acl'; readonly id: string }

/** What the log may hold beside that: the partition has another leader, or none, as Apache Kafka's controller notes. */
export type ForeignRecord = { readonly kind: 'leader'; readonly id: TopicIdHex; readonly index: number }

const frameVersion = 1
/** Kafka's numbers of the record types. */
const recordType = {
  topic: 2,
  partition: 3,
  config: 4,
  partitionChange: 5,
  removeTopic: 9,
  quota: 14,
  acl: 18,
  removeAcl: 19,
} as const
/** The versions that are written. */
const recordVersion = { topic: 0, partition: 1, config: 0, removeTopic: 0, quota: 0, acl: 0, removeAcl: 0 } as const

/** Kafka's NO_LEADER_CHANGE in a PartitionChangeRecord. */
const leaderUnchanged = -2

/**
 * Kafka names the log folder that holds a replica by an id. Here each kind of storage is such a folder; `local` is the data folder,
 * with its own id where it has one.
 */
export const storageDirectoryIds: Readonly<Record<StorageKind, Buffer>> = {
  local: Buffer.from('safka/local     ', 'latin1'),
  memory: Buffer.from('safka/memory    ', 'latin1'),
  ring: Buffer.from('safka/ring      ', 'latin1'),
}

/** The journal record of one change. `local` is the data folder's id. */
export function encodeMetadataRecord(record: MetadataRecord, local = storageDirectoryIds.local): JournalRecord {
  const writer = new Writer(128)
  writer.writeUnsignedVarint(frameVersion)
  switch (record.kind) {
    case 'topic':
      writeHead(writer, recordType.topic, recordVersion.topic)
      encodeTopicRecord(
        writer,
        makeTopicRecord({ name: record.name, topicId: topicIdBytes(record.id) }),
        recordVersion.topic,
      )
      break
    case 'partition':
      writeHead(writer, recordType.partition, recordVersion.partition)
      encodePartitionRecord(writer, partitionBody(record, local), recordVersion.partition)
      break
    case 'remove-topic':
      writeHead(writer, recordType.removeTopic, recordVersion.removeTopic)
      encodeRemoveTopicRecord(
        writer,
        makeRemoveTopicRecord({ topicId: topicIdBytes(record.id) }),
        recordVersion.removeTopic,
      )
      break
    case 'config':
      writeHead(writer, recordType.config, recordVersion.config)
      encodeConfigRecord(
        writer,
        makeConfigRecord({
          resourceType: record.resourceType,
          resourceName: record.resourceName,
          name: record.name,
          value: record.value,
        }),
        recordVersion.config,
      )
      break
    case 'quota':
      writeHead(writer, recordType.quota, recordVersion.quota)
      encodeClientQuotaRecord(writer, quotaBody(record), recordVersion.quota)
      break
    case 'acl': {
      writeHead(writer, recordType.acl, recordVersion.acl)
      const id = Buffer.from(record.id, 'hex')
      encodeAccessControlEntryRecord(writer, makeAccessControlEntryRecord({ id, ...record.acl }), recordVersion.acl)
      break
    }
    case 'remove-acl':
      writeHead(writer, recordType.removeAcl, recordVersion.removeAcl)
      encodeRemoveAccessControlEntryRecord(
        writer,
        makeRemoveAccessControlEntryRecord({ id: Buffer.from(record.id, 'hex') }),
        recordVersion.removeAcl,
      )
      break
  }
  return { key: null, value: writer.finishJoined() }
}

/** The change that a journal record holds; undefined for types that say nothing of topics. Throws DecodeError on damage. */
export function decodeMetadataRecord(record: JournalRecord): MetadataRecord | ForeignRecord | undefined {
  if (record.value === null) return undefined
  const reader = new Reader(record.value)
  const frame = reader.readUnsignedVarint()
  if (frame !== frameVersion) throw new DecodeError(`metadata frame version ${frame} is not ${frameVersion}`)
  const type = reader.readUnsignedVarint()
  const version = reader.readUnsignedVarint()
  switch (type) {
    case recordType.topic: {
      const body = decodeTopicRecord(reader, version)
      return { kind: 'topic', name: body.name, id: topicIdHex(body.topicId) }
    }
    case recordType.partition: {
      const body = decodePartitionRecord(reader, version)
      return {
        kind: 'partition',
        id: topicIdHex(body.topicId),
        index: body.partitionId,
        nodeId: body.leader,
        leaderEpoch: Math.max(0, body.leaderEpoch),
        storage: storageOf(body.directories),
      }
    }
    case recordType.partitionChange: {
      const body = decodePartitionChangeRecord(reader, version)
      if (body.leader === leaderUnchanged) return undefined
      return { kind: 'leader', id: topicIdHex(body.topicId), index: body.partitionId }
    }
    case recordType.removeTopic:
      return { kind: 'remove-topic', id: topicIdHex(decodeRemoveTopicRecord(reader, version).topicId) }
    case recordType.config: {
      const { resourceType, resourceName, name, value } = decodeConfigRecord(reader, version)
      return { kind: 'config', resourceType, resourceName, name, value }
    }
    case recordType.quota: {
      const { entity, key, value, remove } = decodeClientQuotaRecord(reader, version)
      const names = entity.map(({ entityType, entityName }) => [entityType, entityName] as const)
      return { kind: 'quota', entity: new Map(names), key, value: remove ? null : value }
    }
    case recordType.acl: {
      const { id, ...acl } = decodeAccessControlEntryRecord(reader, version)
      return { kind: 'acl', id: id.toString('hex'), acl }
    }
    case recordType.removeAcl:
      return { kind: 'remove-acl', id: decodeRemoveAccessControlEntryRecord(reader, version).id.toString('hex') }
    default:
      return undefined
  }
}

function writeHead(writer: Writer, type: number, version: number): void {
  writer.writeUnsignedVarint(type)
  writer.writeUnsignedVarint(version)
}

function partitionBody(
  record: Extract<MetadataRecord, { kind: 'partition' }>,
  localDirectory: Buffer,
): ReturnType<typeof makePartitionRecord> {
  return makePartitionRecord({
    partitionId: record.index,
    topicId: topicIdBytes(record.id),
    replicas: [record.nodeId],
    isr: [record.nodeId],
    leader: record.nodeId,
    leaderEpoch: record.leaderEpoch,
    partitionEpoch: 0,
    directories: [record.storage === 'local' ? localDirectory : storageDirectoryIds[record.storage]],
  })
}

function quotaBody(record: Extract<MetadataRecord, { kind: 'quota' }>): ReturnType<typeof makeClientQuotaRecord> {
  return makeClientQuotaRecord({
    entity: [...record.entity].map(([entityType, entityName]) =>
      makeClientQuotaRecordEntityData({ entityType, entityName }),
    ),
    key: record.key,
    value: record.value ?? 0,
    remove: record.value === null,
  })
}

function storageOf(directories: readonly Buffer[]): StorageKind {
  const id = directories[0]
  if (id?.equals(storageDirectoryIds.memory)) return 'memory'
  return id?.equals(storageDirectoryIds.ring) ? 'ring' : 'local'
}
