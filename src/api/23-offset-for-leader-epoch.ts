/**
 * OffsetForLeaderEpoch (key 23), versions 2-4: where a leader epoch ended, so that clients notice a truncated log.
 *
 * Behaviour: there is one epoch, 0, that ends at the high watermark; others are undefined (-1, -1). The replica id is ignored.
 * Versions do not differ in behaviour.
 */

import { ErrorCode } from '../wire/generated/errors.ts'
import {
  decodeOffsetForLeaderEpochRequest,
  encodeOffsetForLeaderEpochResponse,
  makeOffsetForLeaderEpochResponse,
  makeOffsetForLeaderEpochResponseEpochEndOffset,
  makeOffsetForLeaderEpochResponseOffsetForLeaderTopicResult,
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochRequestOffsetForLeaderPartition,
  type OffsetForLeaderEpochResponse,
  type OffsetForLeaderEpochResponseEpochEndOffset,
} from '../wire/generated/offset-for-leader-epoch.ts'
import { type Call, defineApi } from './api.ts'
import { errorOfLeaderEpoch, leaderEpoch } from './leader-epoch.ts'
import type { Ports } from './ports.ts'

export const offsetForLeaderEpoch = defineApi({
  place: 'front',
  key: 23,
  versions: [2, 4],
  decode: decodeOffsetForLeaderEpochRequest,
  encode: encodeOffsetForLeaderEpochResponse,
  handle: answer,
})

function answer(request: OffsetForLeaderEpochRequest, call: Call<OffsetForLeaderEpochResponse>): void {
  const topics = request.topics.map(({ topic, partitions }) =>
    makeOffsetForLeaderEpochResponseOffsetForLeaderTopicResult({
      topic,
      partitions: partitions.map((wish) => endOf(topic, wish, call.ports)),
    }),
  )
  call.reply(makeOffsetForLeaderEpochResponse({ topics }))
}

function endOf(
  name: string,
  wish: OffsetForLeaderEpochRequestOffsetForLeaderPartition,
  { catalog, partitions }: Ports,
): OffsetForLeaderEpochResponseEpochEndOffset {
  const partition = catalog.byName(name)?.partitions[wish.partition]
  const stateError = partition === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : partitions.errorOf(partition.slot)
  const errorCode = stateError === ErrorCode.NONE ? errorOfLeaderEpoch(wish.currentLeaderEpoch) : stateError
  const isKnown = errorCode === ErrorCode.NONE && partition !== undefined && wish.leaderEpoch === leaderEpoch
  return makeOffsetForLeaderEpochResponseEpochEndOffset({
    errorCode,
    partition: wish.partition,
    leaderEpoch: isKnown ? leaderEpoch : -1,
    endOffset: isKnown ? partitions.highWatermark(partition.slot) : -1,
  })
}
