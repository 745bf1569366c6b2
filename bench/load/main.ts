/** Puts a whole broker under load over real sockets: `npm run bench:load -- [produce|fetch|end-to-end …] [flags]`. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBrokerProcess } from '../../scripts/broker-process.ts'
import { projectRoot } from '../../scripts/project.ts'
import { createTopicsCall } from '../../src/client/calls.ts'
import { KafkaClient, parseAddress } from '../../src/client/client.ts'
import {
  makeCreateTopicsRequest,
  makeCreateTopicsRequestCreatableTopic,
} from '../../src/wire/generated/create-topics.ts'
import { type LoadOptions, type RunningLoad, startEndToEnd, startFetch, startProduce } from './loads.ts'
import { LoadCounters, type LoadResult, measure } from './measure.ts'

const usage = `usage: npm run bench:load -- [produce] [fetch] [end-to-end] [flags] [-- flags of safka start]
  --broker HOST:PORT   use a broker that runs already instead of starting one; --pid N tells its process
  --seconds N          how long each load is measured (10), after --warm-up N seconds (2)
  --partitions N       of the topic (4)
  --connections N      at once (4), with --in-flight N requests each (5)
  --batch-bytes N      of record values in a produce request (65536), in records of --record-bytes N (1024)
  --acks N             1, or -1 (1)
  --rate N             records a second of the end-to-end load (1000)`

const starters = { produce: startProduce, fetch: startFetch, 'end-to-end': startEndToEnd } as const
type LoadName = keyof typeof starters

const numbers = {
  seconds: 10,
  'warm-up': 2,
  partitions: 4,
  connections: 4,
  'in-flight': 5,
  'batch-bytes': 65_536,
  'record-bytes': 1_024,
  acks: 1,
  rate: 1_000,
  pid: 0,
}

type Settings = { loads: LoadName[]; numbers: typeof numbers; broker: string | undefined; brokerFlags: string[] }

function parse(argv: readonly string[]): Settings | undefined {
  const split = argv.indexOf('--')
  const own = split === -1 ? [...argv] : argv.slice(0, split)
  const parsed: Settings = {
    loads: [],
    numbers: { ...numbers },
    broker: undefined,
    brokerFlags: split === -1 ? [] : argv.slice(split + 1),
  }
  for (let argument = own.shift(); argument !== undefined; argument = own.shift()) {
    const name = argument.replace(/^--/, '')
    if (argument === '--broker') parsed.broker = own.shift()
    else if (isLoad(argument)) parsed.loads.push(argument)
    else if (argument.startsWith('--') && isNumber(name)) parsed.numbers[name] = Number(own.shift())
    else return undefined
  }
  if (Object.values(parsed.numbers).some((value) => !Number.isFinite(value))) return undefined
  if (parsed.loads.length === 0) parsed.loads.push('produce', 'fetch', 'end-to-end')
  return parsed
}

function isLoad(text: string): text is LoadName {
  return Object.hasOwn(starters, text)
}

function isNumber(text: string): text is keyof typeof numbers {
  return Object.hasOwn(numbers, text)
}

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parse(argv)
  if (parsed === undefined) {
    console.error(usage)
    return 2
  }
  if (parsed.broker !== undefined) {
    return runLoads(parsed, { ...parseAddress(parsed.broker), pid: parsed.numbers.pid || undefined })
  }
  const data = mkdtempSync(join(tmpdir(), 'safka-load-'))
  try {
    const broker = await startBrokerProcess({
      flags: ['--host', '127.0.0.1', '--port', '0', '--data', data, ...parsed.brokerFlags],
    })
    console.log(`broker started in ${broker.startMs.toFixed(0)} ms`)
    const code = await runLoads(parsed, broker)
    const stopCode = await broker.stop()
    return code === 0 ? stopCode : code
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

async function runLoads(
  parsed: Settings,
  broker: { host: string; port: number; pid: number | undefined },
): Promise<number> {
  const given = parsed.numbers
  const results: LoadResult[] = []
  for (const load of parsed.loads) {
    const counters = new LoadCounters()
    const options: LoadOptions = {
      host: broker.host,
      port: broker.port,
      topic: `load-${load}-${Date.now()}`,
      partitionCount: load === 'end-to-end' ? 1 : given.partitions,
      connections: given.connections,
      inFlight: given['in-flight'],
      batchBytes: given['batch-bytes'],
      recordBytes: load === 'end-to-end' ? Math.min(100, given['record-bytes']) : given['record-bytes'],
      acks: given.acks,
      rate: given.rate,
      counters,
    }
    await createTopic(options)
    if (load === 'fetch') await fill(options)
    const running: RunningLoad = await starters[load](options)
    const result = await measure({
      load,
      counters,
      seconds: given.seconds,
      warmUpSeconds: given['warm-up'],
      brokerPid: broker.pid,
    })
    running.stop()
    results.push(result)
    console.log(lineOf(result))
  }
  save(parsed, results)
  return results.some(({ errors, requestsPerSecond }) => errors > 0 || requestsPerSecond === 0) ? 1 : 0
}

async function createTopic({ host, port, topic, partitionCount }: LoadOptions): Promise<void> {
  const client = new KafkaClient({ brokers: [`${host}:${port}`], clientId: 'safka-load' })
  try {
    const wanted = makeCreateTopicsRequestCreatableTopic({
      name: topic,
      numPartitions: partitionCount,
      replicationFactor: 1,
    })
    const response = await client.callAny(createTopicsCall, makeCreateTopicsRequest({ topics: [wanted] }))
    const errorCode = response.topics[0]?.errorCode
    if (errorCode !== 0) throw new Error(`topic ${topic} was not created: error ${errorCode}`)
    await client.topic(topic)
  } finally {
    await client.close()
  }
}

/** Two seconds of produce, so that there is something to fetch. */
async function fill(options: LoadOptions): Promise<void> {
  const counters = new LoadCounters()
  const producing = await startProduce({ ...options, counters })
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  producing.stop()
  if (counters.errors >= counters.requests) throw new Error(counters.firstError || 'nothing was written')
}

function lineOf(result: LoadResult): string {
  const { p50, p99, p999, max } = result.latencyMs
  const parts = [
    `${result.load.padEnd(11)} ${result.megabytesPerSecond.toFixed(1)} MB/s`,
    `${Math.round(result.recordsPerSecond).toLocaleString('en-US')} records/s`,
    `${Math.round(result.requestsPerSecond).toLocaleString('en-US')} requests/s`,
    `p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} p99.9 ${p999.toFixed(2)} max ${max.toFixed(1)} ms`,
  ]
  if (result.cpuSecondsPerGigabyte !== undefined) parts.push(`${result.cpuSecondsPerGigabyte.toFixed(2)} CPU-s/GB`)
  if (result.brokerCores !== undefined) parts.push(`${result.brokerCores.toFixed(2)} cores`)
  if (result.brokerMegabytes !== undefined) parts.push(`${result.brokerMegabytes.toFixed(0)} MB resident`)
  if (result.errors > 0) parts.push(`${result.errors} ERRORS, first: ${result.firstError}`)
  return parts.join(' · ')
}

function save(parsed: Settings, results: readonly LoadResult[]): void {
  const folder = join(projectRoot, 'bench/results/local')
  mkdirSync(folder, { recursive: true })
  const takenAt = new Date().toISOString()
  const file = join(folder, `load-${takenAt.replaceAll(':', '-')}.json`)
  writeFileSync(
    file,
    `${JSON.stringify({ takenAt, node: process.version, given: parsed.numbers, results }, null, 2)}\n`,
  )
}

process.exitCode = await main(process.argv.slice(2))
