/** Chooses partitions for records: keyless ones in turn, keyed ones by hash, as Kafka's default partitioner does. */

/** How many topics a router remembers: a counter lost beyond that only starts again at the first partition. */
export const routedTopicsMax = 10_000

/**
 * Spreads the records of each topic over its partitions. One router counts for all who share it, so that n keyless
 * records reach each partition n / partitions times, to ±1, however many producers take turns.
 */
export class Router {
  readonly #next = new Map<string, number>()

  /** The partition for a record: by the key's hash, or, without a key, the next one in turn. */
  partitionFor(topic: string, key: Buffer | null, partitionCount: number): number {
    return key === null ? this.nextPartition(topic, partitionCount) : partitionOfKey(key, partitionCount)
  }

  /** The next partition in turn. A topic that grew takes its new partitions into the round at once. */
  nextPartition(topic: string, partitionCount: number): number {
    const counter = this.#next.get(topic) ?? 0
    const partition = counter < partitionCount ? counter : 0
    if (this.#next.size >= routedTopicsMax && !this.#next.has(topic)) this.#next.clear()
    this.#next.set(topic, partition + 1)
    return partition
  }
}

/** The partition that Kafka's own producer gives a key. */
export function partitionOfKey(key: Buffer, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}

/** Murmur2 with Kafka's seed, as a signed 32-bit number. */
export function murmur2(bytes: Buffer): number {
  const mixer = 0x5bd1e995
  let hash = 0x9747b28c ^ bytes.length
  const tailStart = bytes.length & ~3
  for (let at = 0; at < tailStart; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), mixer)
    word = Math.imul(word ^ (word >>> 24), mixer)
    hash = Math.imul(hash, mixer) ^ word
  }
  const rest = bytes.length - tailStart
  if (rest >= 3) hash ^= bytes.readUInt8(tailStart + 2) << 16
  if (rest >= 2) hash ^= bytes.readUInt8(tailStart + 1) << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes.readUInt8(tailStart), mixer)
  hash = Math.imul(hash ^ (hash >>> 13), mixer)
  return (hash ^ (hash >>> 15)) | 0
}
