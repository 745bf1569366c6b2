/** Static members (group.instance.id): they come back without a rebalance, and only one of a name at a time. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { GroupFixture, protocols } from './group-fixture.ts'

/** Instances 'i0', 'i1', … in a stable group; the first one leads. */
function stableInstances(fixture: GroupFixture, count: number): { ids: string[]; generation: number } {
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    ids.push('')
    const call = fixture.join({ groupInstanceId: `i${index}` })
    for (let earlier = 0; earlier < index; earlier++) {
      fixture.join({ memberId: ids[earlier] ?? '', groupInstanceId: `i${earlier}` })
    }
    ids[index] = call.response?.memberId ?? ''
  }
  const generation = count
  const assignments = ids.map((memberId, index) => ({ memberId, assignment: Buffer.from(`share ${index}`) }))
  for (const [index, memberId] of ids.entries()) {
    const given = index === 0 ? assignments : []
    fixture.sync({ memberId, groupInstanceId: `i${index}`, generationId: generation, assignments: given })
  }
  return { ids, generation }
}

test('a static member joins in one step, its id made of its instance id', () => {
  const fixture = new GroupFixture()
  const call = fixture.join({ groupInstanceId: 'i0' })
  assert.is(call.response?.errorCode, ErrorCode.NONE)
  assert.match(call.response?.memberId ?? '', /^i0-/)
})

for (const version of [8, 9]) {
  test(`a static member that comes back keeps its share without a rebalance (version ${version})`, () => {
    const fixture = new GroupFixture()
    const { ids, generation } = stableInstances(fixture, 2)
    const [leader = '', follower = ''] = ids
    const back = fixture.join({ groupInstanceId: 'i1' }, { version })
    const newId = back.response?.memberId ?? ''
    assert.is(back.response?.errorCode, ErrorCode.NONE)
    assert.is(back.response?.generationId, generation)
    assert.is.not(newId, follower)
    assert.is(fixture.describe()?.groupState, 'Stable')
    assert.is(fixture.heartbeat(leader, generation), ErrorCode.NONE)
    const sync = fixture.sync({ memberId: newId, groupInstanceId: 'i1', generationId: generation })
    assert.is(sync.response?.assignment.toString(), 'share 1')
    const fenced = fixture.heartbeat(follower, generation, { groupInstanceId: 'i1' })
    assert.is(fenced, ErrorCode.FENCED_INSTANCE_ID)
    assert.is(fixture.heartbeat(follower, generation), ErrorCode.UNKNOWN_MEMBER_ID)
  })
}

test('a static leader that comes back is told to skip assigning from version 9, and taken for a follower before', () => {
  const fixture = new GroupFixture()
  const { ids } = stableInstances(fixture, 2)
  const back = fixture.join({ groupInstanceId: 'i0' }, { version: 9 })
  assert.is(back.response?.skipAssignment, true)
  assert.is(back.response?.leader, back.response?.memberId)
  assert.is(back.response?.members.length, 2)
  const older = fixture.join({ groupInstanceId: 'i0' }, { version: 8 })
  assert.is(older.response?.leader, back.response?.memberId, 'the id that it no longer has')
  assert.is.not(older.response?.leader, ids[0])
  assert.is(older.response?.members.length, 0)
})

test('a static member that comes back with another choice of protocol starts a rebalance', () => {
  const fixture = new GroupFixture()
  const protocol = protocols('range', 'sticky')
  const first = fixture.join({ groupInstanceId: 'i0', protocols: protocol })
  fixture.sync({ memberId: first.response?.memberId ?? '', groupInstanceId: 'i0', generationId: 1 })
  const back = fixture.join({ groupInstanceId: 'i0', protocols: protocols('sticky', 'range') })
  assert.is(back.response?.generationId, 2)
  assert.is(back.response?.protocolName, 'sticky')
})

test('a former self that waits is fenced at once', () => {
  const fixture = new GroupFixture()
  const { ids } = stableInstances(fixture, 2)
  const waiting = fixture.join({ memberId: ids[0] ?? '', groupInstanceId: 'i0' })
  assert.is(waiting.response, undefined)
  fixture.join({ groupInstanceId: 'i0' })
  assert.is(waiting.response?.errorCode, ErrorCode.FENCED_INSTANCE_ID)
})

