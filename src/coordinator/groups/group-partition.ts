/** Which partition of __consumer_offsets keeps a group: the same arithmetic as Kafka's, so that its tools find it. */

/** The partition of `groupId` among `partitionCount`. */
export function groupPartition(groupId: string, partitionCount: number): number {
  // Java's String.hashCode over UTF-16 code units, in 32-bit arithmetic.
  let hash = 0
  for (let index = 0; index < groupId.length; index++) hash = (Math.imul(hash, 31) + groupId.charCodeAt(index)) | 0
  // Kafka's Utils.abs: the one value without a positive counterpart counts as 0.
  return (hash === -2_147_483_648 ? 0 : Math.abs(hash)) % partitionCount
}
