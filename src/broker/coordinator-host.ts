/** Main's agent: hosts the coordinator between the fronts' requests and the internal logs, and rebuilds it at start. */

import { assertDefined } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf, SafkaError } from '../base/errors.ts'
import type { TopicIdHex } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { type CatalogPartition, type DiskSpec, partitionDirectory } from '../base/topology.ts'
import { abortMetadataTransaction, CommittedRecords } from '../coordinator/topics/metadata-transactions.ts'
import { decodeMetadataRecord } from '../coordinator/topics/records.ts'
import type { Disk } from '../log/disk.ts'
import { consumeCleanShutdown, writeCleanShutdown } from '../log/local/clean-shutdown.ts'
import { readEpochs } from '../log/local/leader-epochs.ts'
import { readNewestSnapshot } from '../log/local/metadata-snapshot.ts'
import { SteadyReader } from '../log/local/steady-reader.ts'
import { openDisk } from '../log/open-disk.ts'
import type { Bell } from '../ring/bell.ts'
import { PartitionTable } from '../ring/table.ts'
import { ErrorCode, errorName } from '../wire/generated/errors.ts'
import type { BrokerConfig } from './config.ts'
import {
  buildCoordinatorParts,
  buildMetadataParts,
  type CoordinatorParts,
  type CoordinatorPartsOptions,
  type MetadataParts,
} from './coordinator-parts.ts'
import { recoverFolders } from './housekeeping.ts'
import type { RingJournal } from './journal.ts'
import type { MainControl } from './remotes.ts'
import { writeRootCheckpoints } from './root-checkpoints.ts'
import type { SharedMemory } from './shared-memory.ts'
import { sortOutStrays } from './stray-folders.ts'
import { adoptFolder } from './take-over.ts'
import type { Agents } from './threads.ts'
import { metadataSettings } from './topic-registry.ts'

