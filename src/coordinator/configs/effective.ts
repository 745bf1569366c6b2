/** Which value of a config counts: the topic's own, else the broker's dynamic ones, else its start settings, else the default. */

import {
  brokerConfigNames,
  brokerConfigs,
  brokerSynonymsOfTopicConfig,
  type ConfigDefinition,
  groupConfigs,
  topicConfigs,
} from './definitions.ts'

/** Kafka's numbers for where a value comes from. */
export const configSource = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
  logger: 6,
  clientMetrics: 7,
  group: 8,
} as const

/** A value and where it comes from; null: there is none. */
export type SourcedValue = { readonly name: string; readonly value: string | null; readonly source: number }

/** Configs by name, as they were set. */
export type ConfigMap = ReadonlyMap<string, string>

const noConfigs: ConfigMap = new Map()

/** The broker's configs in three layers; the first that has a name wins. */
export type BrokerConfigLayers = {
  /** Set for this broker while it runs. */
  readonly dynamic: ConfigMap
  /** Set for all brokers while they run. */
  readonly dynamicDefault: ConfigMap
  /** Set at start by flags, environment or a file. */
  readonly static: ConfigMap
}

/** Layers where nothing was set. */
export const emptyBrokerConfigs: BrokerConfigLayers = {
  dynamic: noConfigs,
  dynamicDefault: noConfigs,
  static: noConfigs,
}

/**
 * Every value that counts for a broker config, also under its other names, the one that wins first. As in Kafka
 * (DynamicBrokerConfig.brokerConfigSynonyms) other names tell nothing while nothing is set under the config's own.
 */
export function brokerConfigValues(name: string, layers: BrokerConfigLayers): SourcedValue[] {
  const names = brokerConfigNames.get(name) ?? [name]
  const found: SourcedValue[] = []
  for (const { configs, source } of layersOf(layers)) {
    for (const one of names) {
      const value = configs === undefined ? brokerConfigs.get(one)?.defaultValue : configs.get(one)
      if (value !== undefined && value !== null) found.push({ name: one, value, source })
    }
  }
  const first = found.findIndex((value) => value.name === name)
  return first === -1 ? [] : found.slice(first)
}

/** The broker's value of a config; null: it has none. Throws nothing for unknown names: they have none. */
export function brokerConfigValue(name: string, layers: BrokerConfigLayers): string | null {
  return brokerConfigValues(name, layers).find((value) => value.name === name)?.value ?? null
}

/** A topic config's value with its source, and Kafka's list of synonyms behind it, the one that counts first. */
export type EffectiveConfig = {
  readonly value: string | null
  readonly source: number
  readonly synonyms: readonly SourcedValue[]
}

/** What a topic config comes to. */
export function effectiveTopicConfig(
  definition: ConfigDefinition,
  overrides: ConfigMap,
  layers: BrokerConfigLayers,
): EffectiveConfig {
  const brokerNames = brokerSynonymsOfTopicConfig.get(definition.name) ?? []
  const [first] = brokerNames
  const inherited = first === undefined ? [] : brokerConfigValues(first.name, layers)
  const override = overrides.get(definition.name)
  if (override !== undefined) {
    const own = { name: definition.name, value: override, source: configSource.topic }
    return { value: override, source: configSource.topic, synonyms: [own, ...inherited] }
  }
  const set = brokerNames
    .flatMap(({ name, factor }) => setValues(name, layers).map(({ value }) => scaled(value ?? '', factor)))
    .at(0)
  const brokerDefault = first === undefined ? null : (brokerConfigs.get(first.name)?.defaultValue ?? null)
  return {
    value: set ?? brokerDefault ?? definition.defaultValue,
    source: inherited[0]?.source ?? configSource.default,
    synonyms: inherited,
  }
}

/** The value that a topic config comes to; null: there is none. */
export function topicConfigValue(name: string, overrides: ConfigMap, layers: BrokerConfigLayers): string | null {
  const definition = topicConfigs.get(name)
  return definition === undefined ? null : effectiveTopicConfig(definition, overrides, layers).value
}

/** What a group config comes to: the group's own, else the broker's `group.` + name, else the default. */
export function effectiveGroupConfig(
  definition: ConfigDefinition,
  overrides: ConfigMap,
  layers: BrokerConfigLayers,
): EffectiveConfig {
  const synonyms: SourcedValue[] = []
  const override = overrides.get(definition.name)
  if (override !== undefined) synonyms.push({ name: definition.name, value: override, source: configSource.group })
  const broker = brokerConfigs.get(`group.${definition.name}`)
  const set = broker === undefined ? [] : setValues(broker.name, layers)
  synonyms.push(...set, {
    name: broker?.name ?? definition.name,
    value: definition.defaultValue,
    source: configSource.default,
  })
  const counts = synonyms[0]
  return { value: counts?.value ?? null, source: counts?.source ?? configSource.default, synonyms }
}

/** A group config's value; null: there is none of that name. */
export function groupConfigValue(name: string, overrides: ConfigMap, layers: BrokerConfigLayers): string | null {
  const definition = groupConfigs.get(name)
  return definition === undefined ? null : effectiveGroupConfig(definition, overrides, layers).value
}

function setValues(name: string, layers: BrokerConfigLayers): SourcedValue[] {
  return brokerConfigValues(name, layers).filter((set) => set.name === name && set.source !== configSource.default)
}

/** The layers in the order in which they win; the last one stands for the defaults. */
function layersOf(
  layers: BrokerConfigLayers,
): readonly { readonly configs: ConfigMap | undefined; readonly source: number }[] {
  return [
    { configs: layers.dynamic, source: configSource.dynamicBroker },
    { configs: layers.dynamicDefault, source: configSource.dynamicDefaultBroker },
    { configs: layers.static, source: configSource.staticBroker },
    { configs: undefined, source: configSource.default },
  ]
}

function scaled(value: string, factor: number): string {
  if (factor === 1) return value
  const number = Number(value)
  // A negative number means "no limit" in every unit.
  return number < 0 ? value : String(number * factor)
}
