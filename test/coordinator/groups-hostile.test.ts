/**
 * Goal: no order of requests, however senseless, makes the coordinator throw, leaves a request without an answer or answers one
 * twice. Method: seeded random requests of all APIs and versions over few names, with members picked from earlier answers.
 */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { ApiKey, apiTable } from '../../src/wire/generated/api-keys.ts'
import { makeConsumerGroupDescribeRequest } from '../../src/wire/generated/consumer-group-describe.ts'
import { makeConsumerGroupHeartbeatRequest } from '../../src/wire/generated/consumer-group-heartbeat.ts'
import { makeDeleteGroupsRequest } from '../../src/wire/generated/delete-groups.ts'
import { makeDescribeGroupsRequest } from '../../src/wire/generated/describe-groups.ts'
import { makeHeartbeatRequest } from '../../src/wire/generated/heartbeat.ts'
import { makeJoinGroupRequest } from '../../src/wire/generated/join-group.ts'
import { makeLeaveGroupRequest } from '../../src/wire/generated/leave-group.ts'
import { makeListGroupsRequest } from '../../src/wire/generated/list-groups.ts'
import { makeOffsetCommitRequest } from '../../src/wire/generated/offset-commit.ts'
import { makeOffsetDeleteRequest } from '../../src/wire/generated/offset-delete.ts'
import { makeOffsetFetchRequest } from '../../src/wire/generated/offset-fetch.ts'
import { makeSyncGroupRequest } from '../../src/wire/generated/sync-group.ts'
import { describeConsumer } from './consumer-fixture.ts'
import { subscriptionBytes } from './embedded-consumer.ts'
import { type Call, GroupFixture, protocols } from './group-fixture.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 2_000)
const firstSeed = Number(process.env.SEED ?? 1)

type Maker = (version: number) => unknown

/** Few names and odd numbers, so that requests meet. */
function choices(random: Random, members: readonly string[]) {
  const pick = <Item>(items: readonly [Item, ...Item[]]): Item => items[random.below(items.length)] ?? items[0]
  return {
    pick,
    groupId: () => pick(['g', 'g', 'g', 'h', '']),
    memberId: () => pick(['', 'x', ...members.slice(-4)]),
    instance: (isKnown: boolean) => (isKnown ? pick([null, null, 'i', 'j']) : null),
    number: () => pick([-1, 0, 1, 2, 3, 7, 2 ** 31 - 1, -(2 ** 31)]),
    offset: () => pick([-1, 0, 5, 2 ** 53 - 1, 2 ** 63, -(2 ** 63)]),
    topicId: () => pick([Buffer.alloc(16), Buffer.alloc(16, 0xaa), Buffer.alloc(16, 1)]),
    name: () => pick(['t', 'u', 'gone', '']),
    bytes: () => Buffer.alloc(pick([0, 1, 50]), random.below(256)),
    names: () => pick([[], ['range'], ['range', 'sticky'], ['sticky', 'sticky'], ['']]),
    session: () => pick([6_000, 10_000, 30_000, 0, -1]),
  }
}
type Choices = ReturnType<typeof choices>

function memberMakers({
  pick,
  groupId,
  memberId,
  instance,
  number,
  bytes,
  names,
  session,
}: Choices): [number, Maker][] {
  const leaver = () => ({ memberId: memberId(), groupInstanceId: instance(true), reason: null })
  const identity = (isStatic: boolean) => ({
    groupId: groupId(),
    memberId: memberId(),
    groupInstanceId: instance(isStatic),
    generationId: number(),
  })
  const join: Maker = (version) => {
    const { generationId: _, ...who } = identity(version >= 5)
    const rebalanceTimeoutMs = pick([0, -1, 5_000, 60_000])
    const protocolType = pick(['consumer', 'consumer', 'connect', ''])
    const readable = names().map((name) => ({ name, metadata: subscriptionBytes([name, 't']) }))
    const offered = pick([protocols(...names()), readable, readable])
    return makeJoinGroupRequest({
      ...who,
      sessionTimeoutMs: session(),
      rebalanceTimeoutMs,
      protocolType,
      protocols: offered,
    })
  }
  const sync: Maker = (version) =>
    makeSyncGroupRequest({
      ...identity(version >= 3),
      protocolType: version >= 5 ? pick(['consumer', 'connect', null]) : null,
      protocolName: version >= 5 ? pick(['range', 'sticky', null]) : null,
      assignments: [{ memberId: memberId(), assignment: bytes() }],
    })
  const leave: Maker = (version) =>
    version < 3
      ? makeLeaveGroupRequest({ groupId: groupId(), memberId: memberId() })
      : makeLeaveGroupRequest({ groupId: groupId(), members: [leaver(), leaver()] })
  return [
    [ApiKey.JoinGroup, join],
    [ApiKey.SyncGroup, sync],
    [ApiKey.Heartbeat, (version) => makeHeartbeatRequest(identity(version >= 3))],
    [ApiKey.LeaveGroup, leave],
  ]
}

