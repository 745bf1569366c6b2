/** What describe commands tell of a partition's storage. */

import type { PartitionFacts } from '../broker/remotes.ts'
import type { Partition } from './partition.ts'

/** The partition's bytes and its ring's place. */
export function describePartition(partition: Partition): PartitionFacts {
  const { ring, engine } = partition
  const head = ring?.headBytes() ?? 0
  const tail = head + (ring?.usedBytes() ?? 0)
  return {
    slot: partition.slot,
    sizeBytes: engine.sizeBytes(),
    segments: engine.segmentCount(),
    ringBytes: ring?.dataBytes ?? 0,
    ringHead: head,
    ringTail: tail,
    ringWraps: ring === undefined ? 0 : Math.floor(tail / ring.dataBytes),
  }
}
