/** One number for the topics that a group reads: another number says that one of them was made, has grown, or is gone. */

import { xxhash32 } from '../../../wire/compression/xxhash32.ts'
import type { TopicView } from '../../topic-view.ts'

/**
 * 0 where no topic is there, as in Kafka. Else the value is Safka's own: Kafka, if it took over the log, would look at the
 * topics once more than needed.
 */
export function metadataHash(names: Iterable<string>, topics: TopicView): bigint {
  const facts: string[] = []
  for (const name of names) {
    const id = topics.idOf(name)
    if (id !== undefined) facts.push(`${name}/${id}/${topics.partitionCount(name)}`)
  }
  if (facts.length === 0) return 0n
  const bytes = Buffer.from(facts.sort().join('\n'))
  const low = xxhash32(bytes, 0, bytes.length)
  // A second hash, over other bytes, makes a collision as unlikely as it is in Kafka.
  const reversed = Buffer.from(bytes).reverse()
  const high = xxhash32(reversed, 0, reversed.length)
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))
}
