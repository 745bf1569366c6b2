/** The offsets committed under a group's id. */

/** What a group said last about one partition. */
export type CommittedOffset = {
  readonly offset: number
  /** -1 where the client gave none. */
  readonly leaderEpoch: number
  readonly metadata: string
  /** Wall time of the commit. */
  readonly commitTimestampMs: number
  /** Wall time from which it no longer counts, as old clients may ask for; -1 for the broker's retention. */
  readonly expireTimestampMs: number
  /** The topic's id where the client named it; null before OffsetCommit 10. */
  readonly topicId: Buffer | null
}

/** By topic name, then partition. A topic without offsets has no entry. */
export type GroupOffsets = Map<string, Map<number, CommittedOffset>>

export function committedOffset(offsets: GroupOffsets, topic: string, partition: number): CommittedOffset | undefined {
  return offsets.get(topic)?.get(partition)
}

/** Sets or, with null, removes what is known of a partition. */
export function setCommittedOffset(
  offsets: GroupOffsets,
  place: { readonly topic: string; readonly partition: number },
  committed: CommittedOffset | null,
): void {
  const partitions = offsets.get(place.topic)
  if (committed !== null) {
    if (partitions === undefined) offsets.set(place.topic, new Map([[place.partition, committed]]))
    else partitions.set(place.partition, committed)
    return
  }
  partitions?.delete(place.partition)
  if (partitions?.size === 0) offsets.delete(place.topic)
}
