/** A journal in memory for tests: it settles when told to, and can stall and fail. */

import type {
  Journal,
  JournalBatch,
  JournalRecord,
  JournalTopic,
  TransactionalProducer,
  TransactionEnd,
} from '../../src/coordinator/ports.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'

type Append = {
  readonly place: string
  readonly entries: readonly LogEntry[]
  readonly settle: (errorCode: number) => void
}

/** A record in its batch, or the end of a transaction. */
export type LogEntry =
  | { readonly kind: 'record'; readonly record: JournalRecord; readonly batch: JournalBatch }
  | { readonly kind: 'end'; readonly end: TransactionEnd }

export class FakeJournal implements Journal {
  /** What is durable, by topic and partition. */
  readonly #logs = new Map<string, LogEntry[]>()
  readonly #failed = new Set<string>()
  #pending: Append[] = []
  #isFlushing = false
  /** While true, nothing settles. */
  isStalled = false
  /** What isFull answers. */
  saysFull = false
  /** While true, load rejects. */
  isUnreadable = false
  appendCount = 0
  recordCount = 0

  append(
    topic: JournalTopic,
    partition: number,
    records: readonly JournalRecord[],
    settle: (errorCode: number) => void,
    transaction?: TransactionalProducer,
  ): void {
    this.appendCount += 1
    this.recordCount += records.length
    const batch = transaction === undefined ? {} : { transaction }
    const entries = records.map((record) => ({ kind: 'record', record, batch }) as const)
    this.#pending.push({ place: `${topic}/${partition}`, entries, settle })
  }

  /** The end of a transaction, in line with the appends. */
  appendEnd(topic: JournalTopic, partition: number, end: TransactionEnd, settle: (errorCode: number) => void): void {
    this.#pending.push({ place: `${topic}/${partition}`, entries: [{ kind: 'end', end }], settle })
  }

  isFull(): boolean {
    return this.saysFull
  }

  async load(
    topic: JournalTopic,
    partition: number,
    visit: (record: JournalRecord, offset: number, batch: JournalBatch) => void,
    visitEnd?: (end: TransactionEnd) => void,
  ): Promise<void> {
    await Promise.resolve()
    if (this.isUnreadable) throw new Error('the log cannot be read')
    const place = `${topic}/${partition}`
    this.#failed.delete(place)
    for (const [offset, entry] of (this.#logs.get(place) ?? []).entries()) {
      if (entry.kind === 'end') visitEnd?.(entry.end)
      else visit(entry.record, offset, entry.batch)
    }
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  records(topic: JournalTopic, partition: number): readonly JournalRecord[] {
    const entries = this.#logs.get(`${topic}/${partition}`) ?? []
    return entries.flatMap((entry) => (entry.kind === 'record' ? [entry.record] : []))
  }

  /** Every durable record, as a broker reads them at its start. */
  *all(): Generator<{ readonly topic: JournalTopic; readonly partition: number; readonly record: JournalRecord }> {
    for (const { topic, partition, entry } of this.entries()) {
      if (entry.kind === 'record') yield { topic, partition, record: entry.record }
    }
  }

  /** Everything durable, with the ends of transactions. */
  *entries(): Generator<{ readonly topic: JournalTopic; readonly partition: number; readonly entry: LogEntry }> {
    for (const [place, entries] of this.#logs) {
      const [name = '', partition] = place.split('/')
      for (const entry of entries) yield { topic: name as JournalTopic, partition: Number(partition), entry }
    }
  }

  /** Makes everything appended durable, in order, with what is appended meanwhile; nothing while stalled. */
  flush(): void {
    if (this.isStalled || this.#isFlushing) return
    this.#isFlushing = true
    for (let append = this.#pending.shift(); append !== undefined; append = this.#pending.shift()) {
      this.#settle(append)
      if (this.isStalled) break
    }
    this.#isFlushing = false
  }

  /** Makes only the oldest append durable. */
  flushOne(): void {
    const append = this.#pending.shift()
    if (append !== undefined) this.#settle(append)
  }

  /** Fails everything pending; the partitions concerned fail until they are reloaded. */
  fail(errorCode: number = ErrorCode.KAFKA_STORAGE_ERROR): void {
    const failing = this.#pending
    this.#pending = []
    for (const { place } of failing) this.#failed.add(place)
    for (const { settle } of failing) settle(errorCode)
  }

  /** The broker is gone before anything pending became durable; nobody is told. */
  dropPending(): void {
    this.#pending = []
  }

  #settle({ place, entries, settle }: Append): void {
    if (this.#failed.has(place)) {
      settle(ErrorCode.KAFKA_STORAGE_ERROR)
      return
    }
    const log = this.#logs.get(place)
    // Copies: the bytes may be overwritten once they are settled.
    const copies = entries.map(copyEntry)
    if (log === undefined) this.#logs.set(place, copies)
    else log.push(...copies)
    settle(ErrorCode.NONE)
  }
}

function copyEntry(entry: LogEntry): LogEntry {
  if (entry.kind === 'end') return entry
  const { key, value } = entry.record
  return { ...entry, record: { key: copy(key), value: copy(value) } }
}

function copy(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
