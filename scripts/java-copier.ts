/**
 * Kafka's own TransactionalMessageCopier (consume, transform, produce, with offsets in the transaction) against a broker that is
 * killed again and again: `node scripts/java-copier.ts --tool COMMAND [flags]`. COMMAND runs a class of Apache Kafka's jars. Each input
 * record must stand in the output exactly once, in order.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin } from '../src/client/admin.ts'
import { KafkaClient } from '../src/client/client.ts'
import { type ConsumedRecord, Consumer } from '../src/client/consumer.ts'
import { type BrokerProcess, startBrokerProcess } from './broker-process.ts'

const usage = `usage: node scripts/java-copier.ts --tool COMMAND [flags]
  --tool COMMAND   runs a class of Apache Kafka's jars: COMMAND org.apache.kafka.tools.VerifiableProducer …
  --port N         where the broker listens, again after each kill (9099)
  --records N      that are copied (60000)
  --partitions N   of input and output, each with a copier of its own (2)
  --kills N        while records are copied, and a quarter as many while they are produced (20)
  --sync POLICY    never, interval or every (never)`

type Given = { tool: string; port: number; records: number; partitions: number; kills: number; sync: string }

const pauseBetweenKillsMs = 1_500
/** A copier that goes on copying after this many kills more than wanted hangs. */
const tryMinutesMax = 8

const running = new Set<ChildProcess>()

function parse(argv: readonly string[]): Given | undefined {
  const given: Given = { tool: '', port: 9099, records: 60_000, partitions: 2, kills: 20, sync: 'never' }
  for (let at = 0; at < argv.length; at += 2) {
    const value = argv[at + 1] ?? ''
    if (argv[at] === '--tool') given.tool = value
    else if (argv[at] === '--port') given.port = Number(value)
    else if (argv[at] === '--records') given.records = Number(value)
    else if (argv[at] === '--partitions') given.partitions = Number(value)
    else if (argv[at] === '--kills') given.kills = Number(value)
    else if (argv[at] === '--sync') given.sync = value
    else return undefined
  }
  return given.tool === '' ? undefined : given
}

/** A broker that comes back at the same place. */
class KilledBroker {
  readonly address: string
  kills = 0
  readonly #flags: readonly string[]
  #broker: BrokerProcess | undefined

  constructor({ port, sync }: Given, directory: string) {
    this.address = `127.0.0.1:${port}`
    this.#flags = ['--host', '127.0.0.1', '--port', String(port), '--data', directory, '--sync', sync]
  }

  async start(): Promise<void> {
    this.#broker = await startBrokerProcess({ flags: [...this.#flags, '--owners', '1'] })
  }

  async kill(): Promise<void> {
    this.kills++
    await this.end()
    await this.start()
  }

  async end(): Promise<void> {
    await this.#broker?.stop('SIGKILL')
  }

  /** Kills now and then until `work` has ended, `killsMax` times at most. */
  async killDuring(work: Promise<unknown>, killsMax: number): Promise<void> {
    let isOver = false
    const ended = work.finally(() => {
      isOver = true
    })
    for (let kill = 0; kill < killsMax && !isOver; kill++) {
      await Promise.race([ended, pause(pauseBetweenKillsMs * (0.5 + Math.random()))])
      if (!isOver) await this.kill()
    }
    await ended
  }
}

/** Runs a tool to its end; answers what it said. */
function runTool(given: Given, argv: readonly string[]): Promise<{ code: number; output: string }> {
  const environment = { ...process.env, TOOL_HEAP: '-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC' }
  const child = spawn(given.tool, argv, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-1_000_000)
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      running.delete(child)
      resolve({ code: code ?? 1, output })
    })
  })
}

/** Produces until the input holds as many records as wanted: VerifiableProducer does not repeat what a kill took from it. */
async function produce(given: Given, broker: KilledBroker): Promise<{ acknowledged: number; count: number }> {
  let acknowledged = 0
  const work = async (): Promise<void> => {
    for (let left = given.records; left > 0; ) {
      const flags = ['--topic', 'input', '--max-messages', String(left), '--acks', '-1', '--throughput', '-1']
      const tool = ['org.apache.kafka.tools.VerifiableProducer', '--bootstrap-server', broker.address, ...flags]
      const { output } = await runTool(given, tool)
      const [, acked = '0'] = /"acked":(\d+)/.exec(output) ?? []
      acknowledged += Number(acked)
      left = given.records - (await readAll(broker.address, 'input', given.partitions)).flat().length
    }
  }
  await broker.killDuring(work(), Math.ceil(given.kills / 4))
  const count = (await readAll(broker.address, 'input', given.partitions)).flat().length
  return { acknowledged, count }
}

