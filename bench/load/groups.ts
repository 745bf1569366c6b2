/** Puts a broker under the load of many consumer groups: `npm run bench:groups -- [flags]`. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startBrokerProcess } from '../../scripts/broker-process.ts'
import { Admin } from '../../src/client/admin.ts'
import { KafkaClient, parseAddress } from '../../src/client/client.ts'
import { BareMember, type MemberEvents } from './bare-member.ts'
import { LoadConnection } from './connection.ts'
import { batchOf, produce, produceBody, produceErrorCode } from './loads.ts'
import { cpuSeconds, Latencies } from './measure.ts'

const usage = `usage: npm run bench:groups -- [flags] [-- flags of safka start]
  --groups N, --members N        groups (1000) of members (10), each with a connection of its own
  --commits N                    offset commits a second (20000)
  --megabytes-per-second N       of produce beside the groups (50), in batches of 64 KiB
  --seconds N                    how long heartbeats, and commits, are measured (10)
  --rounds N                     of produce, in turn with and without the groups' load (10), 3 s each
  --broker HOST:PORT, --pid N    use a broker that runs already`

const topic = 'groups-load'
const partitionCount = 4
const heartbeatMs = 3_000
/** Timers tick this often; what is due since the last tick is sent at once. */
const tickMs = 5
const connectAtOnce = 100
const settleMsMax = 120_000
const roundMs = 3_000
const batchBytes = 65_536

const defaults = {
  groups: 1000,
  members: 10,
  commits: 20_000,
  'megabytes-per-second': 50,
  seconds: 10,
  rounds: 10,
  pid: 0,
}
type Given = typeof defaults
type Target = { readonly host: string; readonly port: number; readonly pid: number }

class GroupLoad implements MemberEvents {
  readonly members: BareMember[] = []
  readonly latencies = new Latencies()
  committedCount = 0
  errors = 0
  firstError = ''
  readonly #target: Target
  #timer: NodeJS.Timeout | undefined
  #heartbeats = 0
  #commits = 0

  constructor(target: Target) {
    this.#target = target
  }

  settled(): void {}

  committed(latencyMs: number): void {
    this.committedCount += 1
    this.latencies.add(latencyMs)
  }

  failed(message: string): void {
    this.errors += 1
    if (this.firstError === '') this.firstError = message
  }

