/** A broker that is killed with kill -9 under load, again and again: nothing that was acknowledged is lost, nothing is there twice. */

import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Admin } from '../../src/client/admin.ts'
import { initProducerIdCall } from '../../src/client/calls.ts'
import { makeInitProducerIdRequest } from '../../src/wire/generated/init-producer-id.ts'
import { readPartition, sendValues, valuesOf, withClient } from '../broker/records.ts'
import { killLeftBrokers, startBrokerChild } from './broker-child.ts'
import { CrashLife, type SyncPolicy } from './crash-life.ts'
import { PowerCut } from './power-cut.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 6_000)
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000))
const test = suite('kill -9', { data: '' })

test.before.each((context) => {
  context.data = mkdtempSync(join(tmpdir(), 'safka-kill-'))
})
test.after.each(({ data }) => {
  killLeftBrokers()
  rmSync(data, { recursive: true, force: true })
})

type Kind = {
  readonly name: string
  readonly sync: SyncPolicy
  readonly owners: number
  readonly fronts: number
  readonly hasPowerCuts: boolean
}

const kinds: readonly Kind[] = [
  { name: 'with two fronts and two owners', sync: 'never', owners: 2, fronts: 2, hasPowerCuts: false },
  {
    name: 'in one thread, by power cuts, each answer being synced',
    sync: 'every',
    owners: 0,
    fronts: 1,
    hasPowerCuts: true,
  },
  { name: 'by power cuts, with syncs now and then', sync: 'interval', owners: 1, fronts: 1, hasPowerCuts: true },
]

/** Which file a sync was of, only Linux tells. */
const arePowerCutsPossible = process.platform === 'linux'

for (const { name, ...kind } of kinds.filter(({ hasPowerCuts }) => arePowerCutsPossible || !hasPowerCuts)) {
  test(`producers, transactions and groups lose and repeat nothing that they should not (killed ${name})`, async ({
    data,
  }) => {
    const endMs = performance.now() + budgetMs / kinds.length
    const life = new CrashLife({ seed, directory: data, ...kind })
    const { report } = life
    await life.begin()
    do assert.ok(await life.round(1), `seed ${seed}: ${report.fault}`)
    while (performance.now() < endMs)
    if (!kind.hasPowerCuts) assert.is(await life.restartInOrder(), '', `seed ${seed}`)
    await life.end()
    const { kills, acknowledged, transactions } = report
    console.log(`\n${name}, seed ${seed}: ${kills} kills, ${acknowledged} records, ${transactions} transactions`)
  })
}

test('no power cut makes a broker forget a topic or give a producer id out twice, whatever the sync policy', async ({
  data,
}) => {
  if (!arePowerCutsPossible) return
  // The worst case: all that no sync has covered is gone.
  const powerCut = new PowerCut(data, { below: () => 0, uuid: () => Buffer.alloc(16) })
  const options = { directory: data, flags: ['--sync', 'never', '--owners', '1'], environment: powerCut.environment }
  const seen: number[] = []
  for (const topic of ['first', 'second', 'third']) {
    const broker = await startBrokerChild(options)
    await withClient(broker.address, async (client) => {
      const listed = (await client.metadata(null)).topics.map(({ name }) => name ?? '')
      assert.equal(
        listed.filter((name) => !name.startsWith('__')).sort(),
        ['first', 'second', 'third'].slice(0, seen.length),
      )
      await new Admin(client).createTopic({ name: topic, partitions: 1 })
      const request = makeInitProducerIdRequest({ transactionalId: null, transactionTimeoutMs: 60_000 })
      const { producerId } = await client.callAny(initProducerIdCall, request)
      assert.not.ok(seen.includes(producerId), `${producerId} was given out before: ${seen}`)
      seen.push(producerId)
      await sendValues(client, { topic, partition: 0, values: ['lost'] })
    })
    await broker.end('SIGKILL')
    assert.ok(powerCut.strike().cutBytes > 0)
  }
  powerCut.close()
})

test('a start after a kill says in one line what was done to each partition', async ({ data }) => {
  const flags = ['--owners', '1']
  const first = await startBrokerChild({ directory: data, flags })
  await withClient(first.address, async (client) => {
    for (const topic of ['one', 'other']) await sendValues(client, { topic, partition: 0, values: ['value'] })
  })
  await first.end('SIGKILL')
  const broker = await startBrokerChild({ directory: data, flags })
  const lines = broker.errors().split('\n')
  assert.is(lines.filter((line) => /not a clean one: checking \d+ partitions, /.test(line)).length, 1)
  for (const topic of ['one', 'other'])
    assert.is(lines.filter((line) => line.includes(`${topic}-0: checked `)).length, 1)
  await broker.end('SIGKILL')
})

/** The partition's newest segment that is not empty. */
function lastSegment(data: string, name: string): string {
  const folder = join(data, `${name}-0`)
  const logs = readdirSync(folder)
    .filter((file) => file.endsWith('.log') && statSync(join(folder, file)).size > 0)
    .sort()
  return join(folder, logs.at(-1) ?? '')
}

/** What may lie behind the last sound batch after a power cut; each gets a topic of its own. */
const garbage: Readonly<Record<string, Buffer>> = {
  zeros: Buffer.alloc(5_000),
  'three-bytes': Buffer.from('abc'),
  noise: Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 7_919) % 251)),
}

test('garbage behind the last batch is cut, a torn batch goes as a whole, and writing goes on', async ({ data }) => {
  const flags = ['--owners', '1']
  const values = Array.from({ length: 300 }, (_, index) => `${index} ${'y'.repeat(index)}`)
  const first = await startBrokerChild({ directory: data, flags })
  await withClient(first.address, async (client) => {
    for (const name of [...Object.keys(garbage), 'torn']) {
      await sendValues(client, { topic: name, partition: 0, values, options: { batchBytes: 1_000 } })
    }
  })
  await first.end('SIGKILL')
  for (const [name, bytes] of Object.entries(garbage)) appendFileSync(lastSegment(data, name), bytes)
  const torn = lastSegment(data, 'torn')
  truncateSync(torn, statSync(torn).size - 7)

  const broker = await startBrokerChild({ directory: data, flags })
  await withClient(broker.address, async (client) => {
    for (const [name, bytes] of Object.entries(garbage)) {
      assert.match(broker.errors(), new RegExp(`${name}-0: checked .*, cut ${bytes.length} bytes off at offset 300`))
      assert.equal(valuesOf(await readPartition(client, name, 0)), values)
      assert.equal(await sendValues(client, { topic: name, partition: 0, values: ['more'] }), [300])
    }
    const [, offset] = /torn-0: checked .*, cut \d+ bytes off at offset (\d+)/.exec(broker.errors()) ?? []
    const end = Number(offset)
    assert.ok(end > 290 && end < 300, broker.errors())
    assert.equal(valuesOf(await readPartition(client, 'torn', 0)), values.slice(0, end))
    assert.equal(await sendValues(client, { topic: 'torn', partition: 0, values: ['more'] }), [end])
  })
  await broker.end('SIGKILL')
})

test.run()
