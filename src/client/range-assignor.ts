/** Kafka's range assignor: each topic's partitions are cut into as many runs as it has subscribers. */

/** A member and the topics that it wants. */
export type Subscriber = { readonly memberId: string; readonly topics: readonly string[] }

/** Partitions by topic. */
export type TopicPartitions = ReadonlyMap<string, readonly number[]>

/** Divides the topics' partitions among the members; every member has an entry. */
export function assignRanges(
  subscribers: readonly Subscriber[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, TopicPartitions> {
  const assigned = new Map<string, Map<string, number[]>>()
  for (const { memberId } of subscribers) assigned.set(memberId, new Map())
  for (const [topic, partitionCount] of partitionCounts) {
    const members = subscribers
      .filter(({ topics }) => topics.includes(topic))
      .map(({ memberId }) => memberId)
      .sort()
    const least = Math.floor(partitionCount / members.length)
    const longer = partitionCount % members.length
    let next = 0
    members.forEach((memberId, index) => {
      const length = least + (index < longer ? 1 : 0)
      const run = Array.from({ length }, (_, step) => next + step)
      next += length
      if (length > 0) assigned.get(memberId)?.set(topic, run)
    })
  }
  return assigned
}
