/** The coordinator of what concerns the cluster as a whole, as a cluster of one node answers: it decides nothing, and keeps nothing. */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import {
  type AlterPartitionReassignmentsRequest,
  alterPartitionReassignmentsApi,
  makeAlterPartitionReassignmentsResponse,
} from '../../wire/generated/alter-partition-reassignments.ts'
import { type AlterReplicaLogDirsRequest, alterReplicaLogDirsApi } from '../../wire/generated/alter-replica-log-dirs.ts'
import { type DescribeLogDirsRequest, describeLogDirsApi } from '../../wire/generated/describe-log-dirs.ts'
import { type DescribeQuorumRequest, describeQuorumApi } from '../../wire/generated/describe-quorum.ts'
import { type ElectLeadersRequest, electLeadersApi } from '../../wire/generated/elect-leaders.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { type ListConfigResourcesRequest, listConfigResourcesApi } from '../../wire/generated/list-config-resources.ts'
import {
  listPartitionReassignmentsApi,
  makeListPartitionReassignmentsResponse,
} from '../../wire/generated/list-partition-reassignments.ts'
import { type UpdateFeaturesRequest, updateFeaturesApi } from '../../wire/generated/update-features.ts'
import type { RequestContext } from '../ports.ts'
import { answerListConfigResources, refuseListConfigResources } from './config-resources.ts'
import { answerUpdateFeatures } from './feature-levels.ts'
import { answerAlterReassignments, answerElectLeaders, refuseElectLeaders } from './leaders.ts'
import { answerAlterReplicaLogDirs, answerDescribeLogDirs, refuseDescribeLogDirs } from './log-dirs.ts'
import type { ClusterFacts, ClusterTopics } from './ports.ts'
import { answerDescribeQuorum } from './quorum.ts'

/** An answer that can be given at once, or what to say where the topics' state is in doubt or a thread cannot answer. */
type Answering = {
  readonly answer: () => unknown
  readonly refuse: (refusal: { readonly errorCode: number; readonly message: string | null }) => unknown
}

type Handler = (request: unknown, apiVersion: number) => Answering

/** Answers about log folders, leaders, the quorum, features and what has configs. */
export class ClusterCoordinator {
  readonly apiKeys: readonly number[]
  /** The one place where what the registry decoded gets its type back. */
  readonly #handlers: ReadonlyMap<number, Handler> = new Map<number, Handler>([
    [describeLogDirsApi.key, (request) => this.#describeLogDirs(request as DescribeLogDirsRequest)],
    [alterReplicaLogDirsApi.key, (request) => this.#alterReplicaLogDirs(request as AlterReplicaLogDirsRequest)],
    [electLeadersApi.key, (request) => this.#electLeaders(request as ElectLeadersRequest)],
    [
      alterPartitionReassignmentsApi.key,
      (request) => this.#alterReassignments(request as AlterPartitionReassignmentsRequest),
    ],
    [listPartitionReassignmentsApi.key, () => always(noReassignments)],
    [describeQuorumApi.key, (request, version) => this.#describeQuorum(request as DescribeQuorumRequest, version)],
    [
      updateFeaturesApi.key,
      (request, apiVersion) =>
        always(() => answerUpdateFeatures(request as UpdateFeaturesRequest, { nodeId: this.#nodeId, apiVersion })),
    ],
    [
      listConfigResourcesApi.key,
      (request, version) => this.#listConfigResources(request as ListConfigResourcesRequest, version),
    ],
  ])
  readonly #nodeId: number
  readonly #clock: Clock
  readonly #topics: ClusterTopics
  readonly #facts: ClusterFacts

  constructor(options: {
    readonly nodeId: number
    readonly clock: Clock
    readonly topics: ClusterTopics
    readonly facts: ClusterFacts
  }) {
    this.apiKeys = [...this.#handlers.keys()]
    this.#nodeId = options.nodeId
    this.#clock = options.clock
    this.#topics = options.topics
    this.#facts = options.facts
  }

  /** Answers one request; `request` is what the registry decoded for the context's API. */
  handle(context: RequestContext, request: unknown, reply: (response: unknown) => void): void {
    const handler = this.#handlers.get(context.apiKey)
    if (handler === undefined) reply('close')
    else void this.#answer(handler(request, context.apiVersion)).then(reply)
  }

  /** Nothing here belongs to a connection. */
  connectionClosed(_connectionId: string): void {}

  /** Answers once the topics that the answer tells of are in the log. */
  async #answer({ answer, refuse }: Answering): Promise<unknown> {
    const errorCode = await this.#topics.readable()
    if (errorCode !== ErrorCode.NONE) return refuse({ errorCode, message: null })
    try {
      return await answer()
    } catch (thrown) {
      return refuse({ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, message: messageOf(thrown) })
    }
  }

  #describeLogDirs(request: DescribeLogDirsRequest): Answering {
    return {
      answer: () => answerDescribeLogDirs(request, this.#topics, this.#facts),
      refuse: ({ errorCode }) => refuseDescribeLogDirs(errorCode),
    }
  }

  #alterReplicaLogDirs(request: AlterReplicaLogDirsRequest): Answering {
    return always(() => answerAlterReplicaLogDirs(request, this.#topics, this.#facts.dataDirectory))
  }

  #electLeaders(request: ElectLeadersRequest): Answering {
    return {
      answer: () => answerElectLeaders(request, this.#topics),
      refuse: (refusal) => refuseElectLeaders(request, refusal),
    }
  }

  #alterReassignments(request: AlterPartitionReassignmentsRequest): Answering {
    return {
      answer: () => answerAlterReassignments(request, this.#topics, this.#nodeId),
      refuse: ({ errorCode, message }) =>
        makeAlterPartitionReassignmentsResponse({ errorCode, errorMessage: message, responses: [] }),
    }
  }

  #describeQuorum(request: DescribeQuorumRequest, apiVersion: number): Answering {
    return always(() => {
      const facts = { nodeId: this.#nodeId, logEnd: this.#facts.metadataLogEnd(), nowMs: this.#clock.nowMs() }
      return answerDescribeQuorum(request, facts, apiVersion)
    })
  }

  #listConfigResources(request: ListConfigResourcesRequest, apiVersion: number): Answering {
    return {
      answer: () => answerListConfigResources(request, this.#topics, { nodeId: this.#nodeId, apiVersion }),
      refuse: ({ errorCode }) => refuseListConfigResources(errorCode),
    }
  }
}

/** An answer that depends on nothing that could be in doubt, or that says nothing wrong where it is. */
function always(answer: () => unknown): Answering {
  return { answer, refuse: answer }
}

function noReassignments(): unknown {
  return makeListPartitionReassignmentsResponse({ errorMessage: null, topics: [] })
}
