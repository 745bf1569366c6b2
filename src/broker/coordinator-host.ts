/** Main's agent: hosts the coordinator between the fronts' requests and the internal logs, and rebuilds it at start. */

import { assertDefined } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf, SafkaError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { type CatalogPartition, type DiskSpec, partitionDirectory } from '../base/topology.ts'
import type { Disk } from '../log/disk.ts'
import { consumeCleanShutdown, writeCleanShutdown } from '../log/local/clean-shutdown.ts'
import { SteadyReader } from '../log/local/steady-reader.ts'
import { openDisk } from '../log/open-disk.ts'
import type { Bell } from '../ring/bell.ts'
import { PartitionTable } from '../ring/table.ts'
import { ErrorCode, errorName } from '../wire/generated/errors.ts'
import type { BrokerConfig } from './config.ts'
import { buildCoordinatorParts, type CoordinatorParts } from './coordinator-parts.ts'
import { recoverFolders } from './housekeeping.ts'
import type { RingJournal } from './journal.ts'
import type { MainControl } from './remotes.ts'
import type { SharedMemory } from './shared-memory.ts'
import type { Agents } from './threads.ts'
import { metadataSettings } from './topic-registry.ts'

const metadataTopic = '__cluster_metadata'
const offsetsTopic = '__consumer_offsets'
const transactionsTopic = '__transaction_state'
/** How many partitions the coordinator's own topics have. */
const partitionCountConfigs = [
  [offsetsTopic, 'offsets.topic.num.partitions'],
  [transactionsTopic, 'transaction.state.log.num.partitions'],
] as const
/** The id that Kafka reserves for the metadata topic. */
const metadataTopicId = `${'0'.repeat(31)}1`

export type CoordinatorHostOptions = {
  readonly config: BrokerConfig
  readonly shared: SharedMemory
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Opens the broker's disk, and recovers folders beside the owners: simulations put their own in. */
  readonly openDisk?: (spec: DiskSpec) => Disk
  readonly recoverFolders?: typeof recoverFolders
}

/** An agent: `doWork` is main's duty cycle. Until `recover` has built the coordinator there is nothing to do. */
export class CoordinatorHost {
  readonly #options: CoordinatorHostOptions
  readonly #table: PartitionTable
  readonly #bell: Bell
  readonly #disk: Disk
  #hosted: CoordinatorParts | undefined

  constructor(options: CoordinatorHostOptions) {
    const { disks, table } = options.shared.topology
    this.#options = options
    this.#table = new PartitionTable(table)
    this.#bell = options.shared.mainBell
    const open = options.openDisk ?? openDisk
    this.#disk = open(assertDefined(disks.local ?? disks.memory, 'a broker has a disk for its internal logs'))
  }

  /** What fronts and owners may ask of main. */
  readonly control: MainControl = {
    ensureRing: async (slot, entryBytes, isFull) => {
      return this.#hosted === undefined ? false : this.#hosted.keeper.ensure(slot, entryBytes, isFull)
    },
    ensureTopics: async (names) => this.#theHosted().topics.ensureTopics(names),
    addToTransaction: async (addition) => this.#theHosted().transactions.addToTransaction(addition),
    log: async (level, message, fields) => this.#options.logger[level](message, fields),
  }

  doWork(): number {
    const hosted = this.#hosted
    if (hosted === undefined) return 0
    let work = this.#bell.drain((slot) => hosted.writer.progress(slot))
    work += hosted.writer.doWork()
    work += hosted.desk.doWork()
    return work
  }

