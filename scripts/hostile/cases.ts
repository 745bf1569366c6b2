/** The list of batches that are sent to a Kafka broker to learn what it answers. */

import { type RawBatch, type RawRecord, rawBatch, rawRecord, sized, varint } from './batch-kit.ts'

/** A topic's configs by the name that the cases use. */
export const topicConfigs: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  plain: {},
  compacted: { 'cleanup.policy': 'compact' },
  appendTime: { 'message.timestamp.type': 'LogAppendTime' },
  small: { 'max.message.bytes': '200' },
  tight: { 'message.timestamp.before.max.ms': '60000', 'message.timestamp.after.max.ms': '60000' },
  idempotent: {},
}

/** One entry to be sent: `bytes` are what stands in the request's records field. */
export type HostileCase = { readonly topic: string; readonly name: string; readonly bytes: Buffer }

const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const overlong = Buffer.alloc(11, 0xff)

/** All cases, in the order in which they are to be sent. */
export function hostileCases(nowMs: number): HostileCase[] {
  const cases: HostileCase[] = []
  for (let codec = 0; codec < codecNames.length; codec++) {
    const add = (topic: string, name: string, batch: Partial<RawBatch>): void => {
      const bytes = rawBatch({ payload: three(), codec, ...batch }, nowMs)
      cases.push({ topic, name: `${name}, ${codecNames[codec]}`, bytes })
    }
    addCounts(add)
    addStructures(add)
    addOffsets(add)
    addHeaders(add)
    addTimestamps(add, nowMs)
    if (codec !== 0) addDamage(add)
  }
  addFraming(cases, nowMs)
  addProducers(cases, nowMs)
  return cases
}

type Add = (topic: string, name: string, batch: Partial<RawBatch>) => void

/** Three good records, of which `change` replaces parts of the middle one. */
function three(change: RawRecord = {}): Buffer {
  return Buffer.concat([0, 1, 2].map((offsetDelta) => rawRecord({ offsetDelta, ...(offsetDelta === 1 ? change : {}) })))
}

function withDeltas(...offsetDeltas: number[]): Buffer {
  return Buffer.concat(offsetDeltas.map((offsetDelta) => rawRecord({ offsetDelta })))
}

function addCounts(add: Add): void {
  add('plain', 'a good batch', {})
  add('plain', 'one record less than counted', { count: 4 })
  add('plain', 'one record more than counted', { count: 2 })
  add('plain', 'count and last offset delta differ', { lastOffsetDelta: 5 })
  add('plain', 'last offset delta too small', { lastOffsetDelta: 1 })
  add('plain', 'no record, count 0', { payload: Buffer.alloc(0), count: 0 })
  add('plain', 'no record, count 0, last offset delta 0', { payload: Buffer.alloc(0), count: 0, lastOffsetDelta: 0 })
  add('plain', 'no record, count 3', { payload: Buffer.alloc(0) })
  add('plain', 'negative count', { count: -3 })
  add('plain', 'negative count, last offset delta right', { count: -3, lastOffsetDelta: 2 })
  add('plain', 'wild count', { count: 2_000_000_000 })
}

