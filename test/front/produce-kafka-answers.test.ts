/**
 * Goal: where Apache Kafka changes or refuses batches because of a topic's configs, its whole answers are ours, and what it
 * stores is what we store. Method: replay what scripts/record-produce-answers.ts took from Kafka 4.3.1.
 */

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PartitionSettings } from '../../src/base/topology.ts'
import { emptyBrokerConfigs } from '../../src/coordinator/configs/effective.ts'
import { resolveSettings } from '../../src/coordinator/configs/resolve-settings.ts'
import {
  batchAttributes,
  batchBaseSequence,
  batchCompression,
  batchCrc,
  batchLastOffsetDelta,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  computeBatchCrc,
  readRecords,
} from '../../src/wire/record-batch.ts'
import { Collapsed } from './collapsed.ts'
import { produceOf, sendFetch, sendProduce, takeFetched, takeProduced } from './requests.ts'

type Answer = {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly baseOffset: number
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  readonly recordErrors: readonly (readonly [batchIndex: number, message: string | null])[]
}
type Line = Answer & {
  readonly topic: string
  readonly configs: Readonly<Record<string, string>>
  readonly name: string
  readonly sentAtMs: number
  readonly bytes: string
  readonly stored: string | null
}

const lines: readonly Line[] = JSON.parse(
  readFileSync(new URL('./produce-kafka-answers.json', import.meta.url), 'utf8'),
)
/**
 * Where Kafka writes the records of a batch anew that wrongly says LogAppendTime, each gets the header's time as its own. Here the
 * records keep their times, as they do in Kafka where the codec stays.
 */
const keepsTimes = 'says LogAppendTime'

const topics = new Set(lines.map(({ topic }) => topic))

test('the transcript holds every codec, in and out', () => {
  assert.ok(lines.length > 250)
  assert.ok(['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed', 'gzipAppendTime'].every((name) => topics.has(name)))
})

for (const topic of topics) {
  test(`Kafka's answers for a topic '${topic}' are ours, and so is what it stores`, async () => {
    const own = lines.filter((line) => line.topic === topic)
    const settings = settingsOf(own[0]?.configs ?? {})
    const broker = new Collapsed({ topicSettings: settings })
    const created = await broker.createTopic(topic)
    const client = broker.connect()
    const wrong: string[] = []
    for (const line of own) {
      broker.clock.advance(Math.max(0, timeOf(line, settings) - broker.clock.nowMs()))
      sendProduce(client, produceOf(created, 0, Buffer.from(line.bytes, 'hex')))
      await answered(broker, client)
      const answer = takeProduced(client)
      const stored = answer?.errorCode === 0 ? await storedAt(answer.baseOffset) : null
      const complaint = difference(answer && { ...answer, stored, recordErrors: pairs(answer.recordErrors) }, line)
      if (complaint !== undefined) wrong.push(`${line.name}: ${complaint}`)
    }
    assert.equal(wrong, [])

    async function storedAt(offset: number): Promise<Buffer | null> {
      sendFetch(client, created, { offset, bytesMax: 1 })
      await answered(broker, client)
      return takeFetched(client)?.records ?? null
    }
  })
}

/** Codecs of large batches run in the thread pool, whose time the broker's turns do not bound. */
async function answered(broker: Collapsed, client: { readonly hasFrame: boolean }): Promise<void> {
  await broker.settle()
  for (let turn = 0; !client.hasFrame && turn < 1_000; turn++) await broker.settle()
}

function settingsOf(configs: Readonly<Record<string, string>>): PartitionSettings {
  return { ...resolveSettings(new Map(Object.entries(configs)), emptyBrokerConfigs), storage: 'memory' }
}

/** Kafka's time when it looked at the batch, as its answer gives it away. */
function timeOf(line: Line, settings: PartitionSettings): number {
  if (line.logAppendTimeMs !== -1) return line.logAppendTimeMs
  const latest = /within \[-?\d+, (\d+)\]/.exec(JSON.stringify(line.recordErrors))?.[1]
  return latest === undefined ? line.sentAtMs : Number(latest) - settings.timestampAfterMaxMs
}

function pairs(
  errors: readonly { batchIndex: number; batchIndexErrorMessage: string | null }[],
): Answer['recordErrors'] {
  return errors.map(({ batchIndex, batchIndexErrorMessage }) => [batchIndex, batchIndexErrorMessage])
}

function difference(ours: (Answer & { stored: Buffer | null }) | undefined, line: Line): string | undefined {
  if (ours === undefined) return 'there is no answer'
  for (const field of ['errorCode', 'errorMessage', 'baseOffset', 'logAppendTimeMs', 'logStartOffset'] as const) {
    if (ours[field] !== line[field]) return `${field} is ${ours[field]} instead of ${line[field]}`
  }
  const [mine, theirs] = [textOf(ours.recordErrors), textOf(line.recordErrors)]
  if (mine !== theirs) return `record errors are ${mine} instead of ${theirs}`
  if (line.stored === null) return ours.stored === null ? undefined : 'was stored'
  return ours.stored === null
    ? 'was not stored'
    : storedDifference(ours.stored, Buffer.from(line.stored, 'hex'), line.name)
}

/** The name of a record's Java class, and what that class shows of it, is left out. */
function textOf(errors: Answer['recordErrors']): string {
  return JSON.stringify(errors).replace(/message (Partial)?DefaultRecord\(.*?\)/g, 'message RECORD')
}

function storedDifference(ours: Buffer, kafkas: Buffer, name: string): string | undefined {
  if (batchCrc(ours, 0) !== computeBatchCrc(ours, 0)) return 'was stored with a wrong CRC'
  const headers = [ours, kafkas].map((batch) => {
    return [
      batchAttributes(batch, 0),
      batchLastOffsetDelta(batch, 0),
      batchMaxTimestamp(batch, 0),
      batchProducerId(batch, 0),
      batchProducerEpoch(batch, 0),
      batchBaseSequence(batch, 0),
    ].join()
  })
  if (headers[0] !== headers[1]) return `the stored header is ${headers[0]} instead of ${headers[1]}`
  if (name.startsWith(keepsTimes)) return undefined
  const records = [ours, kafkas].map((batch) => JSON.stringify(readRecords(batch, 0)))
  if (records[0] !== records[1]) return `the stored records are ${records[0]} instead of ${records[1]}`
  const isCompressed = batchCompression(ours, 0) !== 0
  return isCompressed || ours.length === kafkas.length ? undefined : 'the stored records have other bytes'
}

test.run()
