/** A data folder that Apache Kafka 4.3.1 wrote (scripts/record-kafka-folder.ts) goes on as Safka's. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RecordedFolder } from '../../scripts/record-kafka-folder.ts'
import { readFacts, type SampleFacts } from '../../scripts/sample/facts.ts'
import { unpackFolder } from '../../scripts/sample/folder-archive.ts'
import { SampleWriter } from '../../scripts/sample/writer.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { LogLevel } from '../../src/base/logger.ts'
import { metadataCall, produceCall } from '../../src/client/calls.ts'
import { KafkaClient } from '../../src/client/client.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeMetadataRequest } from '../../src/wire/generated/metadata.ts'
import {
  decodeOffsetForLeaderEpochResponse,
  encodeOffsetForLeaderEpochRequest,
  makeOffsetForLeaderEpochRequest,
  offsetForLeaderEpochApi,
} from '../../src/wire/generated/offset-for-leader-epoch.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { openConnection } from './raw-requests.ts'
import { startTestBroker, type TestBroker, until } from './test-broker.ts'

const archive = readFileSync(new URL('../golden/kafka-folder.json.gz', import.meta.url))
/** How long after the recording the folder is opened: later than the short transaction may take, sooner than the long one. */
const openedAfterMs = 120_000

type Context = { directory: string; recorded: RecordedFolder; lines: string[]; broker: TestBroker | undefined }
const test = suite<Context>('a folder of Apache Kafka', {
  directory: '',
  recorded: undefined as unknown as RecordedFolder,
  lines: [],
  broker: undefined,
})

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'safka-test-'))
  context.recorded = unpackFolder(archive, context.directory)
  context.lines = []
})
test.after.each(async (context) => {
  await context.broker?.close()
  context.broker = undefined
  rmSync(context.directory, { recursive: true, force: true })
})

/** The broker's time: records may not come from its future. */
function openedMs({ recordedMs }: { readonly recordedMs: number }): number {
  return recordedMs + openedAfterMs
}

/** Starts a broker that believes it is soon after the recording: nothing has expired. */
async function start(context: Context, nodeId = 1): Promise<TestBroker> {
  const { recorded, directory, lines } = context
  const offsetMs = openedMs(recorded) - Date.now()
  const clock: Clock = { ...systemClock, nowMs: () => Date.now() + offsetMs }
  const log = (level: LogLevel) => (message: string) => void lines.push(`${level} ${message}`)
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  const kafka = new Map([['transaction.abort.timed.out.transaction.cleanup.interval.ms', '100']])
  const changes = { owners: 0, fronts: 1, nodeId, kafka }
  context.broker = await startTestBroker(changes, { directory, parts: { clock, logger } })
  return context.broker
}

/** What Kafka answered, with the late transaction aborted: that happens as soon as the folder is opened. */
async function readOnceAborted(address: string): Promise<SampleFacts> {
  await until('the late transaction is aborted', async () => {
    return (await readFacts(address)).transactions.late === 'CompleteAbort'
  })
  return readFacts(address)
}

function withLateAborted({ topics, transactions, ...rest }: SampleFacts): SampleFacts {
  const { expiring } = topics
  if (expiring === undefined) throw new Error('the sample has this topic')
  const partitions = expiring.partitions.map((partition) => ({ ...partition, endOffset: partition.endOffset + 1 }))
  return {
    ...rest,
    topics: { ...topics, expiring: { ...expiring, partitions } },
    transactions: { ...transactions, late: 'CompleteAbort' },
  }
}

test('is served in full: ids, configs, records of all codecs, what was aborted, groups, quotas; after a restart too', async (context) => {
  const { address } = await start(context)
  assert.equal(await readOnceAborted(address), withLateAborted(context.recorded.sample))
  await context.broker?.broker.stop()
  assert.equal(await readFacts((await start(context)).address), withLateAborted(context.recorded.sample))
  const said = context.lines.filter((line) => line.includes('took over'))
  assert.is(said.length, 1, 'it is taken over once')
  assert.match(said[0] ?? '', /took over what Apache Kafka wrote: \d+ topics with \d+ partitions/)
})

