/** Answers ListConfigResources: what there is that has configs, by kind. */

import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  type ListConfigResourcesRequest,
  type ListConfigResourcesResponse,
  makeListConfigResourcesResponse,
  makeListConfigResourcesResponseConfigResource,
} from '../../wire/generated/list-config-resources.ts'
import { resourceType } from '../topics/state.ts'
import type { ClusterTopics } from './ports.ts'

/** The kinds in the order that Kafka lists them. */
const kinds: readonly number[] = [
  resourceType.group,
  resourceType.clientMetrics,
  resourceType.brokerLogger,
  resourceType.broker,
  resourceType.topic,
]

/** Answers ListConfigResources. Version 0, then called ListClientMetricsResources, asks for client metrics alone. */
export function answerListConfigResources(
  request: ListConfigResourcesRequest,
  topics: ClusterTopics,
  { nodeId, apiVersion }: { readonly nodeId: number; readonly apiVersion: number },
): ListConfigResourcesResponse {
  const asked = apiVersion === 0 ? [resourceType.clientMetrics] : request.resourceTypes
  if (asked.some((kind) => !kinds.includes(kind))) return refuseListConfigResources(ErrorCode.UNSUPPORTED_VERSION)
  const configResources = kinds
    .filter((kind) => asked.length === 0 || asked.includes(kind))
    .flatMap((kind) =>
      namesOf(kind, topics, nodeId).map((resourceName) =>
        makeListConfigResourcesResponseConfigResource({ resourceName, resourceType: kind }),
      ),
    )
  return makeListConfigResourcesResponse({ configResources })
}

/** The whole request refused. */
export function refuseListConfigResources(errorCode: number): ListConfigResourcesResponse {
  return makeListConfigResourcesResponse({ errorCode, configResources: [] })
}

function namesOf(kind: number, topics: ClusterTopics, nodeId: number): readonly string[] {
  if (kind === resourceType.topic) return topics.topicNames()
  // Topics and brokers have configs without any being set; the others are there because they were set.
  const isBroker = kind === resourceType.broker || kind === resourceType.brokerLogger
  return isBroker ? [String(nodeId)] : topics.configuredResources(kind)
}
