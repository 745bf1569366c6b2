/** A partition's producers as the bytes of Kafka's producer snapshot file, and back. */

import type { ProducerFacts } from '../base/topology.ts'
import { crc32c } from '../wire/crc32c.ts'
import { DecodeError } from '../wire/errors.ts'
import {
  decodeProducerSnapshot,
  encodeProducerSnapshot,
  makeProducerSnapshotProducerEntry,
} from '../wire/generated/producer-snapshot.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import type { Partition } from './partition.ts'

/** Version 1 is the only one that Kafka writes; it stands before the message in two bytes. */
const snapshotVersion = 1
const crcAt = 2
/** What the checksum covers: everything after itself. */
const checkedFrom = 6

/** Saves the producers' state as it is after the last stamped batch. */
export function keepProducers(partition: Partition): void {
  if (partition.snapshotOffset === partition.nextOffset) return
  partition.engine.saveProducerSnapshot(partition.nextOffset, encodeSnapshot(partition.producers.snapshotFacts()))
  partition.snapshotOffset = partition.nextOffset
}

/** The snapshot file's bytes, with their CRC-32C. */
export function encodeSnapshot(producers: readonly ProducerFacts[]): Buffer {
  const writer = new Writer()
  writer.writeInt16(snapshotVersion)
  const producerEntries = producers.map((producer) =>
    makeProducerSnapshotProducerEntry({
      producerId: producer.producerId,
      epoch: producer.epoch,
      lastSequence: producer.lastSequence,
      lastOffset: producer.lastOffset,
      offsetDelta: producer.offsetDelta,
      timestamp: producer.timestampMs,
      coordinatorEpoch: producer.coordinatorEpoch,
      currentTxnFirstOffset: producer.transactionStart,
    }),
  )
  encodeProducerSnapshot(writer, { crc: 0, producerEntries }, snapshotVersion)
  const bytes = writer.finishJoined()
  bytes.writeUInt32BE(crc32c(bytes.subarray(checkedFrom)), crcAt)
  return bytes
}

/** Reads a snapshot file's bytes. Throws a DecodeError where they are damaged. */
export function decodeSnapshot(bytes: Buffer): ProducerFacts[] {
  const reader = new Reader(bytes)
  const version = reader.readInt16()
  if (version !== snapshotVersion) throw new DecodeError(`a producer snapshot of unknown version ${version}`)
  const snapshot = decodeProducerSnapshot(reader, snapshotVersion)
  if (snapshot.crc !== crc32c(bytes.subarray(checkedFrom))) {
    throw new DecodeError('a producer snapshot does not match its checksum')
  }
  return snapshot.producerEntries.map((entry) => ({
    producerId: entry.producerId,
    epoch: entry.epoch,
    lastSequence: entry.lastSequence,
    lastOffset: entry.lastOffset,
    offsetDelta: entry.offsetDelta,
    timestampMs: entry.timestamp,
    coordinatorEpoch: entry.coordinatorEpoch,
    transactionStart: entry.currentTxnFirstOffset,
  }))
}