test('a former self that waits for its assignment is fenced, and the group rebalances', () => {
  const fixture = new GroupFixture()
  const leader = fixture.join({ groupInstanceId: 'i0' }).response?.memberId ?? ''
  const second = fixture.join({ groupInstanceId: 'i1' })
  fixture.join({ memberId: leader, groupInstanceId: 'i0' })
  const memberId = second.response?.memberId ?? ''
  const waiting = fixture.sync({ memberId, groupInstanceId: 'i1', generationId: 2 })
  fixture.join({ groupInstanceId: 'i1' })
  assert.is(waiting.response?.errorCode, ErrorCode.FENCED_INSTANCE_ID)
  assert.is(fixture.describe()?.groupState, 'PreparingRebalance')
})

test('a static member may stay away from a rebalance until its session ends', () => {
  const fixture = new GroupFixture()
  const { ids } = stableInstances(fixture, 2)
  const [leader = ''] = ids
  const again = fixture.join({ memberId: leader, groupInstanceId: 'i0', rebalanceTimeoutMs: 5_000 })
  assert.is(again.response, undefined)
  fixture.advance(10_000)
  assert.is(again.response?.members.length, 1, 'its session of 10 s is shorter than the rebalance timeout')
})

test('commits, syncs and joins under another member id of the same instance are fenced', () => {
  const fixture = new GroupFixture()
  const { generation } = stableInstances(fixture, 1)
  const fenced = { memberId: 'old', groupInstanceId: 'i0' }
  assert.is(fixture.join(fenced).response?.errorCode, ErrorCode.FENCED_INSTANCE_ID)
  assert.is(fixture.sync({ ...fenced, generationId: generation }).response?.errorCode, ErrorCode.FENCED_INSTANCE_ID)
  const commit = fixture.commit({ 0: 1 }, { ...fenced, generationIdOrMemberEpoch: generation })
  assert.is(commit.response?.topics[0]?.partitions[0]?.errorCode, ErrorCode.FENCED_INSTANCE_ID)
  const unknown = fixture.join({ memberId: 'old', groupInstanceId: 'i7' })
  assert.is(unknown.response?.errorCode, ErrorCode.UNKNOWN_MEMBER_ID)
})

test('an administrator removes static members by instance id', () => {
  const fixture = new GroupFixture()
  const { ids } = stableInstances(fixture, 3)
  const members = [
    { memberId: '', groupInstanceId: 'i0', reason: null },
    { memberId: '', groupInstanceId: 'i9', reason: null },
    { memberId: 'wrong', groupInstanceId: 'i1', reason: null },
    { memberId: ids[2] ?? '', groupInstanceId: 'i2', reason: null },
  ]
  const { response } = fixture.leave({ members })
  assert.equal(
    response?.members.map(({ errorCode }) => errorCode),
    [ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID, ErrorCode.NONE],
  )
  assert.equal(
    fixture.describe()?.members.map(({ groupInstanceId }) => groupInstanceId),
    ['i1'],
  )
})

test('a static member that came back is the same after a restart', () => {
  const fixture = new GroupFixture()
  const { generation } = stableInstances(fixture, 2)
  const newId = fixture.join({ groupInstanceId: 'i1' }).response?.memberId ?? ''
  const before = fixture.describe()
  const restarted = fixture.restarted()
  assert.equal(restarted.describe(), before)
  assert.is(restarted.heartbeat(newId, generation, { groupInstanceId: 'i1' }), ErrorCode.NONE)
})

test('static members outlive their connection', () => {
  const fixture = new GroupFixture({ settings: { freesMemberOnClose: true } })
  stableInstances(fixture, 1)
  fixture.coordinator.connectionClosed('c1')
  assert.is(fixture.describe()?.members.length, 1)
})

test('a static member that comes back with more than the record of its group can hold starts a rebalance', () => {
  const fixture = new GroupFixture()
  const metadataOf = (bytes: number) => ({ protocols: [{ name: 'range', metadata: Buffer.alloc(bytes) }] })
  const sizes = [10, 450_000, 450_000]
  const join = (index: number, memberId = '') =>
    fixture.join({ memberId, groupInstanceId: `i${index}`, ...metadataOf(sizes[index] ?? 0) })
  const first = join(0)
  const others = [join(1), join(2)]
  const leader = first.response?.memberId ?? ''
  join(0, leader)
  assert.is(
    fixture.sync({ memberId: leader, groupInstanceId: 'i0', generationId: 2 }).response?.errorCode,
    ErrorCode.NONE,
  )
  assert.equal(
    others.map(({ response }) => response?.generationId),
    [2, 2],
  )
  const back = fixture.join({ groupInstanceId: 'i0', ...metadataOf(500_000) })
  assert.ok(back.response === undefined)
  assert.is(fixture.describe()?.groupState, 'PreparingRebalance')
})

test.run()
