/**
 * Goal: whatever members, journal and broker do, no partition has two readers in a generation, no offset goes back, every
 * request is answered once, and all settles when the trouble ends. Method: seeded random consumers on a virtual clock.
 */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { FakeTopics, GroupFixture } from './group-fixture.ts'
import { partitionCount, type Referee, SimulatedConsumer } from './simulated-consumer.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 3_000)
const firstSeed = Number(process.env.SEED ?? 1)
const stepsMax = 1_500

class StrictReferee implements Referee {
  readonly #readers = new Map<string, string>()
  readonly #committed = new Map<number, number>()
  commits = 0
  generations = new Set<number>()

  assigned({ consumer, generation, partitions }: Parameters<Referee['assigned']>[0]): void {
    this.generations.add(generation)
    for (const partition of partitions) {
      const place = `${generation}/${partition}`
      const reader = this.#readers.get(place)
      // The same consumer may come back as a static member of the same generation.
      assert.ok(reader === undefined || reader === consumer, `${place} belongs to ${reader} and to ${consumer}`)
      this.#readers.set(place, consumer)
    }
  }

  floor(partition: number): number {
    return this.#committed.get(partition) ?? -1
  }

  committed({ partition, offset, floor }: Parameters<Referee['committed']>[0]): void {
    this.commits += 1
    assert.ok(offset >= floor, `partition ${partition} went back from ${floor} to ${offset}`)
    this.#committed.set(partition, Math.max(offset, this.floor(partition)))
  }

  read({ partition, offset, floor }: Parameters<Referee['read']>[0]): void {
    assert.ok(offset >= floor, `partition ${partition} reads ${offset} after ${floor} was acknowledged`)
  }
}

async function simulate(seed: number): Promise<{ commits: number; generations: number }> {
  const random = seededRandom(seed)
  const topics = new FakeTopics()
  topics.topics.set('t', { id: 'aa'.repeat(16), partitions: partitionCount })
  const settings = {
    initialRebalanceDelayMs: random.below(2) * 500,
    // An empty group without offsets goes with the next check, and its generations with it: not within a run.
    offsetsRetentionCheckMs: 1_000 * 3_600_000,
  }
  let fixture = new GroupFixture({ settings, topics, seed })
  fixture.journal.isStalled = true
  const referee = new StrictReferee()
  let born = 0
  const consumers: SimulatedConsumer[] = []
  const newConsumer = () => {
    born += 1
    consumers.push(new SimulatedConsumer({ name: `m${born}`, isStatic: random.below(4) === 0, random, referee }))
  }
  const restart = () => {
    fixture.journal.dropPending()
    fixture = fixture.restarted()
    fixture.journal.isStalled = true
    for (const consumer of consumers) consumer.disconnected()
  }
  for (let count = 1 + random.below(4); count > 0; count--) newConsumer()
  for (let step = 0; step < stepsMax; step++) {
    const dice = random.below(1_000)
    if (dice < 6 && consumers.length < 7) newConsumer()
    else if (dice < 10) consumers.splice(random.below(consumers.length), 1)
    else if (dice < 14) consumers.splice(random.below(consumers.length), 1)[0]?.leave(fixture)
    else if (dice < 20) fixture.clock.advance(random.below(12_000))
    else if (dice < 24) fixture.journal.fail()
    else if (dice < 26) restart()
    else if (dice < 36)
      consumers[random.below(consumers.length)]?.stallUntil(fixture.clock.nowMs() + random.below(30_000))
    else if (dice < 400) fixture.journal.flushOne()
    else if (dice < 450) fixture.clock.advance(random.below(1_000))
    else if (consumers.length > 0) consumers[random.below(consumers.length)]?.act(fixture)
    if (step % 8 === 0) await Promise.resolve()
  }
  await settle(fixture, consumers, newConsumer)
  return { commits: referee.commits, generations: referee.generations.size }
}

/** The trouble is over: within ten minutes all consumers read in one generation, and together they read everything. */
async function settle(fixture: GroupFixture, consumers: SimulatedConsumer[], newConsumer: () => void): Promise<void> {
  if (consumers.length === 0) newConsumer()
  fixture.journal.isStalled = false
  for (let elapsedMs = 0; elapsedMs < 600_000; elapsedMs += 500) {
    fixture.journal.flush()
    for (let turn = 0; turn < 4; turn++) await Promise.resolve()
    for (const consumer of consumers) for (let turn = 0; turn < 2; turn++) consumer.act(fixture)
    fixture.advance(500)
    if (elapsedMs < 30_000 || !isSettled(consumers)) continue
    return
  }
  const steps = consumers.map(({ name, step, generation }) => `${name} ${step} ${generation}`).join(', ')
  assert.unreachable(`not settled: ${fixture.describe()?.groupState}; ${steps}`)
}

function isSettled(consumers: readonly SimulatedConsumer[]): boolean {
  const generation = Math.max(...consumers.map((consumer) => consumer.generation))
  if (!consumers.every((consumer) => consumer.isSettledIn(generation))) return false
  const read = consumers.flatMap(({ partitions }) => [...partitions])
  return read.length === partitionCount && new Set(read).size === partitionCount
}

test('groups survive members, journals and brokers that come and go', async () => {
  const startMs = performance.now()
  let seed = firstSeed
  let commits = 0
  let generations = 0
  for (; seed === firstSeed || performance.now() - startMs < budgetMs; seed++) {
    try {
      const result = await simulate(seed)
      commits += result.commits
      generations += result.generations
    } catch (thrown) {
      console.error(`SEED=${seed}`)
      throw thrown
    }
    if (process.env.SEED !== undefined) break
  }
  console.log(`seeds ${firstSeed} to ${seed - 1}: ${generations} generations, ${commits} commits acknowledged`)
  assert.ok(commits > 0)
})

test.run()
