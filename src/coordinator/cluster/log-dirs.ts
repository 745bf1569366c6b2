/** Answers DescribeLogDirs and AlterReplicaLogDirs: there is one log folder, and everything lies in it. */

import { assertDefined } from '../../base/assert.ts'
import {
  type AlterReplicaLogDirsRequest,
  type AlterReplicaLogDirsResponse,
  makeAlterReplicaLogDirsResponse,
  makeAlterReplicaLogDirsResponseAlterReplicaLogDirPartitionResult,
  makeAlterReplicaLogDirsResponseAlterReplicaLogDirTopicResult,
} from '../../wire/generated/alter-replica-log-dirs.ts'
import {
  type DescribeLogDirsRequest,
  type DescribeLogDirsResponse,
  type DescribeLogDirsResponseDescribeLogDirsTopic,
  makeDescribeLogDirsResponse,
  makeDescribeLogDirsResponseDescribeLogDirsPartition,
  makeDescribeLogDirsResponseDescribeLogDirsResult,
  makeDescribeLogDirsResponseDescribeLogDirsTopic,
} from '../../wire/generated/describe-log-dirs.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { ClusterFacts, ClusterTopics } from './ports.ts'

/** Answers DescribeLogDirs: the partitions that are there, of those asked for. Rejects where an owner cannot say. */
export async function answerDescribeLogDirs(
  request: DescribeLogDirsRequest,
  topics: ClusterTopics,
  facts: ClusterFacts,
): Promise<DescribeLogDirsResponse> {
  const wanted = partitionsAskedFor(request, topics)
  const [space, described] = await Promise.all([
    facts.folderSpace(),
    Promise.all([...wanted].map(([name, partitions]) => describeTopic(name, partitions, facts))),
  ])
  return makeDescribeLogDirsResponse({
    results: [
      makeDescribeLogDirsResponseDescribeLogDirsResult({
        errorCode: ErrorCode.NONE,
        logDir: facts.dataDirectory,
        topics: described.filter(({ partitions }) => partitions.length > 0),
        ...space,
      }),
    ],
  })
}

/** The whole request refused. */
export function refuseDescribeLogDirs(errorCode: number): DescribeLogDirsResponse {
  return makeDescribeLogDirsResponse({ errorCode, results: [] })
}

/** Answers AlterReplicaLogDirs: what is there lies in the one folder already, and other folders do not exist. */
export function answerAlterReplicaLogDirs(
  request: AlterReplicaLogDirsRequest,
  topics: ClusterTopics,
  dataDirectory: string,
): AlterReplicaLogDirsResponse {
  // As in Kafka, what a request says last of a partition is what it asks for.
  const wanted = new Map<string, Map<number, string>>()
  for (const { path, topics: moved } of request.dirs) {
    for (const { name, partitions } of moved) {
      const folders = wanted.get(name) ?? new Map<number, string>()
      for (const partition of partitions) folders.set(partition, path)
      wanted.set(name, folders)
    }
  }
  const results = [...wanted].map(([topicName, folders]) =>
    makeAlterReplicaLogDirsResponseAlterReplicaLogDirTopicResult({
      topicName,
      partitions: [...folders].map(([partitionIndex, path]) => {
        const errorCode = moveCode(path === dataDirectory, partitionIndex, topics.partitionCount(topicName) ?? 0)
        return makeAlterReplicaLogDirsResponseAlterReplicaLogDirPartitionResult({ partitionIndex, errorCode })
      }),
    }),
  )
  return makeAlterReplicaLogDirsResponse({ results })
}

function moveCode(isPresentFolder: boolean, partition: number, partitionCount: number): number {
  if (!isPresentFolder) return ErrorCode.LOG_DIR_NOT_FOUND
  const isPresent = partition >= 0 && partition < partitionCount
  return isPresent ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
}

/** 'all': every partition of the topic. */
type Wanted = ReadonlySet<number> | 'all'

function partitionsAskedFor(request: DescribeLogDirsRequest, topics: ClusterTopics): ReadonlyMap<string, Wanted> {
  if (request.topics === null) return new Map(topics.topicNames().map((name) => [name, 'all']))
  const wanted = new Map<string, Set<number>>()
  for (const { topic, partitions } of request.topics) {
    wanted.set(topic, new Set([...(wanted.get(topic) ?? []), ...partitions]))
  }
  return wanted
}

async function describeTopic(
  name: string,
  wanted: Wanted,
  facts: ClusterFacts,
): Promise<DescribeLogDirsResponseDescribeLogDirsTopic> {
  const partitions = wanted !== 'all' && wanted.size === 0 ? [] : await facts.facts(name)
  const indexes = [...partitions.keys()].filter((index) => wanted === 'all' || wanted.has(index))
  return makeDescribeLogDirsResponseDescribeLogDirsTopic({
    name,
    partitions: indexes.map((partitionIndex) => {
      const { sizeBytes } = assertDefined(partitions[partitionIndex], 'the index is one of them')
      return makeDescribeLogDirsResponseDescribeLogDirsPartition({ partitionIndex, partitionSize: sizeBytes })
    }),
  })
}
