/** DescribeGroups, ListGroups, DeleteGroups, and the end of offsets with time. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { groupPartition } from '../../src/coordinator/groups/group-partition.ts'
import {
  type DeleteGroupsResponse,
  deleteGroupsApi,
  makeDeleteGroupsRequest,
} from '../../src/wire/generated/delete-groups.ts'
import {
  type DescribeGroupsResponse,
  describeGroupsApi,
  makeDescribeGroupsRequest,
} from '../../src/wire/generated/describe-groups.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { type ListGroupsResponse, listGroupsApi, makeListGroupsRequest } from '../../src/wire/generated/list-groups.ts'
import { GroupFixture } from './group-fixture.ts'

const retentionMs = 10_080 * 60_000
const checkMs = 600_000

test('groups lie in the partitions that Kafka puts them in', () => {
  // Java: Math.abs("…".hashCode()) % 50, with Integer.MIN_VALUE counting as 0.
  assert.is(groupPartition('', 50), 0)
  assert.is(groupPartition('a', 50), 97 % 50)
  assert.is(groupPartition('hello', 50), 99_162_322 % 50)
  assert.is(groupPartition('polygenelubricants', 50), 0)
})

for (let version = 0; version <= 6; version++) {
  test(`a group is described at version ${version}; a missing one is dead`, () => {
    const fixture = new GroupFixture()
    const { ids } = fixture.stableGroup(1)
    const message = makeDescribeGroupsRequest({ groups: ['g', 'none'], includeAuthorizedOperations: version >= 3 })
    const call = fixture.send<DescribeGroupsResponse>(describeGroupsApi.key, message, { version })
    const [found, missing] = call.response?.groups ?? []
    assert.is(found?.groupState, 'Stable')
    assert.is(found?.protocolType, 'consumer')
    assert.is(found?.protocolData, 'range')
    assert.is(found?.members[0]?.memberId, ids[0])
    assert.is(found?.members[0]?.clientId, 'client')
    assert.is(found?.members[0]?.clientHost, '/127.0.0.1')
    assert.is(found?.members[0]?.memberMetadata.toString(), 'range metadata')
    assert.is(found?.members[0]?.memberAssignment.toString(), `for ${ids[0]}`)
    assert.is(found?.authorizedOperations, version >= 3 ? 3_400 : -2_147_483_648)
    assert.is(missing?.groupState, 'Dead')
    assert.is(missing?.errorCode, version >= 6 ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.NONE)
    assert.is(missing?.errorMessage, version >= 6 ? 'Group none not found.' : null)
  })
}

test('groups are listed, by state and type where asked', () => {
  const fixture = new GroupFixture()
  fixture.stableGroup(1)
  fixture.commit({ 0: 1 }, { groupId: 'simple' })
  fixture.joinNew({ groupId: 'joining' })
  const list = (version: number, request: { statesFilter?: string[]; typesFilter?: string[] } = {}) => {
    const call = fixture.send<ListGroupsResponse>(listGroupsApi.key, makeListGroupsRequest(request), { version })
    return call.response?.groups.map(({ groupId }) => groupId).sort()
  }
  for (let version = 0; version <= 5; version++) assert.equal(list(version), ['g', 'joining', 'simple'])
  assert.equal(list(4, { statesFilter: ['stable'] }), ['g'])
  assert.equal(list(5, { statesFilter: ['Empty', 'CompletingRebalance'] }), ['joining', 'simple'])
  assert.equal(list(5, { statesFilter: ['nonsense'] }), [])
  assert.equal(list(5, { typesFilter: ['Classic'] }), ['g', 'joining', 'simple'])
  assert.equal(list(5, { typesFilter: ['consumer'] }), [])
})

test('only an empty group can be deleted, and its offsets go with it', () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(1)
  const memberId = ids[0] ?? ''
  fixture.commit({ 0: 5 }, { memberId, generationIdOrMemberEpoch: generation })
  for (let version = 0; version <= 2; version++) {
    assert.equal(remove(fixture, ['g', 'none'], version), [ErrorCode.NON_EMPTY_GROUP, ErrorCode.GROUP_ID_NOT_FOUND])
  }
  fixture.leave({ members: [{ memberId, groupInstanceId: null, reason: null }] })
  fixture.commit({ 0: 1 }, { groupId: 'simple' })
  assert.equal(remove(fixture, ['g', 'simple'], 2), [ErrorCode.NONE, ErrorCode.NONE])
  assert.is(fixture.describe()?.groupState, 'Dead')
  assert.is(fixture.offset(0), -1)
  const restarted = fixture.restarted()
  assert.is(restarted.describe()?.groupState, 'Dead')
  assert.is(restarted.describe('simple')?.groupState, 'Dead')
  assert.is(restarted.offset(0), -1)
})

test('offsets of an empty group expire after the retention time, and the group with them', () => {
  const fixture = new GroupFixture()
  const { ids, generation } = fixture.stableGroup(1)
  const memberId = ids[0] ?? ''
  fixture.commit({ 0: 5 }, { memberId, generationIdOrMemberEpoch: generation })
  fixture.leave({ members: [{ memberId, groupInstanceId: null, reason: null }] })
  fixture.advance(retentionMs - checkMs)
  assert.is(fixture.offset(0), 5)
  fixture.advance(2 * checkMs)
  assert.is(fixture.offset(0), -1)
  assert.is(fixture.describe()?.groupState, 'Dead')
  assert.is(fixture.restarted().describe()?.groupState, 'Dead')
})

test('offsets of a living group stay, those of a consumer without a group go by their own age', () => {
  const fixture = new GroupFixture({ settings: { offsetsRetentionMs: 60_000, offsetsRetentionCheckMs: 5_000 } })
  const { ids, generation } = fixture.stableGroup(1)
  const memberId = ids[0] ?? ''
  fixture.commit({ 0: 5 }, { memberId, generationIdOrMemberEpoch: generation })
  fixture.commit({ 0: 6, 1: 7 }, { groupId: 'simple' })
  const stepMs = 5_000
  for (let elapsedMs = 0; elapsedMs < 90_000; elapsedMs += stepMs) {
    assert.is(fixture.heartbeat(memberId, generation), ErrorCode.NONE)
    if (elapsedMs < 60_000) fixture.commit({ 1: 8 }, { groupId: 'simple' })
    fixture.advance(stepMs)
  }
  assert.is(fixture.offset(0), 5)
  assert.is(fixture.offset(0, 'simple'), -1)
  assert.is(fixture.offset(1, 'simple'), 8)
})

test('a commit that names its own retention time expires by it, also after a restart', () => {
  const fixture = new GroupFixture()
  fixture.commit({ 0: 5 }, { retentionTimeMs: 3_600_000 }, { version: 2 })
  const restarted = fixture.restarted()
  restarted.advance(3_600_000 - checkMs)
  assert.is(restarted.offset(0), 5)
  restarted.advance(2 * checkMs)
  assert.is(restarted.offset(0), -1)
})

test('expiry waits while the journal is full', () => {
  const fixture = new GroupFixture()
  fixture.commit({ 0: 5 })
  fixture.journal.saysFull = true
  fixture.advance(retentionMs + 2 * checkMs)
  assert.is(fixture.offset(0), 5)
  fixture.journal.saysFull = false
  fixture.advance(checkMs)
  assert.is(fixture.offset(0), -1)
})

function remove(fixture: GroupFixture, groupsNames: string[], version: number): number[] | undefined {
  const message = makeDeleteGroupsRequest({ groupsNames })
  const call = fixture.send<DeleteGroupsResponse>(deleteGroupsApi.key, message, { version })
  return call.response?.results.map(({ errorCode }) => errorCode)
}

test.run()
