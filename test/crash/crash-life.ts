/** One data folder's life: brokers that are killed in the middle of their work again and again, and a history that is judged. */

import { rmSync } from 'node:fs'
import { Admin } from '../../src/client/admin.ts'
import { withClient } from '../broker/records.ts'
import { checkHistory } from '../history/check.ts'
import { type BrokerChild, startBrokerChild } from './broker-child.ts'
import { Copier } from './load/copier.ts'
import { GroupReader, sessionMs } from './load/group-reader.ts'
import { readBack } from './load/read-back.ts'
import { SteadyProducer } from './load/steady-producer.ts'
import { SteadyReader } from './load/steady-reader.ts'
import { type Actor, type CrashTopic, crashTopics, pause, World } from './load/world.ts'
import { PowerCut } from './power-cut.ts'

export type SyncPolicy = 'never' | 'interval' | 'every'

export type LifeOptions = {
  readonly seed: number
  /** An empty folder. */
  readonly directory: string
  readonly sync: SyncPolicy
  readonly owners: number
  readonly fronts: number
  /** Whether each kill is a power cut too: what was not synced goes, or is damaged. */
  readonly hasPowerCuts: boolean
  /** 0: any. */
  readonly port?: number
}

/** What a life has seen so far. */
export type LifeReport = {
  rounds: number
  kills: number
  /** Kills at a moment when writes were under way. */
  killsInFlight: number
  /** Kills of brokers that were starting. */
  killsAtStart: number
  acknowledged: number
  transactions: number
  commits: number
  readBack: number
  /** Bytes that power cuts took or damaged. */
  cutBytes: number
  /** '' where all is well. */
  fault: string
}

/** Small, so that crashes meet segments that roll. */
const segmentBytes = 1024 * 1024
/** Ticks of `tickMs` that clients may take to go on after a start, or to end. Ticks, not time: a machine may stand still. */
const ticksMax = 1_000
const tickMs = 50

export class CrashLife {
  readonly world: World
  readonly report: LifeReport = {
    rounds: 0,
    kills: 0,
    killsInFlight: 0,
    killsAtStart: 0,
    acknowledged: 0,
    transactions: 0,
    commits: 0,
    readBack: 0,
    cutBytes: 0,
    fault: '',
  }
  readonly #options: LifeOptions
  readonly #flags: readonly string[]
  readonly #topics: readonly CrashTopic[]
  readonly #powerCut: PowerCut | undefined
  #broker: BrokerChild | undefined
  #port: number

  constructor(options: LifeOptions) {
    this.#options = options
    const { seed, sync, owners, fronts, hasPowerCuts, directory } = options
    const isLossy = hasPowerCuts && sync !== 'every'
    this.world = new World({ seed, isLossy })
    // A machine that loses a part of a transaction breaks it, whoever the broker is.
    this.#topics = isLossy ? ['plain'] : ['plain', 'input', 'output']
    const settings = { sync, 'sync-interval-ms': 50, owners, fronts, set: `group.min.session.timeout.ms=${sessionMs}` }
    this.#flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
    this.#powerCut = hasPowerCuts ? new PowerCut(directory, this.world.random) : undefined
    this.#port = options.port ?? 0
  }

