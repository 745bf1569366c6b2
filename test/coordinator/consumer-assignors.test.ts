/** The server-side assignors: Kafka's outcomes, and what must hold for any group. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { assign } from '../../src/coordinator/groups/consumer/assignors/assign.ts'
import type { GroupSpec, GroupTargets, MemberSpec } from '../../src/coordinator/groups/consumer/assignors/spec.ts'
import { subscriptionOrder } from '../../src/coordinator/groups/consumer/java-order.ts'
import recorded from './consumer-assignors-kafka.json' with { type: 'json' }

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 1_000)
const firstSeed = Number(process.env.SEED ?? 1)

type Numbered = Readonly<Record<string, readonly number[]>>

test(`${recorded.length} groups get from each assignor what Apache Kafka 4.3.1 gives them`, () => {
  for (const [index, one] of recorded.entries()) {
    const topicIds = Object.keys(one.topics)
    const counts = new Map<string, number>(Object.entries(one.topics))
    const target = (numbered: Numbered) =>
      new Map(Object.entries(numbered).map(([at, partitions]) => [topicIds[Number(at)] ?? '', new Set(partitions)]))
    const members = one.members.map((member) => ({
      id: member.id,
      instanceId: member.instanceId,
      topicIds: subscriptionOrder(member.topics.map((at) => topicIds[at] ?? '')),
      target: target(member.target as Numbered),
    }))
    const partitionCount = (topicId: string) => counts.get(topicId) ?? 0
    const targets = assign(one.assignor, { members, isHomogeneous: one.isHomogeneous, partitionCount })
    for (const [memberId, expected] of Object.entries(one.outcome)) {
      assert.equal(
        plain(targets.get(memberId)),
        plain(target(expected as Numbered)),
        `case ${index}, member ${memberId}`,
      )
    }
  }
})

test('any group is assigned whole, evenly where all read the same, and keeps what it can', () => {
  const startMs = performance.now()
  let seed = firstSeed
  let rounds = 0
  for (; seed === firstSeed || performance.now() - startMs < budgetMs; seed++) {
    try {
      rounds += exercise(seed)
    } catch (thrown) {
      console.error(`SEED=${seed}`)
      throw thrown
    }
    if (process.env.SEED !== undefined) break
  }
  console.log(`seeds ${firstSeed} to ${seed - 1}: ${rounds} assignments`)
  assert.ok(rounds > 0)
})

/** A group whose members come, go and change what they read; answers how often it was assigned. */
function exercise(seed: number): number {
  const random = seededRandom(seed)
  const assignor = random.below(3) === 0 ? 'range' : 'uniform'
  const isHomogeneous = random.below(2) === 0
  const topics = Array.from({ length: 1 + random.below(5) }, () => random.uuid().toString('hex'))
  const counts = new Map(topics.map((topicId) => [topicId, 1 + random.below(20)]))
  let members: MemberSpec[] = []
  for (let round = 0; round < 6; round++) {
    members = members.filter(() => random.below(5) > 0)
    for (let born = members.length === 0 ? 1 : random.below(3); born > 0; born--) {
      members.push({ id: random.uuid().toString('hex'), instanceId: null, topicIds: [], target: new Map() })
    }
    const common = topics.filter(() => random.below(4) > 0)
    members = members.map((member) => {
      const own = isHomogeneous ? common : topics.filter(() => random.below(2) === 0)
      return { ...member, topicIds: own }
    })
    const grown = topics[random.below(topics.length)] ?? ''
    if (random.below(3) === 0) counts.set(grown, (counts.get(grown) ?? 0) + 1)
    const spec = { members, isHomogeneous, partitionCount: (topicId: string) => counts.get(topicId) ?? 0 }
    const targets = assign(assignor, spec)
    checkWhole(spec, targets)
    if (isHomogeneous && assignor === 'uniform') checkEven(spec, targets)
    const again = members.map((member) => ({ ...member, target: targets.get(member.id) ?? new Map() }))
    if (assignor === 'uniform') checkSticky({ ...spec, members: again })
    members = again
  }
  return 6
}

/** Every partition of a topic that is read has one owner, who reads the topic. */
function checkWhole({ members, partitionCount }: GroupSpec, targets: GroupTargets): void {
  const owners = new Map<string, string>()
  for (const { id, topicIds } of members) {
    for (const [topicId, partitions] of targets.get(id) ?? []) {
      assert.ok(topicIds.includes(topicId), `${id} gets a topic that it does not read`)
      assert.ok(partitions.size > 0, 'a topic without partitions')
      for (const partition of partitions) {
        const place = `${topicId}/${partition}`
        assert.is(owners.get(place), undefined, `${place} has two owners`)
        owners.set(place, id)
      }
    }
  }
  const read = new Set(members.flatMap(({ topicIds }) => topicIds))
  let expected = 0
  for (const topicId of read) expected += partitionCount(topicId)
  assert.is(owners.size, expected)
}

function checkEven({ members }: GroupSpec, targets: GroupTargets): void {
  const sizes = members.map(({ id }) => size(targets, id))
  assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `shares of ${sizes.join(', ')}`)
}

/** Where nothing has changed, nothing moves. */
function checkSticky(spec: GroupSpec): void {
  const again = assign('uniform', spec)
  if (!spec.isHomogeneous) {
    checkWhole(spec, again)
    return
  }
  for (const { id, target } of spec.members) assert.equal(plain(again.get(id)), plain(target), `${id} is moved about`)
}

function size(targets: GroupTargets, memberId: string): number {
  let count = 0
  for (const partitions of targets.get(memberId)?.values() ?? []) count += partitions.size
  return count
}

/** Sorted, to be compared. */
function plain(target: ReadonlyMap<string, ReadonlySet<number>> = new Map()): [string, number[]][] {
  return [...target]
    .map(([topicId, partitions]): [string, number[]] => [topicId, [...partitions].sort((left, right) => left - right)])
    .sort(([left], [right]) => (left < right ? -1 : 1))
}

test.run()
