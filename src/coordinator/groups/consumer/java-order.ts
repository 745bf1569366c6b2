/**
 * The orders in which Java's hash tables walk their keys: Kafka's assignors follow them, so that the same members and topics get the
 * same partitions here.
 */

import type { TopicIdHex } from '../../../base/ids.ts'
import type { TopicPartitions } from './assignment.ts'

/** A table without a size given begins with so many places, and doubles when three quarters are taken. */
const placesMin = 16
const filledMax = 0.75

/** Member ids as in a HashMap that they were put into one by one. */
export function memberOrder(memberIds: readonly string[]): string[] {
  return inPlaces(memberIds, { hash: textHash, places: grownPlaces(memberIds.length) })
}

/** The topics of a subscription, as in a HashSet made of them at once. */
export function subscriptionOrder(topicIds: readonly TopicIdHex[]): TopicIdHex[] {
  return inPlaces(topicIds, { hash: topicHash, places: copiedPlaces(topicIds.length) })
}

/** A target as Kafka holds it: topics in a HashMap that grew, partitions in a HashSet made at once. */
export function targetOrder(target: TopicPartitions): TopicPartitions {
  const topicIds = inPlaces([...target.keys()], { hash: topicHash, places: grownPlaces(target.size) })
  const ordered = new Map<TopicIdHex, ReadonlySet<number>>()
  for (const topicId of topicIds) {
    const partitions = [...(target.get(topicId) ?? [])].sort((left, right) => left - right)
    const places = copiedPlaces(partitions.length)
    ordered.set(topicId, new Set(inPlaces(partitions, { hash: (partition) => partition, places })))
  }
  return ordered
}

/** Compares topic ids as Kafka's Uuid does: its halves are signed numbers. */
export function compareTopicIds(left: TopicIdHex, right: TopicIdHex): number {
  for (const at of [0, 16]) {
    const one = BigInt.asIntN(64, BigInt(`0x${left.slice(at, at + 16)}`))
    const other = BigInt.asIntN(64, BigInt(`0x${right.slice(at, at + 16)}`))
    if (one !== other) return one < other ? -1 : 1
  }
  return 0
}

function grownPlaces(count: number): number {
  let places = placesMin
  while (count > places * filledMax) places *= 2
  return places
}

function copiedPlaces(count: number): number {
  let places = placesMin
  while (places < Math.floor(count / filledMax) + 1) places *= 2
  return places
}

/** Keys that share a place keep the order in which they came. */
function inPlaces<Key>(
  keys: readonly Key[],
  table: { readonly hash: (key: Key) => number; readonly places: number },
): Key[] {
  const placed = keys.map((key, at) => {
    const hash = table.hash(key)
    return { key, at, place: (hash ^ (hash >>> 16)) & (table.places - 1) }
  })
  placed.sort((left, right) => left.place - right.place || left.at - right.at)
  return placed.map(({ key }) => key)
}

/** Java's String.hashCode over UTF-16 code units. */
function textHash(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
  return hash
}

/** Kafka's Uuid.hashCode: its four 32-bit parts, exclusive-or. */
function topicHash(id: TopicIdHex): number {
  let hash = 0
  for (let at = 0; at < 32; at += 8) hash ^= Number.parseInt(id.slice(at, at + 8), 16)
  return hash
}
