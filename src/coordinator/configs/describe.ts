/** Lists configs the way DescribeConfigs and CreateTopics answer them: every one, with value, source and synonyms. */

import {
  brokerConfigs,
  type ConfigDefinition,
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
      const synonyms = brokerConfigValues(definition, layers)
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

function wanted(definitions: Iterable<ConfigDefinition>, keys: readonly string[] | null): ConfigDefinition[] {
  const all = [...definitions]
  return keys === null ? all : all.filter((definition) => keys.includes(definition.name))
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
