/** Every config that Safka knows: Kafka's own, from its definitions, and the few that only Safka has. */

import { brokerConfigRows } from './generated/broker-configs.ts'
import { groupConfigRows } from './generated/group-configs.ts'
import { topicConfigRows } from './generated/topic-configs.ts'

/** Kafka's names of config types, and the numbers that DescribeConfigs answers with. */
export const configTypeNumber = {
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9,
} as const

export type ConfigType = keyof typeof configTypeNumber

/** One config: its name, type, default (null: none) and what is valid, in the words of Kafka's documentation. */
export type ConfigDefinition = {
  readonly name: string
  readonly type: ConfigType
  readonly defaultValue: string | null
  readonly valid: string | null
}

export type ConfigDefinitions = ReadonlyMap<string, ConfigDefinition>

type Row = readonly [string, string, string | null, string | null]

/** Where a topic's batches live, how large a `ring` topic's ring is, and how writes are synced where a topic does not say. */
const safkaTopicRows: readonly Row[] = [
  ['safka.ring.bytes', 'LONG', '16777216', '[65536,...,1073741824]'],
  ['safka.storage', 'STRING', 'local', '[local, memory, ring]'],
]
const safkaBrokerRows: readonly Row[] = [
  ...safkaTopicRows,
  // Kafka's StandardAuthorizer has these two; the broker's own definitions do not.
  ['allow.everyone.if.no.acl.found', 'BOOLEAN', 'false', null],
  ['super.users', 'STRING', '', null],
  ['safka.group.member.free.on.close', 'BOOLEAN', 'false', null],
  ['safka.sync', 'STRING', 'never', '[never, interval, every]'],
  ['safka.sync.interval.ms', 'LONG', '1000', '[1,...]'],
]

export const topicConfigs: ConfigDefinitions = definitionsOf([...topicConfigRows, ...safkaTopicRows])
export const brokerConfigs: ConfigDefinitions = definitionsOf([...brokerConfigRows, ...safkaBrokerRows])
export const groupConfigs: ConfigDefinitions = definitionsOf(groupConfigRows)
/** Kafka has these in code only (ClientMetricsConfigs). */
export const clientMetricsConfigs: ConfigDefinitions = definitionsOf([
  ['interval.ms', 'INT', '300000', null],
  ['match', 'LIST', '', null],
  ['metrics', 'LIST', '', null],
])

/** One broker config that a topic config falls back to, and how many of its units the topic's unit is. */
export type ConfigSynonym = { readonly name: string; readonly factor: number }

/** The broker configs that stand in for a topic config that is not set, the first one set wins. */
export const brokerSynonymsOfTopicConfig: ReadonlyMap<string, readonly ConfigSynonym[]> = new Map(
  Object.entries({
    'cleanup.policy': ['log.cleanup.policy'],
    'compression.gzip.level': ['compression.gzip.level'],
    'compression.lz4.level': ['compression.lz4.level'],
    'compression.type': ['compression.type'],
    'compression.zstd.level': ['compression.zstd.level'],
    'delete.retention.ms': ['log.cleaner.delete.retention.ms'],
    'file.delete.delay.ms': ['log.segment.delete.delay.ms'],
    'flush.messages': ['log.flush.interval.messages'],
    'flush.ms': ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
    'index.interval.bytes': ['log.index.interval.bytes'],
    'local.retention.bytes': ['log.local.retention.bytes'],
    'local.retention.ms': ['log.local.retention.ms'],
    'max.compaction.lag.ms': ['log.cleaner.max.compaction.lag.ms'],
    'max.message.bytes': ['message.max.bytes'],
    'message.timestamp.after.max.ms': ['log.message.timestamp.after.max.ms'],
    'message.timestamp.before.max.ms': ['log.message.timestamp.before.max.ms'],
    'message.timestamp.type': ['log.message.timestamp.type'],
    'min.cleanable.dirty.ratio': ['log.cleaner.min.cleanable.ratio'],
    'min.compaction.lag.ms': ['log.cleaner.min.compaction.lag.ms'],
    'min.insync.replicas': ['min.insync.replicas'],
    preallocate: ['log.preallocate'],
    'retention.bytes': ['log.retention.bytes'],
    'retention.ms': ['log.retention.ms', 'log.retention.minutes*60000', 'log.retention.hours*3600000'],
    'safka.ring.bytes': ['safka.ring.bytes'],
    'safka.storage': ['safka.storage'],
    'segment.bytes': ['log.segment.bytes'],
    'segment.index.bytes': ['log.index.size.max.bytes'],
    'segment.jitter.ms': ['log.roll.jitter.ms', 'log.roll.jitter.hours*3600000'],
    'segment.ms': ['log.roll.ms', 'log.roll.hours*3600000'],
    'unclean.leader.election.enable': ['unclean.leader.election.enable'],
  }).map(([topicName, brokerNames]) => [topicName, brokerNames.map(synonymOf)]),
)

const sameInOtherUnits: readonly (readonly string[])[] = [
  ['log.roll.ms', 'log.roll.hours'],
  ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
]

