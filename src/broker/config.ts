/** The broker's configuration: one frozen object, resolved from flags, environment, a properties file and defaults. */

import { resolve } from 'node:path'
import type { LogLevel } from '../base/logger.ts'
import type { StorageKind } from '../base/topology.ts'
import { emptyBrokerConfigs } from '../coordinator/configs/effective.ts'
import { brokerBoundsProblem } from '../coordinator/configs/group-bounds.ts'
import { ConfigError } from './config-error.ts'
import { offsetsCodec } from './coordinator-settings.ts'
import { usableCores } from './cpu-quota.ts'
import { hostInAddress, resolveListeners } from './listeners.ts'
import type { ListenerSpec } from './remotes.ts'
import { type GivenSettings, type GivenValue, gatherSettings, type SettingInputs } from './setting-sources.ts'
import { environmentName, type Setting, type SettingFlag, settings } from './settings.ts'

/** Everything that a broker is told at its start. */
export type BrokerConfig = {
  /** In the order given; the first one is the broker's main address. */
  readonly listeners: readonly ListenerSpec[]
  /** Where topics keep their records unless they say otherwise. */
  readonly storage: StorageKind
  /** An absolute path. */
  readonly dataDirectory: string
  /** Threads that own partitions; 0: everything runs in the caller's thread. */
  readonly owners: number
  /** Threads that serve connections. */
  readonly fronts: number
  /** `num.partitions`: partitions of a topic that is created without a number. */
  readonly partitions: number
  /** Largest ring of one partition. */
  readonly ringBytesMax: number
  /** Memory of all rings together. */
  readonly ringMemoryBytesMax: number
  /** Memory of all topics whose storage is `memory`. */
  readonly memoryBytesMax: number
  readonly autoCreateTopics: boolean
  readonly nodeId: number
  readonly requestBytesMax: number
  /** Of one front. */
  readonly connectionsMax: number
  /** Of one front: memory for requests that have not arrived in full. */
  readonly halfReceivedBytesMax: number
  /** Of one front. */
  readonly parkedFetchesMax: number
  readonly fetchBytesMax: number
  /** Of one front. */
  readonly fetchSessionsMax: number
  readonly groupInitialRebalanceDelayMs: number
  readonly logLevel: LogLevel
  /** Kafka's (and Safka's) broker configs by name, as far as they were set: the static layer that DescribeConfigs shows. */
  readonly kafka: ReadonlyMap<string, string>
}

/** A configuration, and what has to be said about it in the log. */
export type ResolvedConfig = { readonly config: BrokerConfig; readonly warnings: readonly string[] }

/** What configuration depends on beside the settings. */
export type ConfigInputs = SettingInputs & { readonly cores?: number; readonly workingDirectory?: string }

/** Resolves a configuration; flags win over the environment, that over the file. Throws ConfigError of one clear sentence. */
export function resolveConfig(inputs: ConfigInputs): ResolvedConfig {
  const given = gatherSettings(inputs)
  const read = new SettingReader(given)
  const storage = read.choice('storage', ['local', 'memory', 'ring'])
  const config: BrokerConfig = {
    listeners: Object.freeze(listenersOf(read, given)),
    storage,
    dataDirectory: resolve(inputs.workingDirectory ?? '.', oneFolder(read)),
    owners: read.number('owners', Math.max(1, (inputs.cores ?? usableCores()) - 1)),
    fronts: read.number('fronts'),
    partitions: read.number('partitions'),
    ringBytesMax: read.number('ring-bytes-max'),
    ringMemoryBytesMax: read.number('ring-memory-bytes-max'),
    memoryBytesMax: read.number('memory-bytes-max'),
    autoCreateTopics: read.boolean('auto-create-topics'),
    nodeId: read.number('node-id'),
    requestBytesMax: read.number('request-bytes-max'),
    connectionsMax: read.number('connections-max'),
    halfReceivedBytesMax: read.number('half-received-bytes-max'),
    parkedFetchesMax: read.number('parked-fetches-max'),
    fetchBytesMax: read.number('fetch-bytes-max'),
    fetchSessionsMax: read.number('fetch-sessions-max'),
    groupInitialRebalanceDelayMs: read.number('group-initial-rebalance-delay-ms'),
    logLevel: read.choice('log-level', ['debug', 'info', 'warn', 'error']),
    kafka: staticConfigs(read, given),
  }
  requireConsistent(config)
  return { config: Object.freeze(config), warnings: given.warnings }
}

