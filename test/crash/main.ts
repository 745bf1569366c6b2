/** Kills brokers in the middle of their work, as often as wanted: `npm run crash -- [flags]`. */

import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { filesBelow } from '../../scripts/project.ts'
import { killLeftBrokers } from './broker-child.ts'
import { CrashLife, type LifeOptions, type LifeReport, type SyncPolicy } from './crash-life.ts'

const usage = `usage: npm run crash -- [flags]
  --rounds N          rounds of load with a kill in each (200)
  --seed S            the first folder's seed; each folder after it has the next (a random one)
  --sync POLICY       never, interval or every (all in turn)
  --power-cuts WHEN   no, yes, or half: every other folder loses what was not synced with each kill (half)
  --rounds-a-folder N rounds before a fresh folder (10)
  --log-tool COMMAND  runs a class of Apache Kafka's jars: its DumpLogSegments looks at each folder at the end
  --port N            where brokers listen (any)`

type Given = {
  rounds: number
  seed: number
  sync: SyncPolicy | undefined
  powerCuts: 'no' | 'yes' | 'half'
  roundsAFolder: number
  logTool: string | undefined
  port: number
}

const policies = ['never', 'interval', 'every'] as const
/** Owners and fronts, in turn. */
const layouts = [
  { owners: 0, fronts: 1 },
  { owners: 1, fronts: 1 },
  { owners: 2, fronts: 2 },
  { owners: 1, fronts: 2 },
] as const

function parse(argv: readonly string[]): Given | undefined {
  const given: Given = {
    rounds: 200,
    seed: Math.floor(Math.random() * 1_000_000),
    sync: undefined,
    powerCuts: 'half',
    roundsAFolder: 10,
    logTool: undefined,
    port: 0,
  }
  for (let at = 0; at < argv.length; at += 2) {
    const value = argv[at + 1] ?? ''
    const policy = policies.find((name) => name === value)
    if (argv[at] === '--rounds') given.rounds = Number(value)
    else if (argv[at] === '--seed') given.seed = Number(value)
    else if (argv[at] === '--sync' && policy !== undefined) given.sync = policy
    else if (argv[at] === '--power-cuts' && (value === 'no' || value === 'yes' || value === 'half'))
      given.powerCuts = value
    else if (argv[at] === '--rounds-a-folder') given.roundsAFolder = Number(value)
    else if (argv[at] === '--log-tool') given.logTool = value
    else if (argv[at] === '--port') given.port = Number(value)
    else return undefined
  }
  const numbers = [given.rounds, given.seed, given.roundsAFolder, given.port]
  return numbers.every((number) => Number.isInteger(number)) ? given : undefined
}

/** What all lives of one kind add up to. */
type Row = LifeReport & { lives: number; faults: number; checkedFiles: number }

async function main(argv: readonly string[]): Promise<number> {
  const given = parse(argv)
  if (given === undefined) {
    console.error(usage)
    return 2
  }
  process.once('exit', killLeftBrokers)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const rows = new Map<string, Row>()
  let isGood = true
  for (let life = 0, left = given.rounds; left > 0; life++) {
    const rounds = Math.min(left, given.roundsAFolder)
    left -= rounds
    const options = optionsOf(given, life)
    const startMs = performance.now()
    const { report, checkedFiles } = await live(options, rounds, given.logTool)
    add(rows, options, report, checkedFiles)
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0)
    console.log(`${new Date().toISOString().slice(11, 19)} ${describe(options)}: ${summary(report)}, ${seconds} s`)
    if (report.fault !== '') isGood = false
  }
  printTable(rows)
  return isGood ? 0 : 1
}

function optionsOf(given: Given, life: number): LifeOptions {
  const sync = given.sync ?? policies[life % policies.length] ?? 'never'
  const layout = layouts[(life + Math.floor(life / layouts.length)) % layouts.length] ?? layouts[0]
  const isOdd = Math.floor(life / (given.sync === undefined ? policies.length : 1)) % 2 === 1
  const hasPowerCuts = given.powerCuts === 'yes' || (given.powerCuts === 'half' && isOdd)
  const seed = given.seed + life
  const directory = mkdtempSync(join(tmpdir(), `safka-crash-${seed}-`))
  return { seed, directory, sync, ...layout, hasPowerCuts, port: given.port }
}

async function live(
  options: LifeOptions,
  rounds: number,
  logTool: string | undefined,
): Promise<{ report: LifeReport; checkedFiles: number }> {
  const life = new CrashLife(options)
  const { report } = life
  let checkedFiles = 0
  try {
    await life.begin()
    for (let round = 0; round < rounds && (await life.round(1)); round++);
    await life.end()
    if (report.fault === '' && logTool !== undefined) {
      const checked = await dumpLogs(options.directory, logTool, life.world.isLossy)
      checkedFiles = checked.files
      report.fault = checked.fault
    }
  } catch (thrown) {
    report.fault = `${thrown instanceof Error ? thrown.stack : thrown}`
  }
  await life.end()
  if (report.fault === '') life.remove()
  else keep(life, options)
  return { report, checkedFiles }
}

