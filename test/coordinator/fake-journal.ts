/** A journal in memory for tests: it settles when told to, and can stall and fail. */

import type { Journal, JournalBatch, JournalRecord, JournalTopic } from '../../src/coordinator/ports.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'

type Append = {
  readonly place: string
  readonly records: readonly JournalRecord[]
  readonly settle: (errorCode: number) => void
}

export class FakeJournal implements Journal {
  /** What is durable, by topic and partition. */
  readonly #logs = new Map<string, JournalRecord[]>()
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
  ): void {
    this.appendCount += 1
    this.recordCount += records.length
    this.#pending.push({ place: `${topic}/${partition}`, records, settle })
  }

  isFull(): boolean {
    return this.saysFull
  }

  async load(
    topic: JournalTopic,
    partition: number,
    visit: (record: JournalRecord, offset: number, batch: JournalBatch) => void,
  ): Promise<void> {
    await Promise.resolve()
    if (this.isUnreadable) throw new Error('the log cannot be read')
    const place = `${topic}/${partition}`
    this.#failed.delete(place)
    for (const [offset, record] of this.records(topic, partition).entries()) visit(record, offset, {})
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  records(topic: JournalTopic, partition: number): readonly JournalRecord[] {
    return this.#logs.get(`${topic}/${partition}`) ?? []
  }

  /** Every durable record, as a broker reads them at its start. */
  *all(): Generator<{ readonly topic: JournalTopic; readonly partition: number; readonly record: JournalRecord }> {
    for (const [place, records] of this.#logs) {
      const [name, partition] = place.split('/')
      const topic = name === '__cluster_metadata' ? name : '__consumer_offsets'
      for (const record of records) yield { topic, partition: Number(partition), record }
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

  #settle({ place, records, settle }: Append): void {
    if (this.#failed.has(place)) {
      settle(ErrorCode.KAFKA_STORAGE_ERROR)
      return
    }
    const log = this.#logs.get(place)
    // Copies: the bytes may be overwritten once they are settled.
    const copies = records.map(({ key, value }) => ({ key: copy(key), value: copy(value) }))
    if (log === undefined) this.#logs.set(place, copies)
    else log.push(...copies)
    settle(ErrorCode.NONE)
  }
}

function copy(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
