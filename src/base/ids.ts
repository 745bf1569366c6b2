/** Names for the numbers and strings that travel between rooms. They are aliases: the name says which meaning is meant. */

/** Kafka's record offset. A number: int64 beyond ±2^53 is refused at the wire. */
export type Offset = number
/** A topic id in lower-case hexadecimal without dashes (32 characters): a key for maps. */
export type TopicIdHex = string
/** A partition's index in the partition table, unique in this broker for as long as it runs. */
export type PartitionSlot = number

/** The hexadecimal form of a topic id's 16 bytes. */
export function topicIdHex(uuid: Buffer): TopicIdHex {
  return uuid.toString('hex')
}

/** The 16 bytes of a topic id in hexadecimal. */
export function topicIdBytes(hex: TopicIdHex): Buffer {
  return Buffer.from(hex, 'hex')
}

/** The id that stands for "no id". */
export const noTopicId: TopicIdHex = '0'.repeat(32)

/** A topic id the way Kafka prints it: base64url without padding. */
export function topicIdText(hex: TopicIdHex): string {
  return topicIdBytes(hex).toString('base64url')
}

/** A map key for a partition; a topic's name may not hold '/'. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
