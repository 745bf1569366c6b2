/** Two fronts on one port: connections reach both, and what one has done holds at the other at once. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Admin } from '../../src/client/admin.ts'
import type { BrokerConnection } from '../../src/client/connection.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { batchOf, fetch, openConnection, produce } from './raw-requests.ts'
import { withClient } from './records.ts'
import { startTestBroker } from './test-broker.ts'

const shape = { owners: 2, fronts: 2 }
/** So many that all landing at one front does not happen. */
const connectionCount = 30
const test = suite('two fronts')

async function openMany(address: string, count: number): Promise<BrokerConnection[]> {
  const opened = await Promise.allSettled(Array.from({ length: count }, () => openConnection(address)))
  return opened.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
}

test('connections are spread over both', async () => {
  // The limit is one front's: more than it allows are open only if both fronts hold some.
  const connectionsMax = connectionCount / 2 - 3
  const broker = await startTestBroker({ ...shape, connectionsMax })
  const connections = await openMany(broker.address, connectionCount)
  assert.ok(connections.length > connectionsMax, `${connections.length} are open`)
  assert.ok(connections.length <= 2 * connectionsMax, `${connections.length} are open`)
  for (const connection of connections) connection.close()
  await broker.close()
})

test('a topic made, grown or deleted through one front is so at the other as soon as the answer is there', async () => {
  const broker = await startTestBroker(shape)
  const connections = await openMany(broker.address, connectionCount)
  await withClient(broker.address, async (client) => {
    const admin = new Admin(client)
    for (let round = 0; round < 10; round++) {
      const topic = `round-${round}`
      const batch = batchOf([topic])
      await admin.createTopic({ name: topic, partitions: 2 })
      const written = await Promise.all(
        connections.map((connection, index) => produce(connection, { topic, partition: index % 2, batch })),
      )
      assert.equal(new Set(written.map(({ errorCode }) => errorCode)), new Set([ErrorCode.NONE]))
      for (const partition of [0, 1]) {
        const offsets = written.flatMap(({ baseOffset }, index) => (index % 2 === partition ? [baseOffset] : []))
        assert.equal(
          offsets.sort((left, right) => left - right),
          offsets.map((_, index) => index),
          'both fronts write into one order of offsets',
        )
      }
      await admin.deleteTopic(topic)
      const late = await Promise.all(connections.map((each) => produce(each, { topic, partition: 0, batch })))
      assert.equal(new Set(late.map(({ errorCode }) => errorCode)), new Set([ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]))
    }
  })
  for (const connection of connections) connection.close()
  await broker.close()
})

test('what one front wrote, every connection reads as soon as it was acknowledged, and waiting fetches wake', async () => {
  const broker = await startTestBroker(shape)
  await withClient(broker.address, (client) => new Admin(client).createTopic({ name: 'seen', partitions: 1 }))
  const connections = await openMany(broker.address, connectionCount)
  const place = { topic: 'seen', partition: 0 }
  for (let round = 0; round < 20; round++) {
    const waiting = connections.slice(1).map((each) => fetch(each, { ...place, offset: round, waitMs: 10_000 }))
    const writer = connections[0]
    assert.ok(writer)
    const startMs = performance.now()
    assert.is((await produce(writer, { ...place, batch: batchOf([`value ${round}`]) })).baseOffset, round)
    for (const { records, highWatermark } of await Promise.all(waiting)) {
      assert.is(records[0]?.value, `value ${round}`)
      assert.is(highWatermark, round + 1)
    }
    assert.ok(performance.now() - startMs < 5_000, 'nobody waited for the time limit')
  }
  for (const connection of connections) connection.close()
  await broker.close()
})

test.run()