test('is taken over once more where Kafka has run in it since', async (context) => {
  const { directory, lines } = context
  await readOnceAborted((await start(context)).address)
  await context.broker?.broker.stop()
  // Each start of Kafka's controller begins an epoch in its log.
  const epochs = join(directory, '__cluster_metadata-0', 'leader-epoch-checkpoint')
  const later = readFileSync(epochs, 'utf8').replace(
    /(\d+) (\d+)\n$/,
    (_, epoch, offset) => `${Number(epoch) + 1} ${offset}\n`,
  )
  writeFileSync(epochs, later)
  assert.equal(await readFacts((await start(context)).address), withLateAborted(context.recorded.sample))
  assert.is(lines.filter((line) => line.includes('took over')).length, 2)
})

test('is left by Safka with the checkpoints that Kafka looks for', async (context) => {
  const { directory } = context
  const { address } = await start(context)
  await readOnceAborted(address)
  await context.broker?.broker.stop()
  const textOf = (name: string): string => readFileSync(join(directory, name), 'utf8')
  assert.is(textOf('log-start-offset-checkpoint'), '0\n1\ntrimmed 0 3\n')
  assert.match(textOf('replication-offset-checkpoint'), /^0\n\d+\n(\S+ \d+ \d+\n)+$/)
  assert.match(textOf('replication-offset-checkpoint'), /^codecs 0 30$/m)
  assert.match(textOf('recovery-point-offset-checkpoint'), /^rolled 0 3$/m)
  assert.is(textOf('.kafka_cleanshutdown'), '{"version":0,"brokerEpoch":-1}')
  const snapshots = readdirSync(join(directory, 'codecs-1')).filter((name) => name.endsWith('.snapshot'))
  assert.ok(snapshots.includes('00000000000000000006.snapshot'), `there are ${snapshots}`)
})

test('is served in full after a kill -9 of Kafka, with its preallocated indexes and without its last snapshots', async (context) => {
  const { directory } = context
  rmSync(join(directory, '.kafka_cleanshutdown'))
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (name.startsWith('__cluster_metadata')) continue
    const path = join(directory, name)
    if (name.endsWith('.index') || name.endsWith('.timeindex')) truncateSync(path, 10_485_756)
    if (name.endsWith('.snapshot')) rmSync(path)
  }
  writeFileSync(join(directory, 'recovery-point-offset-checkpoint'), '0\n0\n')
  const { address } = await start(context)
  assert.equal(await readOnceAborted(address), withLateAborted(context.recorded.sample))
})

test('lets an idempotent producer go on: a repetition gets its old place, the next sequence a new one, a gap none', async (context) => {
  const { address } = await start(context)
  const { nextSequence, ...producer } = context.recorded.producer
  const end = context.recorded.sample.topics.codecs?.partitions[1]?.endOffset ?? -1
  const connection = await openConnection(address)
  const send = async (baseSequence: number): Promise<{ errorCode: number; baseOffset: number }> => {
    const timestampMs = openedMs(context.recorded)
    const records = [0, 1, 2].map((index) => ({ key: null, value: Buffer.from(`${index}`), timestampMs }))
    const partitionData = [{ index: 1, records: buildBatch({ records, ...producer, baseSequence }) }]
    const topicData = [{ name: 'codecs', topicId: Buffer.alloc(16), partitionData }]
    const request = makeProduceRequest({ acks: -1, timeoutMs: 10_000, topicData })
    const response = await connection.send(produceCall, request, { version: 11 })
    const { errorCode = -1, baseOffset = -1 } = response.responses[0]?.partitionResponses[0] ?? {}
    return { errorCode, baseOffset }
  }
  assert.equal(await send(nextSequence - 3), { errorCode: ErrorCode.NONE, baseOffset: end - 3 })
  assert.equal(await send(nextSequence + 3), { errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1 })
  assert.equal(await send(nextSequence), { errorCode: ErrorCode.NONE, baseOffset: end })
  connection.close()
})