function addStructures(add: Add): void {
  const change = (name: string, record: RawRecord): void => add('plain', name, { payload: three(record) })
  add('plain', 'the last record is cut', { payload: three().subarray(0, -3) })
  add('plain', 'one byte after the records', { payload: Buffer.concat([three(), Buffer.from([0])]) })
  add('plain', 'a hundred bytes after the records', { payload: Buffer.concat([three(), Buffer.alloc(100, 1)]) })
  change('record length one too long', { lengthAdded: 1 })
  change('record length one too short', { lengthAdded: -1 })
  change('record length far beyond the end', { rawLength: varint(1_000_000) })
  change('record length negative', { rawLength: varint(-5) })
  change('record length zero', { rawLength: varint(0) })
  change('record length is no varint', { rawLength: overlong })
  change('timestamp is no varint', { rawTimestamp: overlong })
  change('key length is no varint', { rawKey: overlong })
  change('key length beyond the record', { rawKey: Buffer.concat([varint(40), Buffer.from('key')]) })
  change('key length beyond the batch', { rawKey: Buffer.concat([varint(4000), Buffer.from('key')]) })
  change('key length -2', { rawKey: varint(-2) })
  change('value length beyond the batch', { rawValue: Buffer.concat([varint(4000), Buffer.from('value')]) })
  change('value length one beyond the record', { rawValue: Buffer.concat([varint(7), Buffer.from('value')]) })
  change('value length -2', { rawValue: varint(-2) })
  change('null value', { value: null })
  change('unused record attributes', { attributes: 0xff })
  change('header count negative', { rawHeaders: varint(-1) })
  change('header count wild', { rawHeaders: varint(2_000_000_000) })
  change('header count one too many', { rawHeaders: varint(1) })
  change('header key null', { rawHeaders: Buffer.concat([varint(1), varint(-1), varint(-1)]) })
  change('header key beyond the batch', { rawHeaders: Buffer.concat([varint(1), varint(4000), varint(-1)]) })
  const name = sized(Buffer.from('name'))
  change('header value beyond the batch', { rawHeaders: Buffer.concat([varint(1), name, varint(4000)]) })
  change('header value null', { rawHeaders: Buffer.concat([varint(1), name, varint(-1)]) })
  change('header value -2', { rawHeaders: Buffer.concat([varint(1), name, varint(-2)]) })
  change('a good header', { rawHeaders: Buffer.concat([varint(1), name, sized(Buffer.from('content'))]) })
}

function addOffsets(add: Add): void {
  add('plain', 'offset deltas 0 0 0', { payload: withDeltas(0, 0, 0) })
  add('plain', 'offset deltas 0 1 3', { payload: withDeltas(0, 1, 3) })
  add('plain', 'offset deltas 1 2 3', { payload: withDeltas(1, 2, 3) })
  add('plain', 'offset deltas 2 1 0', { payload: withDeltas(2, 1, 0) })
  add('plain', 'offset deltas 0 -1 2', { payload: withDeltas(0, -1, 2) })
  add('compacted', 'all keys', {})
  add('compacted', 'one key missing', { payload: three({ key: null }) })
  add('compacted', 'an empty key', { payload: three({ key: Buffer.alloc(0) }) })
  add('compacted', 'key missing and timestamp in the future', { payload: three({ key: null, timestampDelta: 1e12 }) })
  add('small', 'beyond max.message.bytes', { payload: randomRecords() })
}

/** Three records that no codec makes smaller than 200 bytes. */
function randomRecords(): Buffer {
  let state = 1
  const noise = (): Buffer => {
    return Buffer.from(
      Array.from({ length: 100 }, () => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
        return (state >>> 16) & 0xff
      }),
    )
  }
  return Buffer.concat([0, 1, 2].map((offsetDelta) => rawRecord({ offsetDelta, value: noise() })))
}

function addHeaders(add: Add): void {
  add('plain', 'wrong CRC', { isCrcWrong: true })
  add('plain', 'base offset 7', { baseOffset: 7 })
  add('plain', 'base offset -1', { baseOffset: -1 })
  add('plain', 'leader epoch 77', { leaderEpoch: 77 })
  add('plain', 'control batch', { attributes: 0x20 })
  add('plain', 'delete horizon bit', { attributes: 0x40 })
  add('plain', 'unused attribute bits', { attributes: 0xff80 })
  add('plain', 'producer id without sequence', { producerId: 9, producerEpoch: 0 })
  add('plain', 'producer id without epoch', { producerId: 10, baseSequence: 0 })
  add('plain', 'producer id -2', { producerId: -2 })
  add('plain', 'sequence without producer id', { baseSequence: 5 })
}

