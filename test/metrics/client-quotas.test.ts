/** Limits of clients over virtual time: Kafka's figures, its order of entities, several threads that count together. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ClientQuotas, type EntityLimits, QuotaBook } from '../../src/metrics/client-quotas.ts'
import { Rates, rateKey } from '../../src/metrics/rates.ts'

const windows = { count: 11, lengthMs: 1_000 }
/** A whole second, so that windows begin with the test's steps. */
const startMs = 1_700_000_000_000
const app = { user: 'ANONYMOUS', clientId: 'app' }

function views(lanes: number, entities: readonly EntityLimits[]): ClientQuotas[] {
  const rates = Rates.create({ lanes, windows })
  return Array.from({ length: lanes }, (_, lane) => {
    const quotas = new ClientQuotas({ rates, windows, lane, lanes })
    quotas.apply(entities)
    return quotas
  })
}

function oneView(entities: readonly EntityLimits[]): ClientQuotas {
  const [quotas] = views(1, entities)
  if (quotas === undefined) throw new Error('there is one')
  return quotas
}

test('a burst beyond the quota is paid for as Kafka reckons it', () => {
  const quotas = oneView([{ clientId: 'app', values: { producer_byte_rate: 500 } }])
  let nowMs = startMs
  const produce = (bytes: number): number => quotas.throttleBytes('producer_byte_rate', app, { bytes, nowMs })
  for (let step = 0; step < 10; step++) {
    assert.is(produce(400), 0)
    nowMs += 1_000
  }
  // Half into the eleventh second 6,300 bytes came in 10.5 s: 600 a second, a fifth too much.
  nowMs += 500
  assert.is(produce(2_300), 2_100)
  nowMs += 1_000
  for (let step = 0; step < 10; step++) {
    produce(400)
    nowMs += 1_000
  }
  assert.is(produce(0), 0, 'the burst has left the windows')
})

test('time counts from the first bytes on, wherever in a second they came', () => {
  const quotas = oneView([{ clientId: 'app', values: { producer_byte_rate: 1_000 } }])
  const nowMs = startMs + 880
  assert.is(quotas.throttleBytes('producer_byte_rate', app, { bytes: 12_300, nowMs }), 2_300)
})

test('a client that has sent nothing for all windows starts anew', () => {
  const quotas = oneView([{ clientId: 'app', values: { producer_byte_rate: 100 } }])
  assert.ok(quotas.throttleBytes('producer_byte_rate', app, { bytes: 5_000, nowMs: startMs }) > 0)
  const later = startMs + windows.count * windows.lengthMs
  assert.is(quotas.throttleBytes('producer_byte_rate', app, { bytes: 100, nowMs: later }), 0)
})

test('bytes that are not sent after all are taken back', () => {
  const quotas = oneView([{ clientId: 'app', values: { consumer_byte_rate: 100 } }])
  const use = { bytes: 50_000, nowMs: startMs }
  assert.ok(quotas.throttleBytes('consumer_byte_rate', app, use) > 0)
  quotas.takeBackBytes(app, use)
  assert.is(quotas.throttleBytes('consumer_byte_rate', app, { bytes: 900, nowMs: startMs }), 0)
})

test('a fetch may bring what the windows allow, and not more', () => {
  const quotas = oneView([{ clientId: 'app', values: { consumer_byte_rate: 100 } }])
  assert.is(quotas.fetchBytesMax(app), 1_000)
  assert.is(quotas.fetchBytesMax({ user: 'ANONYMOUS', clientId: 'other' }), Number.MAX_SAFE_INTEGER)
})

test('time that requests take is a percentage of a thread, and at most a window is waited for it', () => {
  const quotas = oneView([{ clientId: 'app', values: { request_percentage: 10 } }])
  assert.ok(quotas.timesRequests)
  assert.is(quotas.throttleTime(app, { tookMs: 999, nowMs: startMs }), 0, '999 ms of 10 s are within 10 %')
  assert.is(quotas.throttleTime(app, { tookMs: 101, nowMs: startMs }), 1_000)
  assert.is(quotas.throttleTime(app, { tookMs: 100_000, nowMs: startMs }), windows.lengthMs)
})

