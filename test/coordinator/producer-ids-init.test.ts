/** InitProducerId without a transactional id: ids are unique across restarts and failures. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { ProducerIdCoordinator } from '../../src/coordinator/producer-ids/coordinator.ts'
import { decodeReserved } from '../../src/coordinator/producer-ids/records.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  decodeInitProducerIdRequest,
  encodeInitProducerIdRequest,
  encodeInitProducerIdResponse,
  type InitProducerIdRequest,
  type InitProducerIdResponse,
  initProducerIdApi,
  makeInitProducerIdRequest,
} from '../../src/wire/generated/init-producer-id.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import { FakeJournal } from './fake-journal.ts'

class Fixture {
  readonly journal: FakeJournal
  readonly coordinator: ProducerIdCoordinator

  constructor(journal = new FakeJournal()) {
    this.journal = journal
    this.coordinator = new ProducerIdCoordinator({ clock: new VirtualClock(), journal, nodeId: 1 })
    for (const { topic, record } of journal.all()) this.coordinator.replay(topic, record)
  }

  /** The answers so far. */
  init(request: Partial<InitProducerIdRequest> = {}, version = 5): InitProducerIdResponse[] {
    const writer = new Writer()
    encodeInitProducerIdRequest(writer, makeInitProducerIdRequest({ transactionalId: null, ...request }), version)
    const decoded = decodeInitProducerIdRequest(new Reader(writer.finishJoined()), version)
    const context = {
      apiKey: initProducerIdApi.key,
      apiVersion: version,
      clientId: 'p',
      clientHost: '/127.0.0.1',
      connectionId: 'c',
      listenerName: 'PLAINTEXT',
      clientPort: 40_000,
      softwareName: null,
      softwareVersion: null,
    }
    const answers: InitProducerIdResponse[] = []
    this.coordinator.handle(context, decoded, (response) => {
      const answer = response as InitProducerIdResponse
      encodeInitProducerIdResponse(new Writer(), answer, version)
      answers.push(answer)
    })
    return answers
  }
}

test('ids count up, and a block of 1,000 is reserved before its first one is given away', () => {
  const fixture = new Fixture()
  const first = fixture.init()
  assert.is(first.length, 0, 'nothing is durable yet')
  fixture.journal.flush()
  assert.equal(
    first.map(({ producerId, producerEpoch, errorCode }) => [producerId, producerEpoch, errorCode]),
    [[0, 0, 0]],
  )
  for (let version = 0; version <= 5; version++) assert.is(fixture.init({}, version)[0]?.producerId, 1 + version)
  const [record] = fixture.journal.records('__cluster_metadata', 0)
  assert.equal(record && decodeReserved(record), { brokerId: 1, nextProducerId: 1_000 })
})

test('the next block is there before the last id is gone, and none is given away twice', () => {
  const fixture = new Fixture()
  const ids = new Set<number>()
  for (let index = 0; index < 5_000; index++) {
    const answers = fixture.init()
    fixture.journal.flush()
    assert.is(answers.length, 1)
    ids.add(answers[0]?.producerId ?? -1)
  }
  assert.is(ids.size, 5_000)
  assert.is(Math.max(...ids), 4_999)
  assert.ok(fixture.journal.appendCount <= 6)
})

test('a restart never gives away an id again', () => {
  const journal = new FakeJournal()
  const seen = new Set<number>()
  for (let start = 0; start < 5; start++) {
    const fixture = new Fixture(journal)
    const answers = Array.from({ length: 10 }, () => fixture.init())
    journal.flush()
    for (const answer of answers.flat()) seen.add(answer.producerId)
  }
  assert.is(seen.size, 50)
})

test('a failed reservation is answered with a retriable error, and its ids are never used', async () => {
  const fixture = new Fixture()
  const waiting = Array.from({ length: 3 }, () => fixture.init())
  fixture.journal.fail()
  assert.equal(
    waiting.flat().map(({ errorCode }) => errorCode),
    [14, 14, 14],
  )
  assert.is(fixture.init()[0]?.errorCode, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  const again = fixture.init()
  fixture.journal.flush()
  assert.is(again[0]?.errorCode, ErrorCode.NONE)
  assert.is(again[0]?.producerId, 1_000)
})

const refusals: { name: string; request: Partial<InitProducerIdRequest>; errorCode: number }[] = [
  { name: 'an id without an epoch', request: { producerId: 5 }, errorCode: ErrorCode.INVALID_REQUEST },
  { name: 'an epoch without an id', request: { producerEpoch: 5 }, errorCode: ErrorCode.INVALID_REQUEST },
]

for (const { name, request, errorCode } of refusals) {
  test(`${name} is answered ${errorCode} at once`, () => {
    const fixture = new Fixture()
    const [answer] = fixture.init(request)
    assert.is(answer?.errorCode, errorCode)
    assert.is(answer?.producerId, -1)
  })
}

test('a producer that asks with its id gets a new one', () => {
  const fixture = new Fixture()
  fixture.init()
  fixture.journal.flush()
  assert.is(fixture.init({ producerId: 0, producerEpoch: 3 })[0]?.producerId, 1)
})

test.run()
