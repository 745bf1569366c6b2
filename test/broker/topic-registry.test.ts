/** The topic registry: what a removed topic leaves behind, while requests for it are still on their way. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { Placement } from '../../src/broker/placement.ts'
import { RingKeeper } from '../../src/broker/ring-keeper.ts'
import { TopicRegistry } from '../../src/broker/topic-registry.ts'
import { ClientQuotas } from '../../src/metrics/client-quotas.ts'
import { Rates } from '../../src/metrics/rates.ts'
import { FakeFront, FakeOwner, partitionSettings } from './fake-agents.ts'

function makeRegistry() {
  const owner = new FakeOwner()
  const front = new FakeFront()
  const windows = { count: 11, lengthMs: 1_000 }
  const keeper: RingKeeper = new RingKeeper({
    owners: [owner],
    fronts: [front],
    clock: new VirtualClock(),
    ringBytesMax: 1024 * 1024,
    memoryBytesMax: 16 * 1024 * 1024,
    find: (slot) => registry.partitionAt(slot),
  })
  const registry: TopicRegistry = new TopicRegistry({
    owners: [owner],
    fronts: [front],
    placement: new Placement({ capacity: 16, owners: 1 }),
    keeper: () => keeper,
    logger: silentLogger,
    internalOpened: () => undefined,
    quotas: new ClientQuotas({ rates: Rates.create({ lanes: 1, windows }), windows, lane: 0, lanes: 1 }),
    topicListener: { changed: () => undefined, removed: () => undefined, leaving: async () => undefined },
  })
  return { owner, front, keeper, registry }
}

const topic = {
  name: 'gone',
  id: '1'.repeat(32),
  isInternal: false,
  partitionCount: 2,
  leaderEpochs: [],
  settings: partitionSettings,
}

test('a topic that is being removed gets no new ring, whoever still asks for one', async () => {
  const { owner, front, keeper, registry } = makeRegistry()
  await registry.created([topic])
  await keeper.ensure(0, 100, false)
  const answers: Promise<boolean>[] = []
  const ask = (): void => void answers.push(keeper.ensure(0, 100, false), keeper.ensure(1, 100, false))
  const applyCatalog = front.applyCatalog.bind(front)
  front.applyCatalog = async (changes) => {
    ask()
    await applyCatalog(changes)
  }
  owner.remove = async () => ask()
  await registry.removed('gone')
  ask()
  assert.equal(await Promise.all(answers), [false, false, false, false, false, false])
  assert.is(keeper.bytes, 0)
})

test('a ring that was on its way when its topic was removed is given up with it', async () => {
  const { owner, keeper, registry } = makeRegistry()
  await registry.created([topic])
  const attached = Promise.withResolvers<void>()
  owner.attachRing = () => attached.promise
  const asked = keeper.ensure(0, 100, false)
  const removed = registry.removed('gone')
  attached.resolve()
  await Promise.all([asked, removed])
  assert.is(keeper.bytes, 0)
  assert.is(keeper.ringOf(0), undefined)
})

test.run()
