/** Transactions go through the states that Kafka has for them, and each producer that is not the present one is fenced. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type ListTransactionsRequest,
  type ListTransactionsResponse,
  makeListTransactionsRequest,
} from '../../src/wire/generated/list-transactions.ts'
import { type Producer, TransactionFixture } from './transaction-fixture.ts'

const first: Producer = { producerId: 7, producerEpoch: 0 }

test('a transactional id gets a producer id, and with each further call the next epoch', () => {
  const fixture = new TransactionFixture()
  assert.is(fixture.init(), '7/0')
  assert.is(fixture.init(), '7/1')
  assert.is(fixture.init({ id: 'y' }), '8/0')
  assert.is(fixture.describe(), 'Empty 7/1')
})

const inits: { name: string; call: (fixture: TransactionFixture) => string; answer: string }[] = [
  { name: 'an empty id', call: (fixture) => fixture.init({ id: '' }), answer: 'INVALID_REQUEST' },
  {
    name: 'an id without an epoch',
    call: (fixture) => fixture.init({ expected: { producerId: 7, producerEpoch: -1 } }),
    answer: 'INVALID_REQUEST',
  },
  {
    name: 'no time for a transaction',
    call: (fixture) => fixture.init({ timeoutMs: 0 }),
    answer: 'INVALID_TRANSACTION_TIMEOUT',
  },
  {
    name: 'too long a time for a transaction',
    call: (fixture) => fixture.init({ timeoutMs: 900_001 }),
    answer: 'INVALID_TRANSACTION_TIMEOUT',
  },
  {
    name: 'another producer id',
    call: (fixture) => fixture.init({ expected: { producerId: 99, producerEpoch: 0 } }),
    answer: 'PRODUCER_FENCED',
  },
  {
    name: 'a former epoch',
    call: (fixture) => {
      fixture.init()
      return fixture.init({ expected: first })
    },
    answer: 'PRODUCER_FENCED',
  },
  {
    name: 'a former epoch of an old client',
    call: (fixture) => {
      fixture.init()
      return fixture.init({ expected: first, version: 3 })
    },
    answer: 'INVALID_PRODUCER_EPOCH',
  },
  { name: 'the present epoch', call: (fixture) => fixture.init({ expected: first }), answer: '7/1' },
  {
    name: 'the present epoch, twice as the answer got lost,',
    call: (fixture) => {
      fixture.init({ expected: first })
      return fixture.init({ expected: first })
    },
    answer: '7/1',
  },
]

for (const { name, call, answer } of inits) {
  test(`InitProducerId with ${name} is answered ${answer}`, () => {
    const fixture = new TransactionFixture()
    fixture.producer()
    assert.is(call(fixture), answer)
  })
}

test('a transaction is opened in its partitions, told its end there, and complete', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  assert.is(fixture.add(producer, [0, 1]), 'NONE,NONE')
  assert.is(fixture.describe(), 'Ongoing 7/0 t:0,1')
  assert.is(fixture.end(producer, 'commit'), 'NONE')
  assert.is(fixture.describe(), 'CompleteCommit 7/0')
  assert.is(fixture.add(producer, [1]), 'NONE')
  assert.is(fixture.end(producer, 'abort'), 'NONE')
  assert.is(fixture.describe(), 'CompleteAbort 7/0')
  assert.equal(fixture.marks.log, [
    't/0 open 7/0',
    't/1 open 7/0',
    't/0 commit 7/0',
    't/1 commit 7/0',
    't/1 open 7/0',
    't/1 abort 7/0',
  ])
})

test('with EndTxn 5 each end gives the producer its next epoch, which the marks carry', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.add(producer)
  assert.is(fixture.end(producer, 'commit', { version: 5 }), '7/1')
  assert.is(fixture.end({ producerId: 7, producerEpoch: 1 }, 'abort', { version: 5 }), '7/2')
  assert.equal(fixture.marks.log, ['t/0 open 7/0', 't/0 commit 7/1'])
})

/** What a step says after the transaction of `how` is complete: with its own epoch, or the next one. */
const repeats: {
  version: number
  how: 'commit' | 'abort'
  again: 'commit' | 'abort'
  epoch: number
  answer: string
}[] = [
  { version: 1, how: 'commit', again: 'commit', epoch: 0, answer: 'NONE' },
  { version: 1, how: 'commit', again: 'abort', epoch: 0, answer: 'INVALID_TXN_STATE' },
  { version: 1, how: 'abort', again: 'abort', epoch: 0, answer: 'NONE' },
  { version: 1, how: 'abort', again: 'commit', epoch: 0, answer: 'INVALID_TXN_STATE' },
  { version: 5, how: 'commit', again: 'commit', epoch: 0, answer: '7/1' },
  { version: 5, how: 'commit', again: 'abort', epoch: 0, answer: 'INVALID_TXN_STATE' },
  { version: 5, how: 'commit', again: 'commit', epoch: 1, answer: 'INVALID_TXN_STATE' },
  { version: 5, how: 'commit', again: 'abort', epoch: 1, answer: '7/2' },
  { version: 5, how: 'abort', again: 'abort', epoch: 0, answer: '7/1' },
  { version: 5, how: 'abort', again: 'commit', epoch: 0, answer: 'INVALID_TXN_STATE' },
  { version: 5, how: 'abort', again: 'abort', epoch: 1, answer: '7/2' },
  { version: 5, how: 'abort', again: 'commit', epoch: 1, answer: 'INVALID_TXN_STATE' },
  { version: 5, how: 'commit', again: 'commit', epoch: 2, answer: 'PRODUCER_FENCED' },
]

