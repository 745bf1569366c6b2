/** The control batch that ends a transaction in a partition: made by the coordinator, read by owners and at recovery. */

import { DecodeError } from './errors.ts'
import { decodeEndTxnMarker, encodeEndTxnMarker, makeEndTxnMarker } from './generated/end-txn-marker.ts'
import { Reader } from './reader.ts'
import { batchIsControl, batchProducerEpoch, batchProducerId, buildBatch, readRecords } from './record-batch.ts'
import { Writer } from './writer.ts'

/** How a transaction ended in a partition. */
export type EndMarker = {
  readonly producerId: number
  readonly producerEpoch: number
  readonly isCommit: boolean
  readonly coordinatorEpoch: number
}

const markerType = { abort: 0, commit: 1 } as const
const keyVersion = 0
const valueVersion = 0

/** The batch, without a base offset yet. */
export function buildEndMarker(marker: EndMarker, timestampMs: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(keyVersion, 0)
  key.writeInt16BE(marker.isCommit ? markerType.commit : markerType.abort, 2)
  const writer = new Writer(16)
  writer.writeInt16(valueVersion)
  encodeEndTxnMarker(writer, makeEndTxnMarker({ coordinatorEpoch: marker.coordinatorEpoch }), valueVersion)
  return buildBatch({
    records: [{ key, value: writer.finishJoined(), headers: [], timestampMs }],
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    isTransactional: true,
    isControl: true,
  })
}

/** The marker in the batch at `at`; undefined where it is no control batch, or one of another kind. Throws DecodeError on damage. */
export function readEndMarker(bytes: Buffer, at: number): EndMarker | undefined {
  if (!batchIsControl(bytes, at)) return undefined
  const [record] = readRecords(bytes, at)
  const key = record?.key ?? null
  const value = record?.value ?? null
  if (key === null || value === null || key.length < 4) throw new DecodeError('a control batch without a whole record')
  const type = key.readInt16BE(2)
  if (type !== markerType.abort && type !== markerType.commit) return undefined
  const reader = new Reader(value)
  reader.readInt16()
  return {
    producerId: batchProducerId(bytes, at),
    producerEpoch: batchProducerEpoch(bytes, at),
    isCommit: type === markerType.commit,
    // Later versions of the value only add fields behind this one.
    coordinatorEpoch: decodeEndTxnMarker(reader, valueVersion).coordinatorEpoch,
  }
}