  /** Makes the topics; for a life with power cuts they lie safely on disk. */
  async begin(): Promise<void> {
    let broker = await this.#start()
    await withClient(broker.address, async (client) => {
      const configs = { 'segment.bytes': String(segmentBytes) }
      for (const name of this.#topics)
        await new Admin(client).createTopic({ name, partitions: crashTopics[name], configs })
    })
    if (this.#powerCut === undefined) return
    await broker.end('SIGTERM')
    this.#powerCut.trustAll()
    broker = await this.#start()
  }

  /** One round: load, `kills` kills in the middle of it, everything read back and judged. False: `report.fault` says why. */
  async round(kills: number): Promise<boolean> {
    const { world, report } = this
    world.isStopping = false
    const actors = this.#actors()
    const runs = actors.map((actor) => actor.run())
    const failure = Promise.all(runs).then(() => undefined)
    failure.catch(() => undefined)
    for (let kill = 0; kill < kills; kill++) {
      await within('the clients go on', this.#goesOn(actors), failure)
      await pause(world.random.below(250))
      await this.#kill()
    }
    await within('the clients go on', this.#goesOn(actors), failure)
    world.isStopping = true
    await within('the clients end', failure)
    report.readBack += await readBack(world, this.#topics)
    report.rounds++
    const findings = checkHistory(world.history)
    report.fault = [findings.toString(), ...world.problems.slice(0, 20)].filter((text) => text !== '').join('\n')
    this.#count()
    return report.fault === ''
  }

  /** Ends in order and starts again: nothing needs a check then, and all is there. */
  async restartInOrder(): Promise<string> {
    const { code, signal } = (await this.#broker?.end('SIGTERM')) ?? { code: -1, signal: null }
    if (code !== 0) return `the broker ended with ${code ?? signal}`
    const broker = await this.#start()
    if (/not a clean one|checked/.test(broker.errors())) return `after a clean stop: ${broker.errors()}`
    await readBack(this.world, this.#topics)
    return checkHistory(this.world.history).toString()
  }

  /** What the broker that runs now has said on standard error. */
  errors(): string {
    return this.#broker?.errors() ?? ''
  }

  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#broker?.end(signal)
    this.#powerCut?.close()
  }

  /** Forgets the folder. */
  remove(): void {
    rmSync(this.#options.directory, { recursive: true, force: true })
  }

  #actors(): Actor[] {
    const { world } = this
    const isEven = this.report.rounds % 2 === 0
    const actors: Actor[] = [
      new SteadyProducer({ world, mode: 'once', topic: 'plain' }),
      new SteadyProducer({ world, mode: 'idempotent', topic: 'plain' }),
      new SteadyReader(world, 'uncommitted', ['plain']),
      new GroupReader(world),
      new GroupReader(world),
    ]
    if (world.isLossy) return [...actors, new SteadyProducer({ world, mode: 'again', topic: 'plain' })]
    return [
      ...actors,
      new SteadyProducer({ world, mode: 'idempotent', topic: 'input' }),
      new SteadyReader(world, 'committed', this.#topics),
      new Copier({ world, inputPartition: 0, protocol: isEven ? 1 : 2, isPatient: true }),
      new Copier({ world, inputPartition: 1, protocol: isEven ? 2 : 1, isPatient: false }),
    ]
  }

  async #goesOn(actors: readonly Actor[]): Promise<void> {
    const before = actors.map(({ progress }) => progress)
    const late = (): Actor[] => actors.filter(({ progress }, index) => progress <= (before[index] ?? 0))
    for (let tick = 0; late().length > 0; tick++) {
      if (tick === ticksMax) {
        const names = late().map(({ name }) => name)
        throw new Error(`${names.join(', ')} did not go on; problems: ${this.world.problems.slice(0, 5).join('; ')}`)
      }
      await pause(tickMs)
    }
  }

  /** Kills the broker while something is being written, and starts another; now and then that one is killed at its start. */
  async #kill(): Promise<void> {
    const { world, report } = this
    for (let turn = 0; world.inFlight === 0 && turn < 10_000; turn++) await new Promise(setImmediate)
    if (world.inFlight > 0) report.killsInFlight++
    report.kills++
    await this.#broker?.end('SIGKILL')
    await this.#cut()
    if (world.random.below(5) === 0) {
      report.killsAtStart++
      const starting = this.#spawn()
      starting.catch(() => undefined)
      await pause(50 + world.random.below(400))
      await (await starting.catch(() => undefined))?.end('SIGKILL')
      await this.#cut()
    }
    await this.#start()
  }

  async #cut(): Promise<void> {
    if (this.#powerCut === undefined) return
    // What had been answered before the crash arrives and is noted as such.
    await pause(30)
    const { kept, cutBytes } = this.#powerCut.strike()
    this.report.cutBytes += cutBytes
    if (!this.world.isLossy) return
    this.world.generation++
    this.world.history.add({ kind: 'cut', kept, areCommitsKept: false })
  }

  async #start(): Promise<BrokerChild> {
    this.#broker = await this.#spawn()
    this.#port = this.#broker.port
    this.world.address = this.#broker.address
    return this.#broker
  }

  #spawn(): Promise<BrokerChild> {
    return startBrokerChild({
      directory: this.#options.directory,
      flags: this.#flags,
      port: this.#port,
      environment: this.#powerCut?.environment ?? {},
    })
  }

  #count(): void {
    const { report } = this
    Object.assign(report, { acknowledged: 0, transactions: 0, commits: 0 })
    for (const operation of this.world.history.operations) {
      if (operation.kind === 'send' && operation.outcome === 'ok') report.acknowledged++
      if (operation.kind === 'transaction' && operation.outcome === 'ok') report.transactions++
      if (operation.kind === 'commit' && operation.outcome === 'ok') report.commits++
    }
  }
}

/** Waits, but not for ever, and not once a client has failed. */
async function within(what: string, ...promises: readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_, reject) => {
    let ticks = 0
    timer = setInterval(() => {
      if (++ticks > 2 * ticksMax) reject(new Error(`it took too long until ${what}`))
    }, tickMs)
  })
  try {
    await Promise.race([...promises, late])
  } finally {
    clearInterval(timer)
  }
}
