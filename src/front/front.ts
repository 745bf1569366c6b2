/** The front agent: owns the clients' sockets, and speaks Kafka's protocol with them. */

import { offeredApis } from '../api/index.ts'
import type { Ports } from '../api/ports.ts'
import { assertDefined } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { PartitionSlot } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { CatalogChange, DiskSpec, Topology } from '../base/topology.ts'
import type { FrontControl, FrontSettings, ListenerSpec, MainControl } from '../broker/remotes.ts'
import type { Disk } from '../log/disk.ts'
import { openDisk } from '../log/open-disk.ts'
import { type ClientLimits, ClientQuotas } from '../metrics/client-quotas.ts'
import { Bell } from '../ring/bell.ts'
import { ByteQueue } from '../ring/queue.ts'
import { PartitionTable } from '../ring/table.ts'
import { Acceptor } from './acceptor.ts'
import { Additions } from './additions.ts'
import { BytePool } from './byte-pool.ts'
import { FrontCatalog } from './catalog.ts'
import { Connection, type ConnectionHome } from './connection.ts'
import { ConnectionLimits } from './connection-limits.ts'
import { Dispatcher } from './dispatch.ts'
import type { OpenDuplex } from './duplex.ts'
import { FetchSessionCache } from './fetch-session.ts'
import { Forwarding } from './forward.ts'
import { HalfReceived } from './half-received.ts'
import { FetchParking } from './parking.ts'
import { FrontPartitions } from './partitions.ts'
import { Pending } from './pending.ts'
import { BatchRecompression } from './recompression.ts'
import { RefusedConnections } from './refused-connection.ts'
import { ResponseBudget } from './response-budget.ts'
import { Room } from './room.ts'
import { Throttle } from './throttle.ts'
import { Turn } from './turn.ts'

/** One buffer for all sockets of a front: large enough that a read seldom leaves something in the socket. */
const readBufferBytes = 262_144
/** How long a stop waits for the responses that are still owed. */
const stopMsMax = 10_000
const mainBell = 0

export type FrontOptions = {
  readonly topology: Topology
  readonly settings: FrontSettings
  readonly main: MainControl
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Opens the disks that partitions are read from: simulations put their own in. */
  readonly openDisk?: (spec: DiskSpec) => Disk
}

