/** Answers DescribeConfigs; for a topic, on demand, also where its rings stand. */

import type { PartitionFacts } from '../../base/topology.ts'
import { invalidRequestWords } from '../../wire/error-words.ts'
import {
  type DescribeConfigsRequest,
  type DescribeConfigsRequestDescribeConfigsResource,
  type DescribeConfigsResponse,
  type DescribeConfigsResponseDescribeConfigsResourceResult,
  type DescribeConfigsResponseDescribeConfigsResult,
  makeDescribeConfigsResponse,
  makeDescribeConfigsResponseDescribeConfigsResourceResult,
  makeDescribeConfigsResponseDescribeConfigsResult,
  makeDescribeConfigsResponseDescribeConfigsSynonym,
} from '../../wire/generated/describe-configs.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'
import { configTypeNumber } from '../configs/definitions.ts'
import {
  type DescribedConfig,
  describeBrokerConfigs,
  describeClientMetrics,
  describeDefaultBrokerConfigs,
  describeGroupConfigs,
  describeLogger,
  describeTopicConfigs,
} from '../configs/describe.ts'
import { configSource } from '../configs/effective.ts'
import { brokerIdRefusal } from './alter-configs.ts'
import { topicNameProblem } from './names.ts'
import { type MetadataState, resourceType } from './state.ts'

/** A topic's rings are shown as read-only configs, but only to who asks for this key: other tools never see them. */
export const ringFactsKey = 'safka.ring.facts'

/**
 * Configs in one answer: all those of 20,000 topics. A request may name the same broker as often as it likes, in few bytes each
 * time; what would be more is refused.
 */
export const describedConfigsMax = 1_000_000

/** The name of the synthetic config that holds one partition's facts, as JSON. */
export function ringFactsName(partition: number): string {
  return `safka.partition.${partition}.ring`
}

/** The topics whose ring facts a request asks for. */
export function topicsAskedForFacts(state: MetadataState, request: DescribeConfigsRequest): string[] {
  return request.resources
    .filter((resource) => resource.resourceType === resourceType.topic)
    .filter((resource) => resource.configurationKeys?.includes(ringFactsKey) === true)
    .map((resource) => resource.resourceName)
    .filter((name) => state.topic(name) !== undefined)
}

const tooMany: Refusal = {
  errorCode: ErrorCode.INVALID_REQUEST,
  message: `The request asks for more than ${describedConfigsMax} configs.`,
}

/** Answers a request; `facts` holds what was asked for by `topicsAskedForFacts`. */
export function answerDescribeConfigs(
  state: MetadataState,
  request: DescribeConfigsRequest,
  tools: {
    readonly nodeId: number
    readonly loggerLevel: string
    readonly facts: ReadonlyMap<string, readonly PartitionFacts[]>
  },
): DescribeConfigsResponse {
  let configsLeft = describedConfigsMax
  const results = request.resources.map((resource) => {
    if (configsLeft === 0) return refusedResource(resource, tooMany)
    const configs = describedConfigs(state, resource, tools)
    if ('errorCode' in configs) return refusedResource(resource, configs)
    configsLeft = configs.length > configsLeft ? 0 : configsLeft - configs.length
    if (configsLeft === 0) return refusedResource(resource, tooMany)
    const entries = configs.map((config) => resultOf(config, request.includeSynonyms))
    const facts = resource.resourceType === resourceType.topic ? tools.facts.get(resource.resourceName) : undefined
    facts?.forEach((partition, index) => {
      entries.push(factsEntry(partition, index))
    })
    return makeDescribeConfigsResponseDescribeConfigsResult({
      errorCode: ErrorCode.NONE,
      errorMessage: '',
      resourceType: resource.resourceType,
      resourceName: resource.resourceName,
      configs: entries,
    })
  })
  return makeDescribeConfigsResponse({ results })
}

/** The whole request refused for one reason. */
export function refuseDescribeConfigs(request: DescribeConfigsRequest, refusal: Refusal): DescribeConfigsResponse {
  return makeDescribeConfigsResponse({
    results: request.resources.map((resource) => refusedResource(resource, refusal)),
  })
}

function describedConfigs(
  state: MetadataState,
  resource: DescribeConfigsRequestDescribeConfigsResource,
  { nodeId, loggerLevel }: { readonly nodeId: number; readonly loggerLevel: string },
): DescribedConfig[] | Refusal {
  const { resourceType: type, resourceName: name, configurationKeys: keys } = resource
  const layers = state.brokerConfigs()
  if (type === resourceType.topic) {
    const problem = topicNameProblem(name)
    if (problem !== undefined) return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, message: problem }
    const topic = state.topic(name)
    if (topic === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: '' }
    return describeTopicConfigs(state.overrides(topic), layers, keys)
  }
  switch (type) {
    case resourceType.broker: {
      if (name === '') return describeDefaultBrokerConfigs(layers, keys)
      const refusal = brokerIdRefusal(name, { nodeId, noun: 'Broker', expected: `${nodeId} or empty string` })
      return refusal ?? describeBrokerConfigs(layers, keys)
    }
    case resourceType.group:
      if (name === '') return invalid('Group name must not be empty')
      return describeGroupConfigs(state.configsOf(type, name), layers, keys)
    case resourceType.clientMetrics:
      if (name === '') return invalid('Client metrics subscription name must not be empty')
      return describeClientMetrics(state.configsOf(type, name), keys)
    case resourceType.brokerLogger: {
      if (name === '') return invalid('Broker id must not be empty')
      const refusal = brokerIdRefusal(name, { nodeId, noun: 'Broker', expected: String(nodeId), comma: '' })
      return refusal ?? describeLogger(loggerLevel, keys)
    }
    default:
      return invalid(invalidRequestWords)
  }
}

function invalid(message: string): Refusal {
  return { errorCode: ErrorCode.INVALID_REQUEST, message }
}

function refusedResource(
  resource: DescribeConfigsRequestDescribeConfigsResource,
  refusal: Refusal,
): DescribeConfigsResponseDescribeConfigsResult {
  return makeDescribeConfigsResponseDescribeConfigsResult({
    errorCode: refusal.errorCode,
    errorMessage: refusal.message,
    resourceType: resource.resourceType,
    resourceName: resource.resourceName,
    configs: [],
  })
}

function resultOf(
  config: DescribedConfig,
  includeSynonyms: boolean,
): DescribeConfigsResponseDescribeConfigsResourceResult {
  const synonyms = includeSynonyms ? config.synonyms : []
  return makeDescribeConfigsResponseDescribeConfigsResourceResult({
    name: config.name,
    value: config.value,
    readOnly: config.isReadOnly,
    configSource: config.source,
    isSensitive: config.isSensitive,
    synonyms: synonyms.map(makeDescribeConfigsResponseDescribeConfigsSynonym),
    configType: config.type,
    documentation: config.source === configSource.logger ? '' : null,
  })
}

function factsEntry(facts: PartitionFacts, partition: number): DescribeConfigsResponseDescribeConfigsResourceResult {
  const { sizeBytes, segments, ringBytes, ringHead, ringTail, ringWraps } = facts
  return makeDescribeConfigsResponseDescribeConfigsResourceResult({
    name: ringFactsName(partition),
    value: JSON.stringify({ sizeBytes, segments, ringBytes, ringHead, ringTail, ringWraps }),
    readOnly: true,
    configSource: configSource.default,
    isSensitive: false,
    synonyms: [],
    configType: configTypeNumber.STRING,
    documentation: null,
  })
}
