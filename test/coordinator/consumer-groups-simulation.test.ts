/**
 * Goal: whatever members, topics, journal and broker do, no partition has two holders at once, no offset goes back, every request is
 * answered once, and all settles when the trouble ends: every partition has one reader, and a
 * compacted log says the same. Method: seeded random consumers of both
 * protocols on a virtual clock.
 */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Random, seededRandom } from '../../src/base/random.ts'
import {
  type ConsumerGroupDescribeResponse,
  consumerGroupDescribeApi,
  makeConsumerGroupDescribeRequest,
} from '../../src/wire/generated/consumer-group-describe.ts'
import { describeConsumer } from './consumer-fixture.ts'
import { FakeJournal } from './fake-journal.ts'
import { type Call, FakeTopics, GroupFixture } from './group-fixture.ts'
import { type Place, type Referee, SimulatedMember } from './simulated-member.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 3_000)
const firstSeed = Number(process.env.SEED ?? 1)
const stepsMax = 1_500

class StrictReferee implements Referee {
  readonly #committed = new Map<Place, number>()
  commits = 0

  floor(place: Place): number {
    return this.#committed.get(place) ?? -1
  }

  committed(place: Place, offset: number, floor: number): void {
    this.commits += 1
    assert.ok(offset >= floor, `${place} went back from ${floor} to ${offset}`)
    this.#committed.set(place, Math.max(offset, this.floor(place)))
  }

  read(place: Place, offset: number, floor: number): void {
    assert.ok(offset >= floor, `${place} is read from ${offset} after ${floor} was acknowledged`)
  }
}