/** Copies one partition; a copier that gives up is started again, as a supervisor does. */
async function copy(given: Given, broker: KilledBroker, partition: number): Promise<{ starts: number; said: string }> {
  const endMs = performance.now() + tryMinutesMax * 60_000
  for (let starts = 1; ; starts++) {
    const { code, output } = await runTool(given, [
      'org.apache.kafka.tools.TransactionalMessageCopier',
      ...['--broker-list', broker.address, '--transactional-id', `copier-${partition}`],
      ...['--input-topic', 'input', '--input-partition', String(partition), '--output-topic', 'output'],
      ...['--transaction-size', '40', '--consumer-group', `copiers-${partition}`, '--enable-random-aborts'],
    ])
    const said = output.split('\n').filter((line) => /Exception|error/i.test(line))
    if (code === 0 && said.every((line) => !/^Exception in/.test(line))) return { starts, said: said.at(-1) ?? '' }
    if (performance.now() > endMs) throw new Error(`copier ${partition} gives up for ever: ${output.slice(-2_000)}`)
    await pause(500)
  }
}

async function readAll(address: string, topic: string, partitions: number): Promise<string[][]> {
  const client = new KafkaClient({ brokers: [address] })
  const consumer = new Consumer({ client, isolation: 'committed', maxWaitMs: 100 })
  const places = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 }))
  await consumer.assign(places)
  const values: string[][] = places.map(() => [])
  const take = ({ partition, value }: ConsumedRecord): void => void values[partition]?.push(`${value}`)
  do (await consumer.poll()).forEach(take)
  while (!consumer.isAtEnd)
  await client.close()
  return values
}

async function main(argv: readonly string[]): Promise<number> {
  const given = parse(argv)
  if (given === undefined) {
    console.error(usage)
    return 2
  }
  const directory = mkdtempSync(join(tmpdir(), 'safka-java-copier-'))
  const broker = new KilledBroker(given, directory)
  process.once('exit', () => {
    for (const child of running) child.kill('SIGKILL')
  })
  await broker.start()
  const client = new KafkaClient({ brokers: [broker.address] })
  for (const name of ['input', 'output']) await new Admin(client).createTopic({ name, partitions: given.partitions })
  await client.close()

  const produced = await produce(given, broker)
  const killsBefore = broker.kills
  console.log(
    `produced   ${produced.count} records, ${produced.acknowledged} acknowledged, through ${killsBefore} kills`,
  )
  const copies = Array.from({ length: given.partitions }, (_, partition) => copy(given, broker, partition))
  const copied = Promise.all(copies)
  await broker.killDuring(copied, given.kills)
  const starts = (await copied).map((result) => result.starts)
  console.log(`copied     through ${broker.kills - killsBefore} kills; copiers started ${starts.join(', ')} times`)

  const input = await readAll(broker.address, 'input', given.partitions)
  const output = await readAll(broker.address, 'output', given.partitions)
  await broker.end()
  const isGood = judge(input, output) && produced.count >= produced.acknowledged
  console.log(isGood ? 'passed' : `FAILED; the folder is kept: ${directory}`)
  if (isGood) rmSync(directory, { recursive: true, force: true })
  return isGood ? 0 : 1
}

function judge(input: readonly string[][], output: readonly string[][]): boolean {
  let isGood = true
  input.forEach((values, partition) => {
    const copies = output[partition] ?? []
    const counts = new Map<string, number>()
    for (const value of copies) counts.set(value, (counts.get(value) ?? 0) + 1)
    // VerifiableProducer counts from zero each time that it runs: a value may well be there twice, at two offsets.
    const place = values.findIndex((value, index) => copies[index] !== value)
    const isSame = place === -1 && copies.length === values.length
    const where = isSame ? '' : `, differs from record ${place} on`
    console.log(`partition ${partition}: ${values.length} records in, ${copies.length} out${where}`)
    isGood &&= isSame
  })
  return isGood
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

process.exitCode = await main(process.argv.slice(2))
