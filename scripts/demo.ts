/** The demo: streams the world's cities through a broker, and reads them back in two groups that share the work. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { startBrokerProcess } from './broker-process.ts'
import { type CityRecord, loadCities, valuesByKey } from './demo/cities.ts'
import { DemoGroup } from './demo/group.ts'

const usage = `usage: npm run demo -- [--broker HOST:PORT] [--records N] [--sources] [-- flags of safka start]
  --broker HOST:PORT   use a broker that runs already instead of starting one
  --records N          stream only the first N records
  --sources            start the broker from its sources, not from the build`

const partitionCount = 4
const recordsPerSend = 1_000
const reportEveryMs = 500
/** Nothing here takes minutes: when it does, something hangs. */
const timeoutMs = 180_000

type Options = { broker: string | undefined; recordsMax: number; fromSources: boolean; brokerFlags: string[] }

function parse(argv: readonly string[]): Options | undefined {
  const split = argv.indexOf('--')
  const own = split === -1 ? [...argv] : argv.slice(0, split)
  const brokerFlags = split === -1 ? [] : argv.slice(split + 1)
  const options: Options = { broker: undefined, recordsMax: Number.MAX_SAFE_INTEGER, fromSources: false, brokerFlags }
  for (let argument = own.shift(); argument !== undefined; argument = own.shift()) {
    if (argument === '--broker') options.broker = own.shift()
    else if (argument === '--sources') options.fromSources = true
    else if (argument === '--records') options.recordsMax = Number(own.shift())
    else return undefined
  }
  return options.recordsMax > 0 ? options : undefined
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parse(argv)
  if (options === undefined) {
    console.error(usage)
    return 2
  }
  if (options.broker !== undefined) return runDemo(options.broker, options.recordsMax)

  const data = mkdtempSync(join(tmpdir(), 'safka-demo-'))
  try {
    const flags = ['--host', '127.0.0.1', '--port', '0', '--data', data, ...options.brokerFlags]
    const broker = await startBrokerProcess({ flags, fromSources: options.fromSources })
    console.log(`broker      started in ${broker.startMs.toFixed(0)} ms on ${broker.host}:${broker.port}`)
    const code = await runDemo(`${broker.host}:${broker.port}`, options.recordsMax)
    const stopCode = await broker.stop()
    console.log(`broker      stopped with exit code ${stopCode}`)
    return code === 0 ? stopCode : code
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

async function runDemo(broker: string, recordsMax: number): Promise<number> {
  const records = loadCities(recordsMax)
  const expected = valuesByKey(records)
  console.log(`data        ${count(records.length)} cities of ${expected.size} countries, keyed by country`)

  const kafka = new Kafka({ clientId: 'safka-demo', brokers: [broker], logLevel: logLevel.NOTHING })
  const topic = `cities-${Date.now()}`
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: partitionCount, replicationFactor: 1 }] })

  const groups = ['readers-a', 'readers-b'].map(
    (name) => new DemoGroup({ kafka, topic, groupId: `${name}-${topic}`, expected, recordCount: records.length }),
  )
  const written = { records: 0, bytes: 0 }
  const startMs = performance.now()
  const report = startReport(written, groups, startMs)
  let lags: number[]
  try {
    await withTimeout(
      Promise.all([
        ...groups.map(async (group) => {
          await group.addMember()
          await group.done
        }),
        produce(kafka, topic, records, written),
      ]),
      () => progressLine(written, groups, startMs),
    )
  } finally {
    report.stop()
    await Promise.all(groups.map((group) => group.stop()))
    lags = await Promise.all(groups.map((group) => committedLag(admin, topic, group.name)))
    await admin.deleteTopics({ topics: [topic] }).catch(() => undefined)
    await admin.disconnect()
  }
  return judge({ groups, lags, records, elapsedMs: performance.now() - startMs })
}

