/** The records of one batch as places in its bytes, without an object a record: for those who look at every record of a log. */

import { batchCompression, batchHeaderBytes, batchRecordCount, batchSizeBytes } from './batch-header.ts'
import { decompress } from './compression/compress.ts'
import { DecodeError } from './errors.ts'
import { Reader } from './reader.ts'
import { recordsBytesMax } from './record-batch.ts'

/** Records that the first arrays hold; they grow with the largest batch seen. */
const recordsFirst = 1024

/** Fewest bytes of a record: its length, attributes, two deltas, two lengths and the number of headers. */
const recordBytesMin = 7

/** Reads one batch after the other into the same arrays. */
export class BatchRecords {
  count = 0
  /** What the places below count in: the batch's own bytes, or its decompressed records. */
  bytes: Buffer = Buffer.alloc(0)
  timestampDeltas = new Float64Array(recordsFirst)
  offsetDeltas = new Int32Array(recordsFirst)
  /** Where a record's part from its offset delta on begins, and where the record ends. */
  restStarts = new Int32Array(recordsFirst)
  ends = new Int32Array(recordsFirst)
  /** Where the key's bytes begin and end; both -1 for a null key. */
  keyStarts = new Int32Array(recordsFirst)
  keyEnds = new Int32Array(recordsFirst)
  /** 1 where the value is null. */
  isTombstone = new Uint8Array(recordsFirst)

  /** Reads the batch at `at`, which lies whole in `batch`. Its CRC is not checked. Throws DecodeError on damage. */
  read(batch: Buffer, at: number): void {
    const codec = batchCompression(batch, at)
    const end = at + batchSizeBytes(batch, at)
    const isPlain = codec === 0
    this.bytes = isPlain ? batch : decompress(codec, batch.subarray(at + batchHeaderBytes, end), recordsBytesMax)
    const reader = isPlain ? new Reader(batch, at + batchHeaderBytes, end) : new Reader(this.bytes)
    const count = batchRecordCount(batch, at)
    if (count < 0 || count * recordBytesMin > reader.remaining) {
      throw new DecodeError(`${count} records do not fit the batch`)
    }
    if (count > this.ends.length) this.#grow(count)
    this.count = count
    for (let index = 0; index < count; index++) this.#readRecord(reader, index)
    if (reader.remaining > 0) throw new DecodeError(`${reader.remaining} bytes follow the last record`)
  }

  #readRecord(reader: Reader, index: number): void {
    const length = reader.readVarint()
    const end = reader.position + length
    reader.skip(1)
    this.timestampDeltas[index] = reader.readVarlong()
    this.restStarts[index] = reader.position
    this.offsetDeltas[index] = reader.readVarint()
    const keyBytes = reader.readVarint()
    this.keyStarts[index] = keyBytes < 0 ? -1 : reader.position
    if (keyBytes > 0) reader.skip(keyBytes)
    this.keyEnds[index] = keyBytes < 0 ? -1 : reader.position
    this.isTombstone[index] = reader.readVarint() < 0 ? 1 : 0
    if (length < 1 || end < reader.position) throw new DecodeError('a record is not as long as it claims')
    // What follows, the value and the headers, is taken as a whole.
    reader.skip(end - reader.position)
    this.ends[index] = end
  }

  #grow(count: number): void {
    const length = 2 ** Math.ceil(Math.log2(count))
    this.timestampDeltas = new Float64Array(length)
    this.offsetDeltas = new Int32Array(length)
    this.restStarts = new Int32Array(length)
    this.ends = new Int32Array(length)
    this.keyStarts = new Int32Array(length)
    this.keyEnds = new Int32Array(length)
    this.isTombstone = new Uint8Array(length)
  }
}
