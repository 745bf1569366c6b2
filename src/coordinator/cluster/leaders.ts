/** Answers ElectLeaders and the reassignments: one broker leads everything and holds the only replica of it. */

import {
  type AlterPartitionReassignmentsRequest,
  type AlterPartitionReassignmentsResponse,
  makeAlterPartitionReassignmentsResponse,
  makeAlterPartitionReassignmentsResponseReassignablePartitionResponse,
  makeAlterPartitionReassignmentsResponseReassignableTopicResponse,
} from '../../wire/generated/alter-partition-reassignments.ts'
import {
  type ElectLeadersRequest,
  type ElectLeadersResponse,
  makeElectLeadersResponse,
  makeElectLeadersResponsePartitionResult,
  makeElectLeadersResponseReplicaElectionResult,
} from '../../wire/generated/elect-leaders.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'
import { replicasProblem } from '../topics/create.ts'
import type { ClusterTopics } from './ports.ts'

/** Kafka's kinds of election: of the preferred replica, and of one that is out of sync. */
const electionTypes = { preferred: 0, unclean: 1 } as const

/** Answers ElectLeaders: no partition needs another leader than the one that it has. */
export function answerElectLeaders(request: ElectLeadersRequest, topics: ClusterTopics): ElectLeadersResponse {
  const { electionType, topicPartitions } = request
  if (electionType !== electionTypes.preferred && electionType !== electionTypes.unclean) {
    const refusal = { errorCode: ErrorCode.INVALID_REQUEST, message: `Unknown election type ${electionType}` }
    return refuseElectLeaders(request, refusal)
  }
  if (topicPartitions === null) {
    // Asked for all, Kafka leaves out the partitions that need no election, but names their topics.
    const replicaElectionResults = topics
      .topicNames()
      .map((topic) => makeElectLeadersResponseReplicaElectionResult({ topic, partitionResult: [] }))
    return makeElectLeadersResponse({ replicaElectionResults })
  }
  return makeElectLeadersResponse({
    replicaElectionResults: electionResults(topicPartitions, (topic, partition) => {
      const partitionCount = topics.partitionCount(topic)
      if (partitionCount === undefined) {
        return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: `No such topic as ${topic}` }
      }
      if (partition < 0 || partition >= partitionCount) {
        return {
          errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
          message: `No such partition as ${topic}-${partition}`,
        }
      }
      return { errorCode: ErrorCode.ELECTION_NOT_NEEDED, message: 'Leader election not needed for topic partition.' }
    }),
  })
}

/** The whole request refused for one reason; where it asks for nothing, there is nothing to refuse. */
export function refuseElectLeaders(request: ElectLeadersRequest, refusal: Refusal): ElectLeadersResponse {
  const { topicPartitions } = request
  return makeElectLeadersResponse({
    errorCode: topicPartitions?.length === 0 ? ErrorCode.NONE : refusal.errorCode,
    replicaElectionResults: electionResults(topicPartitions ?? [], () => refusal),
  })
}

/** Answers AlterPartitionReassignments: the only place that a partition can be moved to is where it is. */
export function answerAlterReassignments(
  request: AlterPartitionReassignmentsRequest,
  topics: ClusterTopics,
  nodeId: number,
): AlterPartitionReassignmentsResponse {
  // Kafka answers an empty request without a look at it.
  if (request.topics.length === 0) return makeAlterPartitionReassignmentsResponse({ errorMessage: '' })
  return makeAlterPartitionReassignmentsResponse({
    allowReplicationFactorChange: request.allowReplicationFactorChange,
    errorMessage: null,
    responses: request.topics.map(({ name, partitions }) =>
      makeAlterPartitionReassignmentsResponseReassignableTopicResponse({
        name,
        partitions: partitions.map(({ partitionIndex, replicas }) => {
          const place = { name, partitionIndex, partitionCount: topics.partitionCount(name) }
          const { errorCode, message } = reassignment(place, replicas, nodeId)
          return makeAlterPartitionReassignmentsResponseReassignablePartitionResponse({
            partitionIndex,
            errorCode,
            errorMessage: message,
          })
        }),
      }),
    ),
  })
}

function reassignment(
  place: { readonly name: string; readonly partitionIndex: number; readonly partitionCount: number | undefined },
  replicas: readonly number[] | null,
  nodeId: number,
): Refusal {
  const { name, partitionIndex, partitionCount } = place
  if (partitionCount === undefined) {
    const message = `Unable to find a topic named ${name}.`
    return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message }
  }
  if (partitionIndex < 0 || partitionIndex >= partitionCount) {
    const message = `Unable to find partition ${name}:${partitionIndex}.`
    return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message }
  }
  // Without replicas it is the running reassignment that is to be cancelled, and none ever runs.
  if (replicas === null) return { errorCode: ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, message: null }
  const problem = replicasProblem(replicas, nodeId)
  if (problem !== undefined) return { errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT, message: problem }
  return { errorCode: ErrorCode.NONE, message: null }
}

function electionResults(
  topicPartitions: NonNullable<ElectLeadersRequest['topicPartitions']>,
  outcomeOf: (topic: string, partition: number) => Refusal,
): ElectLeadersResponse['replicaElectionResults'] {
  return topicPartitions.map(({ topic, partitions }) =>
    makeElectLeadersResponseReplicaElectionResult({
      topic,
      partitionResult: partitions.map((partitionId) => {
        const { errorCode, message } = outcomeOf(topic, partitionId)
        return makeElectLeadersResponsePartitionResult({ partitionId, errorCode, errorMessage: message })
      }),
    }),
  )
}
