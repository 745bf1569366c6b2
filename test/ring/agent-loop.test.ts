/** The agent loop: works while there is work, sleeps on the bell, lets the event loop have its turn, and stops. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { agentRoundsMax, runAgent } from '../../src/ring/agent-loop.ts'
import { Bell } from '../../src/ring/bell.ts'

const noError = (thrown: unknown): void => {
  throw thrown
}

/** Lets the event loop turn a few times: a notified sleeper wakes in a later turn. */
async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('an agent without work sleeps, and each ring gives it a round', async () => {
  const bell = new Bell(Bell.create(10))
  let rounds = 0
  const doWork = (): number => {
    rounds++
    return 0
  }
  const loop = runAgent({ doWork }, bell, noError)
  assert.is(rounds, 0, 'the first round comes later')
  await turns()
  assert.is(rounds, 1)
  await turns()
  assert.is(rounds, 1)
  bell.ring()
  await turns()
  assert.is(rounds, 2)
  loop.stop()
  await turns()
  assert.is(rounds, 2)
})

test('a ring during a round without work gives it another one', async () => {
  const bell = new Bell(Bell.create(10))
  let rounds = 0
  const loop = runAgent(
    {
      doWork() {
        if (rounds++ === 0) bell.ring()
        return 0
      },
    },
    bell,
    noError,
  )
  await turns()
  assert.is(rounds, 2)
  loop.stop()
})

test('an agent that always has work lets timers and sockets have their turn', async () => {
  const bell = new Bell(Bell.create(10))
  let rounds = 0
  let roundsAtOnce = 0
  let most = 0
  const loop = runAgent(
    {
      doWork() {
        rounds++
        roundsAtOnce++
        if (roundsAtOnce === 1) {
          setImmediate(() => {
            most = Math.max(most, roundsAtOnce)
            roundsAtOnce = 0
          })
        }
        return 1
      },
    },
    bell,
    noError,
  )
  await turns(3)
  loop.stop()
  assert.ok(rounds > 3)
  assert.ok(most <= 2 * agentRoundsMax)
})

test('what an agent throws is reported once, and the agent is stopped', async () => {
  const bell = new Bell(Bell.create(10))
  const reported: unknown[] = []
  let rounds = 0
  const loop = runAgent(
    {
      doWork() {
        rounds++
        throw new Error('broken')
      },
    },
    bell,
    (thrown) => reported.push(thrown),
  )
  await turns()
  bell.ring()
  await turns()
  assert.is(rounds, 1)
  assert.is(reported.length, 1)
  assert.match(String(reported[0]), /broken/)
  loop.stop()
})

test('an agent may stop its own loop', async () => {
  const bell = new Bell(Bell.create(10))
  let rounds = 0
  const loop = runAgent(
    {
      doWork() {
        if (++rounds === 3) loop.stop()
        return 1
      },
    },
    bell,
    noError,
  )
  await turns()
  assert.is(rounds, 3)
})

test('a pending wait keeps no process alive', async () => {
  const { execFileSync } = await import('node:child_process')
  const script = `
    import { Bell } from '${new URL('../../src/ring/bell.ts', import.meta.url)}'
    import { runAgent } from '${new URL('../../src/ring/agent-loop.ts', import.meta.url)}'
    runAgent({ doWork: () => 0 }, new Bell(Bell.create(1)), () => {})
  `
  execFileSync(process.execPath, ['--input-type=module', '--eval', script], { timeout: 10_000 })
})

test.run()
