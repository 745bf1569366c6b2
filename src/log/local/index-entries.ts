/** The bytes of Kafka's index entries, and the search for one. */

/** Relative offset (int32) and position in the log (int32). */
export const offsetEntryBytes = 8

/** Timestamp (int64) and relative offset (int32). */
export const timeEntryBytes = 12

const twoTo32 = 4_294_967_296

export type TimeEntry = { readonly timestampMs: number; readonly relativeOffset: number }

export function writeTimeEntry(target: Buffer, at: number, entry: TimeEntry): void {
  const high = Math.floor(entry.timestampMs / twoTo32)
  target.writeInt32BE(high, at)
  target.writeUInt32BE(entry.timestampMs - high * twoTo32, at + 4)
  target.writeInt32BE(entry.relativeOffset, at + 8)
}

export function readTimeEntry(bytes: Buffer, at: number): TimeEntry {
  return { timestampMs: entryTimestamp(bytes, at), relativeOffset: bytes.readInt32BE(at + 8) }
}

/** What entries are ordered by: the first field of an offset entry. */
export function entryRelativeOffset(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at)
}

/** Where in the log an offset entry points. */
export function entryPosition(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + 4)
}

/** What entries are ordered by: the first field of a time entry. */
export function entryTimestamp(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * twoTo32 + bytes.readUInt32BE(at + 4)
}

/** Where the last entry whose key is at or below `target` starts, or -1: a binary search over whole entries. */
export function floorEntry(
  bytes: Buffer,
  entryBytes: number,
  target: number,
  keyOf: (bytes: Buffer, at: number) => number,
): number {
  let first = 0
  let end = Math.floor(bytes.length / entryBytes)
  while (first < end) {
    const middle = (first + end) >>> 1
    if (keyOf(bytes, middle * entryBytes) <= target) first = middle + 1
    else end = middle
  }
  return (first - 1) * entryBytes < 0 ? -1 : (first - 1) * entryBytes
}
