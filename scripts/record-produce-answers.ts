/**
 * Sends batches to topics of a Kafka broker that change or refuse them, and records its whole answers, and what it stored, in
 * test/front/produce-kafka-answers.json.
 * Usage: node scripts/record-produce-answers.ts [host:port] [target file]
 */

import { writeFileSync } from 'node:fs'
import { systemClock } from '../src/base/clock.ts'
import { rawBatch, rawRecord, varint } from './hostile/batch-kit.ts'
import { KafkaLine } from './hostile/kafka-line.ts'

const hourMs = 3_600_000
const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const topicConfigs: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  plain: {},
  tight: { 'message.timestamp.before.max.ms': '60000', 'message.timestamp.after.max.ms': '30000' },
  compacted: { 'cleanup.policy': 'compact' },
  both: { 'cleanup.policy': 'compact', 'message.timestamp.before.max.ms': '60000' },
  appendTime: { 'message.timestamp.type': 'LogAppendTime' },
  uncompressed: { 'compression.type': 'uncompressed' },
  gzip: { 'compression.type': 'gzip', 'compression.gzip.level': '9' },
  snappy: { 'compression.type': 'snappy' },
  lz4: { 'compression.type': 'lz4', 'compression.lz4.level': '17' },
  zstd: { 'compression.type': 'zstd', 'compression.zstd.level': '-5' },
  gzipAppendTime: { 'compression.type': 'gzip', 'message.timestamp.type': 'LogAppendTime' },
  smallUncompressed: { 'compression.type': 'uncompressed', 'max.message.bytes': '1000' },
  smallGzip: { 'compression.type': 'gzip', 'max.message.bytes': '150' },
  gzipCompacted: { 'compression.type': 'gzip', 'cleanup.policy': 'compact' },
  gzipTight: { 'compression.type': 'gzip', 'message.timestamp.before.max.ms': '60000' },
}

type ProduceCase = { readonly topic: string; readonly name: string; readonly bytes: Buffer }

const suffix = systemClock.nowMs().toString(36)
const line = new KafkaLine(process.argv[2] ?? '127.0.0.1:19092')
const nameOf = (topic: string): string => `answers-${topic}-${suffix}`
await line.createTopics(Object.fromEntries(Object.entries(topicConfigs).map(([name, each]) => [nameOf(name), each])))

const answers = []
for (const { topic, name, bytes } of [...recordErrors(systemClock.nowMs()), ...recompressions(systemClock.nowMs())]) {
  const sentAtMs = systemClock.nowMs()
  const answer = await line.produce(nameOf(topic), bytes)
  const stored = answer.errorCode === 0 ? await line.fetchAt(nameOf(topic), answer.baseOffset) : null
  const { errorCode, baseOffset, logAppendTimeMs, logStartOffset, recordErrors } = answer
  const errorMessage = answer.errorMessage?.replaceAll(nameOf(topic), topic) ?? null
  answers.push({
    topic,
    configs: topicConfigs[topic],
    name,
    sentAtMs,
    bytes: bytes.toString('hex'),
    errorCode,
    errorMessage,
    baseOffset,
    logAppendTimeMs,
    logStartOffset,
    recordErrors: recordErrors.map(({ batchIndex, batchIndexErrorMessage }) => [
      batchIndex,
      batchIndexErrorMessage?.replaceAll(nameOf(topic), topic) ?? null,
    ]),
    stored: stored?.toString('hex') ?? null,
  })
  console.log(`${String(errorCode).padStart(4)}  ${topic}: ${name}  ${errorMessage ?? ''}`)
}
const target = process.argv[3] ?? new URL('../test/front/produce-kafka-answers.json', import.meta.url)
writeFileSync(target, `[\n${answers.map((answer) => JSON.stringify(answer)).join(',\n')}\n]\n`)
line.close()

/** Records of the given timestamps, less the batch's own. */
function timed(...deltasMs: number[]): Buffer {
  return Buffer.concat(deltasMs.map((timestampDelta, offsetDelta) => rawRecord({ timestampDelta, offsetDelta })))
}

function keyed(...keys: (string | null)[]): Buffer {
  const records = keys.map((key, offsetDelta) =>
    rawRecord({ offsetDelta, key: key === null ? null : Buffer.from(key) }),
  )
  return Buffer.concat(records)
}

