/** Times starts on folders that hold something: `npm run bench:start -- [topics] [partitions] [clean] [killed] [flags]`. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrokerProcess, startBrokerProcess } from '../../scripts/broker-process.ts'
import { Admin } from '../../src/client/admin.ts'
import { metadataCall, produceCall } from '../../src/client/calls.ts'
import { KafkaClient } from '../../src/client/client.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeMetadataRequest } from '../../src/wire/generated/metadata.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'

const usage = `usage: npm run bench:start -- [topics] [partitions] [clean] [killed] [flags]
  topics       100 topics of one partition, with a few records each; from spawn to the first Metadata answer
  partitions   one topic of 1,000 partitions
  clean        --gigabytes in 100 partitions, after a clean stop
  killed       the same after kill -9
  --runs N     starts of each kind (10; 3 of 'killed')
  --gigabytes N   (10)
  --data DIR   where the folders are made, and removed again (the system's folder for temporary files)`

const scenarios = ['topics', 'partitions', 'clean', 'killed'] as const
type Scenario = (typeof scenarios)[number]
type Settings = { scenarios: Scenario[]; runs: number | undefined; gigabytes: number; data: string }

const batchBytes = 900 * 1024
/** Produce requests under way while a folder is filled. */
const requestsInFlight = 16
/** How much is written before each kill but the first, over all partitions. */
const bytesBeforeKill = 1e9
const largeTopic = { name: 'large', partitions: 100 }

function parse(argv: readonly string[]): Settings | undefined {
  const settings: Settings = { scenarios: [], runs: undefined, gigabytes: 10, data: tmpdir() }
  const rest = [...argv]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const scenario = scenarios.find((name) => name === argument)
    if (scenario !== undefined) settings.scenarios.push(scenario)
    else if (argument === '--runs') settings.runs = Number(rest.shift())
    else if (argument === '--gigabytes') settings.gigabytes = Number(rest.shift())
    else if (argument === '--data') settings.data = rest.shift() ?? settings.data
    else return undefined
  }
  if (settings.scenarios.length === 0) settings.scenarios.push(...scenarios)
  return settings
}

async function main(argv: readonly string[]): Promise<number> {
  const settings = parse(argv)
  if (settings === undefined) {
    console.error(usage)
    return 2
  }
  const isLarge = (scenario: Scenario): boolean => scenario === 'clean' || scenario === 'killed'
  for (const scenario of settings.scenarios.filter((name) => !isLarge(name))) {
    await withFolder(settings, (data) => timeStarts(data, scenario, settings.runs ?? 10, fillers[scenario]))
  }
  if (settings.scenarios.some(isLarge)) await withFolder(settings, (data) => timeLarge(data, settings))
  return 0
}

const fillers: Readonly<Record<string, (broker: BrokerProcess) => Promise<void>>> = {
  topics: (broker) =>
    withClient(broker, async (client) => {
      const admin = new Admin(client)
      for (let index = 0; index < 100; index++) await admin.createTopic({ name: `topic-${index}`, partitions: 1 })
      for (let index = 0; index < 100; index++) await produce(client, `topic-${index}`, 1, 10_000)
    }),
  partitions: (broker) =>
    withClient(broker, async (client) => {
      await new Admin(client).createTopic({ name: 'wide', partitions: 1_000 })
      await produce(client, 'wide', 1_000, 1_000_000)
    }),
}

async function timeStarts(
  data: string,
  scenario: string,
  runs: number,
  fill: ((broker: BrokerProcess) => Promise<void>) | undefined,
): Promise<void> {
  if (fill !== undefined) {
    const broker = await start(data)
    await fill(broker.process)
    await broker.process.stop()
  }
  const times: number[] = []
  for (let run = 0; run < runs; run++) {
    const broker = await start(data)
    times.push(broker.answeredMs)
    await broker.process.stop()
  }
  report(scenario, times)
}

async function timeLarge(data: string, { gigabytes, runs, scenarios: wanted }: Settings): Promise<void> {
  const first = await start(data)
  await withClient(first.process, async (client) => {
    await new Admin(client).createTopic(largeTopic)
    const fromMs = performance.now()
    await produce(client, largeTopic.name, largeTopic.partitions, gigabytes * 1e9)
    console.log(`wrote ${gigabytes} GB in ${((performance.now() - fromMs) / 1000).toFixed(1)} s`)
  })
  let running = first
  if (wanted.includes('killed')) {
    const times: number[] = []
    for (let run = 0; run < (runs ?? 3); run++) {
      if (run > 0) {
        const bytes = Math.min(bytesBeforeKill, gigabytes * 1e8)
        await withClient(running.process, (client) => produce(client, largeTopic.name, largeTopic.partitions, bytes))
      }
      process.kill(running.process.pid, 'SIGKILL')
      await running.process.ended
      running = await start(data)
      times.push(running.answeredMs)
    }
    report('killed', times)
  }
  await running.process.stop()
  if (wanted.includes('clean')) await timeStarts(data, 'clean', runs ?? 10, undefined)
}

/** Starts a broker, and waits for its first Metadata answer. */
async function start(data: string): Promise<{ process: BrokerProcess; answeredMs: number }> {
  const spawnedMs = performance.now()
  const flags = ['--host', '127.0.0.1', '--port', '0', '--data', data, '--log-level', 'warn']
  const broker = await startBrokerProcess({ flags, startTimeoutMs: 300_000 })
  await withClient(broker, (client) => client.callAny(metadataCall, makeMetadataRequest({ topics: null })))
  return { process: broker, answeredMs: performance.now() - spawnedMs }
}

/** Sends about `bytes` in all, in turn over the partitions. */
async function produce(client: KafkaClient, name: string, partitions: number, bytes: number): Promise<void> {
  const topic = await client.topic(name)
  const connection = await client.anyConnection()
  const value = Buffer.alloc(Math.min(batchBytes, Math.floor(bytes / partitions)), 'x')
  const records = [{ key: null, value, timestampMs: Date.now() }]
  let sent = 0
  let partition = 0
  const lane = async (): Promise<void> => {
    while (sent < bytes) {
      sent += value.length
      const index = partition++ % partitions
      const partitionData = [{ index, records: buildBatch({ records }) }]
      const topicData = [{ name, topicId: topic.id, partitionData }]
      const response = await connection.send(
        produceCall,
        makeProduceRequest({ acks: -1, timeoutMs: 30_000, topicData }),
      )
      const errorCode = response.responses[0]?.partitionResponses[0]?.errorCode
      if (errorCode !== ErrorCode.NONE) throw new Error(`producing to ${name}-${index}: error ${errorCode}`)
    }
  }
  await Promise.all(Array.from({ length: requestsInFlight }, lane))
}

async function withClient<Result>(
  broker: BrokerProcess,
  use: (client: KafkaClient) => Promise<Result>,
): Promise<Result> {
  const client = new KafkaClient({ brokers: [`${broker.host}:${broker.port}`] })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

async function withFolder(settings: Settings, use: (data: string) => Promise<void>): Promise<void> {
  const data = mkdtempSync(join(settings.data, 'safka-start-'))
  try {
    await use(data)
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

function report(scenario: string, times: readonly number[]): void {
  const sorted = times.toSorted((left, right) => left - right)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0
  const all = times.map((time) => time.toFixed(0)).join(' ')
  console.log(`${scenario}: median ${median.toFixed(0)} ms of ${times.length} starts (${all})`)
}

process.exitCode = await main(process.argv.slice(2))