  async join(groups: number, members: number): Promise<void> {
    const groupIds = Array.from({ length: groups * members }, (_, index) => `load-${groups}-${index % groups}`)
    while (groupIds.length > 0) {
      const opened = groupIds
        .splice(0, connectAtOnce)
        .map((groupId) => BareMember.open({ ...this.#target, groupId, topic, events: this }))
      this.members.push(...(await Promise.all(opened)))
    }
  }

  /** Whether every member is settled in the same generation as the others of its group. */
  isSettled(): boolean {
    const generations = new Map<string, number>()
    return this.members.every((member) => {
      const known = generations.get(member.groupId) ?? member.generation
      generations.set(member.groupId, member.generation)
      return member.isSettled && known === member.generation
    })
  }

  async untilSettled(): Promise<number> {
    const startMs = performance.now()
    while (!this.isSettled()) {
      if (performance.now() - startMs > settleMsMax) throw new Error(`not settled: ${this.firstError}`)
      await pause(1)
    }
    return performance.now() - startMs
  }

  /** Each member heartbeats every 3 s; `commits` a second are spread over all of them. */
  start(commits: number): void {
    this.stop()
    const startMs = performance.now()
    const heartbeatsBefore = this.#heartbeats
    const commitsBefore = this.#commits
    this.#timer = setInterval(() => {
      const elapsedMs = performance.now() - startMs
      const heartbeatsDue = heartbeatsBefore + (elapsedMs / heartbeatMs) * this.members.length
      while (this.#heartbeats < heartbeatsDue) this.#next(this.#heartbeats++)?.heartbeat()
      const commitsDue = commitsBefore + (elapsedMs / 1000) * commits
      while (this.#commits < commitsDue) this.#next(this.#commits++)?.commit()
    }, tickMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  close(): void {
    this.stop()
    for (const member of this.members) member.close()
  }

  #next(count: number): BareMember | undefined {
    return this.members[count % this.members.length]
  }
}

/** Produces at a steady rate for a while; answers the latencies. */
async function producePaced(target: Target, megabytesPerSecond: number, latencies: Latencies): Promise<void> {
  const batch = batchOf(batchBytes / 1024, 1024)
  const bodies = Array.from({ length: partitionCount }, (_, index) => produceBody({ topic, acks: 1 }, index, batch))
  const sentMs: number[] = []
  let failure = ''
  const connection = await LoadConnection.open({
    ...target,
    onAnswer(answer) {
      if (produceErrorCode(answer) !== 0) failure = `produce was answered with error ${produceErrorCode(answer)}`
      latencies.add(performance.now() - (sentMs.shift() ?? 0))
    },
    onError: (error) => {
      failure = error.message
    },
  })
  const startMs = performance.now()
  let sent = 0
  while (performance.now() - startMs < roundMs) {
    const due = ((performance.now() - startMs) / 1000) * ((megabytesPerSecond * 1e6) / batchBytes)
    for (; sent < due; sent++) {
      const body = bodies[sent % partitionCount]
      if (body === undefined) break
      sentMs.push(performance.now())
      connection.send({ ...produce, correlationId: sent, body })
    }
    await pause(1)
  }
  while (sentMs.length > 0 && failure === '') await pause(1)
  connection.close()
  if (failure !== '') throw new Error(failure)
}

async function measureCpu(pid: number, seconds: number): Promise<number> {
  const before = cpuSeconds(pid) ?? 0
  await pause(seconds * 1000)
  return (cpuSeconds(pid) ?? 0) - before
}

async function rebalances(target: Target, members: number): Promise<void> {
  const load = new GroupLoad(target)
  await load.join(1, members)
  load.start(0)
  await load.untilSettled()
  const times: number[] = []
  for (let round = 0; round < 20; round++) {
    for (const member of load.members) member.rejoin()
    times.push(await load.untilSettled())
  }
  load.close()
  times.sort((a, b) => a - b)
  const [middle, most] = [times[10] ?? 0, times.at(-1) ?? 0]
  say(`rebalance of ${members} members, from the last join: median ${middle.toFixed(1)} ms, most ${most.toFixed(1)} ms`)
}

async function run(target: Target, given: Given): Promise<boolean> {
  const client = new KafkaClient({ brokers: [`${target.host}:${target.port}`], clientId: 'safka-load' })
  await new Admin(client).createTopic({ name: topic, partitions: partitionCount, configs: {} })
  await client.close()
  await rebalances(target, given.members)

  const load = new GroupLoad(target)
  const startMs = performance.now()
  load.start(0)
  await load.join(given.groups, given.members)
  await load.untilSettled()
  const total = load.members.length
  say(
    `${given.groups} groups of ${given.members}: settled ${((performance.now() - startMs) / 1000).toFixed(1)} s after the first join`,
  )

  const heartbeatCpu = await measureCpu(target.pid, given.seconds)
  const heartbeats = (total / heartbeatMs) * 1000
  say(
    `${total} members, ${heartbeats.toFixed(0)} heartbeats/s: ${(heartbeatCpu / given.seconds).toFixed(3)} cores, ` +
      `${((heartbeatCpu / given.seconds / heartbeats) * 1e6).toFixed(1)} µs each`,
  )

  load.start(given.commits)
  await pause(1000)
  load.latencies.clear()
  const committedBefore = load.committedCount
  const commitCpu = (await measureCpu(target.pid, given.seconds)) - heartbeatCpu
  const committed = load.committedCount - committedBefore
  const { p50, p99 } = load.latencies.percentiles()
  say(
    `${(committed / given.seconds).toFixed(0)} commits/s: ${((commitCpu / committed) * 1e6).toFixed(1)} µs of CPU each ` +
      `beside the heartbeats, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
  )
  load.stop()
  await besideProduce(target, given, load)
  load.close()
  if (load.errors > 0) say(`${load.errors} ERRORS, first: ${load.firstError}`)
  return load.errors === 0
}

async function besideProduce(target: Target, given: Given, load: GroupLoad): Promise<void> {
  const alone = new Latencies()
  const beside = new Latencies()
  const rate = given['megabytes-per-second']
  await producePaced(target, rate, new Latencies())
  for (let round = 0; round < given.rounds; round++) {
    await producePaced(target, rate, alone)
    load.start(given.commits)
    await producePaced(target, rate, beside)
    load.stop()
    // Members whose heartbeats paused are still far from their session's end.
    await pause(200)
  }
  const [without, with_] = [alone.percentiles(), beside.percentiles()]
  say(
    `produce at ${rate} MB/s, ${given.rounds} rounds: p99 ${without.p99.toFixed(2)} ms alone, ${with_.p99.toFixed(2)} ms beside the groups ` +
      `(${(with_.p99 / without.p99).toFixed(2)}×); p50 ${without.p50.toFixed(2)} and ${with_.p50.toFixed(2)} ms`,
  )
}

function say(line: string): void {
  console.log(line)
}

function parse(argv: readonly string[]): { given: Given; broker: string | undefined; flags: string[] } | undefined {
  const split = argv.indexOf('--')
  const own = split === -1 ? [...argv] : argv.slice(0, split)
  const given = { ...defaults }
  let broker: string | undefined
  for (let flag = own.shift(); flag !== undefined; flag = own.shift()) {
    const name = flag.replace(/^--/, '')
    const value = own.shift()
    if (flag === '--broker') broker = value
    else if (flag.startsWith('--') && isNumber(name) && Number(value) >= 0) given[name] = Number(value)
    else return undefined
  }
  return { given, broker, flags: split === -1 ? [] : argv.slice(split + 1) }
}

function isNumber(name: string): name is keyof Given {
  return Object.hasOwn(defaults, name)
}

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parse(argv)
  if (parsed === undefined) {
    console.error(usage)
    return 2
  }
  const { given, broker: address, flags } = parsed
  if (address !== undefined) return (await run({ ...parseAddress(address), pid: given.pid }, given)) ? 0 : 1
  const data = mkdtempSync(join(tmpdir(), 'safka-groups-'))
  try {
    const broker = await startBrokerProcess({ flags: ['--host', '127.0.0.1', '--port', '0', '--data', data, ...flags] })
    const isGood = await run(broker, given)
    const code = await broker.stop()
    return isGood && code === 0 ? 0 : 1
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

process.exit(await main(process.argv.slice(2)))
