/** What the journal says of transactions is finished by the next broker, whatever state the crash left them in. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decideComplete, decideEnd, decideFence, decideInit } from '../../src/coordinator/transactions/decide.ts'
import { decodeTransactionRecord, encodeTransactionRecord } from '../../src/coordinator/transactions/records.ts'
import type { Transaction, TransactionValue } from '../../src/coordinator/transactions/state.ts'
import { type Producer, TransactionFixture } from './transaction-fixture.ts'

const first: Producer = { producerId: 7, producerEpoch: 0 }

test('an open transaction is opened again in its partitions, and goes on', () => {
  const fixture = new TransactionFixture()
  fixture.add(fixture.producer(), [0, 2])
  const next = fixture.restarted()
  assert.equal(next.marks.log, ['t/0 open 7/0', 't/2 open 7/0'])
  assert.is(next.end(first, 'commit'), 'NONE')
  assert.is(next.describe(), 'CompleteCommit 7/0')
})

test('an open transaction of before the crash still ends with its time', () => {
  const fixture = new TransactionFixture()
  fixture.add(fixture.producer())
  const next = fixture.restarted()
  next.advance(80_000)
  assert.is(next.describe(), 'CompleteAbort 7/1')
})

for (const { how, version, mark } of [
  { how: 'commit', version: 1, mark: 't/0 commit 7/0' },
  { how: 'abort', version: 1, mark: 't/0 abort 7/0' },
  { how: 'commit', version: 5, mark: 't/0 commit 7/1' },
  { how: 'abort', version: 5, mark: 't/0 abort 7/1' },
] as const) {
  test(`a prepared ${how} (EndTxn ${version}) of which no partition knew is finished before requests are answered`, async () => {
    const fixture = new TransactionFixture()
    fixture.add(fixture.producer())
    fixture.marks.isStalled = true
    fixture.end(first, how, { version })
    const next = fixture.restarted()
    await next.started
    assert.equal(next.marks.log, [mark])
    const status = how === 'commit' ? 'CompleteCommit' : 'CompleteAbort'
    assert.is(next.describe(), `${status} 7/${version === 5 ? 1 : 0}`)
    assert.equal(next.restarted().marks.log, [], 'what is complete stays so')
  })
}

test('the end of a transaction that never reached the journal did not happen', () => {
  const fixture = new TransactionFixture()
  fixture.add(fixture.producer())
  fixture.journal.isStalled = true
  assert.is(fixture.end(first, 'commit'), 'no answer')
  assert.equal(fixture.marks.log, ['t/0 open 7/0'], 'no partition heard of it')
  fixture.journal.dropPending()
  fixture.journal.isStalled = false
  assert.is(fixture.restarted().describe(), 'Ongoing 7/0 t:0')
})

test('a partition that is out of order does not keep the broker from starting, and gets its end in time', async () => {
  const fixture = new TransactionFixture()
  fixture.add(fixture.producer())
  fixture.marks.isStalled = true
  fixture.end(first, 'commit')
  const next = fixture.restarted(56)
  await next.started
  assert.is(next.describe(), 'PrepareCommit 7/0 t:0')
  next.marks.failure = 0
  next.advance(1_000)
  assert.is(next.describe(), 'CompleteCommit 7/0')
})

test('a failed journal refuses who waits, and what it held before is gone on with', async () => {
  const fixture = new TransactionFixture()
  fixture.add(fixture.producer())
  fixture.journal.isStalled = true
  const call = fixture.send<{ errorCode: number }>(26, { transactionalId: 'x', committed: true, ...first }, 1)
  fixture.journal.isStalled = false
  fixture.journal.fail()
  assert.is(call.answerCount, 1)
  assert.is(call.response?.errorCode, 16)
  assert.is(fixture.describe(), 'COORDINATOR_LOAD_IN_PROGRESS')
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  fixture.flush()
  assert.is(fixture.describe(), 'Ongoing 7/0 t:0')
  assert.equal(fixture.marks.log, ['t/0 open 7/0', 't/0 open 7/0'])
  assert.is(fixture.end(first, 'commit'), 'NONE')
})

test('a producer that writes without asking first has its partition added and opened', async () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  const addition = { transactionalId: 'x', topic: 't', partition: 1, ...producer }
  const added = fixture.coordinator.addToTransaction(addition)
  fixture.flush()
  assert.is(await added, 0)
  assert.is(fixture.describe(), 'Ongoing 7/0 t:1')
  const again = fixture.coordinator.addToTransaction({ ...addition, producerEpoch: 3 })
  fixture.flush()
  assert.is(await again, 47, 'another epoch is refused in a word that producers know')
})

test('epochs that run out in the end of a transaction bring a new producer id', () => {
  const ongoing = transaction({ producerEpoch: 32_766, status: 'Ongoing' })
  const request = { producer: { producerId: 7, producerEpoch: 32_766 }, isCommit: true, clientVersion: 2 }
  assert.is(decideEnd(ongoing, request, { nowMs: 2, freshProducerId: undefined }).kind, 'needs-id')
  const prepared = decideEnd(ongoing, request, { nowMs: 2, freshProducerId: 8 })
  assert.is(prepared.kind, 'changed')
  if (prepared.kind !== 'changed') return
  assert.equal([prepared.value.producerId, prepared.value.producerEpoch, prepared.value.nextProducerId], [7, 32_767, 8])
  const { value } = decideComplete({ ...ongoing, value: prepared.value }, 3)
  assert.equal([value.producerId, value.producerEpoch, value.previousProducerId], [8, 0, 7])
  const repeated = decideEnd({ ...ongoing, value }, request, { nowMs: 4, freshProducerId: undefined })
  assert.is(repeated.kind, 'kept', 'the same request again is known by the former id')
})

test('epochs that run out where a producer is fenced bring the next producer a new id', () => {
  const ongoing = transaction({ producerEpoch: 32_766, status: 'Ongoing' })
  const fenced = decideFence(ongoing, { nowMs: 2, freshProducerId: undefined })
  assert.is(fenced.kind === 'changed' && fenced.value.producerEpoch, 32_767)
  const complete = transaction({ producerEpoch: 32_767, status: 'CompleteAbort' })
  const request = { expected: undefined, timeoutMs: 1 }
  assert.is(decideInit(complete, request, { nowMs: 3, freshProducerId: undefined }).kind, 'needs-id')
  const renewed = decideInit(complete, request, { nowMs: 3, freshProducerId: 9 })
  assert.equal(renewed.kind === 'changed' && [renewed.value.producerId, renewed.value.producerEpoch], [9, 0])
})

/** Records of Kafka 4.3.1, one for each state. */
const kafkaRecords: { key: string; value: string; status: string }[] = [
  {
    key: '00000006623239333836',
    value: '0001000000000000003200000000ea600000000001a209b228b3ffffffffffffffff0100080000000000000032',
    status: 'Empty',
  },
  {
    key: '00000006623239333836',
    value:
      '0001000000000000003200020000ea600102135f5f636f6e73756d65725f6f666673657473020000000500000001a209b2292b000001a209b2292b020008000000000000003202020002',
    status: 'Ongoing',
  },
  {
    key: '00000006623239333836',
    value:
      '0001000000000000003200050000ea600302135f5f636f6e73756d65725f6f66667365747303000000000000000500000001a209b229f9000001a209b229eb020008000000000000003202020002',
    status: 'PrepareAbort',
  },
  {
    key: '00000006623239333836',
    value: '0001000000000000003200030000ea600401000001a209b22930000001a209b2292b020008000000000000003202020002',
    status: 'CompleteCommit',
  },
]

