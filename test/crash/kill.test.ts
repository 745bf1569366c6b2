/** A broker that is killed with kill -9 under load, again and again: nothing that was acknowledged is lost, nothing is there twice. */

import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Producer } from '../../src/client/producer.ts'
import { clientOf, createTopic, readPartition, sendValues, valuesOf, withClient } from '../broker/records.ts'
import { until } from '../broker/test-broker.ts'
import { type BrokerChild, killLeftBrokers, startBrokerChild } from './broker-child.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 4_000)
const partitionCount = 3
const topic = 'killed'
const test = suite('kill -9', { data: '' })

test.before.each((context) => {
  context.data = mkdtempSync(join(tmpdir(), 'safka-kill-'))
})
test.after.each(({ data }) => {
  killLeftBrokers()
  rmSync(data, { recursive: true, force: true })
})

/** A producer that sends its count of records until it is stopped, through crashes, and remembers what was acknowledged. */
class SteadyProducer {
  /** Offset and value of everything acknowledged, by partition. */
  readonly acknowledged = new Map<number, Map<number, string>>()
  count = 0
  failures = 0
  readonly #name: string
  readonly #isIdempotent: boolean
  readonly #client
  #isStopped = false

  constructor(name: string, address: string, isIdempotent: boolean) {
    this.#name = name
    this.#isIdempotent = isIdempotent
    // One that may not repeat itself gives up at once.
    this.#client = clientOf(address, isIdempotent ? 20_000 : 0)
  }

  async run(): Promise<void> {
    const acks = this.#isIdempotent ? -1 : 1
    const producer = new Producer({ client: this.#client, isIdempotent: this.#isIdempotent, acks, batchBytes: 20_000 })
    while (!this.#isStopped) {
      const sends = Array.from({ length: 100 }, () => this.#send(producer, this.count++))
      await Promise.all(sends)
      if (this.failures > 0 && !this.#isIdempotent) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await producer.close()
    await this.#client.close()
  }

  stop(): void {
    this.#isStopped = true
  }

  async #send(producer: Producer, index: number): Promise<void> {
    const partition = index % partitionCount
    const value = `${this.#name} ${String(index).padStart(8, '0')} ${'x'.repeat(index % 2_000)}`
    try {
      const { offset } = await producer.send({ topic, partition, value: Buffer.from(value) })
      const offsets = this.acknowledged.get(partition) ?? new Map<number, string>()
      this.acknowledged.set(partition, offsets.set(offset, value))
    } catch (thrown) {
      this.failures++
      if (this.#isIdempotent) throw thrown
    }
  }
}

/** Everything acknowledged is where it was said to be; each producer's records are in order, and each is there once. */
async function checkLog(address: string, producers: readonly SteadyProducer[]): Promise<number> {
  let count = 0
  await withClient(address, async (client) => {
    for (let partition = 0; partition < partitionCount; partition++) {
      const records = await readPartition(client, topic, partition)
      const values = valuesOf(records)
      records.forEach(({ offset }, index) => void assert.is(offset, index, 'offsets have no gap'))
      for (const { acknowledged } of producers) {
        for (const [offset, value] of acknowledged.get(partition) ?? []) {
          assert.is(values[offset], value, `what was acknowledged at ${partition}/${offset} is there`)
          count++
        }
      }
      const last = new Map<string, string>()
      for (const value of values) {
        const [name = '', index = ''] = value.split(' ')
        assert.ok(index > (last.get(name) ?? ''), `${name} ${index} comes after ${last.get(name)}, and once`)
        last.set(name, index)
      }
    }
  })
  return count
}

async function crashAgainAndAgain(data: string, flags: readonly string[]): Promise<string> {
  const endMs = performance.now() + budgetMs / 2
  let broker: BrokerChild = await startBrokerChild({ directory: data, flags })
  await createTopic(broker.address, {
    name: topic,
    partitions: partitionCount,
    configs: { 'segment.bytes': '1048576' },
  })
  const producers = [true, true, false].map((is, index) => new SteadyProducer(`p${index}`, broker.address, is))
  const runs = Promise.all(producers.map((producer) => producer.run()))
  runs.catch(() => undefined)
  let rounds = 0
  while (performance.now() < endMs || rounds < 2) {
    const before = producers.map(({ count }) => count)
    await until('every producer goes on', () =>
      producers.every(({ count }, index) => count > (before[index] ?? 0) + 100),
    )
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 300))
    assert.equal(await broker.end('SIGKILL'), { code: null, signal: 'SIGKILL' })
    broker = await startBrokerChild({ directory: data, flags, port: broker.port })
    rounds++
    const lines = broker.errors().split('\n')
    assert.is(lines.filter((line) => /not a clean one: checking \d+ partition folders/.test(line)).length, 1)
    for (let partition = 0; partition < partitionCount; partition++) {
      const said = lines.filter((line) => line.includes(`${topic}-${partition}: checked `))
      assert.is(said.length, 1, `one line says what was done to partition ${partition}: ${said.join(' | ')}`)
    }
  }
  for (const producer of producers) producer.stop()
  await runs
  const count = await checkLog(broker.address, producers)
  assert.is(
    producers.slice(0, 2).reduce((sum, { failures }) => sum + failures, 0),
    0,
  )
  assert.equal(await broker.end('SIGTERM'), { code: 0, signal: null })
  broker = await startBrokerChild({ directory: data, flags })
  assert.not.match(broker.errors(), /not a clean one|checked/, 'after a clean stop nothing is checked')
  assert.is(await checkLog(broker.address, producers), count)
  await broker.end('SIGKILL')
  return `${rounds} rounds, ${count} records acknowledged`
}

for (const [name, flags] of [
  ['collapsed', ['--owners', '0']],
  ['two fronts and two owners', ['--owners', '2', '--fronts', '2']],
] as const) {
  test(`what was acknowledged to concurrent producers outlives kill -9, once and in order (${name})`, async ({
    data,
  }) => {
    console.log(`\n${name}: ${await crashAgainAndAgain(data, flags)}`)
  })
}

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
