/** Records of the metadata log as Apache Kafka's controller writes them. */

import type { JournalRecord } from '../../src/coordinator/ports.ts'
import { encodeBeginTransactionRecord } from '../../src/wire/generated/begin-transaction-record.ts'
import { encodeConfigRecord } from '../../src/wire/generated/config-record.ts'
import { encodeEndTransactionRecord } from '../../src/wire/generated/end-transaction-record.ts'
import { encodeFeatureLevelRecord } from '../../src/wire/generated/feature-level-record.ts'
import {
  encodePartitionChangeRecord,
  makePartitionChangeRecord,
  type PartitionChangeRecord,
} from '../../src/wire/generated/partition-change-record.ts'
import {
  encodePartitionRecord,
  makePartitionRecord,
  type PartitionRecord,
} from '../../src/wire/generated/partition-record.ts'
import { encodeTopicRecord } from '../../src/wire/generated/topic-record.ts'
import { Writer } from '../../src/wire/writer.ts'

/** The topic that these records tell of, and the folder that its partitions lie in. */
export const topicId = Buffer.alloc(16, 0xab)
export const directoryId = Buffer.alloc(16, 0xcd)

/** A record of any type and version, in KRaft's frame. */
export function framed(type: number, version: number, encode: (writer: Writer) => void): JournalRecord {
  const writer = new Writer(64)
  for (const number of [1, type, version]) writer.writeUnsignedVarint(number)
  encode(writer)
  return { key: null, value: writer.finishJoined() }
}

export const topicRecord = (name = 'orders'): JournalRecord =>
  framed(2, 0, (writer) => encodeTopicRecord(writer, { name, topicId }, 0))

/** Partition 0, whose only replica is node 1's, in sync. */
export const partitionRecord = (changes: Partial<PartitionRecord> = {}): JournalRecord =>
  framed(3, 2, (writer) => {
    const whole = { partitionId: 0, topicId, replicas: [1], isr: [1], leader: 1, leaderEpoch: 0, partitionEpoch: 0 }
    encodePartitionRecord(writer, makePartitionRecord({ ...whole, directories: [directoryId], ...changes }), 2)
  })

export const changeRecord = (changes: Partial<PartitionChangeRecord>): JournalRecord =>
  framed(5, 2, (writer) =>
    encodePartitionChangeRecord(writer, makePartitionChangeRecord({ partitionId: 0, topicId, ...changes }), 2),
  )

export const configRecord = (name: string, value: string | null): JournalRecord =>
  framed(4, 0, (writer) => encodeConfigRecord(writer, { resourceType: 2, resourceName: 'orders', name, value }, 0))

export const featureRecord = (name: string, featureLevel: number): JournalRecord =>
  framed(12, 0, (writer) => encodeFeatureLevelRecord(writer, { name, featureLevel }, 0))

export const beginRecord = (): JournalRecord =>
  framed(23, 0, (writer) => encodeBeginTransactionRecord(writer, { name: 'together' }, 0))

export const endRecord = (): JournalRecord => framed(24, 0, (writer) => encodeEndTransactionRecord(writer, {}, 0))
