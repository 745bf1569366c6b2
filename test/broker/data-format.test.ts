/** The data folder's format has a version: an older one is upgraded, a newer one refused. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KafkaClient } from '../../src/client/client.ts'
import { Producer } from '../../src/client/producer.ts'
import { spawnBroker } from '../crash/broker-child.ts'
import { startTestBroker, type TestBroker } from './test-broker.ts'

const test = suite('the format of the data folder', { directory: '' })
const collapsed = { owners: 0, fronts: 1 }

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'safka-test-'))
})
test.after.each((context) => {
  rmSync(context.directory, { recursive: true, force: true })
})

async function send({ address }: TestBroker, value: string): Promise<number> {
  const client = new KafkaClient({ brokers: [address] })
  const producer = new Producer({ client })
  const { offset } = await producer.send({ topic: 'kept', value: Buffer.from(value) })
  await producer.close()
  await client.close()
  return offset
}

test('a new folder is marked with the present version', async ({ directory }) => {
  const { broker } = await startTestBroker(collapsed, { directory })
  await broker.stop()
  assert.is(readFileSync(join(directory, 'safka-format'), 'utf8'), 'version=2\nmetadata.epoch=0\n')
})

test('a folder from before versions is upgraded once, and goes on where it was', async ({ directory }) => {
  const first = await startTestBroker(collapsed, { directory })
  assert.is(await send(first, 'before'), 0)
  await first.broker.stop()
  rmSync(join(directory, 'safka-format'))
  const lines: string[] = []
  const say = (message: string): void => void lines.push(message)
  const logger = { debug: say, info: say, warn: say, error: say }
  const second = await startTestBroker(collapsed, { directory, parts: { logger } })
  assert.is(await send(second, 'after'), 1)
  await second.broker.stop()
  const third = await startTestBroker(collapsed, { directory, parts: { logger } })
  await third.broker.stop()
  assert.is(lines.filter((line) => /of an older Safka and was upgraded to format 2/.test(line)).length, 1)
  assert.ok(existsSync(join(directory, 'safka-format')))
})

test('a folder of a newer version ends the start with one sentence and an exit code', async ({ directory }) => {
  writeFileSync(join(directory, 'safka-format'), 'version=3\nmetadata.epoch=0\n')
  const { said, ended } = spawnBroker({ directory })
  assert.is((await ended).code, 1)
  const lines = said.errors.trim().split('\n')
  assert.match(
    lines.at(-1) ?? '',
    /written by a newer Safka: its format is version 3, and this Safka knows 2 and older/,
  )
  assert.is(lines.length, 1)
})

test('a mark that makes no sense ends the start with one sentence', async ({ directory }) => {
  writeFileSync(join(directory, 'safka-format'), 'nonsense')
  const { said, ended } = spawnBroker({ directory })
  assert.is((await ended).code, 1)
  assert.match(said.errors, /safka-format makes no sense/)
})

test.run()