for (const { version, how, again, epoch, answer } of repeats) {
  test(`EndTxn ${version} ${again} with epoch ${epoch}, after a ${how}, is answered ${answer}`, () => {
    const fixture = new TransactionFixture()
    const producer = fixture.producer()
    fixture.add(producer)
    fixture.end(producer, how, { version })
    assert.is(fixture.end({ producerId: 7, producerEpoch: epoch }, again, { version }), answer)
  })
}

const ends: { name: string; producer?: Producer; id?: string; version: number; answer: string }[] = [
  { name: 'of an id that nobody has', id: 'nobody', version: 5, answer: 'INVALID_PRODUCER_ID_MAPPING' },
  { name: 'of the empty id', id: '', version: 5, answer: 'INVALID_REQUEST' },
  {
    name: 'of another producer',
    producer: { producerId: 9, producerEpoch: 0 },
    version: 5,
    answer: 'INVALID_PRODUCER_ID_MAPPING',
  },
  { name: 'of another epoch', producer: { producerId: 7, producerEpoch: 5 }, version: 2, answer: 'PRODUCER_FENCED' },
  {
    name: 'of another epoch from an old client',
    producer: { producerId: 7, producerEpoch: 5 },
    version: 1,
    answer: 'INVALID_PRODUCER_EPOCH',
  },
]

for (const { name, producer = first, id = 'x', version, answer } of ends) {
  test(`the end of a transaction ${name} is answered ${answer}`, () => {
    const fixture = new TransactionFixture()
    fixture.add(fixture.producer())
    assert.is(fixture.end(producer, 'commit', { id, version }), answer)
    assert.is(fixture.describe(), 'Ongoing 7/0 t:0')
  })
}

const additions: { name: string; call: (fixture: TransactionFixture) => string; answer: string }[] = [
  {
    name: 'of a topic that is not there',
    call: (fixture) => fixture.add(first, [0], { topic: 'none' }),
    answer: 'UNKNOWN_TOPIC_OR_PARTITION',
  },
  {
    name: 'of a partition too many',
    call: (fixture) => fixture.add(first, [0, 4]),
    answer: 'OPERATION_NOT_ATTEMPTED,UNKNOWN_TOPIC_OR_PARTITION',
  },
  {
    name: 'by another epoch',
    call: (fixture) => fixture.add({ producerId: 7, producerEpoch: 1 }),
    answer: 'PRODUCER_FENCED',
  },
  {
    name: 'by another epoch of an old client',
    call: (fixture) => fixture.add({ producerId: 7, producerEpoch: 1 }, [0], { version: 1 }),
    answer: 'INVALID_PRODUCER_EPOCH',
  },
  {
    name: 'by another producer',
    call: (fixture) => fixture.add({ producerId: 8, producerEpoch: 0 }),
    answer: 'INVALID_PRODUCER_ID_MAPPING',
  },
  {
    name: 'under an id that nobody has',
    call: (fixture) => fixture.add(first, [0], { id: 'nobody' }),
    answer: 'INVALID_PRODUCER_ID_MAPPING',
  },
  { name: 'under the empty id', call: (fixture) => fixture.add(first, [0], { id: '' }), answer: 'INVALID_REQUEST' },
]

for (const { name, call, answer } of additions) {
  test(`the addition ${name} is answered ${answer}`, () => {
    const fixture = new TransactionFixture()
    fixture.producer()
    assert.is(call(fixture), answer)
    assert.is(fixture.describe(), 'Empty 7/0')
    assert.equal(fixture.marks.log, [])
  })
}

