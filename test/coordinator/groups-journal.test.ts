/** No answer is ahead of the journal; a failed journal costs the shard's state, not its truth; a restart changes nothing. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { groupPartition } from '../../src/coordinator/groups/group-partition.ts'
import { decodeRecord } from '../../src/coordinator/groups/records.ts'
import { ErrorCode, isRetriable } from '../../src/wire/generated/errors.ts'
import type { JoinGroupResponse } from '../../src/wire/generated/join-group.ts'
import { type ListGroupsResponse, listGroupsApi, makeListGroupsRequest } from '../../src/wire/generated/list-groups.ts'
import type { OffsetCommitResponse } from '../../src/wire/generated/offset-commit.ts'
import { type Call, GroupFixture } from './group-fixture.ts'

const partitionOfG = groupPartition('g', 50)

/** Lets promises that are due go on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

function commitError(call: Call<OffsetCommitResponse>): number | undefined {
  return call.response?.topics[0]?.partitions[0]?.errorCode
}

test('commits, joins, syncs and even reads wait for the journal', () => {
  const fixture = new GroupFixture({ settings: { offsetsPartitionCount: 1 } })
  const { ids, generation } = fixture.stableGroup(1)
  const memberId = ids[0] ?? ''
  fixture.journal.isStalled = true
  const commit = fixture.commit({ 0: 1 }, { memberId, generationIdOrMemberEpoch: generation })
  assert.is(commit.response, undefined)
  assert.is(fixture.offset(0), undefined, 'the read would show what may yet be lost')
  assert.is(fixture.describe(), undefined)
  assert.is(fixture.heartbeat(memberId, generation), -99)
  assert.is(fixture.describe('none'), undefined, 'that there is no group depends on the shard')
  const list = fixture.send<ListGroupsResponse>(listGroupsApi.key, makeListGroupsRequest(), { version: 5 })
  assert.is(list.response, undefined)
  fixture.journal.isStalled = false
  fixture.journal.flush()
  assert.is(commitError(commit), ErrorCode.NONE)
  assert.is(list.response?.groups.length, 1)
})

test('a group waits for its own appends only, not for its neighbours', () => {
  const fixture = new GroupFixture({ settings: { offsetsPartitionCount: 1 } })
  fixture.stableGroup(1)
  fixture.journal.isStalled = true
  fixture.commit({ 0: 1 }, { groupId: 'other' })
  assert.is(fixture.describe()?.groupState, 'Stable')
})

test('while one batch is on its way the next one gathers: one append for many commits', () => {
  const fixture = new GroupFixture()
  fixture.journal.isStalled = true
  const calls = Array.from({ length: 500 }, (_, offset) => fixture.commit({ 0: offset }))
  assert.is(fixture.journal.appendCount, 1)
  fixture.journal.isStalled = false
  fixture.journal.flush()
  assert.is(fixture.journal.appendCount, 2)
  assert.ok(calls.every((call) => commitError(call) === ErrorCode.NONE && call.answerCount === 1))
  assert.is(fixture.offset(0), 499)
})

test('1,000 overlapping JoinGroup and OffsetCommit requests while the journal stalls, then fails', async () => {
  const fixture = new GroupFixture()
  const { journal } = fixture
  fixture.commit({ 0: 1, 1: 1, 2: 1, 3: 1 })
  const durable = journal.records('__consumer_offsets', partitionOfG).length
  journal.isStalled = true
  const joins: Call<JoinGroupResponse>[] = []
  const commits: Call<OffsetCommitResponse>[] = []
  for (let index = 0; index < 500; index++) {
    joins.push(fixture.join({}, { version: index % 2 === 0 ? 3 : 9, connectionId: `c${index}` }))
    commits.push(fixture.commit({ [index % 4]: 100 + index }))
  }
  const answered = [...joins, ...commits].filter((call) => call.answerCount > 0)
  assert.is(answered.length, 0, 'nothing is answered while nothing is durable')
  journal.fail()
  assert.is(journal.records('__consumer_offsets', partitionOfG).length, durable)
  for (const call of joins) {
    assert.is(call.answerCount, 1)
    const errorCode = call.response?.errorCode ?? -99
    assert.ok(errorCode !== ErrorCode.NONE && isRetriable(errorCode), `${errorCode}`)
  }
  for (const call of commits) {
    assert.is(call.answerCount, 1)
    assert.ok(isRetriable(commitError(call) ?? -99), `${commitError(call)}`)
  }
  journal.isStalled = false
  assert.is(commitError(fixture.commit({ 0: 9 })), ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
  await settled()
  for (let partition = 0; partition < 4; partition++) assert.is(fixture.offset(partition), 1, 'as it was before')
  const { ids, generation } = fixture.stableGroup(2)
  const commit = fixture.commit({ 0: 200 }, { memberId: ids[1] ?? '', generationIdOrMemberEpoch: generation })
  assert.is(commitError(commit), ErrorCode.NONE)
  assert.is(fixture.restarted().offset(0), 200)
})

test('what was durable before the failure is answered OK, and only that is there after the reload', async () => {
  const fixture = new GroupFixture()
  const { journal } = fixture
  journal.isStalled = true
  const calls = Array.from({ length: 3 }, (_, index) => fixture.commit({ [index]: 50 + index }, { groupId: 'g' }))
  journal.flushOne()
  journal.fail(ErrorCode.NOT_ENOUGH_REPLICAS)
  assert.equal(calls.map(commitError), [
    ErrorCode.NONE,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ])
  journal.isStalled = false
  await settled()
  assert.equal(
    [0, 1, 2].map((partition) => fixture.offset(partition)),
    [50, -1, -1],
  )
})

test('a failure answers parked members, and a stable group goes on by heartbeats after the reload', async () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(2)
  const [leader = '', follower = ''] = ids
  const before = fixture.describe()
  const parked = fixture.join({ memberId: leader })
  fixture.journal.isStalled = true
  fixture.commit({ 0: 1 }, { memberId: follower, generationIdOrMemberEpoch: generation })
  fixture.journal.fail()
  assert.is(parked.response?.errorCode, ErrorCode.NOT_COORDINATOR)
  assert.is(parked.answerCount, 1)
  fixture.journal.isStalled = false
  assert.is(fixture.heartbeat(leader, generation), ErrorCode.NONE, 'while loading nobody knows better')
  await settled()
  assert.equal(fixture.describe(), before)
  assert.is(fixture.heartbeat(leader, generation), ErrorCode.NONE)
  fixture.advance(10_000)
  assert.is(fixture.describe()?.groupState, 'Empty', 'sessions count again')
})

test('other shards do not notice a failure', () => {
  const fixture = new GroupFixture()
  fixture.stableGroup(1)
  fixture.journal.isStalled = true
  fixture.commit({ 0: 1 }, { groupId: 'other' })
  fixture.journal.fail()
  assert.is(fixture.describe()?.groupState, 'Stable')
  const list = fixture.send<ListGroupsResponse>(listGroupsApi.key, makeListGroupsRequest(), { version: 5 })
  assert.is(list.response?.errorCode, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, 'a list without them would look complete')
})

test('a journal that cannot be read is tried again until it can', async () => {
  const fixture = new GroupFixture()
  fixture.commit({ 0: 7 })
  fixture.journal.isStalled = true
  fixture.journal.isUnreadable = true
  fixture.commit({ 0: 8 })
  fixture.journal.fail()
  fixture.journal.isStalled = false
  await settled()
  fixture.advance(1_000)
  await settled()
  assert.is(commitError(fixture.commit({ 0: 9 })), ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
  fixture.journal.isUnreadable = false
  fixture.advance(1_000)
  await settled()
  assert.is(fixture.offset(0), 7)
})

test('a journal that stands still for too long makes the shard refuse instead of holding more and more', () => {
  const fixture = new GroupFixture({ settings: { offsetMetadataMax: 32_000 } })
  fixture.journal.isStalled = true
  const commitLarge = () =>
    fixture.commit(
      {},
      {
        topics: [
          {
            name: 't',
            topicId: Buffer.alloc(16),
            partitions: [
              {
                partitionIndex: 0,
                committedOffset: 1,
                committedLeaderEpoch: -1,
                committedMetadata: 'm'.repeat(30_000),
              },
            ],
          },
        ],
      },
    )
  let refused = 0
  for (let index = 0; index < 400; index++) {
    if (commitError(commitLarge()) === ErrorCode.COORDINATOR_NOT_AVAILABLE) refused += 1
  }
  assert.ok(refused > 50 && refused < 200, `${refused}`)
})

test('after a restart groups and offsets are described as before', () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(3)
  fixture.commit({ 0: 10, 1: 11 }, { memberId: ids[0] ?? '', generationIdOrMemberEpoch: generation })
  fixture.commit({ 0: 10, 1: 12 }, { memberId: ids[0] ?? '', generationIdOrMemberEpoch: generation })
  const other = fixture.joinNew({ groupId: 'left' })
  fixture.leave({ groupId: 'left', members: [{ memberId: other.id, groupInstanceId: null, reason: null }] })
  fixture.commit({ 2: 5 }, { groupId: 'simple' })
  const seen = (of: GroupFixture) =>
    ['g', 'left', 'simple', 'none'].map((groupId) => [
      of.describe(groupId),
      [0, 1, 2, 3].map((partition) => of.offset(partition, groupId)),
    ])
  const before = seen(fixture)
  const restarted = fixture.restarted()
  assert.equal(seen(restarted), before)
  for (const memberId of ids) assert.is(restarted.heartbeat(memberId, generation), ErrorCode.NONE)
})

test('members of the last generation get a whole session after a restart', () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(1)
  fixture.advance(9_000)
  const restarted = fixture.restarted()
  restarted.advance(9_000)
  assert.is(restarted.heartbeat(ids[0] ?? '', generation), ErrorCode.NONE)
  restarted.advance(10_000)
  assert.is(restarted.heartbeat(ids[0] ?? '', generation), ErrorCode.UNKNOWN_MEMBER_ID)
})

test('a rebalance that a restart interrupts leaves the last recorded generation', () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(1)
  fixture.joinNew()
  fixture.join({ memberId: ids[0] ?? '' })
  const restarted = fixture.restarted()
  assert.is(restarted.describe()?.groupState, 'Stable')
  assert.is(restarted.heartbeat(ids[0] ?? '', generation), ErrorCode.NONE)
})

test('a group above a lowered group.max.size is called back after a restart', () => {
  const fixture = new GroupFixture()
  const { ids } = fixture.stableGroup(3)
  const { clock, journal, topics } = fixture
  fixture.coordinator.stop()
  const restarted = new GroupFixture({ clock, journal, topics, settings: { groupMembersMax: 2 } })
  assert.is(restarted.describe()?.groupState, 'PreparingRebalance')
  const calls = ids.map((memberId) => restarted.join({ memberId }))
  assert.is(calls[2]?.response?.errorCode, ErrorCode.GROUP_MAX_SIZE_REACHED)
})

test('records are versioned as Kafka 4.3 writes them, and those of other kinds are passed over', () => {
  const fixture = new GroupFixture()
  fixture.stableGroup(1)
  fixture.commit({ 0: 1 }, { groupId: 'simple' })
  fixture.commit({ 0: 1 }, { groupId: 'expiring', retentionTimeMs: 1 }, { version: 2 })
  const versions = new Set<string>()
  for (const { record } of fixture.journal.all()) {
    versions.add(`${record.key?.readInt16BE(0)}:${record.value?.readInt16BE(0)}`)
  }
  assert.equal([...versions].sort(), ['1:1', '1:4', '2:3'])
  assert.is(decodeRecord({ key: Buffer.from([0, 10, 0, 0]), value: null }), undefined)
  assert.is(decodeRecord({ key: null, value: null }), undefined)
  assert.throws(() => decodeRecord({ key: Buffer.from([0, 2, 0, 9]), value: null }))
})

test.run()
