/** The coordinator of topics and configs: answers the admin requests, and keeps the broker's one truth about topics. */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import { noTopicId, type TopicIdHex } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import type { PartitionFacts } from '../../base/topology.ts'
import { type AlterConfigsRequest, alterConfigsApi } from '../../wire/generated/alter-configs.ts'
import { type CreatePartitionsRequest, createPartitionsApi } from '../../wire/generated/create-partitions.ts'
import {
  type CreateTopicsRequest,
  createTopicsApi,
  makeCreateTopicsRequest,
  makeCreateTopicsRequestCreatableTopic,
  makeCreateTopicsResponse,
} from '../../wire/generated/create-topics.ts'
import { type DeleteRecordsRequest, deleteRecordsApi } from '../../wire/generated/delete-records.ts'
import { type DeleteTopicsRequest, deleteTopicsApi } from '../../wire/generated/delete-topics.ts'
import { type DescribeConfigsRequest, describeConfigsApi } from '../../wire/generated/describe-configs.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  type IncrementalAlterConfigsRequest,
  incrementalAlterConfigsApi,
} from '../../wire/generated/incremental-alter-configs.ts'
import type { Refusal } from '../configs/alter.ts'
import { brokerConfigValue, type ConfigMap, topicConfigValue } from '../configs/effective.ts'
import { boundedGroupNumber } from '../configs/group-bounds.ts'
import type { LoggerLevel } from '../configs/logger-level.ts'
import { resolveSettings } from '../configs/resolve-settings.ts'
import type { GroupConfigs } from '../group-configs.ts'
import type { Journal, JournalRecord, JournalTopic, NewTopic, RequestContext, TopicEffects } from '../ports.ts'
import { type MutationQuota, MutationQuotas, unlimitedMutations } from '../quotas/mutations.ts'
import type { TopicView } from '../topic-view.ts'
import {
  decideAlterConfigs,
  decideIncrementalAlterConfigs,
  refuseAlterConfigs,
  refuseIncrementalAlterConfigs,
} from './alter-configs.ts'
import { ChangeLog, type ChangeOutcome, notReady } from './change-log.ts'
import { decideCreateTopics, refusedTopic } from './create.ts'
import { decideCreatePartitions, refuseCreatePartitions } from './create-partitions.ts'
import type { Decision } from './decision.ts'
import { decideDeleteTopics, refuseDeleteTopics } from './delete.ts'
import { answerDeleteRecords, refuseDeleteRecords } from './delete-records.ts'
import { answerDescribeConfigs, refuseDescribeConfigs, topicsAskedForFacts } from './describe-configs.ts'
import { MetadataState, resourceType } from './state.ts'

/** What the broker's start decides about topics. */
export type TopicSettings = {
  readonly nodeId: number
  /** Broker configs that were set by flags, environment or file, under Kafka's names or Safka's. Valid ones only. */
  readonly staticConfigs: ConfigMap
  /** How many partitions of topics this broker has room for. */
  readonly partitionsMax: number
  /** The data folder's id; undefined where it has none. */
  readonly localDirectory?: Buffer | undefined
}

/** The coordinator's own topics, and the broker configs that shape them. */
const ownTopics: ReadonlyMap<string, { readonly partitionsConfig: string; readonly segmentBytesConfig: string }> =
  new Map([
    [
      '__consumer_offsets',
      { partitionsConfig: 'offsets.topic.num.partitions', segmentBytesConfig: 'offsets.topic.segment.bytes' },
    ],
    [
      '__transaction_state',
      {
        partitionsConfig: 'transaction.state.log.num.partitions',
        segmentBytesConfig: 'transaction.state.log.segment.bytes',
      },
    ],
  ])

/** The versions from which on clients know that a quota can be exceeded (KIP-599). */
const strictSince = { createTopics: 6, deleteTopics: 5, createPartitions: 3 } as const

type Reply = (response: unknown) => void
type Handler = (request: unknown, reply: Reply, context: RequestContext) => void

