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
  type ConfigScope,
  type DecidedConfigs,
  decideIncrementalChanges,
  decideReplacement,
  isRefusal,
  type Refusal,
} from '../configs/alter.ts'
import type { ConfigMap } from '../configs/effective.ts'
import { type Decision, duplicatesOf } from './decision.ts'
import type { MetadataRecord } from './records.ts'
import { type MetadataState, resourceType } from './state.ts'

type Resource = { readonly resourceType: number; readonly resourceName: string }
type Outcome = Resource & { readonly errorCode: number; readonly errorMessage: string | null }

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
  nodeId: number,
): Decision<IncrementalAlterConfigsResponse> {
  const decided = decideResources(state, request.resources, {
    nodeId,
    validateOnly: request.validateOnly,
    decide: (resource, scope, current) =>
      decideIncrementalChanges(
        scope,
        current,
        resource.configs.map(({ name, configOperation, value }) => ({ name, operation: configOperation, value })),
      ),
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

/** The scope of a resource, or why it cannot be altered (`what`) or described. */
export function scopeOf(state: MetadataState, resource: Resource, nodeId: number): ConfigScope | Refusal {
  const { resourceType: type, resourceName: name } = resource
  const invalid = (message: string): Refusal => ({ errorCode: ErrorCode.INVALID_REQUEST, message })
  switch (type) {
    case resourceType.topic:
      if (state.topic(name) !== undefined) return 'topic'
      return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: `The topic '${name}' does not exist.` }
    case resourceType.broker:
      if (name === '' || name === String(nodeId)) return 'broker'
      if (!/^\d+$/.test(name)) return invalid(`Broker id must be an integer, but it is: ${name}`)
      return invalid(`Unexpected broker id, expected ${nodeId} or empty string, but received ${name}`)
    case resourceType.group:
      return name === '' ? invalid('Group name must not be empty') : 'group'
    default:
      return invalid(`Resource type ${type} has no configs in this broker`)
  }
}

function decideResources<Wanted extends Resource>(
  state: MetadataState,
  resources: readonly Wanted[],
  options: {
    readonly nodeId: number
    readonly validateOnly: boolean
    readonly decide: (resource: Wanted, scope: ConfigScope, current: ConfigMap) => DecidedConfigs | Refusal
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
    readonly decide: (resource: Wanted, scope: ConfigScope, current: ConfigMap) => DecidedConfigs | Refusal
  },
): DecidedConfigs | Refusal {
  const scope = scopeOf(state, resource, options.nodeId)
  if (typeof scope !== 'string') return scope
  return options.decide(resource, scope, state.configsOf(resource.resourceType, resource.resourceName))
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
