/** Puts a broker under mixed load for minutes: `npm run soak -- [flags]`. Is memory flat, is nothing lost, is there no error? */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBrokerProcess } from '../../scripts/broker-process.ts'
import { Admin } from '../../src/client/admin.ts'
import { KafkaClient } from '../../src/client/client.ts'
import { residentMegabytes } from './measure.ts'
import { SoakLedger } from './soak-ledger.ts'
import { runGroup, runOldReads, runSlowReaders } from './soak-readers.ts'
import { pause, runHasty, runProducers, runTopicChurn, runVanishing, type Soak } from './soak-writers.ts'

const usage = `usage: npm run soak -- [flags] [-- flags of safka start]
  --minutes N                how long (10)
  --megabytes-per-second N   of record values that are produced (25)
  --broker HOST:PORT         use a broker that runs already; --pid N tells its process, for its memory`

const partitionCount = 4
/** Retention keeps the disk from filling up: what is older than this a partition was read long ago. */
const keptBytes = 256 * 1024 * 1024
const segmentBytes = 32 * 1024 * 1024
const lineEverySeconds = 15
/** How long the group may take to read what is left at the end. */
const drainMsMax = 60_000
/** Memory counts as flat when its median grows by less than this share, or by less than these megabytes. */
const flatShare = 0.1
const flatMegabytes = 16

type Given = { minutes: number; rate: number; broker: string | undefined; pid: number; flags: string[] }

function parse(argv: readonly string[]): Given | undefined {
  const split = argv.indexOf('--')
  const own = split === -1 ? [...argv] : argv.slice(0, split)
  const flags = split === -1 ? [] : argv.slice(split + 1)
  const given: Given = { minutes: 10, rate: 25, broker: undefined, pid: 0, flags }
  for (let flag = own.shift(); flag !== undefined; flag = own.shift()) {
    const value = own.shift() ?? ''
    if (flag === '--minutes') given.minutes = Number(value)
    else if (flag === '--megabytes-per-second') given.rate = Number(value)
    else if (flag === '--pid') given.pid = Number(value)
    else if (flag === '--broker') given.broker = value
    else return undefined
  }
  return given.minutes > 0 && given.rate > 0 && Number.isInteger(given.pid) ? given : undefined
}

async function main(argv: readonly string[]): Promise<number> {
  const given = parse(argv)
  if (given === undefined) {
    console.error(usage)
    return 2
  }
  if (given.broker !== undefined) return (await soakOn(given.broker, given.pid, given)) ? 0 : 1
  const data = mkdtempSync(join(tmpdir(), 'safka-soak-'))
  try {
    const broker = await startBrokerProcess({
      flags: ['--host', '127.0.0.1', '--port', '0', '--data', data, ...given.flags],
    })
    const died = broker.ended.then((code): boolean => {
      console.log(`the broker ended with exit code ${code}`)
      return false
    })
    const isGood = await Promise.race([soakOn(`${broker.host}:${broker.port}`, broker.pid, given), died])
    const code = await broker.stop()
    const said = broker.errors()
    if (/ (warn|error) /.test(said) || code !== 0) console.log(`the broker said:\n${said}`)
    return isGood && code === 0 ? 0 : 1
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

async function soakOn(address: string, pid: number, given: Given): Promise<boolean> {
  const ledger = new SoakLedger()
  const topic = `soak-${Date.now()}`
  const hastyTopic = `${topic}-hasty`
  await createTopics(address, [topic, hastyTopic])
  const startMs = performance.now()
  const endMs = startMs + given.minutes * 60_000
  const isOver = (): boolean => performance.now() >= endMs
  const soak: Soak = { address, topic, partitionCount, ledger, bytesPerSecond: given.rate * 1e6, isOver }
  let isRead = false
  const group = runGroup(soak, () => isRead)
  const actors = [runProducers, runVanishing, runTopicChurn, runOldReads, runSlowReaders]
  const running = [
    ...actors.map((run) => watched(ledger, run.name, run(soak))),
    watched(ledger, runHasty.name, runHasty(soak, hastyTopic)),
  ]
  const samples = await sample(pid, ledger, startMs, isOver)
  await Promise.all(running)
  const drainEndMs = performance.now() + drainMsMax
  while (ledger.unread > 0 && performance.now() < drainEndMs) await pause(50)
  isRead = true
  await group
  return verdict(ledger, samples)
}

async function watched(ledger: SoakLedger, name: string, running: Promise<unknown>): Promise<void> {
  await running.catch((thrown: unknown) => ledger.fail(name, String(thrown)))
}

async function createTopics(address: string, names: readonly string[]): Promise<void> {
  const client = new KafkaClient({ brokers: [address], clientId: 'soak' })
  const configs = { 'retention.bytes': String(keptBytes), 'segment.bytes': String(segmentBytes) }
  for (const name of names) await new Admin(client).createTopic({ name, partitions: partitionCount, configs })
  await client.close()
}

/** Looks at the broker's memory once a second, and says how things are now and then. */
async function sample(pid: number, ledger: SoakLedger, startMs: number, isOver: () => boolean): Promise<number[]> {
  const samples: number[] = []
  let bytes = 0
  for (let second = 1; !isOver(); second++) {
    await pause(Math.max(0, startMs + second * 1000 - performance.now()))
    const megabytes = pid === 0 ? undefined : residentMegabytes(pid)
    if (megabytes !== undefined) samples.push(megabytes)
    if (second % lineEverySeconds !== 0) continue
    const rate = (ledger.producedBytes - bytes) / lineEverySeconds / 1e6
    bytes = ledger.producedBytes
    console.log(
      `${String(second).padStart(5)} s  ${megabytes?.toFixed(0) ?? '?'} MB resident · ${rate.toFixed(1)} MB/s acknowledged · ` +
        `${ledger.unread.toLocaleString('en-US')} records to be read · ${ledger.errorCount} errors`,
    )
  }
  return samples
}

function verdict(ledger: SoakLedger, samples: readonly number[]): boolean {
  for (const line of ledger.lines()) console.log(line)
  const lost = ledger.missing + ledger.unread
  console.log(`acknowledged: ${ledger.acknowledged.toLocaleString('en-US')} records, lost: ${lost}`)
  const fifth = Math.floor(samples.length / 5)
  const early = median(samples.slice(fifth, 2 * fifth))
  const late = median(samples.slice(4 * fifth))
  const isFlat = late - early <= Math.max(flatMegabytes, early * flatShare)
  if (samples.length > 0) {
    const word = isFlat ? 'flat' : 'NOT FLAT'
    const most = Math.max(...samples)
    console.log(
      `memory is ${word}: ${early.toFixed(0)} MB in the second fifth, ${late.toFixed(0)} MB in the last, at most ${most.toFixed(0)} MB`,
    )
  }
  return isFlat && lost === 0 && ledger.errorCount === 0
}

function median(samples: readonly number[]): number {
  return [...samples].sort((left, right) => left - right)[Math.floor(samples.length / 2)] ?? 0
}

// What is still under way belongs to a broker that is gone.
process.exit(await main(process.argv.slice(2)))
