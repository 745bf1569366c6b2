/** Offsets committed within a transaction count when it commits, and only then. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Producer, TransactionFixture } from './transaction-fixture.ts'

const bumped: Producer = { producerId: 7, producerEpoch: 1 }

test('an offset is seen once the transaction commits, and who wants it stable is told to wait until then', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.commitPlainly(1)
  assert.is(fixture.commitOffset(producer, 5), 'NONE')
  assert.is(fixture.describe(), 'Ongoing 7/0 __consumer_offsets:3')
  assert.is(fixture.offset(), '1')
  assert.is(fixture.offset(true), 'UNSTABLE_OFFSET_COMMIT')
  assert.is(fixture.end(producer, 'commit', { version: 5 }), '7/1')
  assert.is(fixture.offset(true), '5')
})

test('an offset of an aborted transaction is never seen', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.commitPlainly(1)
  fixture.commitOffset(producer, 5)
  fixture.end(producer, 'abort', { version: 5 })
  assert.is(fixture.offset(true), '1')
})

test('clients before version 5 say first that offsets are coming', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  assert.is(fixture.commitOffset(producer, 5, { version: 3 }), 'INVALID_TXN_STATE')
  assert.is(fixture.commitOffset(producer, 5, { version: 4 }), 'TRANSACTION_ABORTABLE')
  assert.is(fixture.addOffsets(producer), 'NONE')
  assert.is(fixture.commitOffset(producer, 5, { version: 3 }), 'NONE')
  assert.is(fixture.commitOffset(producer, 6, { version: 3 }), 'NONE')
  fixture.end(producer, 'commit')
  assert.is(fixture.offset(), '6')
})

test('what was committed outside of the transaction after it counts more', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.commitOffset(producer, 5)
  fixture.commitPlainly(9)
  fixture.end(producer, 'commit', { version: 5 })
  assert.is(fixture.offset(), '9')
  assert.is(fixture.restarted().offset(), '9')
})

test('of two transactions the one that wrote last counts, whichever commits first', () => {
  const fixture = new TransactionFixture()
  const one = fixture.producer()
  const other = fixture.producer('y')
  fixture.commitOffset(one, 5)
  fixture.commitOffset(other, 6, { id: 'y' })
  fixture.end(other, 'commit', { id: 'y', version: 5 })
  assert.is(fixture.offset(true), 'UNSTABLE_OFFSET_COMMIT')
  fixture.end(one, 'commit', { version: 5 })
  assert.is(fixture.offset(true), '6')
  assert.is(fixture.restarted().offset(true), '6')
})

const refusals: { name: string; options: Parameters<TransactionFixture['commitOffset']>[2]; answer: string }[] = [
  { name: 'without a group', options: { groupId: '' }, answer: 'INVALID_GROUP_ID' },
  {
    name: 'with a generation of a group that is not there',
    options: { generationId: 3, memberId: 'm' },
    answer: 'ILLEGAL_GENERATION',
  },
  { name: 'under an id that nobody has', options: { id: 'nobody' }, answer: 'INVALID_PRODUCER_ID_MAPPING' },
]

for (const { name, options, answer } of refusals) {
  test(`a commit ${name} is answered ${answer}`, () => {
    const fixture = new TransactionFixture()
    assert.is(fixture.commitOffset(fixture.producer(), 5, options), answer)
  })
}

test('a commit of another epoch is answered INVALID_PRODUCER_EPOCH, and of a member that is not there UNKNOWN_MEMBER_ID', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.commitPlainly(1)
  assert.is(fixture.commitOffset(bumped, 5), 'INVALID_PRODUCER_EPOCH')
  assert.is(fixture.commitOffset(producer, 5, { generationId: 3, memberId: 'm' }), 'UNKNOWN_MEMBER_ID')
})

test('offsets that are still on their way lie before the end of their transaction', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.addOffsets(producer)
  fixture.journal.isStalled = true
  assert.is(fixture.commitOffset(producer, 5, { version: 3 }), 'no answer')
  assert.is(fixture.end(producer, 'commit'), 'no answer')
  assert.not.ok(fixture.marks.log.some((mark) => mark.includes('commit')))
  fixture.journal.isStalled = false
  fixture.flush()
  assert.is(fixture.offset(true), '5')
  const kinds = [...fixture.journal.entries()].filter(({ topic }) => topic === '__consumer_offsets')
  assert.equal(
    kinds.map(({ entry }) => entry.kind),
    ['record', 'end'],
  )
})

test('offsets of a transaction share no batch with what is none of it', () => {
  const fixture = new TransactionFixture()
  const one = fixture.producer()
  const other = fixture.producer('y')
  fixture.addOffsets(one)
  fixture.addOffsets(other, { id: 'y' })
  fixture.journal.isStalled = true
  fixture.commitPlainly(1)
  fixture.commitPlainly(2)
  fixture.commitOffset(one, 3, { version: 3 })
  fixture.commitOffset(one, 4, { version: 3 })
  fixture.commitOffset(other, 5, { id: 'y', version: 3 })
  fixture.commitPlainly(6)
  fixture.journal.isStalled = false
  fixture.flush()
  const producers = [...fixture.journal.entries()].flatMap(({ topic, entry }) =>
    topic === '__consumer_offsets' && entry.kind === 'record' ? [entry.batch.transaction?.producerId] : [],
  )
  assert.equal(producers, [undefined, undefined, 7, 7, 8, undefined])
  assert.is(fixture.offset(), '6')
})

for (const how of ['commit', 'abort'] as const) {
  test(`pending offsets outlive a crash, and the ${how} is found in the log by the next one`, () => {
    const fixture = new TransactionFixture()
    const producer = fixture.producer()
    fixture.commitPlainly(1)
    fixture.commitOffset(producer, 5)
    const next = fixture.restarted()
    assert.is(next.offset(true), 'UNSTABLE_OFFSET_COMMIT')
    assert.equal(next.marks.log, ['__consumer_offsets/3 open 7/0'])
    assert.is(next.end(producer, how, { version: 5 }), '7/1')
    const expected = how === 'commit' ? '5' : '1'
    assert.is(next.offset(true), expected)
    assert.is(next.restarted().offset(true), expected)
  })
}

test('a group that has only pending offsets is gone once they are aborted, and there once they are committed', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.commitOffset(producer, 5)
  fixture.end(producer, 'abort', { version: 5 })
  assert.is(fixture.commitOffset(bumped, 6, { generationId: 1, memberId: 'm' }), 'ILLEGAL_GENERATION')
  assert.is(fixture.commitOffset(bumped, 6), 'NONE')
  fixture.end(bumped, 'commit', { version: 5 })
  assert.is(fixture.offset(), '6')
})

test('a topic that goes takes pending offsets with it', () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.commitOffset(producer, 5)
  fixture.groups.topicRemoved('t')
  fixture.end(producer, 'commit', { version: 5 })
  assert.is(fixture.offset(true), '-1')
  assert.is(fixture.restarted().offset(true), '-1')
})

test('a failed journal of offsets loses none that were answered, and the transaction can still commit', async () => {
  const fixture = new TransactionFixture()
  const producer = fixture.producer()
  fixture.commitOffset(producer, 5)
  fixture.journal.isStalled = true
  assert.is(fixture.commitOffset(producer, 6), 'no answer')
  fixture.journal.isStalled = false
  fixture.journal.fail()
  assert.is(fixture.end(producer, 'commit', { version: 5 }), '7/1')
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  fixture.advance(1_000)
  assert.is(fixture.offset(true), '5')
})

test.run()
