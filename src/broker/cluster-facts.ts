/** What the cluster's answers need to know of this broker: its folder, its partitions, its metadata log. */

import { statfs } from 'node:fs/promises'
import type { Offset } from '../base/ids.ts'
import type { PartitionFacts } from '../base/topology.ts'
import type { ClusterFacts, FolderSpace } from '../coordinator/cluster/ports.ts'
import type { TopicRegistry } from './topic-registry.ts'

/** Answers from the threads and from the file system. */
export class BrokerFacts implements ClusterFacts {
  readonly dataDirectory: string
  readonly #registry: TopicRegistry
  readonly #metadataLogEnd: () => Offset

  constructor(options: { dataDirectory: string; registry: TopicRegistry; metadataLogEnd: () => Offset }) {
    this.dataDirectory = options.dataDirectory
    this.#registry = options.registry
    this.#metadataLogEnd = options.metadataLogEnd
  }

  async folderSpace(): Promise<FolderSpace> {
    try {
      const { bsize, blocks, bavail } = await statfs(this.dataDirectory)
      return { totalBytes: blocks * bsize, usableBytes: bavail * bsize }
    } catch {
      // A broker that keeps everything in memory has no folder; to clients that is the same as not knowing.
      return { totalBytes: -1, usableBytes: -1 }
    }
  }

  facts(topic: string): Promise<readonly PartitionFacts[]> {
    return this.#registry.facts(topic)
  }

  metadataLogEnd(): Offset {
    return this.#metadataLogEnd()
  }
}
