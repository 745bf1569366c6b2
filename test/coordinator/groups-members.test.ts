/** SyncGroup, Heartbeat, LeaveGroup and sessions of dynamic members. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import type { SyncGroupRequest } from '../../src/wire/generated/sync-group.ts'
import { type CallOptions, GroupFixture } from './group-fixture.ts'

const noAssignments: SyncGroupRequest['assignments'] = []

test('followers wait for the leader, and each gets what the leader gave it', () => {
  const fixture = new GroupFixture()
  const first = fixture.joinNew()
  const second = fixture.joinNew()
  fixture.join({ memberId: first.id })
  const follower = fixture.sync({ memberId: second.id, generationId: 2 })
  assert.is(follower.response, undefined)
  const assignments = [{ memberId: first.id, assignment: Buffer.from('one') }]
  const leader = fixture.sync({ memberId: first.id, generationId: 2, assignments })
  assert.is(leader.response?.assignment.toString(), 'one')
  assert.is(leader.response?.protocolName, 'range')
  assert.is(follower.response?.errorCode, ErrorCode.NONE)
  assert.is(follower.response?.assignment.length, 0, 'whom the leader forgot gets nothing')
  assert.is(fixture.describe()?.groupState, 'Stable')
  const late = fixture.sync({ memberId: first.id, generationId: 2, assignments: noAssignments })
  assert.is(late.response?.assignment.toString(), 'one', 'a stable group repeats its answer')
})

const syncRefusals: { name: string; request: Partial<SyncGroupRequest>; options?: CallOptions; errorCode: number }[] = [
  { name: 'an empty group id', request: { groupId: '' }, errorCode: ErrorCode.INVALID_GROUP_ID },
  { name: 'a group that is not there', request: { groupId: 'none' }, errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
  { name: 'an unknown member', request: { memberId: 'x' }, errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
  { name: 'an older generation', request: { generationId: 0 }, errorCode: ErrorCode.ILLEGAL_GENERATION },
  { name: 'a newer generation', request: { generationId: 2 }, errorCode: ErrorCode.ILLEGAL_GENERATION },
  { name: 'another protocol', request: { protocolName: 'x' }, errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL },
  { name: 'another type', request: { protocolType: 'x' }, errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL },
  { name: 'no protocol', request: { protocolName: null }, errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL },
  {
    name: 'no protocol in version 4',
    request: { protocolName: null },
    options: { version: 4 },
    errorCode: ErrorCode.NONE,
  },
]

for (const { name, request, options, errorCode } of syncRefusals) {
  test(`a sync with ${name} is answered ${errorCode}`, () => {
    const fixture = new GroupFixture()
    const { id } = fixture.joinNew()
    const call = fixture.sync({ memberId: id, generationId: 1, ...request }, options)
    assert.is(call.response?.errorCode, errorCode)
  })
}

for (let version = 0; version <= 5; version++) {
  test(`a leader syncs at version ${version}`, () => {
    const fixture = new GroupFixture()
    const { id } = fixture.joinNew()
    const assignments = [{ memberId: id, assignment: Buffer.from('all') }]
    const call = fixture.sync({ memberId: id, generationId: 1, assignments }, { version })
    assert.is(call.response?.assignment.toString(), 'all')
  })
}

test('a sync while members are called back says so', () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(1)
  fixture.joinNew()
  const call = fixture.sync({ memberId: ids[0] ?? '', generationId: generation })
  assert.is(call.response?.errorCode, ErrorCode.REBALANCE_IN_PROGRESS)
})

test('followers that wait for an assignment are called back when another member comes', () => {
  const fixture = new GroupFixture()
  const first = fixture.joinNew()
  const second = fixture.joinNew()
  fixture.join({ memberId: first.id })
  const waiting = fixture.sync({ memberId: second.id, generationId: 2 })
  fixture.joinNew()
  assert.is(waiting.response?.errorCode, ErrorCode.REBALANCE_IN_PROGRESS)
})

test('members that never sync are dropped after the rebalance timeout', () => {
  const fixture = new GroupFixture()
  const first = fixture.joinNew()
  const second = fixture.joinNew()
  fixture.join({ memberId: first.id })
  const assignments = [{ memberId: first.id, assignment: Buffer.from('one') }]
  fixture.sync({ memberId: first.id, generationId: 2, assignments })
  for (let elapsedMs = 0; elapsedMs < 20_000; elapsedMs += 5_000) {
    assert.is(fixture.heartbeat(first.id, 2), ErrorCode.NONE)
    assert.is(fixture.heartbeat(second.id, 2), ErrorCode.NONE)
    fixture.advance(5_000)
  }
  assert.is(fixture.heartbeat(first.id, 2), ErrorCode.REBALANCE_IN_PROGRESS)
  assert.is(fixture.heartbeat(second.id, 2), ErrorCode.UNKNOWN_MEMBER_ID)
})

test('an assignment too large for the journal fails the sync and rebalances, and is never recorded', () => {
  const fixture = new GroupFixture()
  const { id } = fixture.joinNew()
  const assignments = [{ memberId: id, assignment: Buffer.alloc(950_000) }]
  const call = fixture.sync({ memberId: id, generationId: 1, assignments })
  assert.is(call.response?.errorCode, ErrorCode.UNKNOWN_SERVER_ERROR)
  assert.is(fixture.heartbeat(id, 1), ErrorCode.REBALANCE_IN_PROGRESS)
})

test('heartbeats: unknown group, unknown member, wrong generation, and the session that they extend', () => {
  const fixture = new GroupFixture()
  assert.is(fixture.heartbeat('x', 1), ErrorCode.UNKNOWN_MEMBER_ID)
  const { ids, generation } = fixture.stableGroup(1)
  const [id = ''] = ids
  assert.is(fixture.heartbeat('x', generation), ErrorCode.UNKNOWN_MEMBER_ID)
  assert.is(fixture.heartbeat(id, generation - 1), ErrorCode.ILLEGAL_GENERATION)
  assert.is(fixture.heartbeat(id, generation + 1), ErrorCode.ILLEGAL_GENERATION)
  for (let version = 0; version <= 4; version++)
    assert.is(fixture.heartbeat(id, generation, { version }), ErrorCode.NONE)
  for (let round = 0; round < 5; round++) {
    fixture.advance(9_999)
    assert.is(fixture.heartbeat(id, generation), ErrorCode.NONE)
  }
  fixture.advance(10_000)
  assert.is(fixture.heartbeat(id, generation), ErrorCode.UNKNOWN_MEMBER_ID)
  assert.is(fixture.describe()?.groupState, 'Empty')
})

test('a commit extends the session as a heartbeat does', () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(1)
  const memberId = ids[0] ?? ''
  for (let round = 0; round < 5; round++) {
    fixture.advance(9_999)
    fixture.commit({ 0: round }, { memberId, generationIdOrMemberEpoch: generation })
  }
  assert.is(fixture.heartbeat(memberId, generation), ErrorCode.NONE)
})

test('a member that crashes is dropped after its session, and the others get its share', () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(2)
  const [alive = '', crashed = ''] = ids
  fixture.advance(9_000)
  assert.is(fixture.heartbeat(alive, generation), ErrorCode.NONE)
  fixture.advance(1_000)
  assert.is(fixture.heartbeat(alive, generation), ErrorCode.REBALANCE_IN_PROGRESS)
  const again = fixture.join({ memberId: alive })
  assert.is(again.response?.generationId, generation + 1)
  assert.is(again.response?.members.length, 1)
  assert.is(fixture.heartbeat(crashed, generation), ErrorCode.UNKNOWN_MEMBER_ID)
})

test('a member that waits for the others to join does not time out', () => {
  const fixture = new GroupFixture()
  const { ids } = fixture.stableGroup(2)
  const [waiting = '', slow = ''] = ids
  const call = fixture.join({ memberId: waiting })
  fixture.advance(9_000)
  fixture.heartbeat(slow, fixture.generation(slow))
  fixture.advance(9_000)
  assert.is(call.response, undefined)
  fixture.join({ memberId: slow })
  assert.is(call.response?.errorCode, ErrorCode.NONE)
})

test('leaving frees the place at once: the others are called back', () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(2)
  const [stays = '', leaves = ''] = ids
  const call = fixture.leave({ members: [{ memberId: leaves, groupInstanceId: null, reason: 'done' }] })
  assert.is(call.response?.errorCode, ErrorCode.NONE)
  assert.is(call.response?.members[0]?.errorCode, ErrorCode.NONE)
  assert.is(fixture.heartbeat(stays, generation), ErrorCode.REBALANCE_IN_PROGRESS)
})

for (let version = 0; version <= 5; version++) {
  test(`the last member leaves at version ${version}, and the group is empty`, () => {
    const fixture = new GroupFixture()
    const memberId = fixture.stableGroup(1).ids[0] ?? ''
    const leave = (id: string, groupId = 'g') =>
      fixture.leave(version < 3 ? { groupId, memberId: id } : { groupId, members: [leaver(id)] }, { version })
    const unknown = leave('x')
    assert.is(leaveError(unknown.response), ErrorCode.UNKNOWN_MEMBER_ID)
    assert.is(leaveError(leave(memberId).response), ErrorCode.NONE)
    assert.is(fixture.describe()?.groupState, 'Empty')
    assert.is(leaveError(leave(memberId, 'none').response), ErrorCode.UNKNOWN_MEMBER_ID)
    assert.is(fixture.leave({ groupId: '' }, { version }).response?.errorCode, ErrorCode.INVALID_GROUP_ID)
  })
}

test('several members leave in one request, each with its own error', () => {
  const fixture = new GroupFixture()
  const { ids } = fixture.stableGroup(3)
  const [first = '', second = ''] = ids
  const pending = fixture.join({}).response?.memberId ?? ''
  const call = fixture.leave({ members: [leaver(first), leaver('x'), leaver(second), leaver(pending)] })
  assert.equal(
    call.response?.members.map(({ errorCode }) => errorCode),
    [ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.NONE, ErrorCode.NONE],
  )
  assert.is(fixture.describe()?.members.length, 1)
})

test('members that joined on a connection leave when it closes, where the settings say so', () => {
  for (const freesMemberOnClose of [true, false]) {
    const fixture = new GroupFixture({ settings: { freesMemberOnClose } })
    const stays = fixture.joinNew({}, { connectionId: 'c1' })
    fixture.joinNew({}, { connectionId: 'c2' })
    fixture.joinNew({ groupId: 'other' }, { connectionId: 'c2' })
    fixture.join({ memberId: stays.id }, { connectionId: 'c1' })
    fixture.coordinator.connectionClosed('c2')
    fixture.journal.flush()
    assert.is(fixture.describe()?.members.length, freesMemberOnClose ? 1 : 2)
    assert.is(fixture.describe('other')?.groupState, freesMemberOnClose ? 'Empty' : 'CompletingRebalance')
    fixture.coordinator.connectionClosed('c2')
    fixture.coordinator.connectionClosed('c9')
  }
})

test('a member that came back on another connection outlives its first one', () => {
  const fixture = new GroupFixture({ settings: { freesMemberOnClose: true } })
  const { id } = fixture.joinNew({}, { connectionId: 'c1' })
  fixture.sync({ memberId: id, generationId: 1 })
  fixture.join({ memberId: id }, { connectionId: 'c2' })
  fixture.coordinator.connectionClosed('c1')
  assert.is(fixture.describe()?.members.length, 1)
})

function leaver(memberId: string): { memberId: string; groupInstanceId: null; reason: null } {
  return { memberId, groupInstanceId: null, reason: null }
}

function leaveError(response: { errorCode: number; members: { errorCode: number }[] } | undefined): number | undefined {
  return response?.errorCode || response?.members[0]?.errorCode || response?.errorCode
}

test.run()
