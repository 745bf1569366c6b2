/** One life of a broker: the real agents, in one thread, on the scheduler's time and the machine's disk. */

import type { Clock } from '../../src/base/clock.ts'
import { messageOf, SafkaError } from '../../src/base/errors.ts'
import type { Logger } from '../../src/base/logger.ts'
import type { Random } from '../../src/base/random.ts'
import { partitionDirectory, type Topology } from '../../src/base/topology.ts'
import { type BrokerConfig, configWith } from '../../src/broker/config.ts'
import { CoordinatorHost } from '../../src/broker/coordinator-host.ts'
import type { recoverFolders } from '../../src/broker/housekeeping.ts'
import type { FrontSettings } from '../../src/broker/remotes.ts'
import type { SharedMemory } from '../../src/broker/shared-memory.ts'
import type { FrontAgent } from '../../src/front/front.ts'
import { openEngine } from '../../src/log/open-engine.ts'
import { Rates } from '../../src/metrics/rates.ts'
import { recoverLog } from '../../src/partition/open-partition.ts'
import { Bell } from '../../src/ring/bell.ts'
import { ByteQueue } from '../../src/ring/queue.ts'
import { PartitionTable } from '../../src/ring/table.ts'
import { createCollapsedAgents } from '../../workers/collapsed.ts'
import { postAlone } from './lane.ts'
import type { Machine } from './machine.ts'
import { type ClientEnd, SimulatedDuplex } from './network.ts'
import { Link, remoteFront, remoteMain, remoteOwner } from './remote-calls.ts'
import { RingWatch } from './ring-watch.ts'
import type { Scheduler } from './scheduler.ts'

const partitionsMax = 64
const queueBytes = 64 * 1024
/** The simulation's own number among the writers of rings. */
export const simulationWriter = 2
const claimsWaitMs = 1

export type LifeOptions = {
  readonly scheduler: Scheduler
  readonly machine: Machine
  readonly random: Random
  readonly logger: Logger
  readonly owners: number
  readonly ringBytesMax: number
  readonly ringMemoryBytesMax: number
  readonly kafka: ReadonlyMap<string, string>
  /** An agent threw: a defect. */
  readonly onDeath: (reason: Error) => void
}

/** From start to stop, kill or power cut. */
export class Life {
  readonly watch: RingWatch
  /** Slots that the simulation itself has claimed and not answered: a stop waits for them, as it waits for fronts. */
  openClaims = 0
  readonly topology: Topology
  readonly #options: LifeOptions
  readonly #clock: Clock & { end(): void }
  readonly #host: CoordinatorHost
  readonly #agents: ReturnType<typeof createCollapsedAgents>
  readonly #links: Link[] = []
  readonly #loops: { stop(): void }[] = []
  readonly #duplexes = new Set<SimulatedDuplex>()
  #front: FrontAgent | undefined
  #isListening = false
  #isOver = false

