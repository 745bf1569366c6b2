/** A stop under load: what is in flight is answered or refused, never acknowledged and lost; a second signal does not wait. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { batchOf, dial, openConnection, produce } from '../broker/raw-requests.ts'
import { createTopic, readPartition, sendValues, valuesOf, withClient } from '../broker/records.ts'
import { until } from '../broker/test-broker.ts'
import { type BrokerChild, killLeftBrokers, startBrokerChild } from './broker-child.ts'

const topic = 'stopped'
const connectionCount = 4
const partitionCount = 2
const inFlight = 50
const test = suite('stop', { data: '' })

test.before.each((context) => {
  context.data = mkdtempSync(join(tmpdir(), 'safka-stop-'))
})
test.after.each(({ data }) => {
  killLeftBrokers()
  rmSync(data, { recursive: true, force: true })
})

type Sent = { readonly partition: number; readonly value: string; readonly offset: number }

/** Keeps many produces in flight until the connection ends; answers what was acknowledged. */
async function produceUntilClosed(address: string, index: number, sent: Sent[]): Promise<void> {
  const connection = await openConnection(address)
  const partition = index % partitionCount
  let next = 0
  const lane = async (): Promise<void> => {
    for (;;) {
      const value = `${index} ${next++} ${'v'.repeat(2_000)}`
      const { errorCode, baseOffset } = await produce(connection, { topic, partition, batch: batchOf([value]) })
      if (errorCode === ErrorCode.NONE) sent.push({ partition, value, offset: baseOffset })
    }
  }
  await Promise.allSettled(Array.from({ length: inFlight }, lane))
}

async function start(data: string, flags: readonly string[]): Promise<BrokerChild> {
  return startBrokerChild({ directory: data, flags })
}

for (const [name, flags] of [
  ['collapsed', ['--owners', '0']],
  ['two fronts and two owners', ['--owners', '2', '--fronts', '2']],
] as const) {
  test(`produces in flight at SIGTERM are answered or refused, none is acknowledged and lost (${name})`, async ({
    data,
  }) => {
    const broker = await start(data, flags)
    await createTopic(broker.address, { name: topic, partitions: partitionCount })
    const sent: Sent[] = []
    const producing = Array.from({ length: connectionCount }, (_, index) =>
      produceUntilClosed(broker.address, index, sent),
    )
    await until('production is under way', () => sent.length > 500)
    assert.equal(await broker.end('SIGTERM'), { code: 0, signal: null }, broker.errors())
    await Promise.all(producing)

    const after = await start(data, flags)
    assert.not.match(after.errors(), /not a clean one/)
    await withClient(after.address, async (client) => {
      for (let partition = 0; partition < partitionCount; partition++) {
        const values = valuesOf(await readPartition(client, topic, partition))
        for (const { value, offset } of sent.filter((one) => one.partition === partition)) {
          assert.is(values[offset], value)
        }
        assert.is(new Set(values).size, values.length, 'nothing is there twice')
      }
    })
    await after.end('SIGKILL')
  })
}

test('a client that does not take its answers delays a stop for a while only, and a second signal ends it at once', async ({
  data,
}) => {
  const broker = await start(data, ['--owners', '1'])
  await createTopic(broker.address, { name: topic, partitions: 1 })
  const values = Array.from({ length: 20 }, () => 'w'.repeat(500_000))
  await withClient(broker.address, (client) =>
    sendValues(client, { topic, partition: 0, values, options: { batchBytes: 500_000 } }),
  )
  const socket = await dial(broker.address)
  socket.pause()
  // Fetches of 10 MB each, by a client that never reads.
  for (let request = 0; request < 5; request++) socket.write(fetchFrame(request))
  await until('the broker has more to send than the sockets hold', async () => {
    await new Promise((resolve) => setTimeout(resolve, 300))
    return true
  })
  broker.child.kill('SIGTERM')
  await until('it says that it stops', () => broker.errors().includes('a second signal stops at once'))
  // Not the code of a stop that came to its end.
  assert.equal(await broker.end('SIGTERM'), { code: 143, signal: null })
  socket.destroy()
})

/** A fetch (version 4, which has neither sessions nor epochs) of everything in partition 0. */
function fetchFrame(correlationId: number): Buffer {
  const name = Buffer.from(topic)
  const frame = Buffer.alloc(4 + 8 + 2 + 17 + 4 + 2 + name.length + 4 + 16)
  let at = frame.writeInt32BE(frame.length - 4, 0)
  at = frame.writeInt16BE(1, at)
  at = frame.writeInt16BE(4, at)
  at = frame.writeInt32BE(correlationId, at)
  at = frame.writeInt16BE(-1, at)
  at = frame.writeInt32BE(-1, at)
  at = frame.writeInt32BE(0, at)
  at = frame.writeInt32BE(1, at)
  at = frame.writeInt32BE(50_000_000, at)
  at = frame.writeInt8(0, at)
  at = frame.writeInt32BE(1, at)
  at = frame.writeInt16BE(name.length, at)
  at += name.copy(frame, at)
  at = frame.writeInt32BE(1, at)
  at = frame.writeInt32BE(0, at)
  at = frame.writeBigInt64BE(0n, at)
  frame.writeInt32BE(50_000_000, at)
  return frame
}

test.run()
