/** The checker finds each anomaly where it is planted by hand, and leaves alone what a broker may do. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AnomalyKind } from './anomalies.ts'
import { checkHistory } from './check.ts'
import { type Commit, History, type Outcome, type Poll, type Send, type Transaction } from './history.ts'

/** Writes histories in a few words; operations begin right before they end, unless said otherwise. */
class Script {
  readonly history = new History()
  #order = 0

  constructor(hasFinalReaders = true) {
    for (const [reader, isolation, isFinal] of [
      [1, 'committed', false],
      [2, 'uncommitted', false],
      [8, 'committed', true],
      [9, 'uncommitted', true],
    ] as const) {
      if (hasFinalReaders || !isFinal) this.history.readers.set(reader, { isolation, isFinal })
    }
  }

  send(value: number, offset: number, parts: Partial<Send> = {}): this {
    const outcome: Outcome = offset < 0 ? 'unknown' : 'ok'
    const fixed = { kind: 'send', process: 0, partition: 0, transaction: -1, mayRepeat: false } as const
    const order = this.#order++
    this.history.add({ ...fixed, value, offset, outcome, order, startedAt: this.history.now, ...parts })
    return this
  }

  /** Records are written as offset:value. */
  poll(reader: number, got: string, parts: Partial<Poll> = {}): this {
    const offsets = pairs(got).map(([offset]) => offset)
    const values = pairs(got).map(([, value]) => value)
    const next = (offsets.at(-1) ?? -1) + 1
    const startedAt = this.history.now
    this.history.add({ kind: 'poll', reader, partition: 0, offsets, values, next, startedAt, ...parts })
    return this
  }

  /** Both final readers read this. */
  finally(got: string, parts: Partial<Poll> = {}): this {
    for (const reader of [8, 9]) this.assign(reader, `${parts.partition ?? 0}:0`).poll(reader, got, parts)
    return this
  }

  /** Positions are written as partition:offset. */
  assign(reader: number, positions: string): this {
    this.history.add({ kind: 'assign', reader, positions: pairs(positions) })
    return this
  }

  end(transaction: number, parts: Partial<Transaction> = {}): this {
    const startedAt = this.history.now
    this.history.add({ kind: 'transaction', transaction, decision: 'commit', outcome: 'ok', startedAt, ...parts })
    return this
  }

  commit(offset: number, parts: Partial<Commit> = {}): this {
    const fixed = { kind: 'commit', group: 0, partition: 0, outcome: 'ok', transaction: -1 } as const
    this.history.add({ ...fixed, offset, startedAt: this.history.now, ...parts })
    return this
  }

  committed(offset: number): this {
    this.history.add({ kind: 'committed', group: 0, partition: 0, offset, startedAt: this.history.now })
    return this
  }

  cut(kept: number, areCommitsKept = true): this {
    this.history.add({ kind: 'cut', kept: [[0, kept]], areCommitsKept })
    return this
  }

  trim(start: number): this {
    this.history.add({ kind: 'trim', partition: 0, start })
    return this
  }
}

/** Reads '1:2 3:4'. */
function pairs(text: string): (readonly [number, number])[] {
  return text.split(' ').flatMap((word) => {
    const [one, other] = word.split(':').map(Number)
    return one === undefined || other === undefined ? [] : [[one, other] as const]
  })
}

function script(hasFinalReaders = true): Script {
  return new Script(hasFinalReaders)
}

/** Exactly these kinds are found; none: the history is one that a broker may have. */
function finds(title: string, { history }: Script, kinds: readonly AnomalyKind[] = []): void {
  test(title, () => {
    const findings = checkHistory(history)
    assert.equal([...findings.counts.keys()].sort(), [...kinds].sort(), findings.toString())
  })
}

const three = (hasFinalReaders = true) => script(hasFinalReaders).send(10, 0).send(11, 1).send(12, 2)

finds('an empty history is a good one', script())
finds('all that was acknowledged comes back', three().finally('0:10 1:11 2:12'))
finds('a gap in offsets is no gap in records', script().send(10, 0).send(11, 5).finally('0:10 5:11'))

finds('a lost write in the middle', three().finally('0:10 2:12'), ['lost-write', 'int-poll-skip'])
finds('a lost write at the start', three().finally('1:11 2:12'), ['lost-write', 'poll-skip'])
finds(
  'a lost write that was never acknowledged, but seen',
  script().send(10, -1).send(11, 1).poll(2, '0:10').finally('1:11'),
  ['lost-write', 'poll-skip'],
)
finds(
  'a lost write of a committed transaction',
  script().send(10, 0, { transaction: 5 }).end(5).send(11, 2).finally('2:11'),
  ['lost-write', 'poll-skip'],
)
finds(
  'a lost write that only one of two final readers misses',
  three().assign(8, '0:0').poll(8, '0:10 1:11 2:12').assign(9, '0:0').poll(9, '0:10 2:12'),
  ['lost-write', 'int-poll-skip'],
)
finds('a lost write without final readers, as Jepsen looks for it', three(false).poll(1, '0:10').poll(2, '2:12'), [
  'lost-write',
])
finds('a write of unknown outcome need not be there', script().send(10, -1).send(11, 0).finally('0:11'))
finds('a failed write need not be there', script().send(10, -1, { outcome: 'failed' }).send(11, 0).finally('0:11'))
finds('what retention took is not lost', three().trim(2).finally('2:12'))
finds("what lies at the log's start is lost", three().trim(1).finally('2:12'), ['lost-write', 'poll-skip'])