function addTimestamps(add: Add, nowMs: number): void {
  const far = 40 * 86_400_000
  add('plain', 'header max timestamp too small', { maxTimestampMs: nowMs - 5000 })
  add('plain', 'header max timestamp too large', { maxTimestampMs: nowMs + 5000 })
  add('plain', 'header max timestamp -1', { maxTimestampMs: -1 })
  add('plain', 'middle record the latest', { payload: three({ timestampDelta: 1000 }) })
  add('plain', 'timestamp far in the past', { payload: three({ timestampDelta: -far }) })
  add('plain', 'timestamp far in the future', { payload: three({ timestampDelta: far }) })
  add('plain', 'timestamp -1', { baseTimestampMs: -1, maxTimestampMs: -1 })
  add('plain', 'timestamp -2', { baseTimestampMs: -2, maxTimestampMs: -2 })
  add('plain', 'timestamp 2^61', { payload: three({ timestampDelta: 2n ** 61n }) })
  add('plain', 'says LogAppendTime', { attributes: 0x08 })
  add('plain', 'says LogAppendTime, timestamp -1', { attributes: 0x08, baseTimestampMs: -1, maxTimestampMs: -1 })
  add('plain', 'says LogAppendTime, far in the future', { attributes: 0x08, maxTimestampMs: nowMs + far })
  add('tight', 'a good batch', {})
  add('tight', 'two minutes old', { payload: three({ timestampDelta: -120_000 }) })
  add('tight', 'two minutes ahead', { payload: three({ timestampDelta: 120_000 }) })
  add('tight', 'timestamp -1', { baseTimestampMs: -1, maxTimestampMs: -1 })
  add('appendTime', 'a good batch', {})
  add('appendTime', 'timestamp far in the future', { payload: three({ timestampDelta: far }) })
  add('appendTime', 'says LogAppendTime', { attributes: 0x08 })
  add('appendTime', 'timestamp -1', { baseTimestampMs: -1, maxTimestampMs: -1 })
}

function addDamage(add: Add): void {
  const flip = (at: (length: number) => number) => (bytes: Buffer) => {
    const damaged = Buffer.from(bytes)
    const place = at(bytes.length)
    damaged[place] = (damaged[place] ?? 0) ^ 0x55
    return damaged
  }
  add('plain', 'compressed data damaged at the start', { rawPayload: flip(() => 0) })
  add('plain', 'compressed data damaged in the middle', { rawPayload: flip((length) => length >> 1) })
  add('plain', 'compressed data damaged at the end', { rawPayload: flip((length) => length - 1) })
  add('plain', 'compressed data cut', { rawPayload: (bytes) => bytes.subarray(0, -4) })
  add('plain', 'compressed data cut in half', { rawPayload: (bytes) => bytes.subarray(0, bytes.length >> 1) })
  add('plain', 'compressed data empty', { rawPayload: () => Buffer.alloc(0) })
  add('plain', 'not compressed at all', { rawPayload: () => three() })
  add('plain', 'garbage after the compressed data', {
    rawPayload: (bytes) => Buffer.concat([bytes, Buffer.alloc(9, 7)]),
  })
  add('plain', 'zeros after the compressed data', { rawPayload: (bytes) => Buffer.concat([bytes, Buffer.alloc(9)]) })
}