/** The configuration of a broker that is told nothing but `changes`; for embedded brokers and tests. */
export function configWith(changes: Partial<BrokerConfig> = {}): BrokerConfig {
  const { config } = resolveConfig({ argv: [], environment: {} })
  const kafka = new Map(config.kafka)
  kafka.set('safka.storage', changes.storage ?? config.storage)
  kafka.set('num.partitions', String(changes.partitions ?? config.partitions))
  kafka.set('max.connections', String(changes.connectionsMax ?? config.connectionsMax))
  for (const [name, value] of changes.kafka ?? []) kafka.set(name, value)
  const merged = Object.freeze({ ...config, ...changes, kafka })
  requireConsistent(merged)
  return merged
}

/** Kafka's codecs are numbered from 0, none, to this, zstd. */
const codecMax = 4

function requireConsistent(config: BrokerConfig): void {
  if (config.halfReceivedBytesMax < config.requestBytesMax) {
    throw new ConfigError(
      `half-received-bytes-max (${config.halfReceivedBytesMax}) must be at least request-bytes-max (${config.requestBytesMax}), ` +
        'or the largest request could never arrive',
    )
  }
  requireAuthorizer(config.kafka)
  const problem = brokerBoundsProblem({ ...emptyBrokerConfigs, static: config.kafka })
  if (problem !== undefined) throw new ConfigError(problem)
  if (config.ringMemoryBytesMax < config.ringBytesMax) {
    throw new ConfigError(
      `ring-memory-bytes-max (${config.ringMemoryBytesMax}) must be at least ring-bytes-max (${config.ringBytesMax})`,
    )
  }
  const codec = offsetsCodec(config.kafka)
  if (codec < 0 || codec > codecMax) {
    throw new ConfigError(`offsets.topic.compression.codec must be a codec's number from 0 to 4, not ${codec}`)
  }
}

const standardAuthorizer = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'

/** Access control lists are kept, not enforced: a broker that was told to refuse somebody must not start and let everybody in. */
function requireAuthorizer(kafka: ReadonlyMap<string, string>): void {
  const name = kafka.get('authorizer.class.name') ?? ''
  if (name === '') return
  if (name !== standardAuthorizer) {
    throw new ConfigError(`authorizer.class.name must be ${standardAuthorizer} or empty, not ${name}`)
  }
  const superUsers = (kafka.get('super.users') ?? '').split(';').map((user) => user.trim())
  const allowsAll = kafka.get('allow.everyone.if.no.acl.found')?.trim().toLowerCase() === 'true'
  if (allowsAll || superUsers.includes('User:ANONYMOUS')) return
  throw new ConfigError(
    'access control lists are kept but not enforced yet: an authorizer needs allow.everyone.if.no.acl.found=true, ' +
      'or User:ANONYMOUS among super.users, which say that everyone may do everything',
  )
}

/** Host and port name one listener; given by a source of a higher rank than `listeners`, they replace all of those. */
function listenersOf(read: SettingReader, given: GivenSettings): ListenerSpec[] {
  const several = given.byFlag.get('listeners')
  const host = given.byFlag.get('host')
  const port = given.byFlag.get('port')
  const single = [host, port].filter((value): value is GivenValue => value !== undefined)
  const clash = single.find((value) => value.rank === several?.rank)
  if (several !== undefined && clash !== undefined)
    throw new ConfigError(`give either ${several.words} or ${clash.words}, not both`)
  const takesSingle = several === undefined || single.some((value) => value.rank < several.rank)
  const hostText = read.text('host')
  return resolveListeners({
    listeners: takesSingle ? `PLAINTEXT://${hostInAddress(hostText)}:${read.number('port')}` : several.text,
    advertisedListeners: given.byFlag.get('advertised-listeners')?.text,
    advertised: given.byFlag.get('advertised')?.text,
    protocolMap: given.kafka.get('listener.security.protocol.map'),
  })
}

