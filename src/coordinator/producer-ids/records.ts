/** The metadata record that reserves producer ids: Kafka's ProducerIdsRecord in KRaft's frame. */

import {
  decodeProducerIdsRecord,
  encodeProducerIdsRecord,
  producerIdsRecordSchema,
} from '../../wire/generated/producer-ids-record.ts'
import { DecodeError, Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import type { JournalRecord } from '../ports.ts'

const frameVersion = 1
const recordVersion = 0

/** All ids below `nextProducerId` are spoken for, by this broker or by one before it. */
export type ProducerIdsReserved = { readonly brokerId: number; readonly nextProducerId: number }

export function encodeReserved({ brokerId, nextProducerId }: ProducerIdsReserved): JournalRecord {
  const writer = new Writer(32)
  writer.writeUnsignedVarint(frameVersion)
  writer.writeUnsignedVarint(producerIdsRecordSchema.key)
  writer.writeUnsignedVarint(recordVersion)
  encodeProducerIdsRecord(writer, { brokerId, brokerEpoch: -1, nextProducerId }, recordVersion)
  return { key: null, value: writer.finishJoined() }
}

/** undefined for the metadata log's other records. Throws a DecodeError on a damaged one. */
export function decodeReserved(record: JournalRecord): ProducerIdsReserved | undefined {
  if (record.value === null) return undefined
  const reader = new Reader(record.value)
  const frame = reader.readUnsignedVarint()
  if (frame !== frameVersion) throw new DecodeError(`metadata frame version ${frame} is not ${frameVersion}`)
  if (reader.readUnsignedVarint() !== producerIdsRecordSchema.key) return undefined
  const { brokerId, nextProducerId } = decodeProducerIdsRecord(reader, reader.readUnsignedVarint())
  return { brokerId, nextProducerId }
}
