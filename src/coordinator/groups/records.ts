/** The records of __consumer_offsets that the coordinator writes and reads: Kafka's own, as Kafka 4.3 writes them. */

import { Reader } from '../../wire/reader.ts'
import { decodeOffsetRecord, encodeOffsetRecord, type OffsetRecord, offsetKeyVersions } from '../offsets/records.ts'
import type { JournalRecord } from '../ports.ts'
import { decodeGroupRecord, encodeGroupRecord, type GroupRecord, groupKeyVersion } from './classic/records.ts'
import {
  type ConsumerRecord,
  consumerKeyVersions,
  decodeConsumerRecord,
  encodeConsumerRecord,
} from './consumer/records.ts'

/** A record in the coordinator's own words. */
export type CoordinatorRecord = GroupRecord | ConsumerRecord | OffsetRecord

/** The record's bytes. */
export function encodeRecord(record: CoordinatorRecord): JournalRecord {
  switch (record.kind) {
    case 'group':
      return encodeGroupRecord(record)
    case 'consumer':
      return encodeConsumerRecord(record)
    case 'offset':
      return encodeOffsetRecord(record)
  }
}

/**
 * What the bytes say, or undefined for records of kinds that this coordinator does not keep (other group protocols).
 * Throws a DecodeError on bytes that are not what their version says.
 */
export function decodeRecord(record: JournalRecord): CoordinatorRecord | undefined {
  if (record.key === null || record.key.length < 2) return undefined
  const key = new Reader(record.key)
  const keyVersion = key.readInt16()
  if (keyVersion === groupKeyVersion) return decodeGroupRecord(key, record.value)
  if (consumerKeyVersions.includes(keyVersion)) return decodeConsumerRecord(keyVersion, key, record.value)
  if (offsetKeyVersions.includes(keyVersion)) return decodeOffsetRecord(key, record.value)
  return undefined
}