function addFraming(cases: HostileCase[], nowMs: number): void {
  const good = rawBatch({ payload: three() }, nowMs)
  const add = (name: string, bytes: Buffer): void => void cases.push({ topic: 'plain', name, bytes })
  const batch = (change: Partial<RawBatch>): Buffer => rawBatch({ payload: three(), ...change }, nowMs)
  for (const magic of [0, 1, 3, -1]) add(`magic ${magic}`, batch({ magic }))
  for (const codec of [5, 6, 7]) add(`codec ${codec}`, batch({ codec }))
  add('no bytes', Buffer.alloc(0))
  add('eleven bytes', good.subarray(0, 11))
  add('sixteen bytes', good.subarray(0, 16))
  add('half a batch', good.subarray(0, good.length >> 1))
  add('one byte short', good.subarray(0, -1))
  add('two batches', Buffer.concat([good, good]))
  add('five bytes after the batch', Buffer.concat([good, Buffer.alloc(5, 1)]))
  add('thirteen zeros after the batch', Buffer.concat([good, Buffer.alloc(13)]))
  add('twenty bytes 255 after the batch', Buffer.concat([good, Buffer.alloc(20, 255)]))
  add('half a batch after the batch', Buffer.concat([good, good.subarray(0, 60)]))
  add('a batch of magic 1 after the batch', Buffer.concat([good, batch({ magic: 1 })]))
  add('half a batch of magic 3 after the batch', Buffer.concat([good, batch({ magic: 3 }).subarray(0, 60)]))
  add('length 13', withLength(good, 13))
  add('length 30', withLength(good, 30))
  add('length 48', withLength(good, 48))
  add('length 49', withLength(good, 49))
  add('length negative', withLength(good, -1))
  add('length wild', withLength(good, 2_000_000_000))
  add('length one too small', withLength(good, good.length - 13))
  add('the header alone', good.subarray(0, 61))
  add('a header of 40 bytes', withLength(good.subarray(0, 40), 28))
}

function withLength(bytes: Buffer, length: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeInt32BE(length, 8)
  return copy
}

function addProducers(cases: HostileCase[], nowMs: number): void {
  const send = (name: string, producerId: number, producerEpoch: number, baseSequence: number, count = 3): void => {
    const payload = withDeltas(...Array.from({ length: count }, (_, index) => index))
    const bytes = rawBatch({ payload, count, producerId, producerEpoch, baseSequence }, nowMs)
    cases.push({ topic: 'idempotent', name, bytes })
  }
  send('unknown producer starts at 0', 1, 0, 0)
  send('the next sequence', 1, 0, 3)
  send('a gap', 1, 0, 7)
  send('the next sequence after the gap', 1, 0, 6)
  send('the last batch again', 1, 0, 6)
  send('the last but one again', 1, 0, 3)
  send('part of the last batch again', 1, 0, 6, 2)
  send('the last batch and one more', 1, 0, 6, 4)
  send('fourth', 1, 0, 9, 1)
  send('fifth', 1, 0, 10, 1)
  send('the oldest of five again', 1, 0, 0)
  send('sixth', 1, 0, 11, 1)
  send('the sixth last again', 1, 0, 0)
  send('the fifth last again', 1, 0, 3)
  send('a refused batch takes no sequence', 1, 0, 12, 1)
  send('new epoch at 5', 1, 1, 5)
  send('new epoch at 0', 1, 1, 0)
  send('old epoch', 1, 0, 13)
  send('old epoch, a batch known then', 1, 0, 12, 1)
  send('new epoch goes on', 1, 1, 3)
  send('epoch leaps', 1, 9, 0)
  send('unknown producer starts at 100', 2, 0, 100)
  send('and goes on', 2, 0, 103)
  send('unknown producer at the end of sequences', 3, 0, 2_147_483_645)
  send('after 2^31 - 1 comes 0', 3, 0, 0)
  send('both known', 3, 0, 2_147_483_645)
  send('a batch across the end of sequences', 4, 0, 2_147_483_646)
  send('its repetition', 4, 0, 2_147_483_646)
  send('goes on at 1', 4, 0, 1)
  send('unknown producer with epoch -1', 5, -1, 0)
  send('epoch -1 goes anywhere', 5, -1, 50)
  send('epoch -1 repeats', 5, -1, 50)
  send('then epoch 0', 5, 0, 20)
  send('unknown producer at epoch 7, sequence 3', 6, 7, 3)
  send('lower epoch than the first seen', 6, 6, 6)
}
