/** The book of a soak: what was acknowledged, what was read, what went wrong. */

/** Bytes of a record's value: its producer and sequence at both ends, so that a torn one shows. */
export const soakValueBytes = 1_024

/** A value of one producer for one partition; sequences count up from 0 within these two. */
export function soakValue(producer: number, sequence: number): Buffer {
  const value = Buffer.alloc(soakValueBytes, sequence & 0xff)
  value.writeUInt32BE(producer, 0)
  value.writeUInt32BE(sequence, 4)
  value.writeUInt32BE(producer, soakValueBytes - 8)
  value.writeUInt32BE(sequence, soakValueBytes - 4)
  return value
}

/** Producer and sequence of a value; undefined where it is not whole. */
export function readSoakValue(value: Buffer | null): { producer: number; sequence: number } | undefined {
  if (value?.length !== soakValueBytes) return undefined
  const producer = value.readUInt32BE(0)
  const sequence = value.readUInt32BE(4)
  const isWhole =
    value.readUInt32BE(soakValueBytes - 8) === producer &&
    value.readUInt32BE(soakValueBytes - 4) === sequence &&
    value[8] === (sequence & 0xff) &&
    value[soakValueBytes - 9] === (sequence & 0xff)
  return isWhole ? { producer, sequence } : undefined
}

type Stream = {
  /** Every sequence below this was acknowledged, or is in flight. */
  sent: number
  acknowledged: number
  /** Every sequence below this was read. */
  read: number
}

/** Counts by what happened, and judges what was read against what was acknowledged. */
export class SoakLedger {
  readonly #streams = new Map<string, Stream>()
  readonly #counts = new Map<string, number>()
  readonly #errors = new Map<string, { count: number; first: string }>()
  missing = 0
  producedBytes = 0

  stream(producer: number, partition: number): Stream {
    const key = `${producer}/${partition}`
    const present = this.#streams.get(key)
    if (present !== undefined) return present
    const stream: Stream = { sent: 0, acknowledged: 0, read: 0 }
    this.#streams.set(key, stream)
    return stream
  }

  /** A record was read in a group: nothing before it may be missing; what was read before a rebalance may come again. */
  read(partition: number, value: Buffer | null): void {
    const found = readSoakValue(value)
    if (found === undefined) {
      this.fail('torn record', `in partition ${partition}`)
      return
    }
    const stream = this.stream(found.producer, partition)
    this.count('records read')
    if (found.sequence < stream.read) {
      this.count('records read again')
      return
    }
    if (found.sequence > stream.read) {
      this.missing += found.sequence - stream.read
      this.fail('gap', `producer ${found.producer}, partition ${partition}: ${stream.read} to ${found.sequence}`)
    }
    stream.read = found.sequence + 1
  }

  /** Acknowledged records that nobody has read yet. */
  get unread(): number {
    let unread = 0
    for (const { acknowledged, read } of this.#streams.values()) unread += Math.max(0, acknowledged - read)
    return unread
  }

  get acknowledged(): number {
    let acknowledged = 0
    for (const stream of this.#streams.values()) acknowledged += stream.acknowledged
    return acknowledged
  }

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by)
  }

  fail(what: string, detail: string): void {
    const known = this.#errors.get(what)
    if (known === undefined) this.#errors.set(what, { count: 1, first: detail })
    else known.count++
  }

  get errorCount(): number {
    let count = 0
    for (const error of this.#errors.values()) count += error.count
    return count
  }

  /** One line for each thing that was counted. */
  lines(): string[] {
    const counts = [...this.#counts].map(([what, count]) => `${what}: ${count.toLocaleString('en-US')}`)
    const errors = [...this.#errors].map(([what, { count, first }]) => `ERROR ${what}: ${count}, first: ${first}`)
    return [...counts.sort(), ...errors.sort()]
  }
}
