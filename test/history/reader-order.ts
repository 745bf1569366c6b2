/** Readers go forward and leave nothing out that they are to see. */

import type { Findings } from './anomalies.ts'
import type { Facts } from './facts.ts'
import type { Poll } from './history.ts'
import type { PartitionLog } from './partition-log.ts'

export class ReaderOrder {
  readonly #facts: Facts
  readonly #findings: Findings
  readonly #logs: ReadonlyMap<number, PartitionLog>
  /** By reader and partition: where it goes on; absent where that is unknown. */
  readonly #next = new Map<number, Map<number, number>>()
  readonly #subscribed = new Set<number>()

  constructor(parts: { facts: Facts; findings: Findings; logs: ReadonlyMap<number, PartitionLog> }) {
    this.#facts = parts.facts
    this.#findings = parts.findings
    this.#logs = parts.logs
  }

  assign(reader: number, positions: readonly (readonly [number, number])[]): void {
    this.#subscribed.delete(reader)
    this.#next.set(reader, new Map(positions.filter(([, offset]) => offset >= 0)))
  }

  subscribe(reader: number): void {
    this.#subscribed.add(reader)
    this.#next.delete(reader)
  }

  /** After a power cut positions mean nothing until readers have read again. */
  forget(partition: number): void {
    for (const places of this.#next.values()) places.delete(partition)
  }

  poll(poll: Poll): void {
    const places = this.#next.get(poll.reader) ?? new Map<number, number>()
    this.#next.set(poll.reader, places)
    const isFree = this.#subscribed.has(poll.reader)
    let next = isFree ? undefined : places.get(poll.partition)
    for (let index = 0; index < poll.offsets.length; index++) {
      const offset = poll.offsets[index] ?? -1
      const isInside = index > 0
      if (next !== undefined && offset < next) {
        const place = next
        this.#findings.add(
          isInside ? 'int-nonmonotonic-poll' : 'nonmonotonic-poll',
          () => `${describe(poll)} got offset ${offset} where it was to go on at ${place}`,
        )
      } else if (next !== undefined && offset > next) {
        this.#lookForSkipped(poll, { start: next, end: offset, isInside })
      }
      next = offset + 1
    }
    if (next !== undefined && poll.next > next) {
      this.#lookForSkipped(poll, { start: next, end: poll.next, isInside: poll.offsets.length > 0 })
    }
    places.set(poll.partition, poll.next)
  }

  #lookForSkipped(poll: Poll, gap: { start: number; end: number; isInside: boolean }): void {
    const log = this.#logs.get(poll.partition)
    if (log === undefined) return
    const start = Math.max(gap.start, this.#facts.starts.get(poll.partition) ?? 0)
    const isCommitted = this.#facts.isCommittedReader(poll.reader)
    for (let offset = start; offset < Math.min(gap.end, log.end); offset++) {
      const value = log.valueAt(offset)
      const facts = value === undefined ? undefined : this.#facts.values.get(value)
      if (facts === undefined || !this.#facts.isVisible(facts, isCommitted)) continue
      this.#findings.add(
        gap.isInside ? 'int-poll-skip' : 'poll-skip',
        () => `${describe(poll)} went from offset ${gap.start} to ${gap.end} past value ${value} at ${offset}`,
      )
      return
    }
  }
}

function describe({ reader, partition }: Poll): string {
  return `reader ${reader} of partition ${partition}`
}