  /**
   * Rebuilds the broker's state from its logs: the metadata log first, then the topics' partitions, then groups and offsets.
   * Once it resolves, every thread knows every topic and requests can be answered.
   */
  async recover(agents: Agents): Promise<void> {
    const hosted = buildCoordinatorParts({
      ...this.#options,
      agents,
      table: this.#table,
      disk: this.#disk,
      internalOpened: (journal, topic, partition) => this.#addToJournal(journal, topic.name, partition),
    })
    this.#hosted = hosted
    await this.#openMetadataLog(hosted)
    await hosted.journal.load(metadataTopic, 0, (record) => {
      hosted.topics.replay(metadataTopic, record)
      hosted.producerIds.replay(metadataTopic, record)
    })
    const topics = hosted.topics.start()
    const { local } = this.#options.shared.topology.disks
    if (local?.kind === 'real' && !consumeCleanShutdown(this.#disk)) {
      const recover = this.#options.recoverFolders ?? recoverFolders
      await recover({ disk: this.#disk, root: local.root, topics, logger: this.#options.logger })
    }
    await hosted.registry.created(topics)
    const errorCode = await hosted.topics.ensureInternalTopics()
    if (errorCode !== ErrorCode.NONE) {
      throw new SafkaError('SAFKA_START', `the coordinator's own topics could not be created: ${errorName(errorCode)}`)
    }
    checkPartitionCounts(hosted)
    await this.#loadOffsets(hosted)
    for (const { index } of partitionsOf(hosted, transactionsTopic)) {
      await hosted.journal.load(transactionsTopic, index, (record) => {
        hosted.transactions.replay(transactionsTopic, record)
      })
    }
    hosted.groups.started()
    await hosted.transactions.started()
    await hosted.cleaner.start()
  }

  /** Ends compaction, which needs the owners, before those are stopped; a segment that was begun is thrown away. */
  async stopCleaning(): Promise<void> {
    await this.#hosted?.cleaner.stop()
  }

  /** Lets go of timers and files, once the owners have closed all logs, and marks the data folder as closed in order. */
  close(): void {
    this.#hosted?.groups.stop()
    this.#hosted?.transactions.stop()
    if (this.#options.shared.topology.disks.local !== undefined) this.#markClosed()
    this.#disk.close()
  }

  /** Without the mark the next start checks folders that need no check: no reason not to stop. */
  #markClosed(): void {
    try {
      writeCleanShutdown(this.#disk)
    } catch (thrown) {
      this.#options.logger.warn('the data folder could not be marked as closed in order', { reason: messageOf(thrown) })
    }
  }

  async #loadOffsets(hosted: CoordinatorParts): Promise<void> {
    for (const { index } of partitionsOf(hosted, offsetsTopic)) {
      await hosted.journal.load(
        offsetsTopic,
        index,
        (record, _offset, batch) => hosted.groups.replay(offsetsTopic, record, batch),
        (end) => hosted.groups.replayEnd(index, end),
      )
    }
  }

  async #openMetadataLog(hosted: CoordinatorParts): Promise<void> {
    const place = assertDefined(hosted.placement.take(), 'an empty table has room')
    const storage = this.#options.shared.topology.disks.local === undefined ? 'memory' : 'local'
    const settings = { ...metadataSettings(hosted.topics.defaultSettings()), storage } as const
    await hosted.registry.openBare(
      { topic: metadataTopic, topicId: metadataTopicId, partition: 0, slot: place.slot, settings },
      place,
    )
    this.#addToJournal(hosted.journal, metadataTopic, { index: 0, ...place })
  }

  #addToJournal(journal: RingJournal, topic: string, partition: CatalogPartition): void {
    if (topic !== metadataTopic && topic !== offsetsTopic && topic !== transactionsTopic) return
    const directory = partitionDirectory(topic, partition.index)
    const { index, slot } = partition
    const reader = new SteadyReader({ disk: this.#disk, directory, rewrites: () => this.#table.rewrites(slot) })
    journal.add({ topic, partition: index, slot, reader })
  }

  #theHosted(): CoordinatorParts {
    return assertDefined(this.#hosted, 'the coordinator is there before requests are')
  }
}

/** Which partition keeps a group or a transactional id follows from their number: with another one nothing would be found again. */
function checkPartitionCounts({ topics }: CoordinatorParts): void {
  for (const [topic, config] of partitionCountConfigs) {
    const count = topics.partitionCount(topic)
    if (count === Number(topics.brokerConfig(config))) continue
    throw new SafkaError(
      'SAFKA_START',
      `${topic} has ${count} partitions, which cannot change: set ${config} to ${count}`,
    )
  }
}

function partitionsOf(hosted: CoordinatorParts, topic: string): readonly CatalogPartition[] {
  return assertDefined(hosted.registry.topic(topic), "the coordinator's own topics are there").partitions
}
