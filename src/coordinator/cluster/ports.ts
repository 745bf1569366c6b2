/** What the answers about the cluster need: the topics as decided, and what only the rest of the broker can see. */

import type { Offset } from '../../base/ids.ts'
import type { PartitionFacts } from '../../base/topology.ts'

/** The topic coordinator as far as the cluster's answers look at it. */
export interface ClusterTopics {
  /** Names of all topics as they are decided now. */
  topicNames(): readonly string[]
  partitionCount(name: string): number | undefined
  /** Names of the resources of a kind (Kafka's number) on which configs were set. */
  configuredResources(type: number): readonly string[]
  /** Resolves with NONE once everything decided so far is in the log and may be told, else with the error code to answer. */
  readable(): Promise<number>
}

/** Bytes of the file system that the data folder lies in; -1 where they are not known. */
export type FolderSpace = { readonly totalBytes: number; readonly usableBytes: number }

/** What other threads and the file system know. */
export interface ClusterFacts {
  /** The data folder, an absolute path: the one log folder that there is. */
  readonly dataDirectory: string
  folderSpace(): Promise<FolderSpace>
  /** Sizes of a topic's partitions, in partition order; empty where there is no such topic. */
  facts(topic: string): Promise<readonly PartitionFacts[]>
  /** The next offset of the metadata log. */
  metadataLogEnd(): Offset
}
