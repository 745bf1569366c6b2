/** Decides AlterConfigs and IncrementalAlterConfigs: topics, this broker, all brokers, groups. */

import {
  type AlterConfigsRequest,
  type AlterConfigsResponse,
  makeAlterConfigsResponse,
  makeAlterConfigsResponseAlterConfigsResourceResponse,
} from '../../wire/generated/alter-configs.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  type IncrementalAlterConfigsRequest,
  type IncrementalAlterConfigsResponse,
  makeIncrementalAlterConfigsResponse,
  makeIncrementalAlterConfigsResponseAlterConfigsResourceResponse,
} from '../../wire/generated/incremental-alter-configs.ts'
import {
  type ConfigChange,
  type ConfigScope,
  configsAfter,
  type DecidedConfigs,
  decideIncrementalChanges,
  decideReplacement,
  isRefusal,
  type Refusal,
} from '../configs/alter.ts'
import { clientMetricsRefusal } from '../configs/client-metrics.ts'
import type { ConfigMap } from '../configs/effective.ts'
import { groupConfigRefusal } from '../configs/group-bounds.ts'
import type { LoggerLevel } from '../configs/logger-level.ts'
import { type Decision, duplicatesOf } from './decision.ts'
import { topicNameProblem } from './names.ts'
import type { MetadataRecord } from './records.ts'
import { type MetadataState, resourceType } from './state.ts'

type Resource = { readonly resourceType: number; readonly resourceName: string }
type Decide<Wanted> = (resource: Wanted, scope: ConfigScope, current: ConfigMap) => DecidedConfigs | Refusal
type Outcome = Resource & { readonly errorCode: number; readonly errorMessage: string | null }

const noChanges: DecidedConfigs = new Map()

/** Decides an AlterConfigs request. */
export function decideAlterConfigs(
  state: MetadataState,
  request: AlterConfigsRequest,
  nodeId: number,
): Decision<AlterConfigsResponse> {
  const decided = decideResources(state, request.resources, {
    nodeId,
    validateOnly: request.validateOnly,
    decide: (resource, scope, current) => decideReplacement(scope, current, resource.configs),
  })
  return { ...decided, response: alterResponse(decided.outcomes) }
}

/** Decides an IncrementalAlterConfigs request. */
export function decideIncrementalAlterConfigs(
  state: MetadataState,
  request: IncrementalAlterConfigsRequest,
  { nodeId, logger }: { readonly nodeId: number; readonly logger: LoggerLevel },
): Decision<IncrementalAlterConfigsResponse> {
  const { validateOnly } = request
  const changesOf = (resource: (typeof request.resources)[number]): ConfigChange[] =>
    resource.configs.map(({ name, configOperation, value }) => ({ name, operation: configOperation, value }))
  const decided = decideResources(state, request.resources, {
    nodeId,
    validateOnly,
    decide: (resource, scope, current) => decideIncrementalChanges(scope, current, changesOf(resource)),
    decideLogger: (resource) => logger.change(changesOf(resource), { isOnlyChecked: validateOnly }) ?? noChanges,
  })
  return { ...decided, response: incrementalResponse(decided.outcomes) }
}

/** The whole request refused for one reason. */
export function refuseAlterConfigs(request: AlterConfigsRequest, refusal: Refusal): AlterConfigsResponse {
  return alterResponse(request.resources.map((resource) => outcomeOf(resource, refusal)))
}

/** The whole request refused for one reason. */
export function refuseIncrementalAlterConfigs(
  request: IncrementalAlterConfigsRequest,
  refusal: Refusal,
): IncrementalAlterConfigsResponse {
  return incrementalResponse(request.resources.map((resource) => outcomeOf(resource, refusal)))
}

/** Why a resource does not name this broker; undefined where it does. */
export function brokerIdRefusal(
  name: string,
  words: { readonly nodeId: number; readonly noun: string; readonly expected: string; readonly comma?: string },
): Refusal | undefined {
  if (name === String(words.nodeId)) return undefined
  const message = /^-?\d+$/.test(name)
    ? `Unexpected broker id, expected ${words.expected}${words.comma ?? ','} but received ${name}`
    : `${words.noun} id must be an integer, but it is: ${name}`
  return { errorCode: ErrorCode.INVALID_REQUEST, message }
}

/** Kafka words this one differently. */
function loggerIdRefusal(name: string, nodeId: number): Refusal | undefined {
  if (name === String(nodeId)) return undefined
  const message = /^-?\d+$/.test(name)
    ? `Unexpected node id. Expected ${nodeId}, but received ${name}`
    : `Node id must be an integer, but it is: ${name}`
  return { errorCode: ErrorCode.INVALID_REQUEST, message }
}