test('lets a transaction that is still open be finished', async (context) => {
  const { address } = await start(context)
  const writer = await SampleWriter.open(address, openedMs(context.recorded))
  await writer.finishTransaction(context.recorded.patient)
  await writer.close()
  const partition = (await readFacts(address)).topics.unfinished?.partitions[0]
  assert.equal(
    partition?.committed.map(([, , value]) => value),
    ['unfinished', 'finished'],
  )
})

test('keeps its leader epochs, so that clients that know them go on, and tells where older ones ended', async (context) => {
  const { address } = await start(context)
  const client = new KafkaClient({ brokers: [address] })
  const { topics } = await client.callAny(metadataCall, makeMetadataRequest({ topics: null }))
  const partition = topics
    .find(({ name }) => name === 'codecs')
    ?.partitions.find(({ partitionIndex }) => partitionIndex === 1)
  // Kafka was started twice: each start is an epoch with a leader, each stop one without.
  assert.is(partition?.leaderEpoch, 3)
  const call = {
    ...offsetForLeaderEpochApi,
    encode: encodeOffsetForLeaderEpochRequest,
    decode: decodeOffsetForLeaderEpochResponse,
  }
  const endOf = async (leaderEpoch: number) => {
    const partitions = [{ partition: 1, currentLeaderEpoch: 3, leaderEpoch }]
    const request = makeOffsetForLeaderEpochRequest({ replicaId: -1, topics: [{ topic: 'codecs', partitions }] })
    const answer = (await client.callAny(call, request)).topics[0]?.partitions[0]
    return [answer?.errorCode, answer?.leaderEpoch, answer?.endOffset]
  }
  // Three records before the second start, three after it, none since.
  assert.equal(await endOf(0), [ErrorCode.NONE, 0, 3])
  assert.equal(await endOf(2), [ErrorCode.NONE, 2, 6])
  assert.equal(await endOf(3), [ErrorCode.NONE, 3, 6])
  assert.equal(await endOf(4), [ErrorCode.NONE, -1, -1])
  await client.close()
})

test('of another node is refused in one sentence', async (context) => {
  await refused(context, /belongs to node 1, this is node 7: choose another folder or --node-id 1/, 7)
})

test('without its metadata log is refused in one sentence, and nothing in it is changed', async (context) => {
  rmSync(join(context.directory, '__cluster_metadata-0'), { recursive: true })
  await refused(context, /holds partitions such as \S+, but no __cluster_metadata-0/)
})

test('with a damaged snapshot of its metadata is refused in one sentence, and nothing in it is changed', async (context) => {
  const folder = join(context.directory, '__cluster_metadata-0')
  const newest =
    readdirSync(folder)
      .filter((name) => name.endsWith('.checkpoint'))
      .toSorted()
      .at(-1) ?? ''
  const bytes = readFileSync(join(folder, newest))
  bytes.writeUInt8(bytes.readUInt8(400) ^ 1, 400)
  rmSync(join(folder, newest))
  writeFileSync(join(folder, newest), bytes)
  await refused(context, /cannot be taken over: its metadata log cannot be read/)
})

test('of an Apache Kafka with ZooKeeper is refused in one sentence', async (context) => {
  writeFileSync(join(context.directory, 'meta.properties'), 'version=0\nbroker.id=1\ncluster.id=x\n')
  await refused(context, /written by an Apache Kafka with ZooKeeper: upgrade that to KRaft first/)
})

async function refused(context: Context, sentence: RegExp, nodeId = 1): Promise<void> {
  const before = contentOf(context.directory)
  let reason = 'it started'
  try {
    await start(context, nodeId)
  } catch (thrown) {
    reason = thrown instanceof Error ? thrown.message : String(thrown)
  }
  assert.match(reason, sentence)
  assert.not.match(reason, /\n/)
  assert.equal(contentOf(context.directory), before)
}

/** Every file with its content. */
function contentOf(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [path, readFileSync(path).toString('latin1')]
    }),
  )
}

test.run()
