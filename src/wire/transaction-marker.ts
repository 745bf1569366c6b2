/** The control batch that ends a transaction in a partition's log: Kafka's end transaction marker. */

import { DecodeError } from './errors.ts'
import { batchProducerEpoch, batchProducerId, buildBatch, readRecords } from './record-batch.ts'

/** What a marker says. */
export type TransactionMarker = {
  readonly producerId: number
  readonly producerEpoch: number
  /** false: the transaction was aborted. */
  readonly isCommit: boolean
  readonly coordinatorEpoch: number
}

/** Kafka's numbers of the two kinds of marker, in the second half of the record's key. */
const abortType = 0
const commitType = 1
/** Both key and value begin with their version, in two bytes. */
const keyBytes = 4
const valueBytes = 6

/** The batch, with base offset 0 and its CRC. */
export function buildMarker(marker: TransactionMarker, timestampMs: number): Buffer {
  const key = Buffer.alloc(keyBytes)
  key.writeInt16BE(marker.isCommit ? commitType : abortType, 2)
  const value = Buffer.alloc(valueBytes)
  value.writeInt32BE(marker.coordinatorEpoch, 2)
  return buildBatch({
    records: [{ key, value, timestampMs }],
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    isTransactional: true,
    isControl: true,
  })
}

/** Reads a control batch; undefined where it is one of another kind. Throws DecodeError where it is damaged. */
export function readMarker(bytes: Buffer, at: number): TransactionMarker | undefined {
  const [record] = readRecords(bytes, at)
  if (record === undefined) return undefined
  const { key, value } = record
  if (key === null || key.length < keyBytes) throw new DecodeError('a control record without a whole key')
  const type = key.readInt16BE(2)
  if (type !== abortType && type !== commitType) return undefined
  if (value === null || value.length < valueBytes) throw new DecodeError('a transaction marker without a whole value')
  return {
    producerId: batchProducerId(bytes, at),
    producerEpoch: batchProducerEpoch(bytes, at),
    isCommit: type === commitType,
    coordinatorEpoch: value.readInt32BE(2),
  }
}
