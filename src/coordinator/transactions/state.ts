/** A transactional id as the coordinator keeps it: who may use it, and how far its present transaction is. */

/** Kafka's states, at the index that its records number them by. The last two are never written. */
export const transactionStatuses = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
] as const

export type TransactionStatus = (typeof transactionStatuses)[number]

/** The version of Kafka's transaction protocol in which every end of a transaction gives the producer a new epoch (KIP-890). */
export const epochBumpVersion = 2

/** The id or epoch of nobody. */
export const noProducer = -1

/** Epochs from here on are not given to producers: a new producer id comes instead. */
const lastEpoch = 32_766
const greatestEpoch = 32_767

/** Partition numbers by topic name. */
export type TransactionPartitions = ReadonlyMap<string, ReadonlySet<number>>

/** What the journal keeps of a transactional id. Never changed in place: each change is a new value. */
export type TransactionValue = {
  readonly producerId: number
  /** The id before a change of ids, else the same as `producerId`. */
  readonly previousProducerId: number
  /** The id that follows once the present transaction is complete; `noProducer` where it stays the same. */
  readonly nextProducerId: number
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly status: TransactionStatus
  /** The partitions that still need the transaction's end. */
  readonly partitions: TransactionPartitions
  /** Wall time; -1 where there was no transaction. */
  readonly startMs: number
  readonly updateMs: number
  /** The protocol version that the producer spoke last. */
  readonly clientVersion: number
}

export type Transaction = {
  readonly id: string
  value: TransactionValue
  /** The epoch before the present one, for a producer that asks again; lost at restart, as in Kafka. */
  lastProducerEpoch: number
  /** The number of the last append that an answer about this id depends on. */
  lastSequence: number
}

/** One partition of a topic. */
export type TransactionPlace = { readonly topic: string; readonly partition: number }

export function isPrepared(value: TransactionValue): boolean {
  return value.status === 'PrepareCommit' || value.status === 'PrepareAbort'
}

export function isEpochExhausted(producerEpoch: number): boolean {
  return producerEpoch >= lastEpoch
}

/** The epoch after this one. The greatest, which no producer ever gets, has none. */
export function epochAfter(producerEpoch: number): number {
  return Math.min(producerEpoch + 1, greatestEpoch)
}

export function hasPartition(value: TransactionValue, { topic, partition }: TransactionPlace): boolean {
  return value.partitions.get(topic)?.has(partition) ?? false
}

/** The partitions with some more. */
export function withPartitions(
  partitions: TransactionPartitions,
  places: readonly TransactionPlace[],
): TransactionPartitions {
  const all = new Map<string, Set<number>>()
  for (const [topic, numbers] of partitions) all.set(topic, new Set(numbers))
  for (const { topic, partition } of places) {
    const numbers = all.get(topic)
    if (numbers === undefined) all.set(topic, new Set([partition]))
    else numbers.add(partition)
  }
  return all
}

export function placesOf(partitions: TransactionPartitions): TransactionPlace[] {
  const places: TransactionPlace[] = []
  for (const [topic, numbers] of partitions) for (const partition of numbers) places.push({ topic, partition })
  return places
}
