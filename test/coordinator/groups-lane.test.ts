/** The journal lane: batches, order, bounds, and what a failure leaves behind. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { batchBytesMax, gatherBytesMax, JournalLane } from '../../src/coordinator/journal-lane.ts'
import type { Journal, JournalRecord } from '../../src/coordinator/ports.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'

type Append = { readonly records: readonly JournalRecord[]; readonly settle: (errorCode: number) => void }

function laneOn(appends: Append[]): { lane: JournalLane; events: string[] } {
  const events: string[] = []
  const journal: Journal = {
    append: (_topic, _partition, records, settle) => void appends.push({ records, settle }),
    isFull: () => false,
    load: async () => {},
  }
  const lane = new JournalLane({
    journal,
    topic: '__consumer_offsets',
    partition: 0,
    onFailure: (errorCode) => void events.push(`failed ${errorCode}`),
    onDrained: () => void events.push('drained'),
  })
  return { lane, events }
}

function record(bytes = 10): JournalRecord {
  return { key: Buffer.alloc(bytes), value: null }
}

function waiter(events: string[], name: string) {
  return {
    answer: () => void events.push(name),
    refuse: (errorCode: number) => void events.push(`${name} refused ${errorCode}`),
  }
}

test('answers come in order, once what they depend on is settled', () => {
  const appends: Append[] = []
  const { lane, events } = laneOn(appends)
  lane.answerAfter(lane.lastSequence, waiter(events, 'free'), 0)
  const first = lane.append([record()])
  const second = lane.append([record()])
  lane.answerAfter(second, waiter(events, 'second'), 0)
  lane.answerAfter(first, waiter(events, 'first'), 0)
  assert.is(appends.length, 1, 'the second one gathers')
  appends[0]?.settle(ErrorCode.NONE)
  assert.equal(events, ['free', 'first'])
  appends[1]?.settle(ErrorCode.NONE)
  assert.equal(events, ['free', 'first', 'second'])
})

test('an append that is larger than a batch is split, and complete with its last part', () => {
  const appends: Append[] = []
  const { lane, events } = laneOn(appends)
  const sequence = lane.append(Array.from({ length: 5 }, () => record(300_000)))
  lane.answerAfter(sequence, waiter(events, 'large'), 0)
  assert.equal(
    appends.map(({ records }) => records.length),
    [3, 2],
  )
  appends[0]?.settle(ErrorCode.NONE)
  assert.equal(events, [])
  appends[1]?.settle(ErrorCode.NONE)
  assert.equal(events, ['large'])
})

test('no batch is larger than the log takes, and what has gathered enough does not wait', () => {
  const appends: Append[] = []
  const { lane } = laneOn(appends)
  for (let count = 0; count < 200; count++) lane.append([record(30_000)])
  for (const { records } of appends) {
    const bytes = records.reduce((sum, { key }) => sum + (key?.length ?? 0) + 24, 0)
    assert.ok(bytes <= batchBytesMax)
    assert.ok(records.length === 1 || bytes >= gatherBytesMax)
  }
})

test('a lane is full beyond its bytes, and empty again once they are settled', () => {
  const appends: Append[] = []
  const { lane } = laneOn(appends)
  while (!lane.isFull) lane.append([record(100_000)])
  for (let next = appends.shift(); next !== undefined; next = appends.shift()) next.settle(ErrorCode.NONE)
  assert.is(lane.isFull, false)
})

test('after a failure everything that waited is refused, and nothing is read before all has settled', () => {
  const appends: Append[] = []
  const { lane, events } = laneOn(appends)
  const large = Array.from({ length: 3 }, () => lane.append([record(gatherBytesMax)]))
  for (const [index, sequence] of large.entries()) lane.answerAfter(sequence, waiter(events, `answer ${index}`), 0)
  assert.is(appends.length, 3)
  appends[0]?.settle(ErrorCode.KAFKA_STORAGE_ERROR)
  assert.equal(events, [
    `failed ${ErrorCode.KAFKA_STORAGE_ERROR}`,
    ...[0, 1, 2].map((index) => `answer ${index} refused ${ErrorCode.NOT_COORDINATOR}`),
  ])
  appends[1]?.settle(ErrorCode.NONE)
  assert.not(events.includes('drained'), 'a later append may still become readable')
  appends[2]?.settle(ErrorCode.KAFKA_STORAGE_ERROR)
  assert.is(events.at(-1), 'drained')
  const again = lane.append([record()])
  lane.answerAfter(again, waiter(events, 'again'), 0)
  appends[3]?.settle(ErrorCode.NONE)
  assert.is(events.at(-1), 'again')
})

test.run()
