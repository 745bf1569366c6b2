/** Lists configs the way DescribeConfigs and CreateTopics answer them: every one, with value, source and synonyms. */

import {
  brokerConfigs,
  type ConfigDefinition,
  clientMetricsConfigs,
  configTypeNumber,
  dynamicBrokerConfigs,
  groupConfigs,
  hiddenConfigs,
  topicConfigs,
} from './definitions.ts'
import {
  type BrokerConfigLayers,
  brokerConfigValues,
  type ConfigMap,
  configSource,
  effectiveGroupConfig,
  effectiveTopicConfig,
  type SourcedValue,
} from './effective.ts'

/** Kafka's name for what is no logger of its own; here all lines come from it. */
export const rootLogger = 'root'
/** Levels of loggers have no type. */
const unknownType = 0

/** One config as clients see it. */
export type DescribedConfig = {
  readonly name: string
  /** null for secrets, and where there is no value. */
  readonly value: string | null
  readonly isReadOnly: boolean
  readonly source: number
  readonly isSensitive: boolean
  readonly type: number
  readonly synonyms: readonly SourcedValue[]
}

/** Every config of a topic; `keys` null: all of them. */
export function describeTopicConfigs(
  overrides: ConfigMap,
  layers: BrokerConfigLayers,
  keys: readonly string[] | null,
): DescribedConfig[] {
  return wanted(topicConfigs.values(), keys)
    .filter((definition) => !hiddenConfigs.has(definition.name) || overrides.has(definition.name))
    .map((definition) => {
      const { value, source, synonyms } = effectiveTopicConfig(definition, overrides, layers)
      return described(definition, { value, source, synonyms, isReadOnly: false })
    })
}

/** Every config of this broker. */
export function describeBrokerConfigs(layers: BrokerConfigLayers, keys: readonly string[] | null): DescribedConfig[] {
  const isSet = (name: string): boolean =>
    layers.dynamic.has(name) || layers.dynamicDefault.has(name) || layers.static.has(name)
  return wanted(brokerConfigs.values(), keys)
    .filter((definition) => !hiddenConfigs.has(definition.name) || isSet(definition.name))
    .map((definition) => {
      const synonyms = brokerConfigValues(definition.name, layers)
      const value = synonyms[0]?.value ?? null
      const source = synonyms[0]?.source ?? configSource.default
      return described(definition, { value, source, synonyms, isReadOnly: !dynamicBrokerConfigs.has(definition.name) })
    })
}

/** What was set for all brokers while they run; Kafka lists nothing else there. */
export function describeDefaultBrokerConfigs(
  layers: BrokerConfigLayers,
  keys: readonly string[] | null,
): DescribedConfig[] {
  return wanted(brokerConfigs.values(), keys)
    .filter((definition) => layers.dynamicDefault.has(definition.name))
    .map((definition) => {
      const value = layers.dynamicDefault.get(definition.name) ?? null
      const source = configSource.dynamicDefaultBroker
      const synonyms = [{ name: definition.name, value, source }]
      return described(definition, { value, source, synonyms, isReadOnly: !dynamicBrokerConfigs.has(definition.name) })
    })
}

/** Every config of a group. */
export function describeGroupConfigs(
  overrides: ConfigMap,
  layers: BrokerConfigLayers,
  keys: readonly string[] | null,
): DescribedConfig[] {
  return wanted(groupConfigs.values(), keys).map((definition) => {
    const { value, source, synonyms } = effectiveGroupConfig(definition, overrides, layers)
    return described(definition, { value, source, synonyms, isReadOnly: false })
  })
}

/** Every config of a subscription to clients' metrics. */
export function describeClientMetrics(overrides: ConfigMap, keys: readonly string[] | null): DescribedConfig[] {
  return wanted(clientMetricsConfigs.values(), keys).map((definition) => {
    const set = overrides.get(definition.name)
    const source = set === undefined ? configSource.default : configSource.clientMetrics
    const synonyms = set === undefined ? [] : [{ name: definition.name, value: set, source }]
    return described(definition, { value: set ?? definition.defaultValue, source, synonyms, isReadOnly: false })
  })
}

/** The level of the one logger that there is. */
export function describeLogger(level: string, keys: readonly string[] | null): DescribedConfig[] {
  if (keys !== null && keys.length > 0 && !keys.includes(rootLogger)) return []
  const root = { name: rootLogger, value: level, source: configSource.logger, type: unknownType, synonyms: [] }
  return [{ ...root, isReadOnly: false, isSensitive: false }]
}

function wanted(definitions: Iterable<ConfigDefinition>, keys: readonly string[] | null): ConfigDefinition[] {
  const all = [...definitions]
  return keys === null || keys.length === 0 ? all : all.filter((definition) => keys.includes(definition.name))
}

function described(
  definition: ConfigDefinition,
  found: Pick<DescribedConfig, 'value' | 'source' | 'synonyms' | 'isReadOnly'>,
): DescribedConfig {
  const isSensitive = definition.type === 'PASSWORD'
  return {
    name: definition.name,
    value: isSensitive ? null : found.value,
    isReadOnly: found.isReadOnly,
    source: found.source,
    isSensitive,
    type: configTypeNumber[definition.type],
    synonyms: isSensitive ? found.synonyms.map((synonym) => ({ ...synonym, value: null })) : found.synonyms,
  }
}
