/** Memory of a broker process: silent clients hold only what they sent, and partitions written once give theirs back. */

import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { residentMegabytes } from '../../bench/load/measure.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { batchOf, dial, openConnection, produce } from '../broker/raw-requests.ts'
import { createTopic } from '../broker/records.ts'
import { until } from '../broker/test-broker.ts'
import { type BrokerChild, killLeftBrokers, startBrokerChild } from './broker-child.ts'

const isLong = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 0) >= 30_000
const partitionCount = isLong ? 20_000 : 2_000
/** As many as one request may create. */
const topicPartitionsMax = 10_000
const ringMegabytes = 32
const test = suite('memory', { data: '' })

test.before.each((context) => {
  context.data = mkdtempSync(join(tmpdir(), 'safka-memory-'))
})
test.after.each(({ data }) => {
  killLeftBrokers()
  rmSync(data, { recursive: true, force: true })
})

function resident(broker: BrokerChild): number {
  return residentMegabytes(broker.pid) ?? 0
}

test('many clients that announce 100 MB and fall silent hold only what they sent', async ({ data }) => {
  const broker = await startBrokerChild({ directory: data, flags: ['--owners', '1'] })
  const warm = await openConnection(broker.address)
  const beforeMegabytes = resident(broker)
  const sockets: Socket[] = []
  const sentBytes = 10_000
  const head = Buffer.alloc(4)
  head.writeInt32BE(100_000_000)
  for (let index = 0; index < 400; index++) {
    const socket = await dial(broker.address)
    socket.write(Buffer.concat([head, Buffer.alloc(sentBytes)]))
    sockets.push(socket)
  }
  await createTopic(broker.address, { name: 'beside', partitions: 1 })
  const written = await produce(warm, { topic: 'beside', partition: 0, batch: batchOf(['still served']) })
  assert.is(written.errorCode, ErrorCode.NONE)
  const grownMegabytes = resident(broker) - beforeMegabytes
  // 4 MB of what was sent, four times that at most for buffers that grow, and the sockets themselves.
  assert.ok(grownMegabytes < 60, `the broker grew by ${grownMegabytes.toFixed(0)} MB`)
  console.log(`\n400 half requests of 100 MB: +${grownMegabytes.toFixed(0)} MB`)
  for (const socket of sockets) socket.destroy()
  warm.close()
  await broker.end('SIGKILL')
})

test(`${partitionCount} partitions written once in turn: memory returns to the rings' budget, and the broker answers all along`, async ({
  data,
}) => {
  const flags = ['--owners', '1', '--ring-memory-bytes-max', `${ringMegabytes}MiB`, '--log-level', 'warn']
  const broker = await startBrokerChild({ directory: data, flags })
  for (let first = 0; first < partitionCount; first += topicPartitionsMax) {
    const partitions = Math.min(topicPartitionsMax, partitionCount - first)
    await createTopic(broker.address, { name: `many-${first / topicPartitionsMax}`, partitions })
  }
  const connection = await openConnection(broker.address)
  const baseMegabytes = resident(broker)
  const batch = batchOf(['x'.repeat(1_000)])
  const lanes = 8
  let slowestMs = 0
  let highestMegabytes = 0
  const lane = async (first: number): Promise<void> => {
    for (let index = first; index < partitionCount; index += lanes) {
      const topic = `many-${Math.floor(index / topicPartitionsMax)}`
      const partition = index % topicPartitionsMax
      const startMs = performance.now()
      const { errorCode } = await produce(connection, { topic, partition, batch })
      assert.is(errorCode, ErrorCode.NONE)
      slowestMs = Math.max(slowestMs, performance.now() - startMs)
      if (index % 100 === 0) highestMegabytes = Math.max(highestMegabytes, resident(broker))
    }
  }
  const startMs = performance.now()
  await Promise.all(Array.from({ length: lanes }, (_, first) => lane(first)))
  const tookMs = performance.now() - startMs
  const boundMegabytes = baseMegabytes + 1.05 * ringMegabytes + 40 + partitionCount * 0.004
  let after = resident(broker)
  const said = (): string =>
    `${partitionCount} partitions in ${tookMs.toFixed(0)} ms: base ${baseMegabytes.toFixed(0)} MB, highest ` +
    `${highestMegabytes.toFixed(0)} MB, after ${after.toFixed(0)} MB, slowest answer ${slowestMs.toFixed(0)} ms`
  await until('memory is back below the bound', () => {
    after = resident(broker)
    return after < boundMegabytes
  }).catch((thrown: unknown) => assert.unreachable(`${thrown} (${boundMegabytes.toFixed(0)} MB): ${said()}`))
  console.log(`\n${said()}`)
  assert.ok(slowestMs < 2_000, said())
  connection.close()
  await broker.end('SIGKILL')
})

test.run()
