/** Decides changes of configs, by resource: which records they need, or why they are refused, in Kafka's words. */

import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  brokerConfigs,
  type ConfigDefinitions,
  clientMetricsConfigs,
  dynamicBrokerConfigs,
  groupConfigs,
  isOfListener,
  isPerBroker,
  topicConfigs,
} from './definitions.ts'
import type { ConfigMap } from './effective.ts'
import { configValueProblem, connectionOverridesProblem, listOf } from './validate.ts'

/** Kafka's numbers of the incremental operations. */
export const alterOperation = { set: 0, delete: 1, append: 2, subtract: 3 } as const

/** One wished change. */
export type ConfigChange = { readonly name: string; readonly operation: number; readonly value: string | null }

/** Values by name as they will be set; null takes a config away. */
export type DecidedConfigs = ReadonlyMap<string, string | null>

/** A refusal: a Kafka error code and a sentence; null where Kafka gives none. */
export type Refusal = { readonly errorCode: number; readonly message: string | null }

/** What configs are of; `brokers` are all of them together. */
export type ConfigScope = 'topic' | 'broker' | 'brokers' | 'group' | 'clientMetrics'

const definitionsOf: Readonly<Record<ConfigScope, ConfigDefinitions>> = {
  topic: topicConfigs,
  broker: brokerConfigs,
  brokers: brokerConfigs,
  group: groupConfigs,
  clientMetrics: clientMetricsConfigs,
}

/** What a topic decides at its creation, for good: where its batches live, and how large its ring is. */
const fixedTopicConfigs: readonly string[] = ['safka.storage', 'safka.ring.bytes']

/** Decides IncrementalAlterConfigs for one resource, whose configs are `current`. */
export function decideIncrementalChanges(
  scope: ConfigScope,
  current: ConfigMap,
  changes: readonly ConfigChange[],
): DecidedConfigs | Refusal {
  const names = changes.map((change) => change.name)
  if (new Set(names).size !== names.length) {
    return { errorCode: ErrorCode.INVALID_REQUEST, message: 'Error due to duplicate config keys' }
  }
  const nulls = changes.filter((change) => change.operation !== alterOperation.delete && change.value === null)
  if (nulls.length > 0) {
    const list = nulls.map((change) => change.name).join(',')
    return { errorCode: ErrorCode.INVALID_REQUEST, message: `Null value not supported for : ${list}` }
  }
  const decided = new Map<string, string | null>()
  for (const change of changes) {
    const value = changedValue(scope, current, change)
    if (typeof value === 'object' && value !== null) return value
    decided.set(change.name, value)
  }
  return refusalOf(scope, current, decided) ?? decided
}

/** Decides AlterConfigs for one resource: what is not named is taken away. */
export function decideReplacement(
  scope: ConfigScope,
  current: ConfigMap,
  wanted: readonly { readonly name: string; readonly value: string | null }[],
): DecidedConfigs | Refusal {
  const names = new Set(wanted.map((entry) => entry.name))
  if (names.size !== wanted.length) {
    return { errorCode: ErrorCode.INVALID_REQUEST, message: 'Error due to duplicate config keys' }
  }
  const nulls = wanted.filter((entry) => entry.value === null).map((entry) => entry.name)
  if (nulls.length > 0) {
    return { errorCode: ErrorCode.INVALID_REQUEST, message: `Null value not supported for : ${nulls.join(',')}` }
  }
  const decided = new Map<string, string | null>()
  for (const name of current.keys()) if (!names.has(name)) decided.set(name, null)
  for (const { name, value } of wanted) decided.set(name, value)
  return refusalOf(scope, current, decided) ?? decided
}

/** Checks the configs of a topic that is to be created; answers with the values to store. */
export function decideInitialConfigs(
  wanted: readonly { readonly name: string; readonly value: string | null }[],
): DecidedConfigs | Refusal {
  const nulls = wanted.filter((entry) => entry.value === null).map((entry) => entry.name)
  if (nulls.length > 0) {
    return {
      errorCode: ErrorCode.INVALID_CONFIG,
      message: `Null value not supported for topic configs: ${nulls.join(',')}`,
    }
  }
  const decided = new Map(wanted.map(({ name, value }) => [name, value]))
  return valuesRefusal('topic', decided) ?? decided
}

/** Whether a decision is a refusal. */
export function isRefusal(decision: DecidedConfigs | Refusal): decision is Refusal {
  return 'errorCode' in decision
}

