/** Answers DescribeQuorum: the metadata log has one voter, which is its leader, and no observers. */

import { noTopicId, type Offset, topicIdBytes } from '../../base/ids.ts'
import {
  type DescribeQuorumRequest,
  type DescribeQuorumResponse,
  makeDescribeQuorumResponse,
  makeDescribeQuorumResponseNode,
  makeDescribeQuorumResponsePartitionData,
  makeDescribeQuorumResponseReplicaState,
  makeDescribeQuorumResponseTopicData,
} from '../../wire/generated/describe-quorum.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'

const metadataTopic = '__cluster_metadata'
/** The epoch in the metadata log's batches. */
const leaderEpoch = 0

/** What is told of the one voter. */
export type QuorumFacts = { readonly nodeId: number; readonly logEnd: Offset; readonly nowMs: number }

/** From here on an answer tells of the voters' endpoints. */
const endpointsVersion = 2

/** Answers DescribeQuorum: as in Kafka, only a request for the metadata partition alone gets an answer. */
export function answerDescribeQuorum(
  request: DescribeQuorumRequest,
  facts: QuorumFacts,
  apiVersion: number,
): DescribeQuorumResponse {
  const isMetadata =
    request.topics.length === 1 &&
    request.topics[0]?.topicName === metadataTopic &&
    request.topics[0].partitions.length === 1 &&
    request.topics[0].partitions[0]?.partitionIndex === 0
  const topics = request.topics.map(({ topicName, partitions }) =>
    makeDescribeQuorumResponseTopicData({
      topicName,
      partitions: partitions.map(({ partitionIndex }) =>
        isMetadata ? metadataPartition(facts) : unknownPartition(partitionIndex),
      ),
    }),
  )
  // There is no controller's listener: what the voter would be reached at is inside this process.
  const hasNodes = isMetadata && apiVersion >= endpointsVersion
  const nodes = hasNodes ? [makeDescribeQuorumResponseNode({ nodeId: facts.nodeId, listeners: [] })] : []
  return makeDescribeQuorumResponse({ topics, nodes })
}

type PartitionData = ReturnType<typeof makeDescribeQuorumResponsePartitionData>

function metadataPartition({ nodeId, logEnd, nowMs }: QuorumFacts): PartitionData {
  return makeDescribeQuorumResponsePartitionData({
    partitionIndex: 0,
    leaderId: nodeId,
    leaderEpoch,
    highWatermark: logEnd,
    currentVoters: [
      makeDescribeQuorumResponseReplicaState({
        replicaId: nodeId,
        replicaDirectoryId: topicIdBytes(noTopicId),
        logEndOffset: logEnd,
        lastFetchTimestamp: nowMs,
        lastCaughtUpTimestamp: nowMs,
      }),
    ],
    observers: [],
  })
}

function unknownPartition(partitionIndex: number): PartitionData {
  return makeDescribeQuorumResponsePartitionData({
    partitionIndex,
    errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    errorMessage: 'This server does not host this topic-partition.',
    leaderId: 0,
    leaderEpoch: 0,
    highWatermark: 0,
    currentVoters: [],
    observers: [],
  })
}
