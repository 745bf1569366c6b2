/** The topics as this broker runs them: gives decided topics their places and sees that every thread knows. */

import { assertDefined } from '../base/assert.ts'
import type { Offset, PartitionSlot } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type {
  CatalogPartition,
  CatalogTopic,
  OpenPartition,
  PartitionFacts,
  PartitionSettings,
  ProducerFacts,
} from '../base/topology.ts'
import type { NewTopic, TopicEffects } from '../coordinator/ports.ts'
import type { ClientLimits, ClientQuotas } from '../metrics/client-quotas.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import type { Placement } from './placement.ts'
import type { FrontControl, OwnerControl } from './remotes.ts'
import type { KeptPartition, RingKeeper } from './ring-keeper.ts'

/** Partitions that one control call to an owner opens or removes: bounds the size of a message between threads. */
const partitionsPerCall = 2_000

/** Who wants to hear of topics: before one goes, and of all else once all threads know. */
export type TopicListener = {
  /** A topic is there, or has more partitions than before. */
  changed(name: string): void
  removed(name: string): void
  /** A topic is about to go; resolves once nobody uses its files but their owner. */
  leaving(topic: CatalogTopic): Promise<void>
}

/** Keeps the catalog and makes the coordinator's topic changes real in all threads. */
export class TopicRegistry implements TopicEffects {
  readonly #topics = new Map<string, CatalogTopic>()
  readonly #bySlot = new Map<PartitionSlot, KeptPartition>()
  readonly #owners: readonly OwnerControl[]
  readonly #fronts: readonly FrontControl[]
  readonly #placement: Placement
  readonly #keeper: () => RingKeeper
  readonly #logger: Logger
  /** Called with each partition of an internal topic once its owner has opened it. */
  readonly #internalOpened: (topic: CatalogTopic, partition: CatalogPartition) => void
  readonly #topicListener: TopicListener
  readonly #quotas: ClientQuotas

  constructor(options: {
    owners: readonly OwnerControl[]
    fronts: readonly FrontControl[]
    placement: Placement
    keeper: () => RingKeeper
    logger: Logger
    internalOpened: (topic: CatalogTopic, partition: CatalogPartition) => void
    topicListener: TopicListener
    /** Main's own view of clients' limits. */
    quotas: ClientQuotas
  }) {
    this.#owners = options.owners
    this.#fronts = options.fronts
    this.#placement = options.placement
    this.#keeper = options.keeper
    this.#logger = options.logger
    this.#internalOpened = options.internalOpened
    this.#topicListener = options.topicListener
    this.#quotas = options.quotas
  }

  /** The topic as the threads know it. */
  topic(name: string): CatalogTopic | undefined {
    return this.#topics.get(name)
  }

  topics(): IterableIterator<CatalogTopic> {
    return this.#topics.values()
  }

  /** A partition by its place. */
  partitionAt(slot: PartitionSlot): KeptPartition | undefined {
    return this.#bySlot.get(slot)
  }

