/** Sets of partitions by topic id, as targets and as what members hold, and their forms on the wire. */

import { type TopicIdHex, topicIdBytes, topicIdHex } from '../../../base/ids.ts'

/** Partitions by topic. A topic without partitions has no entry. */
export type TopicPartitions = ReadonlyMap<TopicIdHex, ReadonlySet<number>>

/** Partitions that a member holds, each with the member epoch at which it got it (KIP-1251). */
export type HeldPartitions = ReadonlyMap<TopicIdHex, ReadonlyMap<number, number>>

/** A topic's partitions in Kafka's messages. */
export type WirePartitions = { topicId: Buffer; partitions: number[] }

export const noPartitions: TopicPartitions = new Map()
export const nothingHeld: HeldPartitions = new Map()

const noNumbers: ReadonlySet<number> = new Set()
const noEpochs: ReadonlyMap<number, number> = new Map()

export function partitionsOf(partitions: TopicPartitions, topicId: TopicIdHex): ReadonlySet<number> {
  return partitions.get(topicId) ?? noNumbers
}

export function heldOf(held: HeldPartitions, topicId: TopicIdHex): ReadonlyMap<number, number> {
  return held.get(topicId) ?? noEpochs
}

export function isSamePartitions(left: TopicPartitions, right: TopicPartitions): boolean {
  if (left.size !== right.size) return false
  for (const [topicId, partitions] of left) {
    const others = right.get(topicId)
    if (others === undefined || others.size !== partitions.size) return false
    for (const partition of partitions) if (!others.has(partition)) return false
  }
  return true
}

/** Whether both hold the same partitions since the same epochs. */
export function isSameHeld(left: HeldPartitions, right: HeldPartitions): boolean {
  if (left.size !== right.size) return false
  for (const [topicId, epochs] of left) {
    const others = right.get(topicId)
    if (others === undefined || others.size !== epochs.size) return false
    for (const [partition, epoch] of epochs) if (others.get(partition) !== epoch) return false
  }
  return true
}

/** The same partitions, all held since `epoch`. */
export function heldSince(partitions: TopicPartitions, epoch: number): HeldPartitions {
  const held = new Map<TopicIdHex, ReadonlyMap<number, number>>()
  for (const [topicId, numbers] of partitions) {
    held.set(topicId, new Map(Array.from(numbers, (partition) => [partition, epoch])))
  }
  return held
}

/** What is held, without epochs. */
export function withoutEpochs(held: HeldPartitions): TopicPartitions {
  const partitions = new Map<TopicIdHex, ReadonlySet<number>>()
  for (const [topicId, epochs] of held) partitions.set(topicId, new Set(epochs.keys()))
  return partitions
}

/** The partitions, sorted, in Kafka's messages. */
export function toWire(partitions: ReadonlyMap<TopicIdHex, { keys(): Iterable<number> }>): WirePartitions[] {
  return Array.from(partitions, ([topicId, numbers]) => ({
    topicId: topicIdBytes(topicId),
    partitions: [...numbers.keys()].sort((left, right) => left - right),
  }))
}

/** What a message lists; a topic that comes twice counts once, with all its partitions. */
export function fromWire(topics: readonly WirePartitions[]): TopicPartitions {
  const partitions = new Map<TopicIdHex, Set<number>>()
  for (const { topicId, partitions: numbers } of topics) {
    const key = topicIdHex(topicId)
    const present = partitions.get(key)
    if (present !== undefined) for (const partition of numbers) present.add(partition)
    else if (numbers.length > 0) partitions.set(key, new Set(numbers))
  }
  return partitions
}