/** Batches of which some records are refused. */
function recordErrors(nowMs: number): ProduceCase[] {
  const cases: ProduceCase[] = []
  for (const codec of [0, 1]) {
    const add = (topic: string, name: string, payload: Buffer, count: number, more = {}): void => {
      cases.push({
        topic,
        name: `${name}, ${codecNames[codec]}`,
        bytes: rawBatch({ payload, count, codec, ...more }, nowMs),
      })
    }
    add('tight', 'the second of three too early', timed(0, -hourMs, 5), 3)
    add('tight', 'too early and too late', timed(-2 * hourMs, 0, hourMs), 3)
    add('plain', 'too late where early is without bound', timed(0, 2 * hourMs), 2)
    add('compacted', 'one of two without a key', keyed('a', null), 2)
    add('compacted', 'five without keys', keyed(null, null, null, 'a', null, null), 6)
    const early = rawRecord({ offsetDelta: 1, timestampDelta: -hourMs })
    add('both', 'without a key and too early', Buffer.concat([keyed(null), early]), 2)
    add('both', 'without a key and too early in one record', keyed(null), 1, { baseTimestampMs: nowMs - hourMs })
    add('appendTime', 'says LogAppendTime', timed(0, 1), 2, { attributes: 8 })
    add('plain', 'says LogAppendTime', timed(0, 1), 2, { attributes: 8 })
    add('plain', 'says LogAppendTime, too late', timed(0, 1), 2, { attributes: 8, maxTimestampMs: nowMs + 3 * hourMs })
    add('gzipTight', 'two of three too early', timed(-hourMs, 0, -hourMs), 3)
    add('gzipCompacted', 'two of three without keys', keyed(null, 'a', null), 3)
  }
  return cases
}

/** Five records with nulls, headers, and timestamps that go up and down. */
function varied(): Buffer {
  const header = Buffer.concat([varint(1), varint(1), Buffer.from('h'), varint(-1)])
  return Buffer.concat([
    rawRecord({ offsetDelta: 0 }),
    rawRecord({ offsetDelta: 1, key: null, timestampDelta: -20 }),
    rawRecord({ offsetDelta: 2, value: null, timestampDelta: 700 }),
    rawRecord({ offsetDelta: 3, rawHeaders: header, timestampDelta: 3 }),
    rawRecord({ offsetDelta: 4, key: Buffer.alloc(0), value: Buffer.alloc(300, 'ab') }),
  ])
}

/** Batches for topics that name a codec. */
function recompressions(nowMs: number): ProduceCase[] {
  const cases: ProduceCase[] = []
  for (let codec = 0; codec < codecNames.length; codec++) {
    const add = (topic: string, name: string, batch: Partial<Parameters<typeof rawBatch>[0]>): void => {
      const bytes = rawBatch({ payload: varied(), count: 5, codec, ...batch }, nowMs)
      cases.push({ topic, name: `${name}, ${codecNames[codec]}`, bytes })
    }
    for (const topic of ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd', 'gzipAppendTime']) {
      add(topic, 'varied records', {})
      add(topic, 'an idempotent producer', { producerId: 4_000 + codec, producerEpoch: 0, baseSequence: 0 })
      add(topic, 'the same once more', { producerId: 4_000 + codec, producerEpoch: 0, baseSequence: 0 })
      add(topic, 'a wrong CRC', { isCrcWrong: true })
      add(topic, 'a count that is wrong', { count: 6 })
      add(topic, 'a control batch', { attributes: 32 })
      add(topic, 'says LogAppendTime', { attributes: 8 })
      if (codec > 0) add(topic, 'damaged data', { rawPayload: (bytes) => bytes.subarray(0, bytes.length >> 1) })
    }
    const large = rawRecord({ value: Buffer.alloc(5_000, 'x') })
    add('smallUncompressed', 'more than allowed when decompressed', { payload: large, count: 1 })
    add('smallUncompressed', 'small enough', {})
    add('smallGzip', 'five thousand equal bytes', { payload: large, count: 1 })
    add('gzip', 'a first record with a timestamp of its own', { payload: timed(50, 60), count: 2 })
  }
  return cases
}
