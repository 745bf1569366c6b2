/** Consumer groups (KIP-848): time, restarts, topics that change, limits, and what their offsets outlive. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compilePattern, patternLengthMax } from '../../src/coordinator/groups/consumer/pattern.ts'
import { defaultConsumerGroupSettings } from '../../src/coordinator/groups/settings.ts'
import { type DeleteGroupsResponse, deleteGroupsApi } from '../../src/wire/generated/delete-groups.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { beat, describeConsumer, given, memberIds } from './consumer-fixture.ts'
import { share, subscriptionBytes } from './embedded-consumer.ts'
import { GroupFixture } from './group-fixture.ts'

/** Members 'a' and 'b' that have settled, with two partitions each, at epoch 3. */
function settledPair(fixture = new GroupFixture()): GroupFixture {
  fixture.groupConfigs.values.set('consumer.assignment.interval.ms', 0)
  assert.equal(given(beat(fixture, { memberId: 'a' })), [0, 1, 2, 3])
  assert.equal(given(beat(fixture, { memberId: 'b' })), [])
  assert.equal(given(beat(fixture, { memberId: 'a', memberEpoch: 2 })), [0, 1])
  assert.is(beat(fixture, { memberId: 'a', memberEpoch: 2, owns: [0, 1] }).memberEpoch, 3)
  assert.equal(given(beat(fixture, { memberId: 'b', memberEpoch: 3, owns: [] })), [2, 3])
  assert.is(describeConsumer(fixture).groupState, 'Stable')
  return fixture
}

test('after a restart members go on with their epochs, and nothing moves', () => {
  const fixture = settledPair()
  const before = describeConsumer(fixture)
  const restarted = fixture.restarted()
  assert.equal(describeConsumer(restarted), before)
  assert.is(beat(restarted, { memberId: 'a', memberEpoch: 3 }).memberEpoch, 3)
  assert.is(beat(restarted, { memberId: 'b', memberEpoch: 3 }).errorCode, ErrorCode.NONE)
  assert.equal(describeConsumer(restarted), before)
})

test('a member that is not heard of for its session time is out, and its partitions go to the others', () => {
  const fixture = settledPair()
  fixture.advance(30_000)
  beat(fixture, { memberId: 'a', memberEpoch: 3 })
  fixture.advance(15_001)
  assert.equal(memberIds(describeConsumer(fixture)), ['a'])
  assert.equal(given(beat(fixture, { memberId: 'a', memberEpoch: 3, owns: [0, 1] })), [0, 1, 2, 3])
  assert.is(beat(fixture, { memberId: 'b', memberEpoch: 3 }).errorCode, ErrorCode.UNKNOWN_MEMBER_ID)
})

test('after a restart a member that does not come back is out once a whole session time is over', () => {
  const fixture = settledPair()
  fixture.advance(40_000)
  const restarted = fixture.restarted()
  restarted.advance(40_000)
  beat(restarted, { memberId: 'a', memberEpoch: 3 })
  assert.equal(memberIds(describeConsumer(restarted)), ['a', 'b'])
  restarted.advance(5_000)
  assert.equal(memberIds(describeConsumer(restarted)), ['a'])
})

test('a member that keeps what it must give up is out once its rebalance time is over, also over a restart', () => {
  const fixture = new GroupFixture()
  fixture.groupConfigs.values.set('consumer.assignment.interval.ms', 0)
  beat(fixture, { memberId: 'a' })
  beat(fixture, { memberId: 'b' })
  assert.equal(given(beat(fixture, { memberId: 'a', memberEpoch: 2 })), [0, 1])
  fixture.advance(19_999)
  assert.equal(memberIds(describeConsumer(fixture)), ['a', 'b'])
  const restarted = fixture.restarted()
  restarted.advance(19_999)
  beat(restarted, { memberId: 'a', memberEpoch: 2, owns: [0, 1, 2, 3] })
  beat(restarted, { memberId: 'b', memberEpoch: 3, owns: [] })
  assert.equal(memberIds(describeConsumer(restarted)), ['a', 'b'])
  restarted.advance(1)
  assert.equal(memberIds(describeConsumer(restarted)), ['b'])
})

test('a static member that leaves for a while has its session time to come back, whatever it had to give up', () => {
  const fixture = new GroupFixture()
  const a = { memberId: 'a', instanceId: 'i' }
  beat(fixture, { ...a, rebalanceTimeoutMs: 5_000 })
  fixture.advance(1_000)
  beat(fixture, { memberId: 'b' })
  assert.is(given(beat(fixture, { ...a, memberEpoch: 2, owns: [0, 1, 2, 3] }))?.length, 2)
  assert.is(beat(fixture, { ...a, memberEpoch: -2 }).errorCode, ErrorCode.NONE)
  fixture.advance(6_000)
  assert.equal(memberIds(describeConsumer(fixture)), ['a', 'b'])
})