test('while the ends are on their way to the partitions, the next transaction is asked to come again', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.add(producer)
  fixture.marks.isStalled = true
  assert.is(fixture.end(producer, 'commit'), 'NONE', 'the end is sure once it is in the journal')
  assert.is(fixture.describe(), 'PrepareCommit 7/0 t:0')
  assert.is(fixture.add(producer), 'CONCURRENT_TRANSACTIONS')
  assert.is(fixture.addOffsets(producer), 'CONCURRENT_TRANSACTIONS')
  assert.is(fixture.init(), 'CONCURRENT_TRANSACTIONS')
  assert.is(fixture.end(producer, 'commit'), 'CONCURRENT_TRANSACTIONS')
  assert.is(fixture.end(producer, 'abort'), 'INVALID_TXN_STATE')
  fixture.marks.isStalled = false
  fixture.flush()
  assert.is(fixture.add(producer), 'NONE')
})

test('a partition that does not take the end is tried again until it does', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.add(producer)
  fixture.marks.failure = 56
  fixture.end(producer, 'abort')
  fixture.advance(1_000)
  assert.is(fixture.describe(), 'PrepareAbort 7/0 t:0')
  fixture.marks.failure = 0
  fixture.advance(1_000)
  assert.is(fixture.describe(), 'CompleteAbort 7/0')
})

test('a topic that is gone needs no end', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.add(producer)
  fixture.topics.topics.delete('t')
  fixture.end(producer, 'commit')
  assert.is(fixture.describe(), 'CompleteCommit 7/0')
  assert.equal(fixture.marks.log, ['t/0 open 7/0'])
})

test('a partition that cannot be opened makes the producer come again, and its transaction stays', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.marks.failure = 56
  assert.is(fixture.add(producer), 'COORDINATOR_LOAD_IN_PROGRESS')
  fixture.marks.failure = 0
  assert.is(fixture.add(producer), 'NONE')
})

test('InitProducerId aborts the open transaction, and fences its producer', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.add(producer)
  assert.is(fixture.init(), 'CONCURRENT_TRANSACTIONS')
  assert.is(fixture.describe(), 'CompleteAbort 7/1')
  assert.is(fixture.marks.log.at(-1), 't/0 abort 7/1')
  assert.is(fixture.end(producer, 'commit', { version: 2 }), 'PRODUCER_FENCED')
  assert.is(fixture.init(), '7/2')
})

test('a producer that aborts its own open transaction so goes on with the epoch that this made', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.add(producer)
  assert.is(fixture.init({ expected: producer }), 'CONCURRENT_TRANSACTIONS')
  assert.is(fixture.init({ expected: producer }), '7/1')
})

test('a transaction that takes too long is aborted, and its producer fenced', () => {
  const fixture = new TransactionFixture()
  fixture.init({ timeoutMs: 15_000 })
  fixture.add(first)
  fixture.advance(14_000)
  assert.is(fixture.describe(), 'Ongoing 7/0 t:0')
  fixture.advance(10_000)
  assert.is(fixture.describe(), 'CompleteAbort 7/1')
  assert.is(fixture.add(first), 'PRODUCER_FENCED')
})

test('an id that nobody uses is forgotten in time; one with an open transaction is not', () => {
  const fixture = new TransactionFixture({ settings: { timeoutMaxMs: 2_000_000_000 } })
  fixture.init()
  fixture.init({ id: 'y', timeoutMs: 2_000_000_000 })
  fixture.add({ producerId: 8, producerEpoch: 0 }, [0], { id: 'y' })
  fixture.advance(7 * 24 * 3_600_000 + 3_600_000)
  assert.is(fixture.describe(), 'TRANSACTIONAL_ID_NOT_FOUND')
  assert.is(fixture.describe('y'), 'Ongoing 8/0 t:0')
  const next = fixture.restarted()
  assert.is(next.describe(), 'TRANSACTIONAL_ID_NOT_FOUND')
  assert.is(next.init(), '9/0')
})

test('transactional ids are listed by state, producer and age', () => {
  const fixture = new TransactionFixture()
  fixture.add(fixture.producer())
  fixture.clock.advance(5_000)
  fixture.producer('y')
  fixture.add({ producerId: 8, producerEpoch: 0 }, [1], { id: 'y' })
  fixture.producer('z')
  const listed = (filter: Partial<ListTransactionsRequest>): string[] => {
    const request = makeListTransactionsRequest({ durationFilter: -1, ...filter })
    const { response } = fixture.send<ListTransactionsResponse>(66, request, 1)
    return response?.transactionStates.map(({ transactionalId }) => transactionalId).sort() ?? []
  }
  assert.equal(listed({}), ['x', 'y', 'z'])
  assert.equal(listed({ stateFilters: ['Ongoing', 'Nonsense'] }), ['x', 'y'])
  assert.equal(listed({ producerIdFilters: [8] }), ['y'])
  assert.equal(listed({ stateFilters: ['Ongoing'], durationFilter: 4_000 }), ['x'])
  assert.equal(listed({ stateFilters: ['Nonsense'] }), [])
})

test.run()