function oneFolder(read: SettingReader): string {
  const text = read.text('data').trim()
  if (text === '') throw new ConfigError('the data folder must have a name')
  if (text.includes(','))
    throw new ConfigError(`log.dirs names several folders (${text}), but only one is supported so far`)
  return text
}

/** What was set, under the names that Kafka's tools ask for; and the defaults in which Safka differs from Kafka. */
function staticConfigs(read: SettingReader, given: GivenSettings): ReadonlyMap<string, string> {
  const configs = new Map(given.kafka)
  for (const setting of settings) {
    const value = given.byFlag.get(setting.flag)
    if (value !== undefined) configs.set(setting.fileName, read.plainText(setting.flag))
  }
  const differing: readonly SettingFlag[] = [
    'group-initial-rebalance-delay-ms',
    'data',
    'node-id',
    'connections-max',
    'storage',
  ]
  for (const setting of settings) {
    if (differing.includes(setting.flag) && !configs.has(setting.fileName))
      configs.set(setting.fileName, read.plainText(setting.flag))
  }
  const listeners = listenersOf(read, given).map(({ name, host, port }) => `${name}://${hostInAddress(host)}:${port}`)
  configs.set('listeners', listeners.join(','))
  configs.set('broker.id', read.plainText('node-id'))
  return configs
}

/** Reads settings by flag, and refuses values that are not of their kind. */
class SettingReader {
  readonly #given: ReadonlyMap<string, GivenValue>

  constructor(given: GivenSettings) {
    this.#given = given.byFlag
  }

  text(flag: SettingFlag): string {
    return this.#given.get(flag)?.text ?? settingOf(flag).defaultText
  }

  /** A whole number within the setting's limits. `absent` stands in where there is no default. */
  number(flag: SettingFlag, absent?: number): number {
    const setting = settingOf(flag)
    const text = this.text(flag)
    if (text === '' && absent !== undefined) return absent
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = setting
    const value = setting.kind === 'bytes' ? bytesOf(text) : /^\d{1,16}$/.test(text.trim()) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    const unit = setting.kind === 'bytes' ? ' bytes' : ''
    throw new ConfigError(
      `${this.#words(flag)} must be a whole number from ${min} to ${max}${unit}, not ${JSON.stringify(text)}`,
    )
  }

  boolean(flag: SettingFlag): boolean {
    const text = this.text(flag).trim().toLowerCase()
    if (text === 'true' || text === 'false') return text === 'true'
    throw new ConfigError(`${this.#words(flag)} must be true or false, not ${JSON.stringify(this.text(flag))}`)
  }

  choice<Choice extends string>(flag: SettingFlag, choices: readonly Choice[]): Choice {
    const text = this.text(flag).trim().toLowerCase()
    const choice = choices.find((candidate) => candidate === text)
    if (choice !== undefined) return choice
    throw new ConfigError(
      `${this.#words(flag)} must be one of ${choices.join(', ')}, not ${JSON.stringify(this.text(flag))}`,
    )
  }

  /** The checked value, with sizes as plain numbers: as Kafka's tools want it. */
  plainText(flag: SettingFlag): string {
    const { kind, choices } = settingOf(flag)
    if (kind === 'whole' || kind === 'bytes') return String(this.number(flag, 0))
    if (kind === 'boolean') return String(this.boolean(flag))
    return choices === undefined ? this.text(flag) : this.choice(flag, choices)
  }

  #words(flag: SettingFlag): string {
    return this.#given.get(flag)?.words ?? `--${flag}`
  }
}

function settingOf(flag: SettingFlag): Setting {
  const setting = settings.find((candidate) => candidate.flag === flag)
  if (setting === undefined) throw new TypeError(`there is no setting ${flag} (${environmentName(flag)})`)
  return setting
}

const units: Readonly<Record<string, number>> = { '': 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 }

/** '64KiB', '16 MiB', '1048576'; NaN where it is none of these. */
function bytesOf(text: string): number {
  const [, digits, unit] = /^(\d{1,16})\s*([a-z]*)$/i.exec(text.trim()) ?? []
  const factor = units[(unit ?? '').toLowerCase()]
  return digits === undefined || factor === undefined ? Number.NaN : Number(digits) * factor
}