/** Owns topics and configs. Requests are decided at once, in the order of `handle`; answers come once they are durable and real. */
export class TopicCoordinator implements TopicView, GroupConfigs {
  readonly apiKeys: readonly number[]
  /** The one place where what the registry decoded gets its type back. */
  readonly #handlers: ReadonlyMap<number, Handler> = new Map<number, Handler>([
    [
      createTopicsApi.key,
      (request, reply, context) => this.#createTopics(request as CreateTopicsRequest, context, reply),
    ],
    [
      deleteTopicsApi.key,
      (request, reply, context) => this.#deleteTopics(request as DeleteTopicsRequest, context, reply),
    ],
    [
      createPartitionsApi.key,
      (request, reply, context) => this.#createPartitions(request as CreatePartitionsRequest, context, reply),
    ],
    [deleteRecordsApi.key, (request, reply) => void this.#deleteRecords(request as DeleteRecordsRequest, reply)],
    [describeConfigsApi.key, (request, reply) => void this.#describeConfigs(request as DescribeConfigsRequest, reply)],
    [alterConfigsApi.key, (request, reply) => this.#alterConfigs(request as AlterConfigsRequest, reply)],
    [
      incrementalAlterConfigsApi.key,
      (request, reply) => this.#incrementalAlterConfigs(request as IncrementalAlterConfigsRequest, reply),
    ],
  ])
  /** The metadata log: what other parts of the coordinator decide goes there too. */
  readonly changes: ChangeLog
  readonly #effects: TopicEffects
  readonly #random: Random
  readonly #nodeId: number
  readonly #partitionsMax: number
  readonly #logger: LoggerLevel
  readonly #mutations: MutationQuotas

  constructor(options: {
    readonly clock: Clock
    readonly random: Random
    readonly journal: Journal
    readonly effects: TopicEffects
    readonly settings: TopicSettings
    readonly logger: LoggerLevel
  }) {
    const { clock, random, journal, effects, settings } = options
    this.#logger = options.logger
    this.apiKeys = [...this.#handlers.keys()]
    this.#effects = effects
    this.#random = random
    this.#nodeId = settings.nodeId
    this.#partitionsMax = settings.partitionsMax
    const makeState = (): MetadataState => new MetadataState(settings)
    const { localDirectory } = settings
    this.changes = new ChangeLog({ makeState, journal, effects, clock, localDirectory })
    const number = (name: string): number => Number(this.brokerConfig(name))
    const burstSeconds = number('controller.quota.window.num') * number('controller.quota.window.size.seconds')
    this.#mutations = new MutationQuotas({ clock, burstSeconds })
  }

  /** Applies one record of the metadata log at start; records of other logs are not its business. */
  replay(topic: JournalTopic, record: JournalRecord): void {
    if (topic === '__cluster_metadata') this.changes.replay(record)
  }

  /** Ends the replay at start: the topics to open, before any request is handled. Later changes go through the effects. */
  start(): readonly NewTopic[] {
    return this.changes.start()
  }

  /** Answers one request; `request` is what the registry decoded for the context's API. */
  handle(context: RequestContext, request: unknown, reply: Reply): void {
    const handler = this.#handlers.get(context.apiKey)
    if (handler === undefined) reply('close')
    else handler(request, reply, context)
  }

  /** Nothing here belongs to a connection. */
  connectionClosed(_connectionId: string): void {}

  /** Creates the topics that are missing, as the broker's configs say; answers an error code a topic, in order. */
  async ensureTopics(names: readonly string[]): Promise<number[]> {
    const missing = [...new Set(names)].filter((name) => this.changes.state.topic(name) === undefined)
    const codes = await this.#create(missing.map((name) => this.#topicToEnsure(name)))
    // A topic that was there may still be on its way to the other threads.
    const outcome = await this.changes.made()
    return names.map((name) => autoCreationCode(codes.get(name) ?? outcome.errorCode))
  }

  /** Creates the coordinator's own topics where they are missing; rejects nothing, answers the first error code. */
  async ensureInternalTopics(): Promise<number> {
    const codes = await this.ensureTopics([...ownTopics.keys()])
    return codes.find((code) => code !== ErrorCode.NONE) ?? ErrorCode.NONE
  }

  /** The topics as they are decided now. */
  topics(): readonly NewTopic[] {
    const state = this.changes.state
    return [...state.topics()].map((topic) => state.resolved(topic))
  }

  createdCount(): number {
    return this.changes.state.createdCount
  }

  /** Names of all topics as they are decided now. */
  topicNames(): string[] {
    return [...this.changes.state.topics()].map(({ name }) => name)
  }

  /** Names of the resources of a kind, other than topics, on which configs were set. */
  configuredResources(type: number): readonly string[] {
    return this.changes.state.configuredResources(type)
  }

  /** Resolves with NONE once everything decided so far is in the log and may be told, else with the error code to answer. */
  async readable(): Promise<number> {
    return this.changes.isReadable ? (await this.changes.settled()).errorCode : notReady.errorCode
  }

  idOf(name: string): TopicIdHex | undefined {
    return this.changes.state.topic(name)?.id
  }

  nameOf(id: TopicIdHex): string | undefined {
    return id === noTopicId ? undefined : this.changes.state.topicById(id)?.name
  }

  partitionCount(name: string): number | undefined {
    return this.changes.state.topic(name)?.partitionCount
  }

  /** A broker config's value as it counts now; null: it has none. */
  brokerConfig(name: string): string | null {
    return brokerConfigValue(name, this.changes.state.brokerConfigs())
  }

  /** A group config that is a number, as it counts now for that group. */
  numberOf(group: string, name: string): number {
    const { state } = this.changes
    return boundedGroupNumber(name, state.configsOf(resourceType.group, group), state.brokerConfigs())
  }

  /** The settings of a topic without configs of its own: what the broker's own logs start from. */
  defaultSettings(): NewTopic['settings'] {
    return resolveSettings(new Map(), this.changes.state.brokerConfigs())
  }

  #createTopics(request: CreateTopicsRequest, context: RequestContext, reply: Reply): void {
    const quota = this.#quotaOf(context, strictSince.createTopics)
    const refuse = (refusal: Refusal): unknown =>
      makeCreateTopicsResponse({ topics: request.topics.map(({ name }) => refusedTopic(name, refusal)) })
    this.changes.change(() => this.#decideCreate(request, quota), refuse, telling(quota, reply))
  }

  #deleteTopics(request: DeleteTopicsRequest, context: RequestContext, reply: Reply): void {
    const quota = this.#quotaOf(context, strictSince.deleteTopics)
    const tools = { apiVersion: context.apiVersion, quota }
    const decide = (): Decision<unknown> => decideDeleteTopics(this.changes.state, request, tools)
    this.changes.change(decide, (refusal) => refuseDeleteTopics(request, refusal), telling(quota, reply))
  }

  #createPartitions(request: CreatePartitionsRequest, context: RequestContext, reply: Reply): void {
    const quota = this.#quotaOf(context, strictSince.createPartitions)
    const tools = { nodeId: this.#nodeId, partitionsLeft: this.#partitionsLeft(), quota }
    const decide = (): Decision<unknown> => decideCreatePartitions(this.changes.state, request, tools)
    this.changes.change(decide, (refusal) => refuseCreatePartitions(request, refusal), telling(quota, reply))
  }

  #alterConfigs(request: AlterConfigsRequest, reply: Reply): void {
    const decide = (): Decision<unknown> => decideAlterConfigs(this.changes.state, request, this.#nodeId)
    this.changes.change(decide, (refusal) => refuseAlterConfigs(request, refusal), reply)
  }

  #incrementalAlterConfigs(request: IncrementalAlterConfigsRequest, reply: Reply): void {
    const tools = { nodeId: this.#nodeId, logger: this.#logger }
    const decide = (): Decision<unknown> => decideIncrementalAlterConfigs(this.changes.state, request, tools)
    this.changes.change(decide, (refusal) => refuseIncrementalAlterConfigs(request, refusal), reply)
  }

  async #deleteRecords(request: DeleteRecordsRequest, reply: Reply): Promise<void> {
    const outcome = this.changes.isReadable ? await this.changes.made() : notReady
    if (outcome.errorCode === ErrorCode.NONE) {
      reply(await answerDeleteRecords(this.changes.state, request, this.#effects))
    } else {
      // Clients retry this one per partition; the controller's error means nothing to them here.
      reply(refuseDeleteRecords(request, ErrorCode.NOT_LEADER_OR_FOLLOWER))
    }
  }

  async #describeConfigs(request: DescribeConfigsRequest, reply: Reply): Promise<void> {
    if (!this.changes.isReadable) {
      reply(refuseDescribeConfigs(request, refusalOf(notReady)))
      return
    }
    const state = this.changes.state
    const facts = new Map<string, readonly PartitionFacts[]>()
    const tools = { nodeId: this.#nodeId, loggerLevel: this.#logger.name, facts }
    const asked = topicsAskedForFacts(state, request)
    // Without facts to fetch the answer is taken now, before later requests change the state.
    let response = asked.length === 0 ? answerDescribeConfigs(state, request, tools) : undefined
    const outcome = await this.changes.settled()
    if (outcome.errorCode !== ErrorCode.NONE) {
      reply(refuseDescribeConfigs(request, refusalOf(outcome)))
      return
    }
    try {
      for (const topic of asked) facts.set(topic, await this.#effects.facts(topic))
      response ??= answerDescribeConfigs(this.changes.state, request, tools)
      reply(response)
    } catch (thrown) {
      reply(refuseDescribeConfigs(request, { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, message: messageOf(thrown) }))
    }
  }

  #quotaOf({ apiVersion, clientId }: RequestContext, strictSinceVersion: number): MutationQuota {
    const limits = this.changes.state.quotas.limits()
    return this.#mutations.of(limits, clientId, { isStrict: apiVersion >= strictSinceVersion })
  }

  #decideCreate(request: CreateTopicsRequest, quota: MutationQuota): ReturnType<typeof decideCreateTopics> {
    const tools = { random: this.#random, nodeId: this.#nodeId, partitionsLeft: this.#partitionsLeft(), quota }
    return decideCreateTopics(this.changes.state, request, tools)
  }

  /** Creates topics on the broker's own behalf; answers a code for each of them. */
  async #create(topics: readonly CreateTopicsRequest['topics'][number][]): Promise<ReadonlyMap<string, number>> {
    if (topics.length === 0) return new Map()
    const all = (errorCode: number): Map<string, number> => new Map(topics.map(({ name }) => [name, errorCode]))
    if (!this.changes.isReady) return all(notReady.errorCode)
    const decision = this.#decideCreate(makeCreateTopicsRequest({ topics: [...topics] }), unlimitedMutations)
    const outcome = await this.changes.commit(decision)
    if (outcome.errorCode !== ErrorCode.NONE) return all(outcome.errorCode)
    return new Map(decision.response.topics.map((topic) => [topic.name, topic.errorCode]))
  }

  #topicToEnsure(name: string): CreateTopicsRequest['topics'][number] {
    const settings = { name, numPartitions: -1, replicationFactor: -1, assignments: [] }
    const own = ownTopics.get(name)
    if (own === undefined) return makeCreateTopicsRequestCreatableTopic({ ...settings, configs: [] })
    const layers = this.changes.state.brokerConfigs()
    const configs = [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'compression.type', value: 'producer' },
      { name: 'segment.bytes', value: brokerConfigValue(own.segmentBytesConfig, layers) },
    ]
    // A ring forgets its oldest records, and what the coordinator knows must not be forgotten.
    if (topicConfigValue('safka.storage', new Map(), layers) === 'ring') {
      configs.push({ name: 'safka.storage', value: 'memory' })
    }
    const numPartitions = Number(brokerConfigValue(own.partitionsConfig, layers))
    return makeCreateTopicsRequestCreatableTopic({ ...settings, numPartitions, configs })
  }

  #partitionsLeft(): number {
    let count = 0
    for (const topic of this.changes.state.topics()) count += topic.partitionCount
    return Math.max(0, this.#partitionsMax - count)
  }
}

/** Tells with the answer for how long the client is throttled. */
function telling(quota: MutationQuota, reply: Reply): Reply {
  return (response) => {
    const throttleTimeMs = quota.throttleTimeMs()
    reply(throttleTimeMs > 0 && typeof response === 'object' ? { ...response, throttleTimeMs } : response)
  }
}

/** Auto-creation is answered through Metadata, whose clients retry for a leader, not for a controller. */
function autoCreationCode(errorCode: number): number {
  if (errorCode === ErrorCode.TOPIC_ALREADY_EXISTS) return ErrorCode.NONE
  return errorCode === notReady.errorCode ? ErrorCode.LEADER_NOT_AVAILABLE : errorCode
}

function refusalOf(outcome: ChangeOutcome): Refusal {
  return { errorCode: outcome.errorCode, message: outcome.message }
}
