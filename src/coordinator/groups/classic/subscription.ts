/** Which topics the members of a consumer group read, as far as what they say can be understood. */

import { decodeConsumerProtocolSubscription } from '../../../wire/generated/consumer-protocol-subscription.ts'
import { DecodeError, Reader } from '../../../wire/reader.ts'
import { type ClassicGroup, metadataFor } from './state.ts'

/** The protocol type of consumers, the only one whose metadata has a meaning here. */
const consumerProtocolType = 'consumer'

/** undefined: the group is none of consumers, or a member's metadata cannot be read. */
export function subscribedTopics(classic: ClassicGroup): ReadonlySet<string> | undefined {
  if (!isConsumerGroup(classic)) return undefined
  const topics = new Set<string>()
  if (classic.members.size > 0 && classic.protocol === null) return undefined
  for (const member of classic.members.values()) {
    const names = readTopics(metadataFor(member, classic.protocol))
    if (names === undefined) return undefined
    for (const name of names) topics.add(name)
  }
  return topics
}

export function isConsumerGroup(classic: ClassicGroup): boolean {
  return classic.protocolType === consumerProtocolType
}

/** Whether offsets of this topic are in use; where that is unknown, those of a consumer group are. */
export function subscriptionTest(classic: ClassicGroup): (topic: string) => boolean {
  const topics = subscribedTopics(classic)
  return (topic) => topics?.has(topic) ?? isConsumerGroup(classic)
}

function readTopics(metadata: Buffer): readonly string[] | undefined {
  try {
    const reader = new Reader(metadata)
    reader.readInt16()
    // Every version begins with what version 0 has.
    return decodeConsumerProtocolSubscription(reader, 0).topics
  } catch (thrown) {
    if (thrown instanceof DecodeError) return undefined
    throw thrown
  }
}
