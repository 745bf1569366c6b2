/** The feature levels that this broker runs at: fixed by its code, so that ApiVersions and UpdateFeatures tell the same. */

/** One of Kafka's features: the levels that the broker knows, the greatest of which is the one in force. */
export type Feature = { readonly name: string; readonly least: number; readonly greatest: number }

/**
 * By name, sorted. `metadata.version` goes from 3.3 (7), the first that KRaft can start from, to 4.3. `group.version` 1 has consumer
 * groups (KIP-848); the others are left out until they are true here.
 */
export const features: readonly Feature[] = [
  { name: 'group.version', least: 0, greatest: 1 },
  { name: 'metadata.version', least: 7, greatest: 30 },
  { name: 'transaction.version', least: 0, greatest: 2 },
]
