/** JoinGroup: who is let in, and what each rule answers. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import type { JoinGroupRequest } from '../../src/wire/generated/join-group.ts'
import { type CallOptions, GroupFixture, protocols } from './group-fixture.ts'

const refusals: { name: string; request: Partial<JoinGroupRequest>; options?: CallOptions; errorCode: number }[] = [
  { name: 'an empty group id', request: { groupId: '' }, errorCode: ErrorCode.INVALID_GROUP_ID },
  {
    name: 'a session below the least',
    request: { sessionTimeoutMs: 5_999 },
    errorCode: ErrorCode.INVALID_SESSION_TIMEOUT,
  },
  {
    name: 'a session above the most',
    request: { sessionTimeoutMs: 1_800_001 },
    errorCode: ErrorCode.INVALID_SESSION_TIMEOUT,
  },
  { name: 'no protocols', request: { protocols: [] }, errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL },
  { name: 'no protocol type', request: { protocolType: '' }, errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL },
  { name: 'an unknown member of no group', request: { memberId: 'x' }, errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
  {
    name: 'protocols that no record could hold',
    request: { protocols: [{ name: 'range', metadata: Buffer.alloc(600_000) }] },
    errorCode: ErrorCode.INVALID_REQUEST,
  },
  { name: 'a first join without an id', request: {}, errorCode: ErrorCode.MEMBER_ID_REQUIRED },
  {
    name: 'the least session',
    request: { sessionTimeoutMs: 6_000 },
    options: { version: 3 },
    errorCode: ErrorCode.NONE,
  },
]

for (const { name, request, options, errorCode } of refusals) {
  test(`a join with ${name} is answered ${errorCode}`, () => {
    const fixture = new GroupFixture()
    assert.is(fixture.join(request, options).response?.errorCode, errorCode)
  })
}

for (let version = 0; version <= 9; version++) {
  test(`a single member joins and leads at version ${version}`, () => {
    const fixture = new GroupFixture()
    const first = fixture.join({}, { version, clientId: 'me' })
    const id = first.response?.memberId ?? ''
    assert.match(id, /^me-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/)
    const call = version < 4 ? first : fixture.join({ memberId: id }, { version })
    assert.is(call.response?.errorCode, ErrorCode.NONE)
    assert.is(call.response?.generationId, 1)
    assert.is(call.response?.leader, id)
    assert.is(call.response?.protocolName, 'range')
    assert.equal(
      call.response?.members.map(({ memberId, metadata }) => [memberId, metadata.toString()]),
      [[id, 'range metadata']],
    )
  })
}

test('a client without an id gets a member id that begins with a dash, as in Kafka', () => {
  const fixture = new GroupFixture()
  assert.match(fixture.join({}, { clientId: null }).response?.memberId ?? '', /^-[0-9a-f]{8}-/)
})

test('a join waits until all members of the last generation have joined again', () => {
  const fixture = new GroupFixture()
  const { ids } = fixture.stableGroup(1)
  const [leader = ''] = ids
  const { id, call } = fixture.joinNew()
  assert.is(call.response, undefined)
  assert.is(fixture.describe()?.groupState, 'PreparingRebalance')
  assert.is(fixture.heartbeat(leader, 1), ErrorCode.REBALANCE_IN_PROGRESS)
  const again = fixture.join({ memberId: leader })
  assert.is(again.response?.generationId, 2)
  assert.is(call.response?.generationId, 2)
  assert.is(again.response?.leader, leader)
  assert.is(again.response?.members.length, 2)
  assert.is(call.response?.members.length, 0, 'only the leader learns the members')
  assert.is(call.response?.memberId, id)
  assert.is(fixture.describe()?.groupState, 'CompletingRebalance')
})

test('members that do not rejoin within the rebalance timeout are dropped', () => {
  const fixture = new GroupFixture()
  const { ids } = fixture.stableGroup(1)
  const [late = ''] = ids
  const { id, call } = fixture.joinNew({ sessionTimeoutMs: 60_000 })
  for (let elapsedMs = 0; elapsedMs < 20_000; elapsedMs += 5_000) {
    assert.is(call.response, undefined)
    assert.is(fixture.heartbeat(late, 1), ErrorCode.REBALANCE_IN_PROGRESS, 'it lives, but does not come')
    fixture.advance(5_000)
  }
  assert.is(call.response?.generationId, 2)
  assert.is(call.response?.leader, id)
  assert.is(fixture.heartbeat(late, 2), ErrorCode.UNKNOWN_MEMBER_ID)
})

test('the protocol with the most votes among those that all members offer is chosen', () => {
  const fixture = new GroupFixture()
  const first = fixture.joinNew({ protocols: protocols('a', 'b', 'c') })
  const second = fixture.joinNew({ protocols: protocols('b', 'c') })
  const third = fixture.joinNew({ protocols: protocols('c', 'b') })
  fixture.join({ memberId: first.id, protocols: protocols('a', 'b', 'c') })
  assert.is(second.call.response?.protocolName, 'b')
  assert.is(third.call.response?.protocolName, 'b')
})

test('a member without a protocol in common, or of another type, is refused', () => {
  const fixture = new GroupFixture()
  fixture.stableGroup(1)
  const strange = fixture.join({ protocols: protocols('sticky') })
  assert.is(strange.response?.errorCode, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  const worker = fixture.join({ protocolType: 'connect' })
  assert.is(worker.response?.errorCode, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  assert.is(fixture.describe()?.groupState, 'Stable')
})

test('a follower that joins again unchanged gets the present generation, a leader starts a new one', () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(2)
  const [leader = '', follower = ''] = ids
  const unchanged = fixture.join({ memberId: follower })
  assert.is(unchanged.response?.generationId, generation)
  assert.is(fixture.describe()?.groupState, 'Stable')
  const changed = fixture.join({ memberId: leader })
  assert.is(changed.response, undefined)
  assert.is(fixture.describe()?.groupState, 'PreparingRebalance')
})

test('a follower that joins again with other metadata starts a new generation', () => {
  const fixture = new GroupFixture()
  const { ids } = fixture.stableGroup(2)
  const metadata = Buffer.from('other')
  fixture.join({ memberId: ids[1] ?? '', protocols: [{ name: 'range', metadata }] })
  assert.is(fixture.describe()?.groupState, 'PreparingRebalance')
})

test('a member that repeats its join while the generation completes gets the same answer', () => {
  const fixture = new GroupFixture()
  const { id, call } = fixture.joinNew()
  const again = fixture.join({ memberId: id })
  assert.equal(again.response, call.response)
})

test('group.max.size refuses one member more, and the group goes on', () => {
  const fixture = new GroupFixture({ settings: { groupMembersMax: 2 } })
  fixture.stableGroup(2)
  const third = fixture.join({})
  assert.is(third.response?.errorCode, ErrorCode.GROUP_MAX_SIZE_REACHED)
  assert.is(third.response?.memberId, '')
  assert.is(fixture.describe()?.groupState, 'Stable')
})

test('while members rejoin, the first to come fill the group', () => {
  const fixture = new GroupFixture({ settings: { groupMembersMax: 2 } })
  const { ids } = fixture.stableGroup(2)
  const [leader = '', late = ''] = ids
  fixture.join({ memberId: leader })
  const newcomer = fixture.joinNew()
  assert.is(newcomer.call.response, undefined)
  assert.is(fixture.join({ memberId: late }).response?.errorCode, ErrorCode.GROUP_MAX_SIZE_REACHED)
  assert.is(newcomer.call.response, undefined, 'the rebalance still looks for who is left')
})

test('the initial rebalance delay lets more members into the first generation, and is extended while they come', () => {
  const fixture = new GroupFixture({ settings: { initialRebalanceDelayMs: 3_000 } })
  const first = fixture.joinNew()
  fixture.advance(2_000)
  assert.is(first.call.response, undefined)
  const second = fixture.joinNew()
  fixture.advance(1_000)
  assert.is(first.call.response, undefined, 'the second member extends the delay')
  fixture.advance(3_000)
  assert.is(first.call.response?.generationId, 1)
  assert.is(second.call.response?.generationId, 1)
  assert.is(first.call.response?.members.length, 2)
})

test('a member id that is not used within the session timeout is forgotten', () => {
  const fixture = new GroupFixture()
  const id = fixture.join({}).response?.memberId ?? ''
  fixture.advance(10_000)
  assert.is(fixture.join({ memberId: id }).response?.errorCode, ErrorCode.UNKNOWN_MEMBER_ID)
})

test('a rebalance waits for a member id that was handed out', () => {
  const fixture = new GroupFixture()
  const { ids } = fixture.stableGroup(1)
  const pending = fixture.join({}).response?.memberId ?? ''
  const again = fixture.join({ memberId: ids[0] ?? '' })
  assert.is(again.response, undefined)
  fixture.join({ memberId: pending })
  assert.is(again.response?.members.length, 2)
})

test('a second join on the same id answers the first one, and both once', () => {
  const fixture = new GroupFixture()
  const { ids } = fixture.stableGroup(2)
  const memberId = ids[0] ?? ''
  const lost = fixture.join({ memberId })
  const repeated = fixture.join({ memberId })
  assert.is(lost.response?.errorCode, ErrorCode.REBALANCE_IN_PROGRESS)
  fixture.join({ memberId: ids[1] ?? '' })
  assert.is(repeated.response?.errorCode, ErrorCode.NONE)
  assert.is(lost.answerCount, 1)
  assert.is(repeated.answerCount, 1)
})

test('a protocol that is offered twice counts once', () => {
  const fixture = new GroupFixture()
  const first = fixture.join({ protocols: protocols('range', 'range') }, { version: 3 })
  assert.is(first.response?.protocolName, 'range')
  const second = fixture.join({ protocols: protocols('sticky', 'range', 'range') }, { version: 3 })
  const memberId = first.response?.memberId ?? ''
  fixture.join({ memberId, protocols: protocols('range', 'range') }, { version: 3 })
  assert.is(second.response?.protocolName, 'range')
})

test('members whose protocols no record could hold together are refused', () => {
  const fixture = new GroupFixture()
  const large = { protocols: [{ name: 'range', metadata: Buffer.alloc(500_000) }] }
  let accepted = 0
  for (; accepted < 100; accepted++) {
    const call = fixture.join(large, { version: 3 })
    if (call.response?.errorCode === ErrorCode.GROUP_MAX_SIZE_REACHED) break
  }
  assert.ok(accepted > 20 && accepted < 40, `${accepted}`)
})

test('a waiting member that offers more than its group has room for is out, and its first join is answered', () => {
  const fixture = new GroupFixture()
  const { ids } = fixture.stableGroup(2)
  const waiting = fixture.join({ memberId: ids[0] ?? '' })
  const large = { protocols: [{ name: 'range', metadata: Buffer.alloc(500_000) }] }
  const others: (typeof waiting)[] = []
  for (let count = 0; count < 100 && others.at(-1)?.response === undefined; count++) {
    others.push(fixture.join(large, { version: 3 }))
  }
  assert.is(others.pop()?.response?.errorCode, ErrorCode.GROUP_MAX_SIZE_REACHED)
  const again = fixture.join({ ...large, memberId: ids[0] ?? '' })
  assert.is(again.response?.errorCode, ErrorCode.GROUP_MAX_SIZE_REACHED)
  assert.is(waiting.response?.errorCode, ErrorCode.UNKNOWN_MEMBER_ID)
  fixture.join({ memberId: ids[1] ?? '' })
  for (const other of others) assert.is(other.response?.errorCode, ErrorCode.NONE)
})

test.run()