  constructor(options: LifeOptions) {
    this.#options = options
    const { scheduler, machine, random, logger } = options
    const clock = scheduler.clock.scope()
    this.#clock = clock
    const config = configOf(options)
    const shared = sharedMemory(config)
    this.topology = shared.topology
    this.watch = new RingWatch(shared.topology)
    const openDisk = () => machine.open()
    const common = { clock, random, logger, openDisk }
    const recover: typeof recoverFolders = (plan) => this.#recoverFolders(plan)
    this.#host = new CoordinatorHost({ ...common, config, shared, recoverFolders: recover })
    this.#run('main', this.#host, shared.mainBell)
    this.#agents = createCollapsedAgents({
      ...common,
      topology: shared.topology,
      fronts: shared.fronts,
      main: remoteMain(this.#host.control, this.#link('front to main')),
      onDeath: options.onDeath,
      runAgent: (agent, bell) => {
        if (isFront(agent)) this.#front = agent
        return this.#run(isFront(agent) ? 'front' : `owner ${this.#loops.length}`, agent, bell)
      },
    })
  }

  /** Whether clients may connect. */
  get isListening(): boolean {
    return this.#isListening && !this.#isOver
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Resolves once clients may connect; rejects where the broker does not start. Neither happens after a kill. */
  async start(): Promise<void> {
    const owners = this.#agents.owners.map((owner, index) =>
      this.watch.owner(remoteOwner(owner, this.#link(`owner ${index}`))),
    )
    const fronts = this.#agents.fronts.map((front) => remoteFront(front, this.#link('front')))
    await this.#host.recover({ owners, fronts, terminate: async () => undefined })
    this.#isListening = true
  }

  /** A client connects; undefined where nobody listens. */
  connect(client: ClientEnd): SimulatedDuplex | undefined {
    if (!this.isListening || this.#front === undefined) return undefined
    const duplex = new SimulatedDuplex(this.#options.scheduler, client)
    const spec = { name: 'PLAINTEXT', host: '127.0.0.1', port: 9092 }
    if (!this.#front.accept(spec, (listenerOf) => duplex.connect(listenerOf(duplex)))) return undefined
    this.#duplexes.add(duplex)
    return duplex
  }

  /** Breaks one connection. */
  breakConnection(): void {
    const open = [...this.#duplexes].filter((duplex) => !duplex.isOver)
    open[this.#options.scheduler.random.below(Math.max(1, open.length))]?.breakOff()
    for (const duplex of this.#duplexes) if (duplex.isOver) this.#duplexes.delete(duplex)
  }

  /** Stops in order: what `startBroker`'s stop does. */
  async stop(): Promise<void> {
    this.#isListening = false
    await Promise.all(this.#agents.fronts.map((front) => front.stop(false)))
    while (this.openClaims > 0) {
      await new Promise<void>((resolve) => this.#clock.startTimer(claimsWaitMs, resolve))
    }
    await Promise.all(this.#agents.owners.map((owner) => owner.stop()))
    this.#host.close()
    this.kill()
  }

  /** The process is gone, at once. */
  kill(): void {
    this.#isOver = true
    for (const loop of this.#loops) loop.stop()
    for (const link of this.#links) link.end()
    for (const duplex of this.#duplexes) if (!duplex.isOver) duplex.abandon()
    this.#clock.end()
    this.#options.machine.kill()
  }

  #run(name: string, agent: { doWork(): number }, bell: Bell): { stop(): void } {
    const die = (thrown: unknown): void =>
      this.#options.onDeath(
        new SafkaError('SAFKA_THREAD_DIED', `${name} died: ${messageOf(thrown)}`, { cause: thrown }),
      )
    const loop = this.#options.scheduler.runAgent(name, agent, bell, die)
    this.#loops.push(loop)
    return loop
  }

  #link(name: string): Link {
    const link = new Link(this.#options.scheduler, name)
    this.#links.push(link)
    return link
  }

  /** What the housekeeper pool does: one folder after another in any order, each in one go. */
  async #recoverFolders({ topics }: Parameters<typeof recoverFolders>[0]): Promise<void> {
    const { scheduler, machine, logger, random } = this.#options
    const recoveries: Promise<void>[] = []
    for (const { name, id: topicId, settings, partitionCount, leaderEpochs } of topics) {
      for (let partition = 0; partition < partitionCount; partition++) {
        const disk = machine.open()
        if (settings.storage !== 'local' || !disk.exists(partitionDirectory(name, partition))) continue
        const leaderEpoch = leaderEpochs[partition] ?? 0
        const open = { topic: name, topicId, partition, slot: 0, settings, leaderEpoch }
        const recover = (): void => {
          try {
            const clock = this.#clock
            recoverLog({ open, openEngine, disk: () => disk, clock, random, logger, onProgress: () => undefined })
          } catch (thrown) {
            logger.warn('a folder could not be recovered', { name, partition, reason: messageOf(thrown) })
          }
        }
        recoveries.push(
          new Promise((resolve) => {
            postAlone(scheduler, `recover ${name}-${partition}`, () => {
              if (this.#isOver) return
              recover()
              resolve()
            })
          }),
        )
      }
    }
    await Promise.all(recoveries)
  }
}

function isFront(agent: { doWork(): number }): agent is FrontAgent {
  return 'accept' in agent
}

function configOf({ owners, ringBytesMax, ringMemoryBytesMax, kafka }: LifeOptions): BrokerConfig {
  return configWith({
    storage: 'local',
    dataDirectory: '/simulated',
    owners,
    fronts: 1,
    partitions: 1,
    ringBytesMax,
    ringMemoryBytesMax,
    fetchSessionsMax: 4,
    kafka,
  })
}

/** As `shareMemory` makes it, but smaller, and without a folder. */
function sharedMemory(config: BrokerConfig): SharedMemory {
  const mainBell = Bell.create(partitionsMax)
  const quotaWindows = { count: 11, lengthMs: 1_000 }
  const quotaRates = Rates.create({ lanes: 3, windows: quotaWindows })
  const front: FrontSettings = {
    clusterId: 'simulated',
    nodeId: config.nodeId,
    writer: 1,
    requests: ByteQueue.create(queueBytes),
    responses: ByteQueue.create(queueBytes),
    quotaRates,
    quotaWindows,
    reusePort: false,
    requestBytesMax: config.requestBytesMax,
    connectionsMax: config.connectionsMax,
    halfReceivedBytesMax: config.halfReceivedBytesMax,
    parkedFetchesMax: config.parkedFetchesMax,
    fetchBytesMax: config.fetchBytesMax,
    fetchSessionsMax: config.fetchSessionsMax,
    autoCreateTopics: config.autoCreateTopics,
  }
  const topology: Topology = {
    table: PartitionTable.create(partitionsMax),
    // The last one is the simulation's own: it writes into rings, one step at a time.
    writerBells: [mainBell, Bell.create(partitionsMax), Bell.create(partitionsMax)],
    ownerBells: Array.from({ length: config.owners }, () => Bell.create(partitionsMax)),
    disks: { local: { kind: 'real', root: config.dataDirectory } },
  }
  return {
    clusterId: 'simulated',
    directoryId: undefined,
    topology,
    fronts: [front],
    quotaRates,
    quotaWindows,
    mainBell: new Bell(mainBell),
    releaseFolder: () => undefined,
  }
}
