/** Metadata transactions (KIP-868): Apache Kafka's controller writes what belongs together between a begin and an end. */

import { DecodeError } from '../../wire/errors.ts'
import { encodeAbortTransactionRecord } from '../../wire/generated/abort-transaction-record.ts'
import { Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import type { JournalRecord } from '../ports.ts'

const frameVersion = 1
/** Kafka's numbers of the record types. */
const recordType = { begin: 23, end: 24, abort: 25 } as const
const abortVersion = 0

/** Passes on the records that count: those of a transaction at its end, all at once, or never where it was aborted. */
export class CommittedRecords {
  readonly #visit: (record: JournalRecord) => void
  #waiting: JournalRecord[] | undefined

  constructor(visit: (record: JournalRecord) => void) {
    this.#visit = visit
  }

  /** Whether a transaction was begun and not ended: what follows in the log would belong to it. */
  get isOpen(): boolean {
    return this.#waiting !== undefined
  }

  /** Takes the next record of the log. Throws a DecodeError on a damaged one. */
  take(record: JournalRecord): void {
    switch (typeOf(record)) {
      case recordType.begin:
        this.#waiting = []
        return
      case recordType.abort:
        this.#waiting = undefined
        return
      case recordType.end: {
        const committed = this.#waiting ?? []
        this.#waiting = undefined
        for (const waiting of committed) this.#visit(waiting)
        return
      }
      default:
        if (this.#waiting === undefined) this.#visit(record)
        else this.#waiting.push(copied(record))
    }
  }
}

/** The record that takes back a transaction that nobody will end: Kafka's next controller writes the same. */
export function abortMetadataTransaction(): JournalRecord {
  const writer = new Writer(16)
  writer.writeUnsignedVarint(frameVersion)
  writer.writeUnsignedVarint(recordType.abort)
  writer.writeUnsignedVarint(abortVersion)
  encodeAbortTransactionRecord(writer, { reason: 'another broker took over' }, abortVersion)
  return { key: null, value: writer.finishJoined() }
}

/** Kafka's number of what the record says; -1 for one that says nothing. */
export function typeOf(record: JournalRecord): number {
  if (record.value === null) return -1
  const reader = new Reader(record.value)
  const frame = reader.readUnsignedVarint()
  if (frame !== frameVersion) throw new DecodeError(`metadata frame version ${frame} is not ${frameVersion}`)
  return reader.readUnsignedVarint()
}

/** A record's bytes are a view of what was read: those that wait must outlive it. */
function copied({ key, value }: JournalRecord): JournalRecord {
  return { key: key === null ? null : Buffer.from(key), value: value === null ? null : Buffer.from(value) }
}
