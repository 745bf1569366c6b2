/**
 * OffsetForLeaderEpoch (key 23), versions 2-4: where a leader epoch ended, so that clients notice a truncated log.
 *
 * Behaviour: the partition's own epoch ends at the high watermark. Those before it, of Apache Kafka's time, end where Kafka noted;
 * others are undefined (-1, -1). The replica id is ignored.
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
import { errorOfLeaderEpoch } from './leader-epoch.ts'
import type { EpochEnd, Ports } from './ports.ts'

export const offsetForLeaderEpoch = defineApi({
  place: 'front',
  key: 23,
  versions: [2, 4],
  decode: decodeOffsetForLeaderEpochRequest,
  encode: encodeOffsetForLeaderEpochResponse,
  handle: answer,
})

type Answer = OffsetForLeaderEpochResponseEpochEndOffset

/** At once, but where the end of an older epoch has to be read. */
function answer(request: OffsetForLeaderEpochRequest, call: Call<OffsetForLeaderEpochResponse>): void | Promise<void> {
  const ends = request.topics.map(({ topic, partitions }) => partitions.map((wish) => endOf(topic, wish, call.ports)))
  const reply = (known: readonly Answer[][]): void => {
    const topics = request.topics.map(({ topic }, index) =>
      makeOffsetForLeaderEpochResponseOffsetForLeaderTopicResult({ topic, partitions: known[index] ?? [] }),
    )
    call.reply(makeOffsetForLeaderEpochResponse({ topics }))
  }
  const known = ends.map((topic) => topic.filter((end): end is Answer => !(end instanceof Promise)))
  if (known.every((topic, index) => topic.length === ends[index]?.length)) reply(known)
  else return Promise.all(ends.map((topic) => Promise.all(topic))).then(reply)
}

function endOf(
  name: string,
  wish: OffsetForLeaderEpochRequestOffsetForLeaderPartition,
  { catalog, partitions }: Ports,
): Answer | Promise<Answer> {
  const topic = catalog.byName(name)
  const partition = topic?.partitions[wish.partition]
  if (topic === undefined || partition === undefined) return answerOf(wish, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  const { slot, leaderEpoch } = partition
  const stateError = partitions.errorOf(slot)
  const errorCode =
    stateError === ErrorCode.NONE ? errorOfLeaderEpoch(wish.currentLeaderEpoch, leaderEpoch) : stateError
  if (errorCode !== ErrorCode.NONE || wish.leaderEpoch > leaderEpoch) return answerOf(wish, errorCode)
  if (wish.leaderEpoch === leaderEpoch) {
    return answerOf(wish, errorCode, { epoch: leaderEpoch, endOffset: partitions.highWatermark(slot) })
  }
  return partitions.endOfEpoch({ topic, partition }, wish.leaderEpoch).then(
    (end) => answerOf(wish, errorCode, end),
    () => answerOf(wish, ErrorCode.KAFKA_STORAGE_ERROR),
  )
}

function answerOf(
  { partition }: OffsetForLeaderEpochRequestOffsetForLeaderPartition,
  errorCode: number,
  end: EpochEnd = { epoch: -1, endOffset: -1 },
): Answer {
  const { epoch, endOffset } = end
  return makeOffsetForLeaderEpochResponseEpochEndOffset({ errorCode, partition, leaderEpoch: epoch, endOffset })
}