function offsetMakers({
  pick,
  groupId,
  memberId,
  instance,
  number,
  offset,
  topicId,
  name,
}: Choices): [number, Maker][] {
  const topic = () => ({ name: name(), topicId: topicId(), partitionIndexes: [number(), 0, 1] })
  const partition = (partitionIndex: number) => ({
    partitionIndex,
    committedOffset: offset(),
    committedLeaderEpoch: number(),
    committedMetadata: pick(['', null, 'm'.repeat(5_000)]),
  })
  const commit: Maker = (version) =>
    makeOffsetCommitRequest({
      groupId: groupId(),
      memberId: memberId(),
      groupInstanceId: instance(version >= 7),
      generationIdOrMemberEpoch: number(),
      retentionTimeMs: offset(),
      topics: [{ name: name(), topicId: topicId(), partitions: [partition(number()), partition(0)] }],
    })
  const fetchGroup = () => ({
    groupId: groupId(),
    memberId: pick([null, memberId()]),
    memberEpoch: number(),
    topics: pick([null, [topic()]]),
  })
  const fetch: Maker = (version) =>
    version < 8
      ? makeOffsetFetchRequest({ groupId: groupId(), topics: version < 2 ? [topic()] : pick([null, [topic()]]) })
      : makeOffsetFetchRequest({ groups: [fetchGroup(), fetchGroup()] })
  const remove: Maker = () =>
    makeOffsetDeleteRequest({ groupId: groupId(), topics: [{ name: name(), partitions: [{ partitionIndex: 0 }] }] })
  return [
    [ApiKey.OffsetCommit, commit],
    [ApiKey.OffsetFetch, fetch],
    [ApiKey.OffsetDelete, remove],
  ]
}

function consumerMakers({ pick, groupId, memberId, instance, number, topicId, name }: Choices): [number, Maker][] {
  const owned = () => ({ topicId: topicId(), partitions: pick([[], [0, 1], [number()]]) })
  const heartbeat: Maker = (version) => {
    const memberEpoch = pick([0, 0, 0, number(), -2])
    const isWhole = memberEpoch === 0 && pick([true, true, false])
    return makeConsumerGroupHeartbeatRequest({
      groupId: groupId(),
      memberId: memberId(),
      memberEpoch,
      instanceId: instance(true),
      rackId: pick([null, 'r', '']),
      rebalanceTimeoutMs: isWhole ? pick([0, 5_000, 60_000]) : number(),
      subscribedTopicNames: pick([isWhole ? ['t'] : null, [], [name(), name()]]),
      subscribedTopicRegex: version >= 1 ? pick([null, null, '', 't|u', '[a-z]*', '(']) : null,
      serverAssignor: pick([null, null, 'range', 'uniform', 'x']),
      topicPartitions: isWhole ? [] : pick([null, [], [owned()], [owned(), owned()]]),
    })
  }
  const describe: Maker = () => makeConsumerGroupDescribeRequest({ groupIds: pick([[], [groupId(), groupId()]]) })
  return [
    [ApiKey.ConsumerGroupHeartbeat, heartbeat],
    [ApiKey.ConsumerGroupDescribe, describe],
  ]
}

function adminMakers({ pick, groupId }: Choices): [number, Maker][] {
  return [
    [ApiKey.DescribeGroups, () => makeDescribeGroupsRequest({ groups: pick([[], [groupId(), groupId()]]) })],
    [ApiKey.ListGroups, () => makeListGroupsRequest({})],
    [ApiKey.DeleteGroups, () => makeDeleteGroupsRequest({ groupsNames: pick([[], ['g'], [groupId(), groupId()]]) })],
  ]
}

async function torment(seed: number): Promise<number> {
  const random = seededRandom(seed)
  const settings = { freesMemberOnClose: random.below(2) === 0, initialRebalanceDelayMs: random.below(2) * 1_000 }
  const fixture = new GroupFixture({ settings, seed })
  const members: string[] = []
  const open = new Set<Call<{ memberId?: string }>>()
  const chosen = choices(random, members)
  const makers = [memberMakers, consumerMakers, offsetMakers, adminMakers]
  const byApi = new Map(makers.flatMap((make) => make(chosen)))
  const apis = [11, 11, 11, 11, 14, 14, 68, 68, 68, 68, ...byApi.keys()]
  for (let step = 0; step < 400; step++) {
    const api = apis[random.below(apis.length)] ?? 11
    const facts = apiTable.get(api)
    const versionMin = facts?.versionMin ?? 0
    const version = versionMin + random.below((facts?.versionMax ?? 0) - versionMin + 1)
    const connectionId = `c${random.below(5)}`
    open.add(fixture.send(api, byApi.get(api)?.(version), { version, connectionId }))
    for (const call of open) {
      assert.ok(call.answerCount <= 1, 'answered twice')
      if (call.response === undefined) continue
      open.delete(call)
      if (call.response.memberId) members.push(call.response.memberId)
    }
    const dice = random.below(100)
    if (dice < 3) fixture.coordinator.connectionClosed(connectionId)
    else if (dice < 6) fixture.advance(random.below(20_000))
    else if (dice < 8) fixture.journal.isStalled = !fixture.journal.isStalled
    else if (dice < 9) fixture.journal.fail()
    else if (dice < 10) fixture.coordinator.topicRemoved('t')
    else if (dice < 20) for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  }
  fixture.journal.isStalled = false
  for (let minute = 0; minute < 60; minute++) {
    fixture.advance(60_000)
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  }
  for (const call of open) assert.is(call.answerCount, 1, 'never answered')
  const before = ['g', 'h'].map((groupId) => [fixture.describe(groupId, 5), describeConsumer(fixture, groupId)])
  const restarted = fixture.restarted()
  assert.equal(
    ['g', 'h'].map((groupId) => [restarted.describe(groupId, 5), describeConsumer(restarted, groupId)]),
    before,
    'another broker reads the same from the journal',
  )
  return 400
}

test('whatever is asked, in whatever order, each request has one answer', async () => {
  const startMs = performance.now()
  let seed = firstSeed
  let requests = 0
  for (; seed === firstSeed || performance.now() - startMs < budgetMs; seed++) {
    try {
      requests += await torment(seed)
    } catch (thrown) {
      console.error(`SEED=${seed}`)
      throw thrown
    }
    if (process.env.SEED !== undefined) break
  }
  console.log(`seeds ${firstSeed} to ${seed - 1}: ${requests} requests`)
})

test.run()
