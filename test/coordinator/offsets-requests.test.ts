/** OffsetCommit, OffsetFetch and OffsetDelete, rule by rule. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topicIdBytes } from '../../src/base/ids.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import type { OffsetCommitRequest, OffsetCommitResponse } from '../../src/wire/generated/offset-commit.ts'
import {
  makeOffsetDeleteRequest,
  type OffsetDeleteResponse,
  offsetDeleteApi,
} from '../../src/wire/generated/offset-delete.ts'
import {
  makeOffsetFetchRequest,
  type OffsetFetchRequest,
  type OffsetFetchResponse,
  offsetFetchApi,
} from '../../src/wire/generated/offset-fetch.ts'
import { Writer } from '../../src/wire/writer.ts'
import { type Call, type CallOptions, GroupFixture } from './group-fixture.ts'

const idOfT = topicIdBytes('aa'.repeat(16))
const noId = Buffer.alloc(16)

function errors(call: Call<OffsetCommitResponse>): number[] | undefined {
  return call.response?.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
}

function fetch(fixture: GroupFixture, request: Partial<OffsetFetchRequest>, options: CallOptions): OffsetFetchResponse {
  const { response } = fixture.send<OffsetFetchResponse>(offsetFetchApi.key, makeOffsetFetchRequest(request), options)
  if (response === undefined) throw new Error('no answer')
  return response
}

for (let version = 2; version <= 10; version++) {
  test(`a consumer without a group commits and reads its offsets at version ${version}`, () => {
    const fixture = new GroupFixture()
    const call = fixture.commit({ 0: 42, 3: 7 }, {}, { version })
    assert.equal(errors(call), [ErrorCode.NONE, ErrorCode.NONE])
    assert.is(fixture.offset(0), 42)
    assert.is(fixture.offset(1), -1)
    assert.is(fixture.offset(3), 7)
    assert.is(fixture.describe()?.groupState, 'Empty')
    assert.is(fixture.describe()?.protocolType, '')
  })
}

test('partitions and topics that are not there are refused one by one', () => {
  const fixture = new GroupFixture()
  assert.equal(errors(fixture.commit({ 0: 1, 4: 1, [-1]: 1 })), [
    ErrorCode.NONE,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ])
  const partition = { partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: null }
  const topics = [{ name: 'gone', topicId: noId, partitions: [partition] }]
  assert.equal(errors(fixture.commit({}, { topics })), [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION])
  const byId = fixture.commit(
    {},
    { topics: [{ name: '', topicId: Buffer.alloc(16, 9), partitions: [partition] }] },
    { version: 10 },
  )
  assert.equal(errors(byId), [ErrorCode.UNKNOWN_TOPIC_ID])
})

test('metadata goes with the offset, up to its limit', () => {
  const fixture = new GroupFixture()
  const commit = (committedMetadata: string | null) => {
    const partition = { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: 3, committedMetadata }
    return errors(fixture.commit({}, { topics: [{ name: 't', topicId: noId, partitions: [partition] }] }))
  }
  assert.equal(commit('x'.repeat(4_097)), [ErrorCode.OFFSET_METADATA_TOO_LARGE])
  assert.is(fixture.offset(0), -1)
  assert.equal(commit('é'.repeat(4_096)), [ErrorCode.NONE])
  const topics = [{ name: 't', partitionIndexes: [0] }]
  const { response } = fixture.send<OffsetFetchResponse>(
    offsetFetchApi.key,
    makeOffsetFetchRequest({ groupId: 'g', topics }),
    { version: 7 },
  )
  const [found] = response?.topics[0]?.partitions ?? []
  assert.is(found?.metadata, 'é'.repeat(4_096))
  assert.is(found?.committedLeaderEpoch, 3)
  assert.equal(commit(null), [ErrorCode.NONE])
})

test('a commit too large for one batch is refused whole', () => {
  const fixture = new GroupFixture({ settings: { offsetMetadataMax: 32_000 } })
  fixture.topics.topics.set('wide', { id: 'cc'.repeat(16), partitions: 100 })
  const partitions = Array.from({ length: 100 }, (_, partitionIndex) => ({
    partitionIndex,
    committedOffset: 1,
    committedLeaderEpoch: -1,
    committedMetadata: 'm'.repeat(10_000),
  }))
  const answer = errors(fixture.commit({}, { topics: [{ name: 'wide', topicId: noId, partitions }] }))
  assert.equal(new Set(answer), new Set([ErrorCode.INVALID_COMMIT_OFFSET_SIZE]))
  assert.is(fixture.journal.recordCount, 0)
})

const committers: { name: string; request: Partial<OffsetCommitRequest>; version?: number; errorCode: number }[] = [
  { name: 'the member', request: {}, errorCode: ErrorCode.NONE },
  { name: 'an older generation', request: { generationIdOrMemberEpoch: 0 }, errorCode: ErrorCode.ILLEGAL_GENERATION },
  { name: 'a newer generation', request: { generationIdOrMemberEpoch: 2 }, errorCode: ErrorCode.ILLEGAL_GENERATION },
  { name: 'an unknown member', request: { memberId: 'x' }, errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
  {
    name: 'nobody, while the group has members',
    request: { memberId: '', generationIdOrMemberEpoch: -1 },
    errorCode: ErrorCode.UNKNOWN_MEMBER_ID,
  },
  { name: 'an unknown instance', request: { groupInstanceId: 'i' }, errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
  { name: 'a member of a group that is gone', request: { groupId: 'gone' }, errorCode: ErrorCode.GROUP_ID_NOT_FOUND },
  {
    name: 'a member of a group that is gone, in version 8',
    request: { groupId: 'gone' },
    version: 8,
    errorCode: ErrorCode.ILLEGAL_GENERATION,
  },
]

for (const { name, request, version = 9, errorCode } of committers) {
  test(`a commit by ${name} is answered ${errorCode}`, () => {
    const fixture = new GroupFixture()
    const { ids, generation } = fixture.stableGroup(1)
    const memberId = ids[0] ?? ''
    const call = fixture.commit({ 1: 9 }, { memberId, generationIdOrMemberEpoch: generation, ...request }, { version })
    assert.equal(errors(call), [errorCode])
    assert.is(fixture.offset(1), errorCode === ErrorCode.NONE ? 9 : -1)
  })
}

test('a commit is refused between join and assignment, and taken while members are called back', () => {
  const fixture = new GroupFixture()
  const { id } = fixture.joinNew()
  const member = { memberId: id, generationIdOrMemberEpoch: 1 }
  assert.equal(errors(fixture.commit({ 0: 1 }, member)), [ErrorCode.REBALANCE_IN_PROGRESS])
  fixture.sync({ memberId: id, generationId: 1 })
  fixture.joinNew()
  assert.is(fixture.describe()?.groupState, 'PreparingRebalance')
  assert.equal(errors(fixture.commit({ 0: 2 }, member)), [ErrorCode.NONE])
})

test('an empty group takes commits without a generation', () => {
  const fixture = new GroupFixture()
  const memberId = fixture.stableGroup(1).ids[0] ?? ''
  fixture.leave({ members: [{ memberId, groupInstanceId: null, reason: null }] })
  assert.equal(errors(fixture.commit({ 0: 3 })), [ErrorCode.NONE])
})

test('no retention time and no offset is too strange to be recorded', () => {
  const fixture = new GroupFixture()
  for (const retentionTimeMs of [0, -2, -(2 ** 63), 2 ** 53 - 1, 2 ** 63]) {
    assert.equal(errors(fixture.commit({ 0: 1 }, { retentionTimeMs }, { version: 2 })), [ErrorCode.NONE])
  }
  for (const offset of [0, -1, -(2 ** 63), 2 ** 53 - 1, 2 ** 63]) {
    assert.equal(errors(fixture.commit({ 0: offset })), [ErrorCode.NONE])
    assert.is(fixture.offset(0), offset)
  }
})

for (let version = 1; version <= 10; version++) {
  test(`offsets are read at version ${version}: those asked for, and all`, () => {
    const fixture = new GroupFixture()
    fixture.commit({ 0: 10, 2: 30 })
    const asked = version < 8 ? [{ name: 't', partitionIndexes: [0, 1] }] : []
    const groups = [
      {
        groupId: 'g',
        memberId: null,
        memberEpoch: -1,
        topics: [{ name: 't', topicId: idOfT, partitionIndexes: [0, 1] }],
      },
      {
        groupId: 'none',
        memberId: null,
        memberEpoch: -1,
        topics: [{ name: 't', topicId: idOfT, partitionIndexes: [0] }],
      },
    ]
    const request = version < 8 ? { groupId: 'g', topics: asked } : { groups }
    const response = fetch(fixture, request, { version })
    const topics = version < 8 ? response.topics : response.groups[0]?.topics
    assert.equal(
      topics?.[0]?.partitions.map(({ committedOffset, errorCode }) => [committedOffset, errorCode]),
      [
        [10, 0],
        [-1, 0],
      ],
    )
    if (version >= 8) assert.is(response.groups[1]?.topics[0]?.partitions[0]?.committedOffset, -1)
    if (version < 2) return
    const all = version < 8 ? { groupId: 'g', topics: null } : { groups: [{ ...group('g'), topics: null }] }
    const answer = fetch(fixture, { ...all, requireStable: version >= 7 }, { version })
    const found = version < 8 ? answer.topics : (answer.groups[0]?.topics ?? [])
    assert.equal(
      found[0]?.partitions.map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset]),
      [
        [0, 10],
        [2, 30],
      ],
    )
    if (version >= 10) assert.equal(answer.groups[0]?.topics[0]?.topicId, idOfT)
  })
}

test('offsets of a former topic of the same name are not those of the present one', () => {
  const fixture = new GroupFixture()
  fixture.commit({ 0: 10 }, {}, { version: 10 })
  const newId = 'dd'.repeat(16)
  fixture.topics.topics.set('t', { id: newId, partitions: 4 })
  const topics = [{ name: '', topicId: topicIdBytes(newId), partitionIndexes: [0] }]
  const asked = fetch(fixture, { groups: [{ ...group('g'), topics }] }, { version: 10 })
  assert.is(asked.groups[0]?.topics[0]?.partitions[0]?.committedOffset, -1)
  const all = fetch(fixture, { groups: [{ ...group('g'), topics: null }] }, { version: 10 })
  assert.equal(all.groups[0]?.topics, [])
  const gone = [{ name: '', topicId: idOfT, partitionIndexes: [0] }]
  const unknown = fetch(fixture, { groups: [{ ...group('g'), topics: gone }] }, { version: 10 })
  assert.is(unknown.groups[0]?.topics[0]?.partitions[0]?.errorCode, ErrorCode.UNKNOWN_TOPIC_ID)
})

test('a topic that is removed takes its offsets along', () => {
  const fixture = new GroupFixture()
  fixture.commit({ 0: 10, 1: 11 })
  fixture.commit({ 0: 10 }, { groupId: 'h' })
  fixture.coordinator.topicRemoved('t')
  fixture.journal.flush()
  assert.is(fixture.offset(0), -1)
  const restarted = fixture.restarted()
  assert.is(restarted.offset(1), -1)
  assert.is(restarted.offset(0, 'h'), -1)
})

test('OffsetDelete removes offsets but for topics that members read', () => {
  const fixture = new GroupFixture()
  const metadata = subscription('t')
  const { id } = fixture.joinNew({ protocols: [{ name: 'range', metadata }] })
  fixture.sync({ memberId: id, generationId: 1 })
  const partition = { partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }
  const topics = ['t', 'u'].map((name) => ({ name, topicId: noId, partitions: [partition] }))
  fixture.commit({}, { memberId: id, generationIdOrMemberEpoch: 1, topics })
  const removal = removeOffsets(fixture, 'g')
  assert.equal(removal, [ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, ErrorCode.NONE])
  assert.is(fixture.offset(0), 1)
  assert.equal(removeOffsets(fixture, 'none'), ErrorCode.GROUP_ID_NOT_FOUND)
  assert.equal(removeOffsets(fixture, ''), ErrorCode.INVALID_GROUP_ID)
  fixture.leave({ members: [{ memberId: id, groupInstanceId: null, reason: null }] })
  assert.equal(removeOffsets(fixture, 'g'), [ErrorCode.NONE, ErrorCode.NONE])
  assert.is(fixture.offset(0), -1)
})

test('OffsetDelete is refused for members of which nobody knows what they read', () => {
  const fixture = new GroupFixture()
  fixture.joinNew({ protocolType: 'connect' })
  assert.is(removeOffsets(fixture, 'g'), ErrorCode.NON_EMPTY_GROUP)
  const consumers = new GroupFixture()
  consumers.joinNew({ protocols: [{ name: 'range', metadata: Buffer.from([0]) }] })
  assert.equal(removeOffsets(consumers, 'g'), [
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
  ])
})

/** The errors a topic, or the request's. */
function removeOffsets(fixture: GroupFixture, groupId: string): number[] | number | undefined {
  const topics = ['t', 'u'].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }))
  const { response } = fixture.send<OffsetDeleteResponse>(
    offsetDeleteApi.key,
    makeOffsetDeleteRequest({ groupId, topics }),
  )
  if (response?.errorCode !== ErrorCode.NONE) return response?.errorCode
  return response.topics.map(({ partitions }) => partitions[0]?.errorCode ?? -99)
}

function group(groupId: string): { groupId: string; memberId: null; memberEpoch: number } {
  return { groupId, memberId: null, memberEpoch: -1 }
}

/** A consumer's metadata, version 0: topics, and no user data. */
function subscription(...topics: string[]): Buffer {
  const writer = new Writer()
  writer.writeInt16(0)
  writer.writeInt32(topics.length)
  for (const topic of topics) writer.writeString(topic)
  writer.writeInt32(-1)
  return writer.finishJoined()
}

test.run()
