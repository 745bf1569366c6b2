/** Puts the coordinator together: its parts, the journal under them, and the desk that hands them requests. */

import { assertDefined } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { PartitionSlot } from '../base/ids.ts'
import { isLevelled, type Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { CatalogPartition, CatalogTopic, DiskSpec } from '../base/topology.ts'
import { AclCoordinator } from '../coordinator/acls/coordinator.ts'
import { ClusterCoordinator } from '../coordinator/cluster/coordinator.ts'
import { LoggerLevel } from '../coordinator/configs/logger-level.ts'
import { GroupCoordinator } from '../coordinator/groups/coordinator.ts'
import { ProducerIdCoordinator } from '../coordinator/producer-ids/coordinator.ts'
import { QuotaCoordinator } from '../coordinator/quotas/coordinator.ts'
import { TelemetryCoordinator } from '../coordinator/telemetry/coordinator.ts'
import { ReceivedMetrics } from '../coordinator/telemetry/received.ts'
import { TopicCoordinator } from '../coordinator/topics/coordinator.ts'
import { TransactionCoordinator } from '../coordinator/transactions/coordinator.ts'
import type { Disk } from '../log/disk.ts'
import { openDisk } from '../log/open-disk.ts'
import { ClientQuotas } from '../metrics/client-quotas.ts'
import { Bell } from '../ring/bell.ts'
import { ByteQueue } from '../ring/queue.ts'
import type { PartitionTable } from '../ring/table.ts'
import { ownThreadRunner, poolRunner } from './cleaning-runner.ts'
import { BrokerFacts } from './cluster-facts.ts'
import type { BrokerConfig } from './config.ts'
import { groupSettings, offsetsCodec, transactionSettings } from './coordinator-settings.ts'
import { RingJournal } from './journal.ts'
import { LogCleaner } from './log-cleaner.ts'
import { Placement } from './placement.ts'
import { type CoordinatorPart, RequestDesk } from './request-desk.ts'
import { type KeptPartition, RingKeeper } from './ring-keeper.ts'
import { RingWriter } from './ring-writer.ts'
import type { SharedMemory } from './shared-memory.ts'
import type { Agents } from './threads.ts'
import { type TopicListener, TopicRegistry } from './topic-registry.ts'
import { RingTransactionMarks } from './transaction-marks.ts'

/** What main has once the agents are there: enough to read the metadata log. */
export type MetadataParts = {
  readonly placement: Placement
  readonly keeper: RingKeeper
  readonly registry: TopicRegistry
  readonly writer: RingWriter
  readonly journal: RingJournal
  /** Main's own view of clients' limits. */
  readonly quotas: ClientQuotas
  readonly topics: TopicCoordinator
  readonly producerIds: ProducerIdCoordinator
}

/** Everything else, whose shape follows from what the metadata log says. */
export type CoordinatorParts = MetadataParts & {
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly desk: RequestDesk
  readonly cleaner: LogCleaner
}

/** How many partitions new topics of the coordinator's own get. */
const partitionCountConfigs: ReadonlyMap<string, string> = new Map([
  ['offsets.topic.num.partitions', '__consumer_offsets'],
  ['transaction.state.log.num.partitions', '__transaction_state'],
])

export type CoordinatorPartsOptions = {
  readonly config: BrokerConfig
  readonly shared: SharedMemory
  readonly agents: Agents
  readonly table: PartitionTable
  /** Opens disks in the place of the system's. */
  readonly openDisk?: (spec: DiskSpec) => Disk
  /** Main's own, of the broker's internal logs. */
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Called with each partition of an internal topic once its owner has opened it. */
  readonly internalOpened: (journal: RingJournal, topic: CatalogTopic, partition: CatalogPartition) => void
  readonly topicListener: TopicListener
}

/** Makes the first parts; nothing is read or opened yet. */
export function buildMetadataParts(options: CoordinatorPartsOptions): MetadataParts {
  const { config, clock, logger } = options
  const storage = buildStorage(options)
  const { journal } = storage
  const topics = buildTopics(options, storage)
  const producerIds = new ProducerIdCoordinator({ clock, journal, nodeId: config.nodeId, logger })
  return { ...storage, topics, producerIds }
}

/** Makes the others, once the metadata log has been replayed and the coordinator's own topics are there. */
export function buildCoordinatorParts(options: CoordinatorPartsOptions, metadata: MetadataParts): CoordinatorParts {
  const { config, clock, random, logger } = options
  const { journal, registry, topics, producerIds } = metadata
  const configOf = (name: string): string | null => ownPartitionCount(topics, name) ?? topics.brokerConfig(name)
  const groups = new GroupCoordinator({
    clock,
    random,
    journal,
    topics,
    groupConfigs: topics,
    settings: groupSettings(configOf),
    logger,
  })
  const transactions = new TransactionCoordinator({
    clock,
    journal,
    marks: new RingTransactionMarks({ writer: metadata.writer, registry, clock }),
    topics,
    producerIds,
    groups,
    logs: registry,
    settings: transactionSettings(configOf),
    logger,
  })
  const cleaner = buildCleaner(options, registry, configOf)
  const facts = new BrokerFacts({
    dataDirectory: config.dataDirectory,
    registry,
    metadataLogEnd: () => journal.logEnd('__cluster_metadata', 0),
  })
  const cluster = new ClusterCoordinator({ nodeId: config.nodeId, clock, topics, facts })
  const parts = [topics, groups, transactions, cluster, ...buildClientParts(options, topics)]
  const desk = buildDesk(options, parts, metadata)
  return { ...metadata, groups, transactions, desk, cleaner }
}

function buildTopics(
  { config, shared, clock, random, logger, table }: CoordinatorPartsOptions,
  { journal, registry }: ReturnType<typeof buildStorage>,
): TopicCoordinator {
  const level = new LoggerLevel(config.logLevel, (wanted) => {
    if (isLevelled(logger)) logger.setLevel(wanted)
  })
  const { directoryId } = shared
  const localDirectory = directoryId === undefined ? undefined : Buffer.from(directoryId, 'hex')
  const partitionsMax = table.capacity - 1
  const settings = { nodeId: config.nodeId, staticConfigs: config.kafka, partitionsMax, localDirectory }
  return new TopicCoordinator({ clock, random, journal, effects: registry, settings, logger: level })
}

/** What is known of clients: what they may do, how much of it, and what they tell of themselves. */
function buildClientParts(
  { clock, random }: CoordinatorPartsOptions,
  topics: TopicCoordinator,
): readonly CoordinatorPart[] {
  const { changes } = topics
  const acls = new AclCoordinator({
    changes,
    random,
    hasAuthorizer: topics.brokerConfig('authorizer.class.name') !== '',
  })
  const telemetry = new TelemetryCoordinator({
    clock,
    random,
    subscriptions: () => changes.state.clientMetrics(),
    pushBytesMax: Number(topics.brokerConfig('telemetry.max.bytes')),
    received: new ReceivedMetrics(),
  })
  return [acls, new QuotaCoordinator({ changes }), telemetry]
}

/** Which partition keeps a group or a transactional id follows from their number: that of the topic counts, whatever is configured. */
function ownPartitionCount(topics: TopicCoordinator, config: string): string | undefined {
  const topic = partitionCountConfigs.get(config)
  return topic === undefined ? undefined : topics.partitionCount(topic)?.toString()
}

function buildStorage(options: CoordinatorPartsOptions) {
  const { config, shared, agents, table, clock, logger } = options
  const { owners, fronts } = agents
  const find = (slot: PartitionSlot): KeptPartition | undefined => registry.partitionAt(slot)
  const placement = new Placement({ capacity: table.capacity, owners: owners.length })
  const keeper: RingKeeper = new RingKeeper({
    owners,
    fronts,
    clock,
    ringBytesMax: config.ringBytesMax,
    memoryBytesMax: config.ringMemoryBytesMax,
    find,
  })
  const lanes = shared.topology.writerBells.length
  const quotas = new ClientQuotas({ rates: shared.quotaRates, windows: shared.quotaWindows, lane: 0, lanes })
  const ownerBells = shared.topology.ownerBells.map((memory) => new Bell(memory))
  const writer = new RingWriter({ keeper, find, table, ownerBells, bell: shared.mainBell, clock, logger })
  const journal = new RingJournal({ writer, table, clock, logger, offsetsCodec: offsetsCodec(config.kafka) })
  const registry: TopicRegistry = new TopicRegistry({
    owners,
    fronts,
    placement,
    keeper: () => keeper,
    logger,
    internalOpened: (topic, partition) => options.internalOpened(journal, topic, partition),
    topicListener: options.topicListener,
    quotas,
  })
  return { placement, keeper, writer, journal, registry, quotas }
}

function buildCleaner(
  { config, shared, agents, clock, random, logger, disk, ...options }: CoordinatorPartsOptions,
  registry: TopicRegistry,
  configOf: (name: string) => string | null,
): LogCleaner {
  const { disks } = shared.topology
  return new LogCleaner({
    owners: agents.owners,
    registry,
    disks,
    checkpointDisk: disks.local === undefined ? undefined : disk,
    // Other threads know only the system's disks.
    runner:
      config.owners === 0 || options.openDisk !== undefined
        ? ownThreadRunner({ random, clock, openDisk: options.openDisk ?? openDisk })
        : poolRunner(),
    clock,
    logger,
    configOf,
  })
}

function buildDesk(
  { shared, clock, logger }: CoordinatorPartsOptions,
  parts: ConstructorParameters<typeof RequestDesk>[0]['parts'],
  { journal, quotas }: ReturnType<typeof buildStorage>,
): RequestDesk {
  return new RequestDesk({
    fronts: shared.fronts.map((front, index) => ({
      requests: new ByteQueue(front.requests),
      responses: new ByteQueue(front.responses),
      bell: new Bell(assertDefined(shared.topology.writerBells[index + 1], 'a front has a bell')),
    })),
    parts,
    isJournalFull: () => journal.isFull(),
    quotas,
    clock,
    logger,
  })
}