async function produce(
  kafka: Kafka,
  topic: string,
  records: readonly CityRecord[],
  written: { records: number; bytes: number },
): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  for (let start = 0; start < records.length; start += recordsPerSend) {
    const messages = records.slice(start, start + recordsPerSend)
    // One send at a time: that is what keeps the order of each key.
    await producer.send({ topic, acks: -1, messages })
    written.records += messages.length
    written.bytes += messages.reduce((sum, { value }) => sum + value.length, 0)
  }
  await producer.disconnect()
}

/** How far the group's committed offsets are behind the ends of the partitions. */
async function committedLag(admin: ReturnType<Kafka['admin']>, topic: string, groupId: string): Promise<number> {
  const ends = await admin.fetchTopicOffsets(topic)
  const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
  const byPartition = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  return ends.reduce((sum, { partition, high }) => sum + Number(high) - Math.max(0, byPartition.get(partition) ?? 0), 0)
}

function judge(outcome: {
  groups: readonly DemoGroup[]
  lags: readonly number[]
  records: readonly CityRecord[]
  elapsedMs: number
}): number {
  let failed = 0
  for (const [index, group] of outcome.groups.entries()) {
    const problems = [...group.problems, ...group.missing()]
    if (group.rebalances < 3) problems.push(`only ${group.rebalances} joins: the second member did not share the work`)
    if (group.read !== outcome.records.length) problems.push(`read ${group.read} of ${outcome.records.length} records`)
    const lag = outcome.lags[index] ?? 0
    if (lag !== 0) problems.push(`committed offsets lag ${lag} records behind`)
    const shares = group.readByMember.map((read, member) => `member ${member + 1} read ${count(read)}`).join(', ')
    const verdict = problems.length === 0 ? 'every record, every key in order, lag 0' : `${problems.length} PROBLEMS`
    console.log(
      `group ${String.fromCharCode(97 + index)}     ${shares}, ${count(group.repeated)} again after the rebalance: ${verdict}`,
    )
    for (const problem of problems) console.error(`            ${problem}`)
    failed += problems.length
  }
  const seconds = outcome.elapsedMs / 1000
  console.log(`demo        ${failed === 0 ? 'passed' : 'FAILED'} in ${seconds.toFixed(1)} s`)
  return failed === 0 ? 0 : 1
}

function startReport(
  written: { records: number; bytes: number },
  groups: readonly DemoGroup[],
  startMs: number,
): { stop(): void } {
  const isTerminal = process.stdout.isTTY === true
  const print = (end: string): void => {
    process.stdout.write(`${isTerminal ? '\r\x1b[K' : ''}${progressLine(written, groups, startMs)}${end}`)
  }
  const timer = setInterval(() => print(isTerminal ? '' : '\n'), reportEveryMs)
  return {
    stop() {
      clearInterval(timer)
      print('\n')
    },
  }
}

function progressLine(
  written: { records: number; bytes: number },
  groups: readonly DemoGroup[],
  startMs: number,
): string {
  const seconds = (performance.now() - startMs) / 1000
  const rate = (records: number, bytes: number): string =>
    `${count(records / seconds)}/s ${(bytes / seconds / 1e6).toFixed(1)} MB/s`
  const readers = groups.map((group, index) => {
    const name = String.fromCharCode(97 + index)
    return `${name}: read ${count(group.read)}, ${rate(group.read, group.bytes)}, lag ${count(written.records - group.read)}`
  })
  return `${seconds.toFixed(1).padStart(5)} s     wrote ${count(written.records)}, ${rate(written.records, written.bytes)} | ${readers.join(' | ')}`
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

async function withTimeout(work: Promise<unknown>, where: () => string): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error(`not done after ${timeoutMs / 1000} s, at ${where()}`)),
    timeoutMs,
  )
  try {
    await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

// kafkajs starts timers with negative delays, which Node warns of since version 24; nothing is wrong with the broker.
process.removeAllListeners('warning')
try {
  process.exitCode = await main(process.argv.slice(2))
} catch (thrown) {
  console.error(`demo        FAILED: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  process.exitCode = 1
}
