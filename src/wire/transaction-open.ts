/** The ring entry that lets a producer's transaction into a partition: 8 bytes producer id, 2 bytes epoch. Never on disk. */

import { DecodeError } from './errors.ts'

const openBytes = 10

/** Encodes the entry. */
export function encodeTransactionOpen(producer: { producerId: number; producerEpoch: number }): Buffer {
  const bytes = Buffer.allocUnsafe(openBytes)
  bytes.writeBigInt64BE(BigInt(producer.producerId), 0)
  bytes.writeInt16BE(producer.producerEpoch, 8)
  return bytes
}

/** Decodes the entry. Throws DecodeError where it has another length. */
export function decodeTransactionOpen(bytes: Buffer): { producerId: number; producerEpoch: number } {
  if (bytes.length !== openBytes) throw new DecodeError(`a transaction's opening of ${bytes.length} bytes`)
  return { producerId: Number(bytes.readBigInt64BE(0)), producerEpoch: bytes.readInt16BE(8) }
}