test('an answer that was lost is given again, but not to one who owns what it cannot have', () => {
  const fixture = settledPair()
  assert.is(beat(fixture, { memberId: 'a', memberEpoch: 2, owns: [0, 1] }).memberEpoch, 3)
  assert.is(beat(fixture, { memberId: 'a', memberEpoch: 2, owns: [0, 3] }).errorCode, ErrorCode.FENCED_MEMBER_EPOCH)
  assert.is(beat(fixture, { memberId: 'a', memberEpoch: 2 }).errorCode, ErrorCode.FENCED_MEMBER_EPOCH)
})

test('new targets wait for the assignment interval, and the next heartbeat after it brings them', () => {
  const fixture = new GroupFixture()
  beat(fixture, { memberId: 'a' })
  beat(fixture, { memberId: 'b' })
  assert.is(describeConsumer(fixture).groupState, 'Assigning')
  assert.is(describeConsumer(fixture).assignmentEpoch, 2)
  fixture.advance(999)
  beat(fixture, { memberId: 'a', memberEpoch: 2 })
  assert.is(describeConsumer(fixture).assignmentEpoch, 2)
  fixture.advance(1)
  beat(fixture, { memberId: 'a', memberEpoch: 2 })
  assert.is(describeConsumer(fixture).assignmentEpoch, 3)
})

test('a topic that grows, goes, or is there again is shared out anew with the next heartbeat', () => {
  const fixture = settledPair()
  const { topics } = fixture.topics
  topics.set('t', { id: 'aa'.repeat(16), partitions: 6 })
  fixture.coordinator.topicChanged('u')
  assert.is(beat(fixture, { memberId: 'a', memberEpoch: 3, owns: [0, 1] }).memberEpoch, 3)
  fixture.coordinator.topicChanged('t')
  assert.equal(given(beat(fixture, { memberId: 'a', memberEpoch: 3, owns: [0, 1] })), [0, 1, 4])
  assert.equal(given(beat(fixture, { memberId: 'b', memberEpoch: 3, owns: [2, 3] })), [2, 3, 5])
  topics.delete('t')
  fixture.coordinator.topicRemoved('t')
  assert.equal(given(beat(fixture, { memberId: 'a', memberEpoch: 4 })), [])
  topics.set('t', { id: 'cc'.repeat(16), partitions: 2 })
  fixture.coordinator.topicChanged('t')
  assert.equal(given(beat(fixture, { memberId: 'a', memberEpoch: 4, owns: [] })), [0])
})

test('a regular expression finds topics that come later, but not within ten seconds', () => {
  const fixture = new GroupFixture()
  fixture.groupConfigs.values.set('consumer.assignment.interval.ms', 0)
  beat(fixture, { memberId: 'a', subscribedTopicRegex: 'new-.*' })
  fixture.advance(0)
  fixture.topics.topics.set('new-1', { id: '11'.repeat(16), partitions: 1 })
  fixture.advance(10_000)
  assert.is(given(beat(fixture, { memberId: 'a', memberEpoch: 1 })), undefined)
  fixture.advance(1)
  beat(fixture, { memberId: 'a', memberEpoch: 1 })
  fixture.advance(0)
  assert.equal(given(beat(fixture, { memberId: 'a', memberEpoch: 1 })), [0])
  const restarted = fixture.restarted()
  assert.equal(describeConsumer(restarted).members[0]?.assignment.topicPartitions[0]?.topicName, 'new-1')
  assert.is(beat(restarted, { memberId: 'a', memberEpoch: 2 }).memberEpoch, 2)
})

test('a pattern is taken whole, as RE2 does, or refused where it is malformed, too long or too large', () => {
  const matches = (regex: string, name: string): boolean => {
    const pattern = compilePattern(regex)
    return 'matches' in pattern && pattern.matches(name)
  }
  assert.ok(matches('a.*', 'abc'))
  assert.not(matches('b', 'abc'))
  assert.ok(matches('(?i)ABC', 'abc'))
  for (const regex of ['(', '(?=a)', 'a**', '(a)\\1', 'x'.repeat(patternLengthMax + 1), '(?:.?){1000}(?:.?){1000}']) {
    const pattern = compilePattern(regex)
    assert.is('errorCode' in pattern && pattern.errorCode, ErrorCode.INVALID_REGULAR_EXPRESSION, regex)
  }
})