finds('an unseen tail', three().finally('0:10 1:11'), ['unseen'])
finds('an unseen tail without final readers', three(false).poll(1, '0:10 1:11'), ['unseen'])
finds('a partition that no final reader was to read is not unseen', script().send(10, 0, { partition: 3 }).finally(''))
finds('a partition that was read and found empty is unseen', script().send(10, 0).finally(''), ['unseen'])

finds('a duplicate', script().send(10, 0).finally('0:10 1:10'), ['duplicate'])
finds('a duplicate of which nothing was acknowledged', script().send(10, -1).finally('3:10 7:10'), ['duplicate'])
finds(
  'a duplicate of a producer that repeats itself is its own doing',
  script().send(10, 0, { mayRepeat: true }).finally('0:10 1:10'),
)

finds('inconsistent offsets between producer and reader', script().send(10, 0).send(11, 1).finally('0:11 1:10'), [
  'inconsistent-offsets',
])
finds('inconsistent offsets between two readers', script().send(10, -1).send(11, -1).poll(2, '0:10').finally('0:11'), [
  'inconsistent-offsets',
  'lost-write',
])

finds('a phantom', script().finally('0:99'), ['phantom'])
finds('damage', script().finally('0:-1'), ['phantom'])
finds('a phantom from another partition', script().send(10, 0, { partition: 1 }).poll(2, '0:10'), ['phantom'])

finds('an aborted read of a failed write', script().send(10, -1, { outcome: 'failed' }).finally('0:10'), [
  'aborted-read',
])
for (const parts of [
  { decision: 'abort' },
  { decision: 'abort', outcome: 'unknown' },
  { outcome: 'failed' },
  { decision: 'none' },
] as const) {
  const aborted = () => script().send(10, 0, { transaction: 5 }).end(5, parts)
  finds(`an aborted read (${JSON.stringify(parts)})`, aborted().poll(1, '0:10'), ['aborted-read'])
  finds(
    `aborted records are there for those who want all (${JSON.stringify(parts)})`,
    aborted().poll(2, '0:10').assign(8, '0:0').poll(8, '', { next: 2 }),
  )
}
finds(
  'an aborted read of a transaction that was never heard of again',
  script().send(10, 0, { transaction: 5 }).poll(1, '0:10'),
  ['aborted-read'],
)

finds('a precommitted read', script().send(10, 0, { transaction: 5 }).poll(1, '0:10').end(5).finally('0:10'), [
  'precommitted-read',
])
finds(
  'a read between the wish to commit and its answer',
  script().send(10, 0, { transaction: 5 }).poll(1, '0:10').end(5, { startedAt: 1 }).finally('0:10'),
)
finds(
  'whoever wants all reads before the commit',
  script().send(10, 0, { transaction: 5 }).poll(2, '0:10').end(5).finally('0:10'),
)

const pair = (parts: Partial<Transaction>, hasFinalReaders = true) =>
  script(hasFinalReaders).send(10, 0, { transaction: 5 }).send(20, 0, { transaction: 5, partition: 1 }).end(5, parts)
const bothEnds = (it: Script, one: string, other: string) =>
  it.assign(8, '0:0 1:0').poll(8, one, { next: 2 }).poll(8, other, { partition: 1, next: 2 })
finds('a torn transaction of unknown end', bothEnds(pair({ outcome: 'unknown' }), '0:10', ''), [
  'torn-transaction',
  'poll-skip',
])
finds('a torn transaction of known end is a lost write', bothEnds(pair({}), '', '0:20'), ['lost-write', 'poll-skip'])
finds('all of a transaction of unknown end', bothEnds(pair({ outcome: 'unknown' }), '0:10', '0:20'))
finds('nothing of a transaction of unknown end', bothEnds(pair({ outcome: 'unknown' }), '', ''))
finds(
  'a torn transaction without final readers',
  pair({ outcome: 'unknown' }, false).poll(1, '0:10').poll(1, '', { partition: 1, next: 2 }),
  ['torn-transaction'],
)