for (const { key, value, status } of kafkaRecords) {
  test(`Kafka's record of a transaction that is ${status} is read, and written byte by byte`, () => {
    const record = { key: Buffer.from(key, 'hex'), value: Buffer.from(value, 'hex') }
    const decoded = decodeTransactionRecord(record)
    assert.is(decoded?.transactionalId, 'b29386')
    assert.is(decoded?.value?.status, status)
    if (decoded === undefined) return
    const encoded = encodeTransactionRecord(decoded)
    assert.is(encoded.key?.toString('hex'), key)
    assert.is(encoded.value?.toString('hex'), value)
  })
}

function transaction(partial: Partial<TransactionValue>): Transaction {
  const value: TransactionValue = {
    producerId: 7,
    previousProducerId: 7,
    nextProducerId: -1,
    producerEpoch: 0,
    timeoutMs: 60_000,
    status: 'Empty',
    partitions: new Map(),
    startMs: 1,
    updateMs: 1,
    clientVersion: 2,
    ...partial,
  }
  return { id: 'x', value, lastProducerEpoch: -1, lastSequence: 0 }
}

test('a journal that can be read but not written does not fill partitions with the ends of a transaction', async () => {
  const fixture = new TransactionFixture()
  fixture.add(fixture.producer())
  fixture.marks.isStalled = true
  fixture.end(first, 'commit')
  fixture.marks.isStalled = false
  const failOnce = async () => {
    fixture.marks.flush()
    fixture.journal.fail()
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (let round = 0; round < 20; round++) await failOnce()
  assert.ok(fixture.marks.log.length <= 4, `${fixture.marks.log}`)
  for (let second = 0; second < 600; second++) {
    fixture.clock.advance(1_000)
    await failOnce()
  }
  assert.ok(fixture.marks.log.length <= 20, `${fixture.marks.log.length} marks in ten minutes`)
  for (let second = 0; second < 100; second++) {
    fixture.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.is(fixture.describe(), 'CompleteCommit 7/0')
})

test.run()
