/** The entries of Kafka's transaction index: which transactions were aborted by the markers of a segment. */

import type { Offset } from '../../base/ids.ts'
import type { AbortedTransaction } from '../engine.ts'

/** An entry's bytes: version, producer id, first offset, last offset, last stable offset. */
export const abortedEntryBytes = 34
const entryVersion = 0

export function writeAbortedEntry(bytes: Buffer, at: number, aborted: AbortedTransaction): void {
  bytes.writeInt16BE(entryVersion, at)
  bytes.writeBigInt64BE(BigInt(aborted.producerId), at + 2)
  bytes.writeBigInt64BE(BigInt(aborted.firstOffset), at + 10)
  bytes.writeBigInt64BE(BigInt(aborted.lastOffset), at + 18)
  bytes.writeBigInt64BE(BigInt(aborted.lastStableOffset), at + 26)
}

export function readAbortedEntry(bytes: Buffer, at: number): AbortedTransaction {
  return {
    producerId: Number(bytes.readBigInt64BE(at + 2)),
    firstOffset: Number(bytes.readBigInt64BE(at + 10)),
    lastOffset: Number(bytes.readBigInt64BE(at + 18)),
    lastStableOffset: Number(bytes.readBigInt64BE(at + 26)),
  }
}

/** A run of entries' bytes. */
export function encodeAborted(aborted: readonly AbortedTransaction[]): Buffer {
  const bytes = Buffer.alloc(aborted.length * abortedEntryBytes)
  for (const [place, one] of aborted.entries()) writeAbortedEntry(bytes, place * abortedEntryBytes, one)
  return bytes
}

/** The whole entries among some bytes. */
export function decodeAborted(bytes: Buffer): AbortedTransaction[] {
  const entries: AbortedTransaction[] = []
  for (let at = 0; at + abortedEntryBytes <= bytes.length; at += abortedEntryBytes) {
    entries.push(readAbortedEntry(bytes, at))
  }
  return entries
}

/** Whether a file's bytes may be the index of a segment: whole entries whose markers lie in it, in order. */
export function isAbortedIndexSound(bytes: Buffer, segment: { baseOffset: Offset; endOffset: Offset }): boolean {
  if (bytes.length % abortedEntryBytes !== 0) return false
  let end = segment.baseOffset
  for (let at = 0; at < bytes.length; at += abortedEntryBytes) {
    const { firstOffset, lastOffset } = readAbortedEntry(bytes, at)
    if (bytes.readInt16BE(at) !== entryVersion || lastOffset < end || firstOffset > lastOffset) return false
    end = lastOffset + 1
  }
  return end <= segment.endOffset
}