test('a hostile pattern takes time that grows with the names only', () => {
  const fixture = new GroupFixture()
  for (let index = 0; index < 200; index++) {
    fixture.topics.topics.set(`${'a'.repeat(240)}${index}`, { id: String(index).padStart(32, '0'), partitions: 1 })
  }
  beat(fixture, { memberId: 'a', subscribedTopicRegex: '(a+)+b' })
  fixture.advance(0)
  assert.is(describeConsumer(fixture).members[0]?.targetAssignment.topicPartitions.length, 0)
})

test('what is too large for a record is refused, and an expression for too many topics stands for none', () => {
  const fixture = new GroupFixture()
  const subscribedTopicNames = Array.from({ length: 1_100 }, (_, index) => 'x'.repeat(240) + index)
  assert.is(beat(fixture, { memberId: 'a', subscribedTopicNames }).errorCode, ErrorCode.INVALID_REQUEST)
  assert.is(
    beat(fixture, { memberId: 'a', subscribedTopicNames: subscribedTopicNames.slice(0, 1_000) }).errorCode,
    ErrorCode.NONE,
  )
  for (let index = 0; index < 4_000; index++) {
    fixture.topics.topics.set('y'.repeat(240) + index, { id: String(index).padStart(32, '0'), partitions: 1 })
  }
  beat(fixture, { groupId: 'h', memberId: 'a', subscribedTopicRegex: 'y+[0-9]*' })
  fixture.advance(0)
  assert.is(describeConsumer(fixture, 'h').members[0]?.targetAssignment.topicPartitions.length, 0)
  assert.is(describeConsumer(fixture.restarted(), 'h').errorCode, ErrorCode.NONE)
})

test('a group that is full takes no member more, whoever it is, but keeps those it has', () => {
  const consumer = { ...defaultConsumerGroupSettings, membersMax: 2 }
  const fixture = settledPair(new GroupFixture({ settings: { consumer } }))
  assert.is(beat(fixture, { memberId: 'c' }).errorCode, ErrorCode.GROUP_MAX_SIZE_REACHED)
  assert.is(beat(fixture, { memberId: 'a' }).errorCode, ErrorCode.NONE)
  const protocols = [{ name: 'range', metadata: subscriptionBytes(['t']) }]
  assert.is(fixture.join({ protocols }).response?.errorCode, ErrorCode.GROUP_MAX_SIZE_REACHED)
})