/** All names under which a broker config may be set, where it has several: Kafka's DynamicBrokerConfig.brokerConfigSynonyms. */
export const brokerConfigNames: ReadonlyMap<string, readonly string[]> = new Map([
  ...sameInOtherUnits.flatMap((names) => names.map((name) => [name, names] as const)),
  ['log.flush.interval.ms', ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms']],
])

/** The broker configs that can change while the broker runs; Kafka's list (DynamicBrokerConfig), and Safka's own defaults. */
export const dynamicBrokerConfigs: ReadonlySet<string> = new Set(
  `background.threads compression.gzip.level compression.lz4.level compression.type compression.zstd.level config.providers
  cordoned.log.dirs follower.fetch.last.tiered.offset.enable group.consumer.assignment.interval.ms
  group.coordinator.cached.buffer.max.bytes group.share.assignment.interval.ms group.streams.assignment.interval.ms
  listener.security.protocol.map listeners log.cleaner.backoff.ms log.cleaner.dedupe.buffer.size
  log.cleaner.delete.retention.ms log.cleaner.io.buffer.load.factor log.cleaner.io.buffer.size
  log.cleaner.io.max.bytes.per.second log.cleaner.max.compaction.lag.ms log.cleaner.min.cleanable.ratio
  log.cleaner.min.compaction.lag.ms log.cleaner.threads log.cleanup.policy log.flush.interval.messages
  log.flush.interval.ms log.index.interval.bytes log.index.size.max.bytes log.local.retention.bytes
  log.local.retention.ms log.message.timestamp.after.max.ms log.message.timestamp.before.max.ms
  log.message.timestamp.type log.preallocate log.retention.bytes log.retention.ms log.roll.jitter.ms log.roll.ms
  log.segment.bytes log.segment.delete.delay.ms max.connection.creation.rate max.connections max.connections.per.ip
  max.connections.per.ip.overrides message.max.bytes metric.reporters min.insync.replicas num.io.threads
  num.network.threads num.recovery.threads.per.data.dir num.replica.fetchers principal.builder.class
  producer.id.expiration.ms remote.fetch.max.wait.ms remote.list.offsets.request.timeout.ms
  remote.log.index.file.cache.total.size.bytes remote.log.manager.copier.thread.pool.size
  remote.log.manager.copy.max.bytes.per.second remote.log.manager.expiration.thread.pool.size
  remote.log.manager.fetch.max.bytes.per.second remote.log.manager.follower.thread.pool.size remote.log.reader.threads
  safka.ring.bytes safka.storage safka.sync safka.sync.interval.ms
  sasl.enabled.mechanisms sasl.jaas.config sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin
  sasl.kerberos.principal.to.local.rules sasl.kerberos.service.name sasl.kerberos.ticket.renew.jitter
  sasl.kerberos.ticket.renew.window.factor sasl.login.refresh.buffer.seconds sasl.login.refresh.min.period.seconds
  sasl.login.refresh.window.factor sasl.login.refresh.window.jitter sasl.mechanism.inter.broker.protocol
  share.coordinator.cached.buffer.max.bytes ssl.cipher.suites ssl.client.auth ssl.enabled.protocols
  ssl.endpoint.identification.algorithm ssl.engine.factory.class ssl.key.password ssl.keymanager.algorithm
  ssl.keystore.certificate.chain ssl.keystore.key ssl.keystore.location ssl.keystore.password ssl.keystore.type
  ssl.protocol ssl.provider ssl.secure.random.implementation ssl.trustmanager.algorithm ssl.truststore.certificates
  ssl.truststore.location ssl.truststore.password ssl.truststore.type transaction.partition.verification.enable
  unclean.leader.election.enable`.split(/\s+/),
)

/** Dynamic configs that are of one broker each: a value for all of them would make no sense (DynamicBrokerConfig.PerBrokerConfigs). */
export function isPerBroker(name: string): boolean {
  return /^(ssl|sasl)\./.test(name) || perBrokerConfigs.has(name)
}

/** Stores of keys, which Kafka lets change only by listener: names with a listener's prefix (SslConfigs.RECONFIGURABLE_CONFIGS). */
export function isOfListener(name: string): boolean {
  return /^ssl\.(keystore|truststore)\.|^ssl\.key\.password$/.test(name)
}

const perBrokerConfigs: ReadonlySet<string> = new Set([
  'listeners',
  'listener.security.protocol.map',
  'principal.builder.class',
])

/** Kafka keeps these to itself: DescribeConfigs shows them only where they were set. */
export const hiddenConfigs: ReadonlySet<string> = new Set(
  `allow.everyone.if.no.acl.found super.users
  internal.segment.bytes controller.performance.always.log.threshold.ms controller.performance.sample.period.ms
  group.consumer.regex.refresh.interval.ms group.share.initialize.retry.interval.ms group.share.persister.class.name
  internal.metadata.delete.delay.millis internal.metadata.log.segment.bytes
  internal.metadata.max.batch.size.in.bytes log.initial.task.delay.ms producer.id.expiration.check.interval.ms
  remote.log.index.file.cache.ttl.ms remote.log.manager.task.retry.backoff.max.ms
  remote.log.manager.task.retry.backoff.ms remote.log.manager.task.retry.jitter server.max.startup.time.ms
  share.coordinator.cold.partition.snapshot.interval.ms share.coordinator.state.topic.prune.interval.ms
  unclean.leader.election.interval.ms unstable.api.versions.enable unstable.feature.versions.enable`.split(/\s+/),
)

function definitionsOf(rows: readonly Row[]): ConfigDefinitions {
  const definitions = rows.map(([name, type, defaultValue, valid]): [string, ConfigDefinition] => {
    if (!isConfigType(type)) throw new TypeError(`config ${name} has the unknown type ${type}`)
    return [name, { name, type, defaultValue, valid }]
  })
  return new Map(definitions)
}

function isConfigType(type: string): type is ConfigType {
  return type in configTypeNumber
}

function synonymOf(text: string): ConfigSynonym {
  const [name = '', factor = '1'] = text.split('*')
  return { name, factor: Number(factor) }
}
