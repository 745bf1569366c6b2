/** What is known of topics and configs: changed only by replaying records, the same at run time as at start. */

import type { TopicIdHex } from '../../base/ids.ts'
import type { StorageKind } from '../../base/topology.ts'
import type { ClientLimits } from '../../metrics/client-quotas.ts'
import { Acls } from '../acls/acl.ts'
import { type BrokerConfigLayers, brokerConfigValue, type ConfigMap, topicConfigValue } from '../configs/effective.ts'
import { resolveSettings } from '../configs/resolve-settings.ts'
import { listOf } from '../configs/validate.ts'
import type { NewTopic } from '../ports.ts'
import { Quotas } from '../quotas/state.ts'
import type { ForeignRecord, MetadataRecord } from './records.ts'

/** Kafka's numbers of the kinds of things that have configs. */
export const resourceType = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const

/** Topics that Kafka's clients must not see as their own. */
export const internalTopics: ReadonlySet<string> = new Set([
  '__consumer_offsets',
  '__transaction_state',
  '__share_group_state',
])

/** Topics that this broker's coordinator writes: it would go on writing where their partitions were. */
export const ownTopicNames: ReadonlySet<string> = new Set(['__consumer_offsets', '__transaction_state'])

/** One topic. */
export type TopicState = {
  readonly name: string
  readonly id: TopicIdHex
  readonly partitionCount: number
  /** By partition; empty where all are 0, as in all topics that Apache Kafka never led. */
  readonly leaderEpochs: readonly number[]
  /** Where its batches live, since its creation. */
  readonly storage: StorageKind
  /** What was set on it. */
  readonly configs: ConfigMap
}

const noConfigs: ConfigMap = new Map()

/** The hard state. Reads are cheap; `apply` is the only writer. */
export class MetadataState {
  readonly quotas = new Quotas()
  readonly acls = new Acls()
  #createdCount = 0
  readonly #topics = new Map<string, TopicState>()
  readonly #names = new Map<TopicIdHex, string>()
  /** Kafka's metrics cannot tell '.' from '_', so names that differ only there collide. */
  readonly #namesByCollisionKey = new Map<string, string>()
  readonly #configs = new Map<string, Map<string, string>>()
  #clientMetrics: ReadonlyMap<string, ConfigMap> = new Map()
  readonly #staticConfigs: ConfigMap
  readonly #nodeId: number

  constructor(options: { readonly nodeId: number; readonly staticConfigs: ConfigMap }) {
    this.#nodeId = options.nodeId
    this.#staticConfigs = options.staticConfigs
  }

  /** How many topics were ever created. */
  get createdCount(): number {
    return this.#createdCount
  }

  topics(): Iterable<TopicState> {
    return this.#topics.values()
  }

  topic(name: string): TopicState | undefined {
    return this.#topics.get(name)
  }

  topicById(id: TopicIdHex): TopicState | undefined {
    const name = this.#names.get(id)
    return name === undefined ? undefined : this.#topics.get(name)
  }

  /** The existing topic whose name differs from `name` only by '.' and '_'. */
  collidingTopic(name: string): string | undefined {
    const found = this.#namesByCollisionKey.get(collisionKey(name))
    return found === name ? undefined : found
  }

  /** The configs that were set on a resource that is no topic. */
  configsOf(type: number, name: string): ConfigMap {
    if (type === resourceType.topic) return this.#topics.get(name)?.configs ?? noConfigs
    return this.#configs.get(`${type}/${name}`) ?? noConfigs
  }

  /** The subscriptions to clients' metrics with their configs: another object after each change, and only then. */
  clientMetrics(): ReadonlyMap<string, ConfigMap> {
    return this.#clientMetrics
  }

