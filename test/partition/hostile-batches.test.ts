/**
 * Goal: a batch that Apache Kafka refuses gets the same error here, and one that it accepts is stored in the same bytes.
 * Method: replay the transcript that scripts/record-hostile-batches.ts took from Kafka 4.3.1. Where we differ on purpose
 * the difference is listed here, with the error that we give and why.
 */

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topicConfigs } from '../../scripts/hostile/cases.ts'
import { Verdict } from '../../src/ring/slot.ts'
import { ErrorCode, errorName } from '../../src/wire/generated/errors.ts'
import { OneRing, testSettings } from './one-ring.ts'

type Line = {
  readonly topic: string
  readonly name: string
  readonly errorCode: number
  readonly baseOffset: number
  readonly logAppendTimeMs: number
  readonly sentAtMs: number
  readonly bytes: string
  readonly stored: string | null
}

const lines = readFileSync(new URL('../golden/hostile-batches.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line): Line => JSON.parse(line))

const { INVALID_RECORD, UNKNOWN_SERVER_ERROR } = ErrorCode

/** Case names (with or without codec) by the error that we give instead of Kafka's answer. */
const differences: readonly (readonly [names: RegExp, errorCode: number, why: string])[] = [
  [/^offset deltas .*, none$/, INVALID_RECORD, 'Kafka stores offsets that go up and down; readers would see them'],
  [
    /^record length (?!is no varint).*, (gzip|snappy|lz4|zstd)$/,
    INVALID_RECORD,
    'readers go by the length that is wrong',
  ],
  [/^(five bytes|half a batch) after the batch$/, INVALID_RECORD, 'Kafka cuts them off; an entry cannot be shortened'],
  [/^garbage after the compressed data, gzip$/, UNKNOWN_SERVER_ERROR, 'zlib calls it an error, Java does not look'],
]

const settings = {
  plain: testSettings(),
  compacted: testSettings({ isCompacted: true }),
  appendTime: testSettings({ timestampType: 'LogAppendTime' }),
  small: testSettings({ maxMessageBytes: 200 }),
  tight: testSettings({ timestampBeforeMaxMs: 60_000, timestampAfterMaxMs: 60_000 }),
  idempotent: testSettings(),
}

test('the transcript knows every kind of topic', () => {
  assert.equal(Object.keys(settings).sort(), Object.keys(topicConfigs).sort())
  assert.ok(lines.length > 450)
})

for (const [topic, topicSettings] of Object.entries(settings)) {
  test(`Kafka's answers for a topic '${topic}' are ours`, () => {
    const ring = new OneRing(topicSettings)
    const wrong: string[] = []
    for (const line of lines.filter((each) => each.topic === topic)) {
      const complaint = compare(ring, line)
      if (complaint !== undefined) wrong.push(`${line.name}: ${complaint}`)
    }
    assert.equal(wrong, [])
  })
}

function compare(ring: OneRing, line: Line): string | undefined {
  const bytes = Buffer.from(line.bytes, 'hex')
  // The ring takes no empty entries: the front answers those.
  if (bytes.length === 0) return line.errorCode === INVALID_RECORD ? undefined : 'an empty entry is another error'
  const difference = differences.find(([names]) => names.test(line.name))
  const errorCode = difference === undefined ? line.errorCode : difference[1]
  if (difference !== undefined && line.errorCode === errorCode) return 'is no difference any more'
  if (line.errorCode === ErrorCode.NONE && line.baseOffset > ring.partition.nextOffset) {
    ring.partition.nextOffset = line.baseOffset
  }
  const stamped = ring.stampOne(bytes, line.logAppendTimeMs === -1 ? line.sentAtMs : line.logAppendTimeMs)
  if (stamped.outcome !== errorCode) return `${errorName(stamped.outcome)} instead of ${errorName(errorCode)}`
  if (errorCode !== ErrorCode.NONE || line.errorCode !== ErrorCode.NONE) return undefined
  if (stamped.baseOffset !== line.baseOffset) return `offset ${stamped.baseOffset} instead of ${line.baseOffset}`
  if (stamped.logAppendTimeMs !== line.logAppendTimeMs) return `log append time ${stamped.logAppendTimeMs}`
  if (stamped.verdict === Verdict.duplicate) return undefined
  return stamped.bytes.toString('hex') === line.stored ? undefined : 'is stored in other bytes'
}

test.run()
