/** Fetch sessions as KIP-227 describes them. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FetchContext, FetchItem, FetchResult } from '../../src/api/ports.ts'
import { VirtualClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { FetchSessionCache } from '../../src/front/fetch-session.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  type FetchRequest,
  makeFetchRequest,
  makeFetchRequestFetchPartition,
  makeFetchRequestForgottenTopic,
  makeFetchResponsePartitionData,
} from '../../src/wire/generated/fetch.ts'

const topicId = Buffer.alloc(16, 5)

const partitionsMax = 1_000

function setUp(sessionsMax = 2): { clock: VirtualClock; sessions: FetchSessionCache } {
  const clock = new VirtualClock()
  return { clock, sessions: new FetchSessionCache({ clock, random: seededRandom(1), sessionsMax, partitionsMax }) }
}

function requestOf(sessionId: number, sessionEpoch: number, partitions: readonly number[] = []): FetchRequest {
  return makeFetchRequest({
    sessionId,
    sessionEpoch,
    topics: [
      {
        topic: 't',
        topicId,
        partitions: partitions.map((partition) =>
          makeFetchRequestFetchPartition({ partition, fetchOffset: partition }),
        ),
      },
    ],
  })
}

function resultOf(
  item: FetchItem,
  facts: { highWatermark?: number; bytes?: number; errorCode?: number } = {},
): FetchResult {
  const { highWatermark = 0, bytes = 0, errorCode = ErrorCode.NONE } = facts
  const records = Buffer.alloc(bytes)
  return {
    item,
    data: makeFetchResponsePartitionData({
      partitionIndex: item.index,
      errorCode,
      highWatermark,
      logStartOffset: 0,
      records,
    }),
  }
}

function finish(context: FetchContext, facts: { highWatermark?: number; bytes?: number; errorCode?: number } = {}) {
  return context.finish(context.items.map((item) => resultOf(item, facts)))
}

test('a full fetch opens a session; later ones name only what changes, and get only what changed', () => {
  const { sessions } = setUp()
  const opened = finish(sessions.begin(requestOf(0, 0, [0, 1, 2]), false))
  assert.is(opened.errorCode, ErrorCode.NONE)
  assert.ok(opened.sessionId > 0)
  assert.is(opened.results.length, 3)

  const second = sessions.begin(requestOf(opened.sessionId, 1), false)
  assert.equal(
    second.items.map(({ index }) => index),
    [0, 1, 2],
  )
  assert.equal(finish(second).results, [])

  const third = sessions.begin(requestOf(opened.sessionId, 2, [1]), false)
  const results = third.items.map((item) => resultOf(item, item.index === 1 ? { bytes: 10, highWatermark: 1 } : {}))
  assert.equal(
    third.finish(results).results.map(({ item }) => item.index),
    [1],
  )

  // The one that got data is read last from now on.
  const fourth = sessions.begin(requestOf(opened.sessionId, 3), false)
  assert.equal(
    fourth.items.map(({ index }) => index),
    [0, 2, 1],
  )
  assert.is(finish(fourth, { highWatermark: 7 }).results.length, 3)
})

test('errors are repeated, and what is good again is told', () => {
  const { sessions } = setUp()
  const { sessionId } = finish(sessions.begin(requestOf(0, 0, [0]), false))
  const errorCode = ErrorCode.KAFKA_STORAGE_ERROR
  assert.is(finish(sessions.begin(requestOf(sessionId, 1), false), { errorCode, highWatermark: -1 }).results.length, 1)
  assert.is(finish(sessions.begin(requestOf(sessionId, 2), false), { errorCode, highWatermark: -1 }).results.length, 1)
  assert.is(finish(sessions.begin(requestOf(sessionId, 3), false)).results.length, 1)
  assert.is(finish(sessions.begin(requestOf(sessionId, 4), false)).results.length, 0)
})

test('forgotten partitions are gone; a session without any ends', () => {
  const { sessions } = setUp()
  const { sessionId } = finish(sessions.begin(requestOf(0, 0, [0, 1]), true))
  const forget = (epoch: number, partitions: number[]): FetchRequest => ({
    ...requestOf(sessionId, epoch),
    topics: [],
    forgottenTopicsData: [makeFetchRequestForgottenTopic({ topicId, partitions })],
  })
  const context = sessions.begin(forget(1, [0]), true)
  assert.equal(
    context.items.map(({ index, topic, topicId: id }) => [index, topic, id]),
    [[1, '', '05'.repeat(16)]],
  )
  finish(context)
  assert.is(finish(sessions.begin(forget(2, [1]), true)).sessionId, 0)
  assert.is(sessions.count, 0)
})

test('unknown sessions, wrong epochs and mixed topic ids are refused', () => {
  const { sessions } = setUp()
  const { sessionId } = finish(sessions.begin(requestOf(0, 0, [0]), false))
  assert.is(sessions.begin(requestOf(sessionId + 1, 1), false).errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  assert.is(sessions.begin(requestOf(sessionId, 2), false).errorCode, ErrorCode.INVALID_FETCH_SESSION_EPOCH)
  assert.is(sessions.begin(requestOf(sessionId, 1), true).errorCode, ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
  assert.is(sessions.begin(requestOf(sessionId, 1), false).errorCode, ErrorCode.NONE)
})

test('a session that another fetch moved on meanwhile is not answered', () => {
  const { sessions } = setUp()
  const { sessionId } = finish(sessions.begin(requestOf(0, 0, [0]), false))
  const slow = sessions.begin(requestOf(sessionId, 1), false)
  const fast = sessions.begin(requestOf(sessionId, 2), false)
  assert.is(finish(fast).errorCode, ErrorCode.NONE)
  assert.is(finish(slow).errorCode, ErrorCode.INVALID_FETCH_SESSION_EPOCH)
})

test('the last epoch closes a session and is answered without one', () => {
  const { sessions } = setUp()
  const { sessionId } = finish(sessions.begin(requestOf(0, 0, [0]), false))
  const answer = finish(sessions.begin(requestOf(sessionId, -1, [0]), false))
  assert.is(answer.sessionId, 0)
  assert.is(answer.results.length, 1)
  assert.is(sessions.count, 0)
})

test('sessions are bounded: the idle make room, the others do not', () => {
  const { clock, sessions } = setUp(2)
  const first = finish(sessions.begin(requestOf(0, 0, [0]), false)).sessionId
  const second = finish(sessions.begin(requestOf(0, 0, [0]), false)).sessionId
  assert.is(finish(sessions.begin(requestOf(0, 0, [0]), false)).sessionId, 0)
  clock.advance(119_999)
  finish(sessions.begin(requestOf(first, 1), false))
  clock.advance(1)
  assert.ok(finish(sessions.begin(requestOf(0, 0, [0]), false)).sessionId > 0)
  assert.is(sessions.begin(requestOf(second, 1), false).errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  assert.is(sessions.begin(requestOf(first, 2), false).errorCode, ErrorCode.NONE)
  assert.is(sessions.count, 2)
})

test('epochs wrap to 1, since 0 opens a session', () => {
  const { sessions } = setUp()
  const { sessionId } = finish(sessions.begin(requestOf(0, 0, [0]), false))
  assert.is(sessions.begin(requestOf(sessionId, 0), false).errorCode, ErrorCode.NONE)
  assert.is(sessions.count, 0)
})

test('sessions together remember a bounded number of partitions; without room clients go on without one', () => {
  const { clock, sessions } = setUp(1_000)
  const many = Array.from({ length: partitionsMax / 2 }, (_, index) => index)
  const first = finish(sessions.begin(requestOf(0, 0, many), false))
  const second = finish(sessions.begin(requestOf(0, 0, many), false))
  assert.ok(first.sessionId > 0 && second.sessionId > 0)
  assert.is(sessions.partitionCount, partitionsMax)
  assert.is(finish(sessions.begin(requestOf(0, 0, [1]), false)).sessionId, 0)
  const grown = sessions.begin(requestOf(first.sessionId, 1, [partitionsMax]), false)
  assert.is(grown.errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  assert.is(sessions.partitionCount, many.length)
  assert.ok(finish(sessions.begin(requestOf(0, 0, [1, 2]), false)).sessionId > 0)
  clock.advance(200_000)
  assert.ok(finish(sessions.begin(requestOf(0, 0, many), false)).sessionId > 0, 'those long unused make room')
  sessions.begin(requestOf(0, -1), false)
  assert.is(sessions.partitionCount, many.length + 2)
})

test.run()
