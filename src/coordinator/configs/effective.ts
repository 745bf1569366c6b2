/** Which value of a config counts: the topic's own, else the broker's dynamic ones, else its start settings, else the default. */

import {
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

/** Every value that a broker config has, the one that counts first. */
export function brokerConfigValues(definition: ConfigDefinition, layers: BrokerConfigLayers): SourcedValue[] {
  const values = setValues(definition.name, layers)
  if (definition.defaultValue !== null) {
    values.push({ name: definition.name, value: definition.defaultValue, source: configSource.default })
  }
  return values
}

/** The broker's value of a config; null: it has none. Throws nothing for unknown names: they have none. */
export function brokerConfigValue(name: string, layers: BrokerConfigLayers): string | null {
  const definition = brokerConfigs.get(name)
  if (definition === undefined) return null
  return brokerConfigValues(definition, layers)[0]?.value ?? null
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
  const synonyms: SourcedValue[] = []
  const override = overrides.get(definition.name)
  if (override !== undefined) synonyms.push({ name: definition.name, value: override, source: configSource.topic })
  let inherited: { value: string; source: number } | undefined
  const brokerNames = brokerSynonymsOfTopicConfig.get(definition.name) ?? []
  for (const { name, factor } of brokerNames) {
    for (const set of setValues(name, layers)) {
      synonyms.push(set)
      inherited ??= { value: scaled(set.value ?? '', factor), source: set.source }
    }
  }
  // Of several names only the first can lend its default: 'log.retention.hours' says the same as 'retention.ms' does.
  const first = brokerNames[0]
  const brokerDefault = first === undefined ? null : (brokerConfigs.get(first.name)?.defaultValue ?? null)
  if (first !== undefined && brokerDefault !== null) {
    synonyms.push({ name: first.name, value: brokerDefault, source: configSource.default })
  }
  if (override !== undefined) return { value: override, source: configSource.topic, synonyms }
  if (inherited !== undefined) return { ...inherited, synonyms }
  return { value: brokerDefault ?? definition.defaultValue, source: configSource.default, synonyms }
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
  const values: SourcedValue[] = []
  const add = (map: ConfigMap, source: number): void => {
    const value = map.get(name)
    if (value !== undefined) values.push({ name, value, source })
  }
  add(layers.dynamic, configSource.dynamicBroker)
  add(layers.dynamicDefault, configSource.dynamicDefaultBroker)
  add(layers.static, configSource.staticBroker)
  return values
}

function scaled(value: string, factor: number): string {
  if (factor === 1) return value
  const number = Number(value)
  // A negative number means "no limit" in every unit.
  return number < 0 ? value : String(number * factor)
}