/** One run: the world that members live in, and what happens to it. */
class World {
  readonly random: Random
  readonly topics = new FakeTopics()
  readonly referee = new StrictReferee()
  readonly members: SimulatedMember[] = []
  fixture: GroupFixture
  looks = 0
  upgrades = new Set<string>()
  readonly #canBeClassic: boolean
  #look: Call<ConsumerGroupDescribeResponse> | undefined
  #born = 0
  #topicCount = 2

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.#canBeClassic = this.random.below(2) === 0
    const settings = { offsetsRetentionCheckMs: 1_000 * 3_600_000 }
    this.fixture = new GroupFixture({ settings, topics: this.topics, seed })
    const { values } = this.fixture.groupConfigs
    values.set('consumer.session.timeout.ms', 12_000)
    values.set('consumer.assignment.interval.ms', this.random.below(2) * 1_000)
    this.fixture.journal.isStalled = true
    for (let count = 1 + this.random.below(4); count > 0; count--) this.bear()
  }

  step(): void {
    const { random, members, fixture } = this
    const dice = random.below(1_000)
    if (dice < 6 && members.length < 7) this.bear()
    else if (dice < 9) members.splice(random.below(members.length), 1)
    else if (dice < 12) members.splice(random.below(members.length), 1)[0]?.leave(fixture)
    else if (dice < 15) members[random.below(members.length)]?.crash()
    else if (dice < 21) fixture.clock.advance(random.below(12_000))
    else if (dice < 24) fixture.journal.fail()
    else if (dice < 27) this.restart()
    else if (dice < 36) members[random.below(members.length)]?.stallUntil(fixture.clock.nowMs() + random.below(30_000))
    else if (dice < 40) this.changeTopics()
    else if (dice < 400) fixture.journal.flushOne()
    else if (dice < 450) fixture.clock.advance(random.below(1_000))
    else if (dice < 480) this.look()
    else if (members.length > 0) members[random.below(members.length)]?.act(fixture)
  }

  bear(): void {
    this.#born += 1
    const { random, referee } = this
    const isClassic = this.#canBeClassic && random.below(2) === 0
    const names = [['t'], ['u'], ['t', 'u']][random.below(3)] ?? []
    const isRegex = !isClassic && random.below(4) === 0
    const isStatic = random.below(4) === 0
    const name = `m${this.#born}`
    const regex = isRegex ? `[${names.join('')}]` : null
    this.members.push(new SimulatedMember({ name, isStatic, isClassic, names, regex, random, referee }))
  }

  restart(): void {
    this.fixture.journal.dropPending()
    this.fixture = this.fixture.restarted()
    this.fixture.journal.isStalled = true
    this.#look = undefined
    for (const member of this.members) member.disconnected()
  }

  /** A topic grows, or goes and is there again under another id, with other partitions. */
  changeTopics(): void {
    const { random, topics, fixture } = this
    const name = random.below(2) === 0 ? 't' : 'u'
    const topic = topics.topics.get(name)
    if (topic === undefined) return
    if (random.below(2) === 0) {
      topics.topics.set(name, { ...topic, partitions: Math.min(12, topic.partitions + 1) })
      fixture.coordinator.topicChanged(name)
      return
    }
    topics.topics.delete(name)
    fixture.coordinator.topicRemoved(name)
    this.#topicCount += 1
    topics.createdBefore += 1
    topics.topics.set(name, { id: this.#topicCount.toString(16).padStart(32, '0'), partitions: 1 + random.below(6) })
    fixture.coordinator.topicChanged(name)
  }

  /** Asks who holds what; the answer says it as of one moment. */
  look(): void {
    if (this.#look === undefined) {
      const message = makeConsumerGroupDescribeRequest({ groupIds: ['g'] })
      this.#look = this.fixture.send(consumerGroupDescribeApi.key, message, { version: 1 })
    }
    const { response } = this.#look
    if (response === undefined) return
    this.#look = undefined
    const holders = new Map<Place, string>()
    for (const { memberId, memberType, assignment } of response.groups[0]?.members ?? []) {
      this.upgrades.add(memberType === 0 ? 'classic' : 'consumer')
      for (const { topicId, partitions } of assignment.topicPartitions) {
        for (const partition of partitions) {
          const place = `${topicId.toString('hex')}/${partition}`
          assert.is(holders.get(place), undefined, `${place} is held by ${holders.get(place)} and by ${memberId}`)
          holders.set(place, memberId)
        }
      }
    }
    this.looks += holders.size > 0 ? 1 : 0
  }

  /** The trouble is over: within ten minutes every partition of a topic that is read has one reader. */
  async settle(): Promise<void> {
    const { members, fixture } = this
    if (members.length === 0) this.bear()
    fixture.journal.isStalled = false
    for (let elapsedMs = 0; elapsedMs < 600_000; elapsedMs += 500) {
      fixture.journal.flush()
      for (let turn = 0; turn < 4; turn++) await Promise.resolve()
      for (const member of members) for (let turn = 0; turn < 2; turn++) member.act(fixture)
      fixture.advance(500)
      this.look()
      if (elapsedMs >= 60_000 && this.isSettled()) return
    }
    const all = members.map(({ text }) => text).join('; ')
    assert.unreachable(`not settled: ${fixture.describe()?.groupState}; ${all}`)
  }

  /** The log cleaner keeps the last record of each key: that must be the same group. */
  compact(): void {
    const { clock, journal, groupConfigs } = this.fixture
    const last = new Map<string, number>()
    const records = [...journal.all()]
    for (const [index, { record }] of records.entries()) last.set(record.key?.toString('hex') ?? '', index)
    const compacted = new FakeJournal()
    for (const [index, { topic, partition, record }] of records.entries()) {
      if (last.get(record.key?.toString('hex') ?? '') === index) compacted.append(topic, partition, [record], () => {})
    }
    compacted.flush()
    const before = whatIs(this.fixture)
    this.fixture.coordinator.stop()
    const another = new GroupFixture({ clock, journal: compacted, topics: this.topics, groupConfigs })
    assert.equal(whatIs(another), before)
  }

  isSettled(): boolean {
    const read = new Set(this.members.flatMap(({ names }) => names))
    const expected: Place[] = []
    for (const name of read) {
      const { id = '', partitions = 0 } = this.topics.topics.get(name) ?? {}
      for (let partition = 0; partition < partitions; partition++) expected.push(`${id}/${partition}`)
    }
    const owned = this.members.flatMap((member) => [...member.owned])
    return owned.length === expected.length && new Set([...owned, ...expected]).size === expected.length
  }
}

/** The group as both kinds of administrators see it; members have no order. */
function whatIs(fixture: GroupFixture): unknown {
  const consumer = describeConsumer(fixture)
  consumer.members.sort((left, right) => (left.memberId < right.memberId ? -1 : 1))
  const classic = fixture.describe()
  classic?.members.sort((left, right) => (left.memberId < right.memberId ? -1 : 1))
  return { consumer, classic }
}

async function simulate(seed: number): Promise<World> {
  const world = new World(seed)
  for (let step = 0; step < stepsMax; step++) {
    world.step()
    if (step % 8 === 0) await Promise.resolve()
  }
  await world.settle()
  world.compact()
  return world
}

test('consumer groups survive members of both protocols, topics, journals and brokers that come and go', async () => {
  const startMs = performance.now()
  let seed = firstSeed
  let commits = 0
  let looks = 0
  let mixed = 0
  for (; seed === firstSeed || performance.now() - startMs < budgetMs; seed++) {
    try {
      const world = await simulate(seed)
      commits += world.referee.commits
      looks += world.looks
      mixed += world.upgrades.size === 2 ? 1 : 0
    } catch (thrown) {
      console.error(`SEED=${seed}`)
      throw thrown
    }
    if (process.env.SEED !== undefined) break
  }
  console.log(
    `seeds ${firstSeed} to ${seed - 1}: ${commits} commits, ${looks} looks at holders, ${mixed} groups of both kinds`,
  )
  assert.ok(commits > 0 && looks > 0)
})

test.run()
