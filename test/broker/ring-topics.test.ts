/** Topics whose storage is `ring`: a fixed circle of the newest records, first in first out, however slow the readers are. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { BrokerConnection } from '../../src/client/connection.ts'
import { listOffsets, offsetAt } from '../../src/client/offsets.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { batchOf, fetch, openConnection, produce } from './raw-requests.ts'
import { clientOf, createTopic, readPartition, valuesOf } from './records.ts'
import { shapes, startTestBroker, type TestBroker } from './test-broker.ts'

const ringBytes = 256 * 1024
const topic = 'circle'
const partition = 0

function valueAt(index: number): string {
  return `${index} ${'z'.repeat((index * 37) % 3_000)}`
}

/** Appends values [from, to) in batches of different sizes. */
async function appendValues(connection: BrokerConnection, from: number, to: number): Promise<void> {
  for (let index = from; index < to; ) {
    const end = Math.min(to, index + 1 + (index % 7))
    const values = Array.from({ length: end - index }, (_, place) => valueAt(index + place))
    assert.equal(await produce(connection, { topic, partition, batch: batchOf(values) }), {
      errorCode: ErrorCode.NONE,
      baseOffset: index,
    })
    index = end
  }
}

for (const { name, owners, fronts } of shapes) {
  const test = suite<{ broker: TestBroker; connection: BrokerConnection }>(`ring topics, ${name}`)

  test.before.each(async (context) => {
    context.broker = await startTestBroker({ owners, fronts })
    const configs = { 'safka.storage': 'ring', 'safka.ring.bytes': String(ringBytes) }
    await createTopic(context.broker.address, { name: topic, partitions: 1, configs })
    context.connection = await openConnection(context.broker.address)
  })
  test.after.each(async ({ broker, connection }) => {
    connection.close()
    await broker.close()
  })

  test('many times around, the newest records are kept, in order and whole', async ({ broker, connection }) => {
    const client = clientOf(broker.address)
    let written = 0
    for (let round = 0; round < 5; round++) {
      await appendValues(connection, written, written + 300)
      written += 300
      const records = await readPartition(client, topic, partition)
      const first = records[0]?.offset ?? -1
      const expected = Array.from({ length: written - first }, (_, place) => valueAt(first + place))
      assert.equal(valuesOf(records), expected)
      assert.equal(
        records.map(({ offset }) => offset),
        expected.map((_, place) => first + place),
      )
      const keptBytes = expected.reduce((sum, value) => sum + value.length, 0)
      assert.ok(keptBytes > ringBytes / 2 && keptBytes < ringBytes, `${keptBytes} bytes are kept`)
    }
    await client.close()
  })

  test('a reader that is too slow gets OFFSET_OUT_OF_RANGE, and the log start has moved', async ({ connection }) => {
    await appendValues(connection, 0, 20)
    const early = await fetch(connection, { topic, partition, offset: 0, bytesMax: 4_096 })
    assert.is(early.errorCode, ErrorCode.NONE)
    assert.is(early.startOffset, 0)
    assert.is(early.records[0]?.value, valueAt(0))
    const next = (early.records.at(-1)?.offset ?? 0) + 1
    await appendValues(connection, 20, 1_000)
    const late = await fetch(connection, { topic, partition, offset: next })
    assert.is(late.errorCode, ErrorCode.OFFSET_OUT_OF_RANGE)
    const atEnd = await fetch(connection, { topic, partition, offset: 1_000 })
    assert.is(atEnd.errorCode, ErrorCode.NONE)
    assert.is(atEnd.highWatermark, 1_000)
    assert.ok(atEnd.startOffset > 20 && atEnd.startOffset < 1_000, `the log starts at ${atEnd.startOffset}`)
    const kept = await fetch(connection, { topic, partition, offset: atEnd.startOffset })
    assert.is(kept.errorCode, ErrorCode.NONE)
    assert.ok(kept.records.some(({ offset, value }) => offset === atEnd.startOffset && value === valueAt(offset)))
    const before = await fetch(connection, { topic, partition, offset: atEnd.startOffset - 1 })
    assert.is(before.errorCode, ErrorCode.OFFSET_OUT_OF_RANGE)
  })

  test('a batch of nearly half a ring fits, one beyond is MESSAGE_TOO_LARGE, and neither harms the rest', async ({
    connection,
  }) => {
    const large = 'l'.repeat(ringBytes / 2 - 200)
    for (let round = 0; round < 5; round++) {
      const written = await produce(connection, { topic, partition, batch: batchOf([large]) })
      assert.equal(written, { errorCode: ErrorCode.NONE, baseOffset: round })
    }
    const refused = await produce(connection, { topic, partition, batch: batchOf(['l'.repeat(ringBytes)]) })
    assert.is(refused.errorCode, ErrorCode.MESSAGE_TOO_LARGE)
    const last = await fetch(connection, { topic, partition, offset: 4 })
    assert.is(last.records[0]?.value, large)
    assert.is((await produce(connection, { topic, partition, batch: batchOf(['small']) })).baseOffset, 5)
  })

  test('readers beside writers see a contiguous run of what is kept, and nothing torn', async ({
    broker,
    connection,
  }) => {
    const reader = await openConnection(broker.address)
    const client = clientOf(broker.address)
    let isDone = false
    let seen = 0
    const reading = (async () => {
      let offset = 0
      for (let round = 0; !isDone || round === 0; round++) {
        const { errorCode, records } = await fetch(reader, { topic, partition, offset })
        if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
          const starts = await listOffsets(client, topic, { partitions: [partition], timestampMs: offsetAt.beginning })
          offset = starts.get(partition) ?? offset
          continue
        }
        assert.is(errorCode, ErrorCode.NONE)
        for (const record of records) {
          if (record.offset < offset) continue
          assert.is(record.offset, offset)
          assert.is(record.value, valueAt(offset))
          offset++
          seen++
        }
      }
    })()
    reading.catch(() => undefined)
    await appendValues(connection, 0, 2_000)
    isDone = true
    await reading
    reader.close()
    await client.close()
    assert.ok(seen > 0)
  })

  test.run()
}