test('a connection beyond the rate is not counted', () => {
  const quotas = oneView([{ ip: '10.0.0.1', values: { connection_creation_rate: 1 } }])
  for (let count = 0; count < 10; count++) assert.is(quotas.throttleConnection('x', 1, startMs), 0)
  assert.is(quotas.throttleConnection('x', 1, startMs), 1_000)
  assert.is(quotas.throttleConnection('x', 1, startMs), 1_000)
  assert.is(quotas.book.connectionRateOf('10.0.0.1'), 1)
  assert.is(quotas.book.connectionRateOf('10.0.0.2'), undefined)
})

test('threads that serve the same client count together', () => {
  const [first, second] = views(2, [{ clientId: 'app', values: { producer_byte_rate: 100 } }])
  const use = { bytes: 600, nowMs: startMs }
  assert.is(first?.throttleBytes('producer_byte_rate', app, use), 0)
  assert.is(second?.throttleBytes('producer_byte_rate', app, use), 2_000, '1,200 bytes in 10 s that allow 1,000')
})

test('the most exact entity counts, in the order that Kafka has', () => {
  const user = 'ANONYMOUS'
  const clientId = 'app'
  const ordered: EntityLimits[] = [
    { user, clientId, values: { producer_byte_rate: 1 } },
    { user, clientId: null, values: { producer_byte_rate: 2 } },
    { user, values: { producer_byte_rate: 3 } },
    { user: null, clientId, values: { producer_byte_rate: 4 } },
    { user: null, clientId: null, values: { producer_byte_rate: 5 } },
    { user: null, values: { producer_byte_rate: 6 } },
    { clientId, values: { producer_byte_rate: 7 } },
    { clientId: null, values: { producer_byte_rate: 8 } },
  ]
  for (let first = 0; first < ordered.length; first++) {
    const book = new QuotaBook(ordered.slice(first).reverse())
    assert.is(book.limitOf('producer_byte_rate', app)?.limit, first + 1)
  }
  assert.is(new QuotaBook([]).limitOf('producer_byte_rate', app), undefined)
})

test('clients under a user share one rate, those under a default client id have one each', () => {
  const nameOf = (entity: EntityLimits, clientId: string) =>
    new QuotaBook([entity]).limitOf('producer_byte_rate', { user: 'ANONYMOUS', clientId })?.name
  const ofUser = { user: 'ANONYMOUS', values: { producer_byte_rate: 1 } }
  assert.is(nameOf(ofUser, 'a'), nameOf(ofUser, 'b'))
  const ofClients = { clientId: null, values: { producer_byte_rate: 1 } }
  assert.is.not(nameOf(ofClients, 'a'), nameOf(ofClients, 'b'))
})

test('a client called like a default, or not at all, is no default', () => {
  const book = new QuotaBook([{ clientId: null, values: { producer_byte_rate: 9 } }])
  for (const clientId of ['null', '', '<default>']) {
    assert.is(book.limitOf('producer_byte_rate', { user: 'u', clientId })?.limit, 9)
  }
  const exact = new QuotaBook([{ clientId: 'null', values: { producer_byte_rate: 9 } }])
  assert.is(exact.limitOf('producer_byte_rate', app), undefined)
})

test('where all places are taken by busy clients one more goes uncounted; idle ones give way', () => {
  const rates = new Rates(new SharedArrayBuffer(2 * (1 + 12 * 4) * 8), { lane: 0, lanes: 1, windows })
  const places = ['a', 'b'].map((name) => rates.placeOf(rateKey(name), startMs))
  assert.equal([...places].sort(), [0, 1])
  for (const place of places) rates.add(place, 1, startMs)
  assert.is(rates.placeOf(rateKey('c'), startMs), -1)
  const later = startMs + windows.count * windows.lengthMs
  rates.add(rates.placeOf(rateKey('a'), later), 1, later)
  const place = rates.placeOf(rateKey('c'), later)
  assert.is(place, rates.placeOf(rateKey('c'), later))
  assert.is(rates.measure(place, later).amount, 0, 'nothing is left of who had the place')
  assert.is(rates.measure(rates.placeOf(rateKey('a'), later), later).amount, 1)
})

test.run()