function changedValue(scope: ConfigScope, current: ConfigMap, change: ConfigChange): string | null | Refusal {
  if (change.operation === alterOperation.delete) return null
  if (change.operation === alterOperation.set) return change.value
  const operation = change.operation === alterOperation.append ? 'APPEND' : 'SUBTRACT'
  if (change.operation !== alterOperation.append && change.operation !== alterOperation.subtract) {
    // Kafka does not expect that either.
    return { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, message: null }
  }
  const definition = definitionsOf[scope].get(change.name)
  // Kafka knows no types here where clients' metrics are concerned.
  if (definition?.type !== 'LIST' || scope === 'clientMetrics') {
    const message = isOfBrokers(scope)
      ? `Config value ${operation.toLowerCase()} is not allowed for config key: ${change.name}`
      : `Can't ${operation} to key ${change.name} because its type is not LIST.`
    return { errorCode: ErrorCode.INVALID_CONFIG, message }
  }
  const present = new Set(listOf(current.get(change.name) ?? definition.defaultValue ?? ''))
  const named = new Set(listOf(change.value ?? ''))
  const kept = operation === 'APPEND' ? [...present] : [...present].filter((part) => !named.has(part))
  const added = operation === 'APPEND' ? [...named].filter((part) => !present.has(part)) : []
  return [...kept, ...added].join(',')
}

function refusalOf(scope: ConfigScope, current: ConfigMap, decided: DecidedConfigs): Refusal | undefined {
  if (isOfBrokers(scope)) {
    const fixed = [...decided.keys()].filter((name) => brokerConfigs.has(name) && !dynamicBrokerConfigs.has(name))
    if (fixed.length > 0) {
      return {
        errorCode: ErrorCode.INVALID_REQUEST,
        message: `Cannot update these configs dynamically: [${fixed.join(', ')}]`,
      }
    }
  }
  // Those have rules of their own (client-metrics.ts), for all of them together.
  if (scope === 'clientMetrics') return undefined
  if (scope === 'topic') {
    for (const name of fixedTopicConfigs) {
      if (decided.has(name) && decided.get(name) !== (current.get(name) ?? null)) {
        return { errorCode: ErrorCode.INVALID_CONFIG, message: `${name} is fixed when a topic is created` }
      }
    }
  }
  const refusal = valuesRefusal(scope, decided)
  const secured = isOfBrokers(scope) ? [...decided.keys()].filter(isOfListener) : []
  if (refusal === undefined && secured.length > 0) {
    const rule = 'These security configs can be dynamically updated only per-listener using the listener prefix'
    return { errorCode: ErrorCode.INVALID_REQUEST, message: `${rule}: [${secured.join(', ')}]` }
  }
  const ownOfEach = scope === 'brokers' ? [...decided.keys()].filter(isPerBroker) : []
  if (refusal !== undefined || ownOfEach.length === 0) return refusal
  const rule = 'Cannot update these configs at default cluster level, broker id must be specified'
  return { errorCode: ErrorCode.INVALID_REQUEST, message: `${rule}: [${ownOfEach.join(', ')}]` }
}

function isOfBrokers(scope: ConfigScope): boolean {
  return scope === 'broker' || scope === 'brokers'
}

/** The configs as they are once the decision has been carried out. */
export function configsAfter(current: ConfigMap, decided: DecidedConfigs): ConfigMap {
  const configs = new Map(current)
  for (const [name, value] of decided) {
    if (value === null) configs.delete(name)
    else configs.set(name, value)
  }
  return configs
}

function valuesRefusal(scope: ConfigScope, decided: DecidedConfigs): Refusal | undefined {
  for (const [name, value] of decided) {
    if (value === null) continue
    const definition = definitionsOf[scope].get(name)
    // Kafka takes unknown names for a broker: they may belong to a plug-in.
    if (definition === undefined && isOfBrokers(scope)) continue
    if (definition === undefined) {
      return { errorCode: ErrorCode.INVALID_CONFIG, message: `Unknown ${scope} config name: ${name}` }
    }
    const problem = configValueProblem(definition, value) ?? connectionOverridesProblem(name, value)
    const errorCode = isOfBrokers(scope) ? ErrorCode.INVALID_REQUEST : ErrorCode.INVALID_CONFIG
    if (problem !== undefined) return { errorCode, message: problem }
  }
  return undefined
}
