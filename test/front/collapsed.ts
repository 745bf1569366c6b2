/** A front, an owner and a small stand-in for main in one thread, on a clock that stands still. */

import { VirtualClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { CatalogTopic, PartitionSettings, StorageKind, Topology } from '../../src/base/topology.ts'
import type { FrontSettings, MainControl } from '../../src/broker/remotes.ts'
import { FrontAgent } from '../../src/front/front.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { Rates } from '../../src/metrics/rates.ts'
import { OwnerAgent } from '../../src/partition/owner.ts'
import { Bell } from '../../src/ring/bell.ts'
import { ByteQueue } from '../../src/ring/queue.ts'
import { Ring } from '../../src/ring/ring.ts'
import { PartitionTable } from '../../src/ring/table.ts'
import { decodeForwardedRequest, encodeForwardedResponse, type ForwardedMessage } from '../../src/wire/forwarded.ts'
import { FakeDuplex } from './fake-duplex.ts'

/** Kafka's defaults. */
const quotaWindows = { count: 11, lengthMs: 1_000 }
const partitionsMax = 64
const writer = 1

export type CollapsedOptions = {
  readonly storage?: StorageKind
  readonly ringBytes?: number
  readonly settings?: Partial<FrontSettings>
  readonly maxMessageBytes?: number
  readonly timestampType?: PartitionSettings['timestampType']
  /** Of every topic; they win over the ones above. */
  readonly topicSettings?: Partial<PartitionSettings>
  /** Creates topics that a client asks for. */
  readonly queueBytes?: number
}

export class Collapsed {
  readonly clock = new VirtualClock()
  readonly topology: Topology
  readonly table: PartitionTable
  readonly front: FrontAgent
  readonly owner: OwnerAgent
  readonly requests: ByteQueue
  readonly responses: ByteQueue
  /** What the front forwarded. */
  readonly forwarded: ForwardedMessage[] = []
  readonly rings = new Map<number, Ring>()
  /** What main answers when a front adds a partition to a transaction. */
  addToTransaction: MainControl['addToTransaction'] = async () => 0
  ringsAsked = 0
  /** While false the owner does nothing, as though its thread were busy. */
  isOwnerRunning = true
  /** While false main hands out no rings. */
  hasRingMemory = true
  readonly #options: CollapsedOptions
  #nextSlot = 0
  #nextTopic = 1

  constructor(options: CollapsedOptions = {}) {
    this.#options = options
    this.topology = {
      table: PartitionTable.create(partitionsMax),
      writerBells: [Bell.create(partitionsMax), Bell.create(partitionsMax)],
      ownerBells: [Bell.create(partitionsMax)],
      disks: { memory: { kind: 'memory', memory: MemoryDisk.create(64 * 1_048_576) } },
    }
    this.table = new PartitionTable(this.topology.table)
    const requests = ByteQueue.create(options.queueBytes ?? 65_536)
    const responses = ByteQueue.create(options.queueBytes ?? 65_536)
    this.requests = new ByteQueue(requests)
    this.responses = new ByteQueue(responses)
    const settings: FrontSettings = {
      clusterId: 'cluster',
      nodeId: 7,
      writer,
      requests,
      responses,
      quotaRates: Rates.create({ lanes: 2, windows: quotaWindows }),
      quotaWindows,
      reusePort: false,
      requestBytesMax: 104_857_600,
      connectionsMax: 100,
      halfReceivedBytesMax: 16_777_216,
      parkedFetchesMax: 100,
      fetchBytesMax: 57_671_680,
      fetchSessionsMax: 10,
      autoCreateTopics: true,
      ...options.settings,
    }
    const shared = { topology: this.topology, clock: this.clock, random: seededRandom(1), logger: silentLogger }
    this.owner = new OwnerAgent({ ...shared, owner: 0 })
    this.front = new FrontAgent({ ...shared, settings, main: this.#main() })
  }

  /** Creates a topic that can be written once this resolves. */
  async createTopic(name: string, partitionCount = 1, isInternal = false): Promise<CatalogTopic> {
    const settings = this.settingsOf()
    const id = this.#nextTopic.toString(16).padStart(32, '0')
    this.#nextTopic += 1
    const partitions = Array.from({ length: partitionCount }, (_, index) => ({
      index,
      slot: this.#nextSlot++,
      owner: 0,
      leaderEpoch: 0,
    }))
    const topic: CatalogTopic = { name, id, isInternal, settings, partitions }
    const opens = partitions.map(({ index, slot }) => ({
      topic: name,
      topicId: id,
      partition: index,
      slot,
      settings,
      leaderEpoch: 0,
    }))
    await this.owner.open(opens)
    await this.front.applyCatalog([{ kind: 'put', topic }])
    return topic
  }

  settingsOf(): PartitionSettings {
    const { storage = 'memory', ringBytes = 65_536, maxMessageBytes = 1_048_588 } = this.#options
    return {
      storage,
      ringBytes,
      segmentBytes: 16_777_216,
      segmentMs: 604_800_000,
      segmentJitterMs: 0,
      indexIntervalBytes: 4_096,
      segmentIndexBytes: 1_048_576,
      retentionBytes: -1,
      retentionMs: -1,
      maxMessageBytes,
      isCompacted: false,
      isDeleted: true,
      deleteRetentionMs: 86_400_000,
      compactionLagMinMs: 0,
      compactionLagMaxMs: 2 ** 63,
      dirtyRatioMin: 0.5,
      timestampType: this.#options.timestampType ?? 'CreateTime',
      timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
      timestampAfterMaxMs: 3_600_000,
      compressionType: 'producer',
      compressionLevel: 0,
      sync: 'never',
      flushMessages: 2 ** 63,
      flushMs: 1_000,
      retentionCheckMs: 300_000,
      fileDeleteDelayMs: 0,
      ...this.#options.topicSettings,
    }
  }

  connect(advertised?: { host: string; port: number }): FakeDuplex {
    const duplex = new FakeDuplex()
    const spec = { name: 'PLAINTEXT', host: '127.0.0.1', port: 9000, ...(advertised ? { advertised } : {}) }
    const isAccepted = this.front.accept(spec, (listenerOf) => duplex.connect(listenerOf(duplex)))
    if (!isAccepted) duplex.destroy()
    return duplex
  }

  /** Runs everybody until nobody finds work any more. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < 3; ) {
      const work = (this.isOwnerRunning ? this.owner.doWork() : 0) + this.front.doWork() + this.#takeForwarded()
      idle = work === 0 ? idle + 1 : 0
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Answers a forwarded request as main would. */
  answer(requestId: number, body: Buffer | 'close', throttleTimeMs = 0): void {
    const response =
      body === 'close'
        ? ({ kind: 'close', requestId } as const)
        : ({ kind: 'body', requestId, throttleTimeMs, body } as const)
    if (!this.responses.tryPush(encodeForwardedResponse(response))) throw new Error('no room for the response')
  }

  async attachRing(slot: number, dataBytes: number): Promise<void> {
    const memory = Ring.create({ dataBytes })
    this.rings.get(slot)?.seal()
    this.rings.set(slot, new Ring(memory))
    await this.owner.attachRing(slot, memory)
    await this.front.attachRing(slot, memory)
  }

  #takeForwarded(): number {
    let work = 0
    for (let bytes = this.requests.pop(); bytes !== undefined; bytes = this.requests.pop()) {
      this.forwarded.push(decodeForwardedRequest(bytes))
      work += 1
    }
    this.requests.takeRoomInterest()
    return work
  }

  #main(): MainControl {
    return {
      ensureRing: async (slot, entryBytes, isFull) => {
        this.ringsAsked += 1
        if (!this.hasRingMemory) return false
        const present = this.rings.get(slot)
        if (present !== undefined && !isFull && entryBytes <= present.entryBytesMax) return true
        const wanted = isFull && present !== undefined ? present.dataBytes * 2 : (this.#options.ringBytes ?? 65_536)
        await this.attachRing(slot, Math.max(wanted, entryBytes * 2 + 64))
        return true
      },
      log: async () => {},
      addToTransaction: (addition) => this.addToTransaction(addition),
      ensureTopics: async (names) => {
        for (const name of names) await this.createTopic(name)
        return names.map(() => 0)
      },
    }
  }
}
