/** The record that keeps a transactional id: TransactionLogKey and TransactionLogValue, as Kafka 4.3 writes them. */

import { decodeTransactionLogKey, encodeTransactionLogKey } from '../../wire/generated/transaction-log-key.ts'
import { decodeTransactionLogValue, encodeTransactionLogValue } from '../../wire/generated/transaction-log-value.ts'
import { DecodeError, Reader } from '../../wire/reader.ts'
import type { JournalRecord } from '../ports.ts'
import { versionedBytes } from '../versioned-bytes.ts'
import {
  noProducer,
  type TransactionPartitions,
  type TransactionStatus,
  type TransactionValue,
  transactionStatuses,
} from './state.ts'

const keyVersion = 0
const valueVersion = 1
const bytesAround = 128
const bytesPerTopic = 8
const bytesPerPartition = 4

/** What is known of a transactional id from here on; null: nothing any more. */
export type TransactionRecord = { readonly transactionalId: string; readonly value: TransactionValue | null }

export function encodeTransactionRecord({ transactionalId, value }: TransactionRecord): JournalRecord {
  return {
    key: versionedBytes(keyVersion, (writer) => encodeTransactionLogKey(writer, { transactionalId }, keyVersion)),
    value: value === null ? null : encodeValue(value),
  }
}

/** undefined for records of kinds that this coordinator does not keep. Throws a DecodeError on a damaged one. */
export function decodeTransactionRecord(record: JournalRecord): TransactionRecord | undefined {
  if (record.key === null) return undefined
  const key = new Reader(record.key)
  if (key.readInt16() !== keyVersion) return undefined
  const { transactionalId } = decodeTransactionLogKey(key, keyVersion)
  return { transactionalId, value: record.value === null ? null : decodeValue(record.value) }
}

/** What the record takes at most. */
export function transactionRecordBytes(transactionalId: string, { partitions }: TransactionValue): number {
  let bytes = bytesAround + 3 * transactionalId.length
  for (const [topic, numbers] of partitions)
    bytes += bytesPerTopic + 3 * topic.length + bytesPerPartition * numbers.size
  return bytes
}

function encodeValue(value: TransactionValue): Buffer {
  const isEmpty = value.status === 'Empty'
  return versionedBytes(valueVersion, (writer) =>
    encodeTransactionLogValue(
      writer,
      {
        producerId: value.producerId,
        previousProducerId: value.previousProducerId,
        nextProducerId: value.nextProducerId,
        producerEpoch: value.producerEpoch,
        nextProducerEpoch: noProducer,
        transactionTimeoutMs: value.timeoutMs,
        transactionStatus: transactionStatuses.indexOf(value.status),
        transactionPartitions: isEmpty ? null : topicsOf(value.partitions),
        transactionLastUpdateTimestampMs: value.updateMs,
        transactionStartTimestampMs: value.startMs,
        clientTransactionVersion: value.clientVersion,
      },
      valueVersion,
    ),
  )
}

function decodeValue(bytes: Buffer): TransactionValue {
  const reader = new Reader(bytes)
  const value = decodeTransactionLogValue(reader, reader.readInt16())
  const partitions = new Map<string, Set<number>>()
  for (const { topic, partitionIds } of value.transactionPartitions ?? []) partitions.set(topic, new Set(partitionIds))
  return {
    producerId: value.producerId,
    previousProducerId: value.previousProducerId,
    nextProducerId: value.nextProducerId,
    producerEpoch: value.producerEpoch,
    timeoutMs: value.transactionTimeoutMs,
    status: statusOf(value.transactionStatus),
    partitions,
    startMs: value.transactionStartTimestampMs,
    updateMs: value.transactionLastUpdateTimestampMs,
    clientVersion: value.clientTransactionVersion,
  }
}

function statusOf(number: number): TransactionStatus {
  const status = transactionStatuses[number]
  if (status === undefined) throw new DecodeError(`there is no transaction status ${number}`)
  return status
}

function topicsOf(partitions: TransactionPartitions): { topic: string; partitionIds: number[] }[] {
  return [...partitions].map(([topic, numbers]) => ({ topic, partitionIds: [...numbers].sort((a, b) => a - b) }))
}