  async created(topics: readonly NewTopic[]): Promise<void> {
    const placed = topics.map((topic) => this.#place(topic, []))
    await this.#open(placed.map((topic) => ({ topic, from: 0 })))
    await this.#publish(placed)
    for (const { name } of topics) this.#topicListener.changed(name)
  }

  async grown(topic: NewTopic): Promise<void> {
    const present = assertDefined(this.#topics.get(topic.name), 'a topic that grows is there')
    const placed = this.#place(topic, present.partitions)
    await this.#open([{ topic: placed, from: present.partitions.length }])
    await this.#publish([placed])
    this.#topicListener.changed(topic.name)
  }

  async configured(topic: NewTopic): Promise<void> {
    const present = assertDefined(this.#topics.get(topic.name), 'a topic that is configured is there')
    const changed = { ...present, settings: topic.settings }
    await Promise.all(
      changed.partitions.map((partition) => {
        this.#bySlot.set(partition.slot, { slot: partition.slot, owner: partition.owner, settings: topic.settings })
        return this.#owner(partition.owner).configure(partition.slot, topic.settings)
      }),
    )
    await this.#publish([changed])
  }

  async limited(limits: ClientLimits): Promise<void> {
    this.#quotas.apply(limits.entities)
    await Promise.all(this.#fronts.map((front) => front.applyLimits(limits)))
  }

  async removed(name: string): Promise<void> {
    const topic = this.#topics.get(name)
    if (topic === undefined) return
    this.#topics.delete(name)
    // From here on nobody gets a ring for them; those that are being made have reached everyone once they can be dropped.
    for (const { slot } of topic.partitions) this.#bySlot.delete(slot)
    await this.#topicListener.leaving(topic)
    await Promise.all(topic.partitions.map((partition) => this.#keeper().drop(partition.slot)))
    await Promise.all(this.#fronts.map((front) => front.applyCatalog([{ kind: 'remove', name, id: topic.id }])))
    await Promise.all(
      this.#owners.map((owner, index) => {
        const slots = topic.partitions.filter((partition) => partition.owner === index).map(({ slot }) => slot)
        return slots.length === 0 ? undefined : owner.remove(slots)
      }),
    )
    for (const { slot, owner } of topic.partitions) this.#placement.giveBack({ slot, owner })
    this.#topicListener.removed(name)
  }

  async deleteRecords(name: string, index: number, beforeOffset: Offset) {
    const partition = this.#topics.get(name)?.partitions[index]
    if (partition === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, startOffset: -1 }
    return this.#owner(partition.owner).deleteRecords(partition.slot, beforeOffset)
  }

  /** Sizes and ring places of a topic's partitions, in partition order. */
  async facts(name: string): Promise<readonly PartitionFacts[]> {
    const topic = this.#topics.get(name)
    if (topic === undefined) return []
    const answers = await Promise.all(
      this.#owners.map((owner, index) =>
        owner.describe(topic.partitions.filter((partition) => partition.owner === index).map(({ slot }) => slot)),
      ),
    )
    const bySlot = new Map(answers.flat().map((facts) => [facts.slot, facts]))
    return topic.partitions.flatMap(({ slot }) => bySlot.get(slot) ?? [])
  }

  /** The producers that a partition knows; none where it is not there. */
  async producersOf(name: string, index: number): Promise<readonly ProducerFacts[]> {
    const partition = this.#topics.get(name)?.partitions[index]
    if (partition === undefined) return []
    return (await this.#owners[partition.owner]?.describeProducers(partition.slot)) ?? []
  }

  /** Opens a partition that is no topic's: the metadata log. */
  async openBare(topic: OpenPartition, place: { slot: PartitionSlot; owner: number }): Promise<void> {
    this.#bySlot.set(place.slot, { slot: place.slot, owner: place.owner, settings: topic.settings })
    await this.#openAt(place.owner, [topic])
  }

  #place(topic: NewTopic, present: readonly CatalogPartition[]): CatalogTopic {
    const partitions = [...present]
    while (partitions.length < topic.partitionCount) {
      const place = assertDefined(this.#placement.take(), 'the coordinator has asked whether there is room')
      const index = partitions.length
      partitions.push({ index, ...place, leaderEpoch: topic.leaderEpochs[index] ?? 0 })
      this.#bySlot.set(place.slot, { ...place, settings: topic.settings })
    }
    return { name: topic.name, id: topic.id, isInternal: topic.isInternal, settings: topic.settings, partitions }
  }

  async #open(topics: readonly { topic: CatalogTopic; from: number }[]): Promise<void> {
    const byOwner: OpenPartition[][] = this.#owners.map(() => [])
    for (const { topic, from } of topics) {
      const { name, id, settings } = topic
      for (const { index, slot, owner, leaderEpoch } of topic.partitions.slice(from)) {
        byOwner[owner]?.push({ topic: name, topicId: id, partition: index, slot, settings, leaderEpoch })
      }
    }
    await Promise.all(byOwner.map((partitions, owner) => this.#openAt(owner, partitions)))
    for (const { topic, from } of topics) {
      if (!topic.isInternal) continue
      for (const partition of topic.partitions.slice(from)) this.#internalOpened(topic, partition)
    }
  }

  async #openAt(owner: number, partitions: readonly OpenPartition[]): Promise<void> {
    for (let first = 0; first < partitions.length; first += partitionsPerCall) {
      const asked = partitions.slice(first, first + partitionsPerCall)
      const opened = await this.#owner(owner).open(asked)
      opened.forEach((answer, index) => {
        const name = `${asked[index]?.topic}-${asked[index]?.partition}`
        if (answer.recovery.repairs !== '') this.#logger.info(`${name}: ${answer.recovery.repairs}`)
        if (answer.errorCode !== ErrorCode.NONE) this.#logger.error(`${name} could not be opened and is offline`)
      })
    }
  }

  async #publish(topics: readonly CatalogTopic[]): Promise<void> {
    for (const topic of topics) this.#topics.set(topic.name, topic)
    const changes = topics.map((topic) => ({ kind: 'put' as const, topic }))
    await Promise.all(this.#fronts.map((front) => front.applyCatalog(changes)))
  }

  #owner(index: number): OwnerControl {
    return assertDefined(this.#owners[index], 'a partition has an owner')
  }
}

/**
 * The settings of the metadata log: its records have no keys, none is ever deleted, and one decision is one batch. It is synced
 * whatever the policy, as Kafka's is: a producer id that a power cut took back would be given out again, and the batches of its next
 * owner be taken for those of the last.
 */
export function metadataSettings(base: PartitionSettings): PartitionSettings {
  return {
    ...base,
    isCompacted: false,
    isDeleted: false,
    retentionMs: -1,
    retentionBytes: -1,
    sync: 'every',
    flushMessages: 1,
    maxMessageBytes: 64 * 1024 * 1024,
    timestampType: 'CreateTime',
  }
}