/** Everything of a front runs in the thread that calls `doWork`, and in that thread's socket and timer callbacks. */
export class FrontAgent implements FrontControl {
  readonly #settings: FrontSettings
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #table: PartitionTable
  readonly #bell: Bell
  readonly #mainBell: Bell
  readonly #ownerBells: readonly Bell[]
  readonly #ownerOf = new Map<PartitionSlot, number>()
  readonly #catalog = new FrontCatalog()
  readonly #pool = new BytePool()
  readonly #budget = new ResponseBudget()
  readonly #turn: Turn
  readonly #pending: Pending
  readonly #parking: FetchParking
  readonly #room: Room
  readonly #partitions: FrontPartitions
  readonly #forwarding: Forwarding
  readonly #acceptor: Acceptor
  readonly #home: ConnectionHome
  readonly #connections = new Set<Connection>()
  readonly #quotas: ClientQuotas
  readonly #throttle: Throttle
  readonly #limits: ConnectionLimits
  readonly #refused: RefusedConnections
  #lastConnection = 0
  #isStopping = false
  #failure: { readonly thrown: unknown } | undefined
  #onLastClosed: (() => void) | undefined
  // Made once, so that no round allocates a closure.
  readonly #visitSlot = (slot: number): void => {
    this.#work += 1 + this.#checkPartition(slot) + this.#room.check(slot)
  }
  readonly #round = (): void => {
    this.#bell.drain(this.#visitSlot)
    this.#work += this.#forwarding.doWork()
  }
  #work = 0

  constructor(options: FrontOptions) {
    const { topology, settings, main, clock, random, logger } = options
    const { writer } = settings
    this.#settings = settings
    this.#clock = clock
    this.#logger = logger
    this.#table = new PartitionTable(topology.table)
    this.#bell = new Bell(assertDefined(topology.writerBells[writer], 'a front must have a bell'))
    this.#mainBell = new Bell(assertDefined(topology.writerBells[mainBell], 'main must have a bell'))
    this.#ownerBells = topology.ownerBells.map((memory) => new Bell(memory))
    this.#turn = new Turn({
      partitionsMoved: (slots) => this.#partitionsMoved(slots),
      ownersWanted: (slots) => this.#wakeOwners(slots),
      mainWanted: () => this.#mainBell.ring(),
    })
    const within = (work: () => void): void => this.#turn.within(work)
    const table = this.#table
    this.#pending = new Pending(table, writer)
    this.#parking = new FetchParking({ table, writer, clock, parkedMax: settings.parkedFetchesMax, within })
    const wantOwner = (slot: PartitionSlot): void => this.#turn.wantOwner(slot)
    this.#room = new Room({ table, writer, clock, main, logger, wantOwner })
    const partitionMoved = (slot: PartitionSlot): void => this.#turn.partitionMoved(slot)
    const shared = {
      pending: this.#pending,
      room: this.#room,
      pool: this.#pool,
      openDisk: options.openDisk ?? openDisk,
      logger,
    }
    this.#partitions = new FrontPartitions({ topology, table, writer, clock, partitionMoved, ...shared })
    this.#forwarding = new Forwarding({
      requests: new ByteQueue(settings.requests),
      responses: new ByteQueue(settings.responses),
      wantMain: () => this.#turn.wantMain(),
    })
    this.#quotas = new ClientQuotas({
      rates: settings.quotaRates,
      windows: settings.quotaWindows,
      lane: writer,
      lanes: topology.writerBells.length,
    })
    this.#throttle = new Throttle({ quotas: this.#quotas, clock })
    this.#limits = new ConnectionLimits({ quotas: this.#quotas, clock, max: settings.connectionsMax })
    this.#refused = new RefusedConnections(clock)
    this.#home = this.#makeHome(this.#portsFor(main, random))
    this.#acceptor = new Acceptor({
      reusePort: settings.reusePort,
      logger,
      accept: (spec, open) => this.accept(spec, open),
    })
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** One round: settles what became readable, wakes what waited, takes main's answers. Answers how much there was to do. */
  doWork(): number {
    if (this.#failure !== undefined) throw this.#failure.thrown
    this.#work = 0
    this.#turn.within(this.#round)
    return this.#work
  }

  async applyCatalog(changes: readonly CatalogChange[]): Promise<void> {
    this.#turn.within(() => {
      for (const change of changes) this.#applyChange(change)
    })
  }

  async applyLimits(limits: ClientLimits): Promise<void> {
    this.#quotas.apply(limits.entities)
    this.#limits.apply(limits.connections)
  }

  async attachRing(slot: PartitionSlot, ring: SharedArrayBuffer | undefined): Promise<void> {
    this.#turn.within(() => {
      this.#partitions.attachRing(slot, ring)
      // Others may have written into it already: fetches that wait could not see that before.
      this.#checkPartition(slot)
    })
  }

  async listen(listeners: readonly ListenerSpec[]): Promise<readonly number[]> {
    const ports: number[] = []
    for (const spec of listeners) ports.push(await this.#acceptor.listen(spec))
    return ports
  }

  /** Takes on a connection, from a socket or from a simulation; false where there are too many. */
  accept(spec: ListenerSpec, open: OpenDuplex): boolean {
    if (this.#isStopping || this.#connections.size >= this.#limits.max) {
      this.#logger.debug('refused a connection', { listener: spec.name, connections: this.#connections.size })
      return false
    }
    this.#lastConnection += 1
    const connectionId = `${this.#settings.writer}-${this.#lastConnection}`
    open((duplex) => {
      const { isTaken, delayMs } = this.#limits.admit(duplex.remoteHost)
      if (!isTaken) return this.#refused.refuse(duplex, delayMs)
      const caller = {
        connectionId,
        listenerName: spec.name,
        clientHost: `/${duplex.remoteHost}`,
        clientPort: duplex.remotePort,
        software: undefined,
        brokerHost: spec.advertised?.host ?? duplex.localHost,
        brokerPort: spec.advertised?.port ?? duplex.localPort,
      }
      const connection = new Connection({ caller, duplex, home: this.#home })
      this.#connections.add(connection)
      if (delayMs > 0) connection.mute(delayMs)
      return connection
    })
    return true
  }

  async stop(isAbrupt: boolean): Promise<void> {
    this.#isStopping = true
    this.#acceptor.close()
    this.#refused.closeAll()
    this.#turn.within(() => {
      if (!isAbrupt) this.#parking.wakeAll()
      for (const connection of [...this.#connections]) {
        if (isAbrupt) connection.close('the broker stops')
        else connection.end()
      }
    })
    await this.#lastClosed()
    this.#partitions.close()
  }

  #lastClosed(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#clock.startTimer(stopMsMax, () => {
        for (const connection of [...this.#connections]) connection.close('the broker stops')
      })
      this.#onLastClosed = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  #applyChange(change: CatalogChange): void {
    const before = this.#catalog.apply(change)
    if (change.kind === 'put') {
      for (const { slot, owner } of change.topic.partitions) this.#ownerOf.set(slot, owner)
      return
    }
    for (const { slot } of before?.partitions ?? []) {
      this.#partitions.forget(slot)
      this.#checkPartition(slot)
    }
  }

  /** The partition may have moved: answers produces, wakes fetches. */
  #checkPartition(slot: PartitionSlot): number {
    const settled = this.#pending.check(slot)
    // Only answered slots make room, and a full ring gets no claim that would wake its owner.
    if (settled > 0 && this.#table.roomInterest(slot) !== 0) this.#turn.wantOwner(slot)
    return settled + this.#parking.check(slot)
  }

  #partitionsMoved(slots: ReadonlySet<number>): void {
    // The owners first, so that they work while we look whether they have already.
    this.#wakeOwners(slots)
    for (const slot of slots) this.#checkPartition(slot)
  }

  #wakeOwners(slots: ReadonlySet<number>): void {
    const bells = new Set<Bell>()
    for (const slot of slots) {
      const bell = this.#ownerBells[this.#ownerOf.get(slot) ?? -1]
      if (bell === undefined) continue
      bell.mark(slot)
      bells.add(bell)
    }
    for (const bell of bells) bell.ring()
  }

  #portsFor(main: MainControl, random: Random): Ports {
    const { clusterId, nodeId, autoCreateTopics, fetchBytesMax, fetchSessionsMax } = this.#settings
    const clock = this.#clock
    return {
      catalog: this.#catalog,
      partitions: this.#partitions,
      recompression: new BatchRecompression(),
      transactions: new Additions(main, clock),
      parking: this.#parking,
      fetchSessions: new FetchSessionCache({ clock, random, sessionsMax: fetchSessionsMax }),
      fetchBudget: this.#budget,
      cluster: { clusterId, nodeId, autoCreateTopics, fetchBytesMax },
      offered: offeredApis,
      monotonicMs: () => clock.monotonicMs(),
      ensureTopics: (names) => main.ensureTopics(names),
      quotas: this.#throttle,
    }
  }

  #makeHome(ports: Ports): ConnectionHome {
    return {
      dispatcher: new Dispatcher({ ports, forwarding: this.#forwarding, throttle: this.#throttle }),
      startTimer: (delayMs, fire) => this.#clock.startTimer(delayMs, fire),
      monotonicMs: () => this.#clock.monotonicMs(),
      halfReceived: new HalfReceived(this.#settings.halfReceivedBytesMax),
      turn: this.#turn,
      logger: this.#logger,
      pool: this.#pool,
      budget: this.#budget,
      readBuffer: Buffer.allocUnsafeSlow(readBufferBytes),
      requestBytesMax: this.#settings.requestBytesMax,
      connectionEnded: (connection) => this.#parking.connectionEnded(connection.caller.connectionId),
      connectionClosed: (connection) => this.#connectionClosed(connection),
      failed: (thrown) => {
        this.#failure ??= { thrown }
        this.#bell.ring()
      },
    }
  }

  #connectionClosed(connection: Connection): void {
    const { connectionId } = connection.caller
    this.#connections.delete(connection)
    this.#limits.closed(connection.caller.clientHost.slice(1))
    this.#parking.connectionClosed(connectionId)
    this.#forwarding.connectionClosed(connectionId)
    if (this.#connections.size === 0) this.#onLastClosed?.()
  }
}
