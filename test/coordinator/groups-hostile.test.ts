/**
 * Goal: no order of requests, however senseless, makes the coordinator throw, leaves a request without an answer or answers one
 * twice. Method: seeded random requests of all APIs and versions over few names, with members picked from earlier answers.
 */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { apiTable } from '../../src/wire/generated/api-keys.ts'
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
import { type Call, GroupFixture, protocols } from './group-fixture.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 2_000)
const firstSeed = Number(process.env.SEED ?? 1)

type Makers = ReadonlyMap<number, (version: number) => unknown>

function makers(random: Random, members: readonly string[]): Makers {
  const pick = <Item>(items: readonly [Item, ...Item[]]): Item => items[random.below(items.length)] ?? items[0]
  const groupId = () => pick(['g', 'g', 'g', 'h', ''])
  const memberId = () => pick(['', 'x', ...members.slice(-4)])
  const instance = (isKnown: boolean) => (isKnown ? pick([null, null, 'i', 'j']) : null)
  const number = () => pick([-1, 0, 1, 2, 3, 7, 2 ** 31 - 1, -(2 ** 31)])
  const offset = () => pick([-1, 0, 5, 2 ** 53 - 1, 2 ** 63, -(2 ** 63)])
  const topicId = () => pick([Buffer.alloc(16), Buffer.alloc(16, 0xaa), Buffer.alloc(16, 1)])
  const name = () => pick(['t', 'u', 'gone', ''])
  const bytes = () => Buffer.alloc(pick([0, 1, 50]), random.below(256))
  const names = () => pick([[], ['range'], ['range', 'sticky'], ['sticky', 'sticky'], ['']])
  const session = () => pick([6_000, 10_000, 30_000, 0, -1])
  const leaver = (version: number) => ({ memberId: memberId(), groupInstanceId: instance(version >= 3), reason: null })
  const topic = () => ({ name: name(), topicId: topicId(), partitionIndexes: [number(), 0, 1] })
  return new Map<number, (version: number) => unknown>([
    [
      11,
      (version) =>
        makeJoinGroupRequest({
          groupId: groupId(),
          memberId: memberId(),
          groupInstanceId: instance(version >= 5),
          sessionTimeoutMs: session(),
          rebalanceTimeoutMs: pick([0, -1, 5_000, 60_000]),
          protocolType: pick(['consumer', 'consumer', 'connect', '']),
          protocols: protocols(...names()),
        }),
    ],
    [
      14,
      (version) =>
        makeSyncGroupRequest({
          groupId: groupId(),
          memberId: memberId(),
          groupInstanceId: instance(version >= 3),
          generationId: number(),
          protocolType: version >= 5 ? pick(['consumer', 'connect', null]) : null,
          protocolName: version >= 5 ? pick(['range', 'sticky', null]) : null,
          assignments: [{ memberId: memberId(), assignment: bytes() }],
        }),
    ],
    [
      12,
      (version) =>
        makeHeartbeatRequest({
          groupId: groupId(),
          memberId: memberId(),
          groupInstanceId: instance(version >= 3),
          generationId: number(),
        }),
    ],
    [
      13,
      (version) =>
        version < 3
          ? makeLeaveGroupRequest({ groupId: groupId(), memberId: memberId() })
          : makeLeaveGroupRequest({ groupId: groupId(), members: [leaver(version), leaver(version)] }),
    ],
    [
      8,
      (version) =>
        makeOffsetCommitRequest({
          groupId: groupId(),
          memberId: memberId(),
          groupInstanceId: instance(version >= 7),
          generationIdOrMemberEpoch: number(),
          retentionTimeMs: offset(),
          topics: [
            {
              name: name(),
              topicId: topicId(),
              partitions: [number(), 0].map((partitionIndex) => ({
                partitionIndex,
                committedOffset: offset(),
                committedLeaderEpoch: number(),
                committedMetadata: pick(['', null, 'm'.repeat(5_000)]),
              })),
            },
          ],
        }),
    ],
    [
      9,
      (version) =>
        version < 8
          ? makeOffsetFetchRequest({ groupId: groupId(), topics: version < 2 ? [topic()] : pick([null, [topic()]]) })
          : makeOffsetFetchRequest({
              groups: [groupId(), groupId()].map((id) => ({
                groupId: id,
                memberId: pick([null, memberId()]),
                memberEpoch: number(),
                topics: pick([null, [topic()]]),
              })),
            }),
    ],
    [
      47,
      () =>
        makeOffsetDeleteRequest({
          groupId: groupId(),
          topics: [{ name: name(), partitions: [{ partitionIndex: 0 }] }],
        }),
    ],
    [15, () => makeDescribeGroupsRequest({ groups: pick([[], [groupId(), groupId()]]) })],
    [16, () => makeListGroupsRequest({})],
    [42, () => makeDeleteGroupsRequest({ groupsNames: pick([[], ['g'], [groupId(), groupId()]]) })],
  ])
}

async function torment(seed: number): Promise<number> {
  const random = seededRandom(seed)
  const settings = { freesMemberOnClose: random.below(2) === 0, initialRebalanceDelayMs: random.below(2) * 1_000 }
  const fixture = new GroupFixture({ settings, seed })
  const members: string[] = []
  const open = new Set<Call<{ memberId?: string }>>()
  const byApi = makers(random, members)
  const apis = [11, 11, 11, 11, 14, 14, ...byApi.keys()]
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
  const before = ['g', 'h'].map((groupId) => fixture.describe(groupId, 5))
  const restarted = fixture.restarted()
  assert.equal(
    ['g', 'h'].map((groupId) => restarted.describe(groupId, 5)),
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
