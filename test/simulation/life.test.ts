/** Single stories of a simulated broker. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Life } from './life.ts'
import { Machine } from './machine.ts'
import { Scheduler } from './scheduler.ts'

function newLife(scheduler: Scheduler, machine: Machine): Life {
  return new Life({
    scheduler,
    machine,
    random: scheduler.random,
    logger: silentLogger,
    owners: 2,
    ringBytesMax: 65_536,
    ringMemoryBytesMax: 8_000_000,
    kafka: new Map([['offsets.topic.num.partitions', '2']]),
    onDeath: (reason) => assert.unreachable(reason.message),
  })
}

async function settled(scheduler: Scheduler, work: Promise<void>): Promise<void> {
  let isDone = false
  work.then(() => {
    isDone = true
  })
  assert.ok(await scheduler.runUntil(() => isDone, 10_000))
}

test('a broker stops in order also where its folder cannot be marked as closed', async () => {
  const scheduler = new Scheduler(seededRandom(1))
  const machine = new Machine(scheduler, scheduler.random)
  const life = newLife(scheduler, machine)
  await settled(scheduler, life.start())
  machine.plant({ operation: 'sync', ending: '.kafka_cleanshutdown.tmp', code: 'EIO', count: 1 })
  await settled(scheduler, life.stop())
  assert.is(machine.errorCount, 1)
  const next = newLife(scheduler, machine)
  await settled(scheduler, next.start())
  assert.ok(next.isListening)
})

test.run()
