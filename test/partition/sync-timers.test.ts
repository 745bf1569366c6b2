/** A partition whose interval between syncs is short is synced that often, and left alone while nothing is written to it. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { maintainEveryMs } from '../../src/partition/maintenance.ts'
import { OwnerKit } from './owner-kit.ts'

/** How often the engine of partition 0 was looked after since the last call. */
function looks({ engines }: OwnerKit): number {
  return (
    engines
      .get(0)
      ?.calls.splice(0)
      .filter((call) => call === 'maintain').length ?? 0
  )
}

test('what is written is synced after the interval, again while something is unsynced, and then no more', async () => {
  const kit = new OwnerKit()
  await kit.open(0, { sync: 'interval', flushMs: 50 })
  kit.engine(0).isSyncing = false
  kit.append(0)
  kit.work()
  kit.clock.advance(49)
  assert.is(looks(kit), 0)
  kit.append(0)
  kit.work()
  kit.clock.advance(1)
  assert.is(looks(kit), 1)
  kit.clock.advance(100)
  assert.is(looks(kit), 2, 'what is not synced yet is looked after again')
  kit.engine(0).isSyncing = true
  kit.clock.advance(50)
  assert.is(looks(kit), 1)
  kit.clock.advance(700)
  assert.is(looks(kit), 0, 'nothing was written')
  kit.append(0)
  kit.work()
  kit.clock.advance(50)
  assert.is(looks(kit), 1)
  await kit.agent.stop()
})

test('records that wait for others to share their sync are synced after the interval', async () => {
  const kit = new OwnerKit()
  await kit.open(0, { sync: 'every', flushMessages: 1_000, flushMs: 20 })
  kit.append(0)
  kit.work()
  kit.clock.advance(20)
  assert.is(looks(kit), 1)
  await kit.agent.stop()
})

test('without an interval, or with a long one, the look at all partitions is enough', async () => {
  for (const settings of [{ sync: 'never' }, { sync: 'every' }, { sync: 'interval', flushMs: 1_000 }] as const) {
    const kit = new OwnerKit()
    await kit.open(0, settings)
    kit.append(0)
    kit.work()
    kit.clock.advance(maintainEveryMs - 1)
    assert.is(looks(kit), 0)
    kit.clock.advance(1)
    kit.work()
    assert.is(looks(kit), 1)
    await kit.agent.stop()
  }
})

test('a partition that was removed, and an owner that has stopped, sync nothing', async () => {
  const kit = new OwnerKit()
  await kit.open(0, { sync: 'interval', flushMs: 50 })
  kit.append(0)
  kit.work()
  const { calls } = kit.engine(0)
  void kit.agent.remove([0])
  kit.work()
  kit.clock.advance(100)
  assert.not.ok(calls.includes('maintain'))
  const stopped = new OwnerKit()
  await stopped.open(0, { sync: 'interval', flushMs: 50 })
  stopped.append(0)
  stopped.work()
  await stopped.agent.stop()
  stopped.clock.advance(100)
  assert.is(looks(stopped), 0)
})

test.run()