/** Keeps what it takes to understand a failure: the history, what the broker said, and a copy of the folder as it was. */
function keep(life: CrashLife, options: LifeOptions): void {
  const folder = `${options.directory}-failed`
  mkdirSync(folder, { recursive: true })
  cpSync(options.directory, join(folder, 'data'), { recursive: true })
  writeFileSync(join(folder, 'fault.txt'), `${describe(options)}\n${life.report.fault}\n`)
  writeFileSync(join(folder, 'broker.txt'), life.errors())
  const { operations, readers } = life.world.history
  const lines = [{ readers: [...readers] }, ...operations].map((line) => JSON.stringify(line))
  writeFileSync(join(folder, 'history.jsonl'), lines.join('\n'))
  console.log(`\n${describe(options)} failed; folder and history are kept in ${folder}\n${life.report.fault}\n`)
  life.remove()
}

/** Kafka's own look at all segments of a folder. */
async function dumpLogs(
  directory: string,
  logTool: string,
  isLossy: boolean,
): Promise<{ files: number; fault: string }> {
  // Of snapshots that no sync covered only the newest is looked at, by Kafka as here: older ones may stay damaged.
  const kinds = ['.log', '.index', '.timeindex', '.txnindex', ...(isLossy ? [] : ['.snapshot'])]
  const files = kinds.flatMap((kind) => filesBelow('.', kind, directory).map((name) => join(directory, name)))
  const bad: string[] = []
  // What a broker looks at when it starts, and then every entry of every index.
  for (const depth of ['--index-sanity-check', '--verify-index-only']) {
    const argv = ['org.apache.kafka.tools.DumpLogSegments', '--deep-iteration', depth, '--files', files.join(',')]
    const { stdout, stderr } = await promisify(execFile)(logTool, argv, { maxBuffer: 2 ** 30 })
    for (const line of `${stdout}${stderr}`.split('\n')) if (logFault.test(line)) bad.push(line)
  }
  const first = bad.slice(0, 10).join('\n')
  return {
    files: files.length,
    fault: bad.length === 0 ? '' : `DumpLogSegments: ${bad.length} lines such as\n${first}`,
  }
}

/** What DumpLogSegments says where something is wrong. That -1 is followed by its first offset it says of every segment. */
const logFault = /isvalid: false|invalid bytes|mismatch|^ *\d+ is followed by|out of order|corrupt|exception|error/i

function describe({ seed, sync, owners, fronts, hasPowerCuts }: LifeOptions): string {
  return `seed ${seed}, sync ${sync}${hasPowerCuts ? ' with power cuts' : ''}, ${owners} owners, ${fronts} fronts`
}

function summary(report: LifeReport): string {
  const { rounds, kills, killsInFlight, killsAtStart, acknowledged, transactions, commits, fault } = report
  const kinds = `${kills} kills (${killsInFlight} with writes in flight) and ${killsAtStart} at a start`
  const what = `${acknowledged} records acknowledged, ${transactions} transactions, ${commits} commits`
  return `${rounds} rounds, ${kinds}, ${what}: ${fault === '' ? 'good' : 'BAD'}`
}

function add(rows: Map<string, Row>, options: LifeOptions, report: LifeReport, checkedFiles: number): void {
  const name = `${options.sync}${options.hasPowerCuts ? ', power cuts' : ''}`
  const row = rows.get(name)
  const isBad = report.fault === '' ? 0 : 1
  if (row === undefined) {
    rows.set(name, { ...report, lives: 1, faults: isBad, checkedFiles })
    return
  }
  row.lives++
  row.faults += isBad
  row.checkedFiles += checkedFiles
  for (const field of counted) row[field] += report[field]
}

const counted = [
  'rounds',
  'kills',
  'killsInFlight',
  'killsAtStart',
  'acknowledged',
  'transactions',
  'commits',
  'readBack',
  'cutBytes',
] as const

function printTable(rows: ReadonlyMap<string, Row>): void {
  console.log('')
  const columns = ['lives', ...counted, 'checkedFiles', 'faults'] as const
  console.log(['sync'.padEnd(21), ...columns.map((column) => column.padStart(13))].join(' '))
  for (const [name, row] of rows) {
    console.log([name.padEnd(21), ...columns.map((column) => String(row[column]).padStart(13))].join(' '))
  }
}

process.exitCode = await main(process.argv.slice(2))