  /** Names of the resources of a kind, other than topics, on which configs were set. */
  configuredResources(type: number): string[] {
    const prefix = `${type}/`
    return [...this.#configs.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
  }

  brokerConfigs(): BrokerConfigLayers {
    return {
      dynamic: this.configsOf(resourceType.broker, String(this.#nodeId)),
      dynamicDefault: this.configsOf(resourceType.broker, ''),
      static: this.#staticConfigs,
    }
  }

  /** What limits clients: their quotas, and the broker's configs about connections. */
  limits(): ClientLimits {
    const layers = this.brokerConfigs()
    const number = (name: string): number => Number(brokerConfigValue(name, layers))
    const overrides = listOf(brokerConfigValue('max.connections.per.ip.overrides', layers) ?? '')
    return {
      entities: this.quotas.limits(),
      connections: {
        max: number('max.connections'),
        perAddressMax: number('max.connections.per.ip'),
        perAddressOverrides: Object.fromEntries(overrides.map(addressLimit)),
        ratePerSecond: number('max.connection.creation.rate'),
      },
    }
  }

  /** The topic's own configs; its storage counts as one where the broker's default has changed since. */
  overrides(topic: TopicState): ConfigMap {
    if (topicConfigValue('safka.storage', topic.configs, this.brokerConfigs()) === topic.storage) return topic.configs
    return new Map([...topic.configs, ['safka.storage', topic.storage]])
  }

  /** The topic as the rest of the broker wants it, with its settings resolved. */
  resolved(topic: TopicState): NewTopic {
    return {
      name: topic.name,
      id: topic.id,
      isInternal: internalTopics.has(topic.name),
      settings: resolveSettings(this.overrides(topic), this.brokerConfigs()),
      partitionCount: topic.partitionCount,
      leaderEpochs: topic.leaderEpochs,
    }
  }

  /** Applies one record. A record of a topic that is not there changes nothing. */
  apply(record: MetadataRecord | ForeignRecord): void {
    switch (record.kind) {
      case 'topic':
        this.#createdCount += 1
        this.#topics.set(record.name, {
          name: record.name,
          id: record.id,
          partitionCount: 0,
          leaderEpochs: [],
          storage: 'local',
          configs: noConfigs,
        })
        this.#names.set(record.id, record.name)
        this.#namesByCollisionKey.set(collisionKey(record.name), record.name)
        break
      case 'partition':
        this.#applyPartition(record)
        break
      case 'leader':
        this.#applyLeader(record.id, record.index)
        break
      case 'remove-topic':
        this.#applyRemove(record.id)
        break
      case 'config':
        this.#applyConfig(record)
        break
      case 'quota':
        this.quotas.set(record.entity, record.key, record.value)
        break
      case 'acl':
        this.acls.add(record.id, record.acl)
        break
      case 'remove-acl':
        this.acls.remove(record.id)
        break
    }
  }

  #applyPartition(record: Extract<MetadataRecord, { kind: 'partition' }>): void {
    const topic = this.topicById(record.id)
    if (topic === undefined) return
    const partitionCount = Math.max(topic.partitionCount, record.index + 1)
    const leaderEpochs = withEpoch(topic.leaderEpochs, record.index, record.leaderEpoch)
    this.#topics.set(topic.name, { ...topic, partitionCount, leaderEpochs, storage: record.storage })
  }

  /** Kafka's controller gave the partition another leader, or none: each time with the next epoch (PartitionRegistration.merge). */
  #applyLeader(id: TopicIdHex, index: number): void {
    const topic = this.topicById(id)
    if (topic === undefined) return
    const leaderEpochs = withEpoch(topic.leaderEpochs, index, (topic.leaderEpochs[index] ?? 0) + 1)
    this.#topics.set(topic.name, { ...topic, leaderEpochs })
  }

  #applyRemove(id: TopicIdHex): void {
    const topic = this.topicById(id)
    if (topic === undefined) return
    this.#names.delete(id)
    this.#topics.delete(topic.name)
    this.#namesByCollisionKey.delete(collisionKey(topic.name))
  }

  #applyConfig(record: Extract<MetadataRecord, { kind: 'config' }>): void {
    if (record.resourceType === resourceType.topic) {
      const topic = this.#topics.get(record.resourceName)
      if (topic === undefined) return
      const configs = new Map(topic.configs)
      setOrRemove(configs, record)
      this.#topics.set(topic.name, { ...topic, configs })
      return
    }
    const key = `${record.resourceType}/${record.resourceName}`
    // Not copied: a broker has as many configs as it is given.
    const configs = this.#configs.get(key) ?? new Map<string, string>()
    setOrRemove(configs, record)
    if (configs.size === 0) this.#configs.delete(key)
    else this.#configs.set(key, configs)
    if (record.resourceType === resourceType.clientMetrics) {
      const changed = new Map(this.#clientMetrics)
      if (configs.size === 0) changed.delete(record.resourceName)
      else changed.set(record.resourceName, new Map(configs))
      this.#clientMetrics = changed
    }
  }
}

function withEpoch(leaderEpochs: readonly number[], index: number, epoch: number): readonly number[] {
  if (epoch === (leaderEpochs[index] ?? 0)) return leaderEpochs
  return Array.from({ length: Math.max(leaderEpochs.length, index + 1) }, (_, at) =>
    at === index ? epoch : (leaderEpochs[at] ?? 0),
  )
}

/** `address:count`, as it was checked when it was set. */
function addressLimit(text: string): [string, number] {
  const at = text.lastIndexOf(':')
  return [text.slice(0, at).trim(), Number(text.slice(at + 1))]
}

function setOrRemove(
  configs: Map<string, string>,
  { name, value }: { readonly name: string; readonly value: string | null },
): void {
  if (value === null) configs.delete(name)
  else configs.set(name, value)
}

function collisionKey(name: string): string {
  return name.replaceAll('.', '_')
}