test('where groups must not migrate, each protocol is refused in the other one’s group', () => {
  const consumer = { ...defaultConsumerGroupSettings, migration: { canUpgrade: false, canDowngrade: false } }
  const fixture = settledPair(new GroupFixture({ settings: { consumer } }))
  const protocols = [{ name: 'range', metadata: subscriptionBytes(['t']) }]
  assert.is(fixture.join({ protocols }).response?.errorCode, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  fixture.joinNew({ groupId: 'classic', protocols })
  const refused = beat(fixture, { groupId: 'classic', memberId: 'c' })
  assert.is(refused.errorCode, ErrorCode.GROUP_ID_NOT_FOUND)
  assert.match(refused.errorMessage ?? '', 'online upgrade is disabled')
})

test('a classic member that is called back and does not join is out after its rebalance time', () => {
  const fixture = settledPair()
  const protocols = [{ name: 'range', metadata: subscriptionBytes(['t']) }]
  const { id, call } = fixture.joinNew({ protocols, sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 30_000 })
  assert.is(call.response?.errorCode, ErrorCode.NONE)
  const generation = call.response?.generationId ?? -1
  assert.is(fixture.sync({ memberId: id, generationId: generation }).response?.errorCode, ErrorCode.NONE)
  beat(fixture, { memberId: 'd' })
  assert.is(fixture.heartbeat(id, generation), ErrorCode.REBALANCE_IN_PROGRESS)
  for (let elapsedMs = 0; elapsedMs < 30_000; elapsedMs += 10_000) {
    assert.ok(memberIds(describeConsumer(fixture)).includes(id))
    for (const [memberId, owns] of [
      ['a', [0]],
      ['b', [2]],
      ['d', []],
    ] as const) {
      beat(fixture, { memberId, memberEpoch: describedEpoch(fixture, memberId), owns })
    }
    fixture.advance(10_000)
  }
  assert.not(memberIds(describeConsumer(fixture)).includes(id))
})

test('an upgrade takes over what members hold, but not partitions that a new topic of the same name does not have', () => {
  const fixture = new GroupFixture()
  const protocolsOf = [{ name: 'range', metadata: subscriptionBytes(['t']) }]
  const { id, call } = fixture.joinNew({ protocols: protocolsOf })
  const assignments = share(
    [{ memberId: id, groupInstanceId: null, metadata: subscriptionBytes(['t']) }],
    fixture.topics,
  )
  fixture.sync({ memberId: id, generationId: call.response?.generationId ?? 0, assignments })
  fixture.topics.topics.set('t', { id: 'dd'.repeat(16), partitions: 2 })
  beat(fixture, { memberId: 'a' })
  const upgraded = describeConsumer(fixture).members.find(({ memberId }) => memberId === id)
  assert.is(upgraded?.memberType, 0)
  assert.equal(upgraded?.assignment.topicPartitions[0]?.partitions, [0, 1])
})

test('a classic group that waits for members, and has lost all, is upgraded too', () => {
  const fixture = new GroupFixture({ settings: { initialRebalanceDelayMs: 3_000 } })
  const { id } = fixture.joinNew({ protocols: [{ name: 'range', metadata: subscriptionBytes(['t']) }] })
  fixture.leave({ members: [{ memberId: id, groupInstanceId: null, reason: null }] })
  assert.is(beat(fixture, { memberId: 'a' }).errorCode, ErrorCode.NONE)
  assert.equal(memberIds(describeConsumer(fixture.restarted())), ['a'])
})

function describedEpoch(fixture: GroupFixture, memberId: string): number {
  return describeConsumer(fixture).members.find((member) => member.memberId === memberId)?.memberEpoch ?? 0
}

test('offsets of topics that are read do not expire, and an empty group goes with the last of them', () => {
  const settings = { offsetsRetentionMs: 100_000, offsetsRetentionCheckMs: 1_000 }
  const fixture = settledPair(new GroupFixture({ settings }))
  fixture.commit({ 0: 5 }, { memberId: 'a', generationIdOrMemberEpoch: 3 })
  for (let elapsedMs = 0; elapsedMs < 120_000; elapsedMs += 20_000) {
    fixture.advance(20_000)
    for (const memberId of ['a', 'b']) beat(fixture, { memberId, memberEpoch: 3 })
  }
  assert.is(fixture.offset(0), 5)
  for (const memberId of ['a', 'b']) beat(fixture, { memberId, memberEpoch: -1 })
  fixture.advance(2_000)
  assert.is(fixture.offset(0), -1)
  assert.is(describeConsumer(fixture).errorCode, ErrorCode.GROUP_ID_NOT_FOUND)
  assert.is(describeConsumer(fixture.restarted()).errorCode, ErrorCode.GROUP_ID_NOT_FOUND)
})

test('a deleted group leaves nothing in the journal that brings it back', () => {
  const fixture = settledPair()
  fixture.commit({ 0: 5 }, { memberId: 'a', generationIdOrMemberEpoch: 3 })
  const remove = () =>
    fixture.send<DeleteGroupsResponse>(deleteGroupsApi.key, { groupsNames: ['g'] }, { version: 2 }).response?.results[0]
      ?.errorCode
  assert.is(remove(), ErrorCode.NON_EMPTY_GROUP)
  for (const memberId of ['a', 'b']) beat(fixture, { memberId, memberEpoch: -1 })
  assert.is(remove(), ErrorCode.NONE)
  const restarted = fixture.restarted()
  assert.is(describeConsumer(restarted).errorCode, ErrorCode.GROUP_ID_NOT_FOUND)
  assert.is(restarted.offset(0), -1)
})

test('after a failed append no answer was given, and members go on from what the journal holds', async () => {
  const fixture = settledPair()
  fixture.journal.isStalled = true
  assert.throws(() => beat(fixture, { memberId: 'a', memberEpoch: -1 }), 'without an answer')
  fixture.journal.isStalled = false
  fixture.journal.fail()
  for (let turn = 0; turn < 8; turn++) await Promise.resolve()
  assert.equal(memberIds(describeConsumer(fixture)), ['a', 'b'])
  assert.is(beat(fixture, { memberId: 'a', memberEpoch: 3 }).memberEpoch, 3)
})

test('where the settings say so, a dynamic member leaves when its connection closes, and a static one stays', () => {
  const fixture = new GroupFixture({ settings: { freesMemberOnClose: true } })
  beat(fixture, { memberId: 'a' }, { connectionId: 'c1' })
  beat(fixture, { memberId: 'b', instanceId: 'i' }, { connectionId: 'c1' })
  beat(fixture, { memberId: 'c' }, { connectionId: 'c2' })
  fixture.coordinator.connectionClosed('c1')
  fixture.journal.flush()
  assert.equal(memberIds(describeConsumer(fixture)), ['b', 'c'])
})

test('where the protocol is switched off, its requests get UNSUPPORTED_VERSION', () => {
  const fixture = new GroupFixture({ settings: { consumer: { ...defaultConsumerGroupSettings, isEnabled: false } } })
  assert.is(beat(fixture, { memberId: 'a' }).errorCode, ErrorCode.UNSUPPORTED_VERSION)
  assert.is(describeConsumer(fixture).errorCode, ErrorCode.UNSUPPORTED_VERSION)
})

test.run()