finds('a poll that skips', three().assign(1, '0:0').poll(1, '0:10').poll(1, '2:12').finally('0:10 1:11 2:12'), [
  'poll-skip',
])
finds(
  'a poll that brings nothing and goes on behind something',
  three().assign(1, '0:0').poll(1, '', { next: 2 }).finally('0:10 1:11 2:12'),
  ['poll-skip'],
)
finds('a skip within a poll', three().poll(1, '0:10 2:12').finally('0:10 1:11 2:12'), ['int-poll-skip'])
finds(
  'a new assignment may begin anywhere',
  three().assign(1, '0:0').poll(1, '0:10').assign(1, '0:2').poll(1, '2:12').finally('0:10 1:11 2:12'),
)
finds('a poll that goes back', three().poll(1, '0:10 1:11').poll(1, '0:10').finally('0:10 1:11 2:12'), [
  'nonmonotonic-poll',
])
finds('a poll that goes back within', three().poll(1, '1:11 0:10').finally('0:10 1:11 2:12'), ['int-nonmonotonic-poll'])
{
  const subscribed = three()
  subscribed.history.add({ kind: 'subscribe', reader: 1 })
  finds(
    'a subscribed reader may go back and forth between polls',
    subscribed.poll(1, '2:12').poll(1, '0:10').finally('0:10 1:11 2:12'),
  )
}

finds('sends that went back', script().send(10, 1).send(11, 0).finally('0:11 1:10'), ['nonmonotonic-send'])
finds(
  'sends that went back, of which one was never acknowledged',
  script().send(10, -1).send(11, 0).finally('0:11 1:10'),
  ['nonmonotonic-send'],
)
finds('sends of two processes have no order', script().send(10, 1).send(11, 0, { process: 1 }).finally('0:11 1:10'))

finds('a lost commit', script().commit(5).committed(-1), ['lost-commit'])
finds('a lost commit that an older one stands for', script().commit(5).commit(8).committed(5), ['lost-commit'])
finds('a lost commit of a transaction', script().commit(5, { transaction: 3 }).end(3).committed(-1), ['lost-commit'])
finds(
  'a commit that is under way may be there or not',
  script().commit(5).committed(8).commit(8, { startedAt: 0 }).committed(8),
)
finds(
  'a commit of unknown outcome may be there or not',
  script().commit(5).commit(8, { outcome: 'unknown' }).committed(5).committed(8),
)
finds('a phantom commit', script().commit(5).committed(7), ['phantom-commit'])
finds(
  'a phantom commit from an aborted transaction',
  script().commit(5, { transaction: 3 }).end(3, { decision: 'abort' }).committed(5),
  ['phantom-commit'],
)
finds('a phantom commit that failed', script().commit(5, { outcome: 'failed' }).committed(5), ['phantom-commit'])
finds('a commit that goes back', script().commit(8).commit(5), ['nonmonotonic-commit'])

finds(
  'a power cut may take the unsynced tail, and give its offsets out again',
  three().cut(1).send(13, 1).finally('0:10 1:13'),
)
finds('a power cut may spare the unsynced tail', three().cut(1).send(13, 3).finally('0:10 1:11 2:12 3:13'))
finds('a power cut may take no more than the unsynced tail', three().cut(1).send(13, 0).finally('0:13'), [
  'lost-write',
  'inconsistent-offsets',
])
finds('a power cut takes whole tails', three().cut(1).finally('0:10 2:12'), ['lost-write'])
finds('what comes after a power cut stays', three().cut(1).send(13, 1).send(14, 2).finally('0:10 2:14'), [
  'lost-write',
  'int-poll-skip',
])
finds(
  'a write in flight at a power cut may be written again elsewhere',
  script().send(10, 0).send(11, -1).poll(2, '1:11').cut(1).send(12, 1, { process: 1 }).finally('0:10 1:12 2:11'),
)
finds(
  'the same value behind the cut and before it is a duplicate',
  script().send(10, 0).send(11, -1).poll(2, '1:11').cut(1).finally('0:10 1:11 2:11'),
  ['duplicate'],
)
finds('a power cut may take commits', script().commit(5).cut(0, false).committed(-1))
{
  const spanning = script().commit(5).cut(0, false)
  spanning.history.add({ kind: 'committed', group: 0, partition: 0, offset: -1, startedAt: 1 })
  finds('a power cut may take commits while somebody asks for them', spanning.commit(3, { startedAt: 1 }))
}
finds('a power cut that keeps commits may not', script().commit(5).cut(0).committed(-1), ['lost-commit'])

test('a history that is none is refused', () => {
  assert.throws(() => checkHistory(script().send(1, 0).send(1, 1).history), /value 1 was sent twice/)
  assert.throws(() => checkHistory(script().end(1).end(1).history), /transaction 1 ended twice/)
})

test('however much is wrong, the report is short and its counts are right', () => {
  const broken = script()
  for (let value = 0; value < 1000; value++) broken.send(value, value * 2)
  broken.finally('5000:5000000')
  const findings = checkHistory(broken.history)
  assert.is(findings.counts.get('lost-write'), 2_000)
  assert.ok(findings.toString().split('\n').length < 40)
})

test.run()
