/** A thread that throws ends the process at once, with the reason and an exit code; an embedded broker rejects instead. */

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { projectRoot } from '../../scripts/project.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { dial } from '../broker/raw-requests.ts'
import { startTestBroker, until } from '../broker/test-broker.ts'
import { killLeftBrokers, spawnBroker, spawnNode } from './broker-child.ts'

const preload = join(projectRoot, 'test/crash/throw-in-thread.ts')
const test = suite('thread death', { data: '', file: '' })

test.before.each((context) => {
  context.data = mkdtempSync(join(tmpdir(), 'safka-thread-'))
  context.file = join(context.data, 'throw-now')
})
test.after.each(({ data }) => {
  killLeftBrokers()
  rmSync(data, { recursive: true, force: true })
})

function planted(thread: string, how: string, file: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${preload}`, SAFKA_TEST_THROW: `${thread},${how},${file}` }
}

for (const [thread, how] of [
  ['owner-0', 'exception'],
  ['front-0', 'exception'],
  ['owner-1', 'rejection'],
  ['front-0', 'at once'],
] as const) {
  test(`what ${thread} throws (${how}) ends the process within a second, with the reason`, async ({ data, file }) => {
    const environment = planted(thread, how, file)
    const { child, said, ended } = spawnBroker({ directory: data, flags: ['--owners', '2'], environment })
    if (how !== 'at once') await until('the broker answers', () => said.output.includes('answers on'))
    const plantedMs = performance.now()
    writeFileSync(file, '')
    const { code } = await ended
    assert.is(code, 1, said.errors)
    assert.match(said.errors, new RegExp(`^safka start: thread ${thread} died: planted in ${thread}$`, 'm'))
    assert.is(child.signalCode, null)
    const tookMs = performance.now() - plantedMs
    if (how !== 'at once') assert.ok(tookMs < 1_000, `it took ${tookMs} ms`)
  })
}

for (const thread of ['owner-0', 'front-0']) {
  test(`an embedded broker's done rejects with what ${thread} threw, and its program lives on`, async ({ file }) => {
    const program = join(projectRoot, 'test/crash/embedded-broker.ts')
    const { said, ended } = spawnNode([program], planted(thread, 'exception', file))
    await until('the program has its broker', () => said.output !== '')
    writeFileSync(file, '')
    assert.equal(await ended, { code: 0, signal: null }, said.errors)
    assert.equal(said.output.trim().split('\n'), [
      'it answers',
      `rejected: thread ${thread} died: planted in ${thread}`,
      'the program goes on',
    ])
  })
}

test('the done of an embedded broker without threads rejects with what its agent threw, and lets its clients go', async () => {
  let isBroken = false
  const clock: Clock = {
    ...systemClock,
    nowMs() {
      if (isBroken) throw new Error('planted in the clock')
      return systemClock.nowMs()
    },
  }
  const { broker, address, close } = await startTestBroker({ owners: 0, storage: 'memory' }, { parts: { clock } })
  const client = await dial(address)
  const closed = once(client, 'close')
  isBroken = true
  const reason = await broker.done.catch((thrown: unknown) => thrown)
  assert.match(String(reason), /an agent died: planted in the clock/)
  client.resume()
  await closed
  const refusal = await dial(address).catch((thrown: unknown) => thrown)
  assert.match(String(refusal), /ECONNREFUSED/)
  await close().catch(() => undefined)
})

test.run()