const metadataTopic = '__cluster_metadata'
const offsetsTopic = '__consumer_offsets'
const transactionsTopic = '__transaction_state'
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
  #metadata: MetadataParts | undefined
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
      return this.#metadata === undefined ? false : this.#metadata.keeper.ensure(slot, entryBytes, isFull)
    },
    ensureTopics: async (names) => this.#theHosted().topics.ensureTopics(names),
    addToTransaction: async (addition) => this.#theHosted().transactions.addToTransaction(addition),
    log: async (level, message, fields) => this.#options.logger[level](message, fields),
  }

  doWork(): number {
    const metadata = this.#metadata
    if (metadata === undefined) return 0
    let work = this.#bell.drain((slot) => metadata.writer.progress(slot))
    work += metadata.writer.doWork()
    work += this.#hosted?.desk.doWork() ?? 0
    return work
  }

  /**
   * Rebuilds the broker's state from its logs: the metadata log first, then the topics' partitions, then groups and offsets.
   * Once it resolves, every thread knows every topic and requests can be answered.
   */
  async recover(agents: Agents): Promise<void> {
    const options: CoordinatorPartsOptions = {
      ...this.#options,
      agents,
      table: this.#table,
      disk: this.#disk,
      internalOpened: (journal, topic, partition) => this.#addToJournal(journal, topic.name, partition),
      topicListener: {
        changed: (name) => this.#hosted?.groups.topicChanged(name),
        removed: (name) => this.#hosted?.groups.topicRemoved(name),
        leaving: async (topic) => this.#hosted?.cleaner.abandon(topic),
      },
    }
    const isTakenOver = this.#adoptFolder()
    const metadata = buildMetadataParts(options)
    this.#metadata = metadata
    await this.#openMetadataLog(metadata)
    const removedIds = await replayMetadata(metadata)
    await this.#openTopics(metadata, { isTakenOver, removedIds })
    const hosted = buildCoordinatorParts(options, metadata)
    this.#hosted = hosted
    await loadShards(hosted, this.#options.logger)
    hosted.groups.started()
    await hosted.transactions.started()
    await hosted.cleaner.start()
  }

  /** Ends compaction, which needs the owners, before those are stopped; a segment that was begun is thrown away. */
  async stopCleaning(): Promise<void> {
    await this.#hosted?.cleaner.stop()
  }

  /** Ends compaction at once, also where owners have died; after `stopCleaning` there is nothing left to end. */
  async endCleaning(): Promise<void> {
    await this.#hosted?.cleaner.end()
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
      if (this.#hosted !== undefined) writeRootCheckpoints(this.#disk, this.#table, this.#hosted.registry.topics())
      writeCleanShutdown(this.#disk)
    } catch (thrown) {
      this.#options.logger.warn('the data folder could not be marked as closed in order', { reason: messageOf(thrown) })
    }
  }

  /** Answers whether the folder was another broker's until now. */
  #adoptFolder(): boolean {
    const { config, shared, logger } = this.#options
    if (shared.topology.disks.local === undefined) return false
    return adoptFolder({ disk: this.#disk, nodeId: config.nodeId, directoryId: shared.directoryId, logger })
  }

  async #openMetadataLog({ journal, placement, registry, topics }: MetadataParts): Promise<void> {
    const place = assertDefined(placement.take(), 'an empty table has room')
    const isLocal = this.#options.shared.topology.disks.local !== undefined
    const settings = { ...metadataSettings(topics.defaultSettings()), storage: isLocal ? 'local' : 'memory' } as const
    // Apache Kafka's controllers count their terms in it: what is written behind theirs belongs to the last one.
    const leaderEpoch = readEpochs(this.#disk, partitionDirectory(metadataTopic, 0)).at(-1)?.epoch ?? 0
    const open = {
      topic: metadataTopic,
      topicId: metadataTopicId,
      partition: 0,
      slot: place.slot,
      settings,
      leaderEpoch,
    }
    await registry.openBare(open, place)
    this.#addToJournal(journal, metadataTopic, { index: 0, leaderEpoch, ...place })
  }

  async #openTopics(
    { registry, topics: coordinator }: MetadataParts,
    { isTakenOver, removedIds }: { readonly isTakenOver: boolean; readonly removedIds: ReadonlySet<TopicIdHex> },
  ): Promise<void> {
    const topics = coordinator.start()
    const { local } = this.#options.shared.topology.disks
    if (local?.kind === 'real') {
      const wasClean = consumeCleanShutdown(this.#disk)
      const reason = isTakenOver ? 'these are new here' : 'the last stop was not a clean one'
      const { clock, random, logger } = this.#options
      sortOutStrays({ disk: this.#disk, topics, removedIds, random, logger })
      const plan = { disk: this.#disk, root: local.root, topics, reason, clock, logger }
      const recover = this.#options.recoverFolders ?? recoverFolders
      if (!wasClean || isTakenOver) await recover(plan)
    }
    await registry.created(topics)
    await registry.limited(coordinator.changes.state.limits())
    const errorCode = await coordinator.ensureInternalTopics()
    if (errorCode === ErrorCode.NONE) return
    throw new SafkaError('SAFKA_START', `the coordinator's own topics could not be created: ${errorName(errorCode)}`)
  }

  #addToJournal(journal: RingJournal, topic: string, partition: CatalogPartition): void {
    if (topic !== metadataTopic && topic !== offsetsTopic && topic !== transactionsTopic) return
    const directory = partitionDirectory(topic, partition.index)
    const { index, slot } = partition
    const reader = new SteadyReader({ disk: this.#disk, directory, rewrites: () => this.#table.rewrites(slot) })
    const snapshot = topic === metadataTopic ? readNewestSnapshot(this.#disk, directory) : undefined
    journal.add({ topic, partition: index, slot, reader, snapshot })
  }

  #theHosted(): CoordinatorParts {
    return assertDefined(this.#hosted, 'the coordinator is there before requests are')
  }
}

/** Answers with the ids of topics that were deleted. */
async function replayMetadata({ journal, topics, producerIds }: MetadataParts): Promise<ReadonlySet<TopicIdHex>> {
  const removedIds = new Set<TopicIdHex>()
  const committed = new CommittedRecords((record) => {
    const change = decodeMetadataRecord(record)
    if (change?.kind === 'remove-topic') removedIds.add(change.id)
    topics.replay(metadataTopic, record)
    producerIds.replay(metadataTopic, record)
  })
  await journal.load(metadataTopic, 0, (record) => committed.take(record))
  if (!committed.isOpen) return removedIds
  const errorCode = await new Promise<number>((resolve) => {
    journal.append(metadataTopic, 0, [abortMetadataTransaction()], resolve)
  })
  if (errorCode === ErrorCode.NONE) return removedIds
  throw new SafkaError('SAFKA_START', `the metadata log cannot be written: ${errorName(errorCode)}`)
}

/** What an internal log keeps waits until that can be read; the rest of the broker does not wait. */
async function loadShards(hosted: CoordinatorParts, logger: Logger): Promise<void> {
  const { journal, groups, transactions } = hosted
  const later = (topic: string, partition: number, thrown: unknown): void => {
    const reason = messageOf(thrown)
    logger.error('an internal log cannot be read: what it keeps has to wait', { topic, partition, reason })
  }
  for (const { index } of partitionsOf(hosted, offsetsTopic)) {
    const load = journal.load(
      offsetsTopic,
      index,
      (record, _offset, batch) => groups.replay(offsetsTopic, record, batch),
      (end) => groups.replayEnd(index, end),
    )
    await load.catch((thrown: unknown) => {
      later(offsetsTopic, index, thrown)
      groups.loadLater(index)
    })
  }
  for (const { index } of partitionsOf(hosted, transactionsTopic)) {
    const load = journal.load(transactionsTopic, index, (record) => transactions.replay(transactionsTopic, record))
    await load.catch((thrown: unknown) => {
      later(transactionsTopic, index, thrown)
      transactions.loadLater(index)
    })
  }
}

function partitionsOf(hosted: CoordinatorParts, topic: string): readonly CatalogPartition[] {
  return assertDefined(hosted.registry.topic(topic), "the coordinator's own topics are there").partitions
}
