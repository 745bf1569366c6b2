/** Asks for a partition's ends. */

import { ErrorCode } from '../wire/generated/errors.ts'
import {
  makeListOffsetsRequest,
  makeListOffsetsRequestListOffsetsPartition,
  makeListOffsetsRequestListOffsetsTopic,
} from '../wire/generated/list-offsets.ts'
import { listOffsetsCall } from './calls.ts'
import type { KafkaClient } from './client.ts'
import { throwOnError } from './errors.ts'

/** Kafka's timestamps for a partition's ends. */
export const offsetAt = { end: -1, beginning: -2 } as const

/** The offsets at a timestamp (or at an end) of some partitions of one topic, by partition. */
export function listOffsets(
  client: KafkaClient,
  topic: string,
  options: { readonly partitions: readonly number[]; readonly timestampMs: number },
): Promise<ReadonlyMap<number, number>> {
  return client.retrying(async () => {
    const { leaders } = await client.topic(topic)
    const byLeader = new Map<number, number[]>()
    for (const partition of options.partitions) {
      const leader = leaders[partition] ?? -1
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition])
    }
    const offsets = new Map<number, number>()
    for (const [leader, partitions] of byLeader) {
      const asked = partitions.map((partitionIndex) =>
        makeListOffsetsRequestListOffsetsPartition({
          partitionIndex,
          currentLeaderEpoch: -1,
          timestamp: options.timestampMs,
        }),
      )
      const request = makeListOffsetsRequest({
        replicaId: -1,
        topics: [makeListOffsetsRequestListOffsetsTopic({ name: topic, partitions: asked })],
      })
      const response = await client.callNode(leader, listOffsetsCall, request)
      for (const answer of response.topics[0]?.partitions ?? []) {
        if (answer.errorCode !== ErrorCode.NONE) client.forgetTopic(topic)
        throwOnError(answer.errorCode, `the offsets of ${topic}-${answer.partitionIndex}`)
        offsets.set(answer.partitionIndex, answer.offset)
      }
    }
    return offsets
  })
}
