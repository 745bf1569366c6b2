/** Transactions through kill -9: what was read, written and committed together stays together, exactly once. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTopic } from '../broker/records.ts'
import { until } from '../broker/test-broker.ts'
import { killLeftBrokers, startBrokerChild } from './broker-child.ts'
import { readCommitted, TransactionalWorker } from './transactional-worker.ts'

const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 4_000)
const topic = 'processed'
const test = suite('transactions through kill -9', { data: '' })

test.before.each((context) => {
  context.data = mkdtempSync(join(tmpdir(), 'safka-transactions-'))
})
test.after.each(({ data }) => {
  killLeftBrokers()
  rmSync(data, { recursive: true, force: true })
})

for (const [name, flags] of [
  ['collapsed', ['--owners', '0']],
  ['two fronts and two owners', ['--owners', '2', '--fronts', '2']],
] as const) {
  test(`each committed transaction is there once, in all partitions and with its offset (${name})`, async ({
    data,
  }) => {
    const endMs = performance.now() + budgetMs / 2
    let broker = await startBrokerChild({ directory: data, flags })
    const { address } = broker
    await createTopic(address, { name: topic, partitions: 2, configs: { 'segment.bytes': '1048576' } })
    const workers = ['a', 'b', 'c'].map((id) => new TransactionalWorker({ id, topic, address }))
    const runs = Promise.all(workers.map((worker) => worker.run()))
    runs.catch(() => undefined)
    let rounds = 0
    while (performance.now() < endMs || rounds < 2) {
      const before = workers.map(({ committedCount }) => committedCount)
      const goesOn = until('every worker goes on', () =>
        workers.every(({ committedCount }, index) => committedCount > (before[index] ?? 0) + 5),
      )
      await Promise.race([goesOn, runs])
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 100))
      await broker.end('SIGKILL')
      broker = await startBrokerChild({ directory: data, flags, port: broker.port })
      rounds++
    }
    for (const worker of workers) worker.stop()
    const offsets = await runs
    for (let partition = 0; partition < 2; partition++) {
      const values = await readCommitted(address, topic, partition)
      workers.forEach((worker, index) => {
        const id = ['a', 'b', 'c'][index] ?? ''
        const own = values.filter((value) => value.startsWith(`${id} `))
        const expected = Array.from({ length: offsets[index] ?? 0 }, (_, number) => `${id} ${number}`)
        assert.equal(own, expected, `worker ${id} in partition ${partition}`)
        assert.ok((offsets[index] ?? 0) >= worker.committedCount, 'no answered commit is lost')
      })
    }
    const count = offsets.reduce((sum, offset) => sum + offset, 0)
    console.log(`\n${name}: ${rounds} rounds, ${count} transactions`)
    await broker.end('SIGKILL')
  })
}

test.run()
