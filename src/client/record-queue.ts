/** Records that wait to be sent to one partition, cut into batches by size. */

import type { RecordInput } from '../wire/record-batch.ts'

/** A record on its way, and who waits for its fate. */
export type QueuedRecord = {
  readonly record: RecordInput
  readonly sizeBytes: number
  readonly resolve: (offset: number) => void
  readonly reject: (reason: Error) => void
}

/** What a record adds to a batch beside key, value and headers: lengths, deltas, attributes. */
const recordOverheadBytes = 24

/** A first-in, first-out queue; taking from it costs the same however long it is. */
export class RecordQueue {
  #records: QueuedRecord[] = []
  #first = 0
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get isEmpty(): boolean {
    return this.#first === this.#records.length
  }

  push(queued: QueuedRecord): void {
    this.#records.push(queued)
    this.#sizeBytes += queued.sizeBytes
  }

  /** The next records of at most `bytesMax` together, but one at least, where there is one. */
  take(bytesMax: number): QueuedRecord[] {
    const start = this.#first
    let takenBytes = 0
    while (this.#first < this.#records.length) {
      const sizeBytes = this.#records[this.#first]?.sizeBytes ?? 0
      if (this.#first > start && takenBytes + sizeBytes > bytesMax) break
      takenBytes += sizeBytes
      this.#first++
    }
    const taken = this.#records.slice(start, this.#first)
    this.#sizeBytes -= takenBytes
    if (this.#first * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#first)
      this.#first = 0
    }
    return taken
  }
}

/** About how many bytes a record takes in a batch. */
export function recordSizeBytes(record: RecordInput): number {
  let sizeBytes = recordOverheadBytes + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const { key, value } of record.headers ?? []) sizeBytes += key.length + (value?.length ?? 0) + 8
  return sizeBytes
}
