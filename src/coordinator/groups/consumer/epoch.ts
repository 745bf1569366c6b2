/** When a group begins another epoch: what its members read, or the topics themselves, are not what they were. */

import { assertDefined } from '../../../base/assert.ts'
import type { Decision } from '../decision.ts'
import { metadataHash } from './metadata-hash.ts'
import { allSubscribedNames } from './state.ts'
import { writer } from './write.ts'

/** Begins another epoch where `isBumped` says so, or where the topics are not what they were. */
export function lookAtTopics(decision: Decision, groupId: string, { isBumped }: { readonly isBumped: boolean }): void {
  const write = writer(decision, groupId)
  const consumer = assertDefined(decision.current()?.consumer, 'topics of no group')
  const hash = metadataHash(allSubscribedNames(consumer), decision.ports.topics)
  if (isBumped || hash !== consumer.metadataHash) {
    write({ of: 'group', value: { epoch: consumer.epoch + 1, metadataHash: hash } })
  }
  if (consumer.hasPartitionMetadata) write({ of: 'partition-metadata', isThere: false })
  consumer.isMetadataStale = false
}