function scopeOf(state: MetadataState, resource: Resource, nodeId: number): ConfigScope | Refusal {
  const { resourceType: type, resourceName: name } = resource
  const invalid = (message: string): Refusal => ({ errorCode: ErrorCode.INVALID_REQUEST, message })
  switch (type) {
    case resourceType.topic: {
      if (name === '') return invalid('Default topic resources are not allowed.')
      if (state.topic(name) !== undefined) return 'topic'
      const problem = topicNameProblem(name)
      if (problem !== undefined) return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, message: problem }
      return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: `The topic '${name}' does not exist.` }
    }
    case resourceType.broker:
      if (name === '') return 'brokers'
      return brokerIdRefusal(name, { nodeId, noun: 'Node', expected: String(nodeId) }) ?? 'broker'
    case resourceType.group:
      return name === '' ? invalid('Default group resources are not allowed.') : 'group'
    case resourceType.clientMetrics:
      return name === '' ? invalid("Subscription name can't be empty") : 'clientMetrics'
    default:
      return invalid(`Unknown resource type ${type}`)
  }
}

function decideResources<Wanted extends Resource>(
  state: MetadataState,
  resources: readonly Wanted[],
  options: {
    readonly nodeId: number
    readonly validateOnly: boolean
    readonly decide: Decide<Wanted>
    readonly decideLogger?: (resource: Wanted) => DecidedConfigs | Refusal
  },
): { records: MetadataRecord[]; touched: string[] | 'all'; outcomes: Outcome[] } {
  const duplicates = duplicatesOf(resources.map(keyOf))
  const records: MetadataRecord[] = []
  const touched: string[] = []
  const outcomes: Outcome[] = []
  let isBrokerTouched = false
  for (const resource of resources) {
    const decided = duplicates.has(keyOf(resource))
      ? { errorCode: ErrorCode.INVALID_REQUEST, message: 'Each resource must appear at most once.' }
      : decideResource(state, resource, options)
    if (isRefusal(decided)) {
      outcomes.push(outcomeOf(resource, decided))
      continue
    }
    for (const [name, value] of decided) {
      const { resourceType: type, resourceName } = resource
      records.push({ kind: 'config', resourceType: type, resourceName, name, value })
    }
    if (resource.resourceType === resourceType.topic) touched.push(resource.resourceName)
    if (resource.resourceType === resourceType.broker) isBrokerTouched = true
    outcomes.push(outcomeOf(resource, undefined))
  }
  if (options.validateOnly) return { records: [], touched: [], outcomes }
  return { records, touched: isBrokerTouched ? 'all' : touched, outcomes }
}

function decideResource<Wanted extends Resource>(
  state: MetadataState,
  resource: Wanted,
  options: {
    readonly nodeId: number
    readonly decide: Decide<Wanted>
    readonly decideLogger?: (resource: Wanted) => DecidedConfigs | Refusal
  },
): DecidedConfigs | Refusal {
  if (resource.resourceType === resourceType.brokerLogger && options.decideLogger !== undefined) {
    return loggerIdRefusal(resource.resourceName, options.nodeId) ?? options.decideLogger(resource)
  }
  const scope = scopeOf(state, resource, options.nodeId)
  if (typeof scope !== 'string') return scope
  const current = state.configsOf(resource.resourceType, resource.resourceName)
  const decided = options.decide(resource, scope, current)
  if (isRefusal(decided)) return decided
  switch (scope) {
    case 'group':
      return groupConfigRefusal(decided, configsAfter(current, decided), state.brokerConfigs()) ?? decided
    case 'clientMetrics':
      return clientMetricsRefusal(configsAfter(current, decided)) ?? decided
    default:
      return decided
  }
}

function keyOf(resource: Resource): string {
  return `${resource.resourceType}/${resource.resourceName}`
}

function outcomeOf(resource: Resource, refusal: Refusal | undefined): Outcome {
  return {
    resourceType: resource.resourceType,
    resourceName: resource.resourceName,
    errorCode: refusal?.errorCode ?? ErrorCode.NONE,
    errorMessage: refusal?.message ?? null,
  }
}

function alterResponse(outcomes: readonly Outcome[]): AlterConfigsResponse {
  return makeAlterConfigsResponse({ responses: outcomes.map(makeAlterConfigsResponseAlterConfigsResourceResponse) })
}

function incrementalResponse(outcomes: readonly Outcome[]): IncrementalAlterConfigsResponse {
  const responses = outcomes.map(makeIncrementalAlterConfigsResponseAlterConfigsResourceResponse)
  return makeIncrementalAlterConfigsResponse({ responses })
}
