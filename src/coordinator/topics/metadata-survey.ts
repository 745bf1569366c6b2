/** Looks through the metadata of an Apache Kafka whose folder is to be taken over: what it holds, and what speaks against it. */

import { type TopicIdHex, topicIdHex } from '../../base/ids.ts'
import { decodeConfigRecord } from '../../wire/generated/config-record.ts'
import { decodeFeatureLevelRecord } from '../../wire/generated/feature-level-record.ts'
import { decodePartitionChangeRecord } from '../../wire/generated/partition-change-record.ts'
import { decodePartitionRecord } from '../../wire/generated/partition-record.ts'
import { decodeRemoveTopicRecord } from '../../wire/generated/remove-topic-record.ts'
import { decodeTopicRecord } from '../../wire/generated/topic-record.ts'
import { Reader } from '../../wire/reader.ts'
import type { JournalRecord } from '../ports.ts'
import { storageDirectoryIds } from './records.ts'
import { resourceType } from './state.ts'

/** Kafka's numbers of the record types that decide whether a folder can be taken over. */
const surveyed = { topic: 2, partition: 3, config: 4, partitionChange: 5, removeTopic: 9, feature: 12 } as const
/** Records that this broker has no use for, by Kafka's number: their plural, where losing them is worth a word. */
const passedOver: ReadonlyMap<number, string> = new Map([
  [0, ''],
  [1, ''],
  [7, ''],
  [8, ''],
  [10, 'delegation tokens'],
  [11, 'SCRAM credentials'],
  [14, ''],
  [15, ''],
  [17, ''],
  [18, ''],
  [19, ''],
  [20, ''],
  [21, ''],
  [22, ''],
  [26, ''],
  [27, ''],
  [28, ''],
])
/** The newest `metadata.version` whose records are known: Apache Kafka 4.3's. */
export const metadataVersionMax = 30
/** Where Kafka keeps no folder in mind for a replica: not told yet, or told before there could be several (DirectoryId). */
const anyDirectories: readonly string[] = [
  '0'.repeat(32),
  `${'0'.repeat(31)}1`,
  // Safka was here before.
  ...Object.values(storageDirectoryIds).map(topicIdHex),
]

type SurveyedPartition = {
  readonly index: number
  replicas: readonly number[]
  /** Who had all records: in sync, or eligible to lead after the last one in sync went. */
  complete: readonly number[]
  directories: readonly string[]
}
type SurveyedTopic = { readonly name: string; readonly partitions: Map<number, SurveyedPartition> }

/** A broker that wants to take a folder over. */
export type Successor = { readonly nodeId: number; readonly directoryId: string | undefined }

/** Takes the records that count, in order. */
export class MetadataSurvey {
  readonly #topics = new Map<TopicIdHex, SurveyedTopic>()
  readonly #tieredTopics = new Set<string>()
  readonly #passedOver = new Map<string, number>()
  #metadataVersion = 0

  /** Throws a DecodeError on a record that is not what its version says. */
  take(record: JournalRecord): void {
    if (record.value === null) return
    const reader = new Reader(record.value)
    reader.readUnsignedVarint()
    const type = reader.readUnsignedVarint()
    const version = reader.readUnsignedVarint()
    switch (type) {
      case surveyed.topic: {
        const { name, topicId } = decodeTopicRecord(reader, version)
        this.#topics.set(topicIdHex(topicId), { name, partitions: new Map() })
        return
      }
      case surveyed.partition:
        this.#takePartition(reader, version)
        return
      case surveyed.partitionChange:
        this.#takeChange(reader, version)
        return
      case surveyed.removeTopic:
        this.#topics.delete(topicIdHex(decodeRemoveTopicRecord(reader, version).topicId))
        return
      case surveyed.config:
        this.#takeConfig(reader, version)
        return
      case surveyed.feature: {
        const { name, featureLevel } = decodeFeatureLevelRecord(reader, version)
        if (name === 'metadata.version') this.#metadataVersion = featureLevel
        return
      }
      default:
        this.#count(passedOver.get(type) ?? `records of the unknown type ${type}`)
    }
  }

  /** Every topic's name and the numbers of its partitions. */
  topics(): { readonly name: string; readonly partitions: readonly number[] }[] {
    return [...this.#topics.values()].map(({ name, partitions }) => ({ name, partitions: [...partitions.keys()] }))
  }

  /** What is there and will be passed over, for the log: `2 SCRAM credentials`. */
  leftOut(): string[] {
    return [...this.#passedOver].map(([what, count]) => `${count} ${what}`)
  }

  /** Why the folder cannot be taken over, as the end of a sentence; undefined where it can. */
  problemFor(successor: Successor): string | undefined {
    if (this.#metadataVersion > metadataVersionMax) {
      return `its metadata.version is ${this.#metadataVersion}, of a newer Apache Kafka than 4.3 (${metadataVersionMax})`
    }
    for (const { name, partitions } of this.#topics.values()) {
      if (this.#tieredTopics.has(name)) return `topic ${name} keeps segments in remote storage (remote.storage.enable)`
      for (const partition of partitions.values()) {
        const problem = partitionProblem(partition, successor)
        if (problem !== undefined) return `partition ${name}-${partition.index} ${problem}`
      }
    }
    return undefined
  }

  #takePartition(reader: Reader, version: number): void {
    const body = decodePartitionRecord(reader, version)
    const { partitionId: index, replicas, isr, eligibleLeaderReplicas } = body
    const complete = [...isr, ...(eligibleLeaderReplicas ?? [])]
    const directories = body.directories.map(topicIdHex)
    this.#topics.get(topicIdHex(body.topicId))?.partitions.set(index, { index, replicas, complete, directories })
  }

  #takeChange(reader: Reader, version: number): void {
    const body = decodePartitionChangeRecord(reader, version)
    const partition = this.#topics.get(topicIdHex(body.topicId))?.partitions.get(body.partitionId)
    if (partition === undefined) return
    if (body.replicas !== null) partition.replicas = body.replicas
    if (body.directories !== null) partition.directories = body.directories.map(topicIdHex)
    const isTold = body.isr !== null || body.eligibleLeaderReplicas !== null
    if (isTold) partition.complete = [...(body.isr ?? partition.complete), ...(body.eligibleLeaderReplicas ?? [])]
  }

  #takeConfig(reader: Reader, version: number): void {
    const { resourceType: type, resourceName, name, value } = decodeConfigRecord(reader, version)
    if (type !== resourceType.topic || name !== 'remote.storage.enable') return
    if (value === 'true') this.#tieredTopics.add(resourceName)
    else this.#tieredTopics.delete(resourceName)
  }

  #count(what: string): void {
    if (what !== '') this.#passedOver.set(what, (this.#passedOver.get(what) ?? 0) + 1)
  }
}

function partitionProblem(
  { replicas, complete, directories }: SurveyedPartition,
  { nodeId, directoryId }: Successor,
): string | undefined {
  const place = replicas.indexOf(nodeId)
  if (place < 0) return `has its replicas on ${nodesText(replicas)}, not on this one`
  if (!complete.includes(nodeId))
    return `was not in sync here: records are missing that ${nodesText(complete)} may have`
  const directory = directories[place]
  const isElsewhere = directory !== undefined && directory !== directoryId && !anyDirectories.includes(directory)
  return isElsewhere ? 'lies in another of the log folders (log.dirs)' : undefined
}

function nodesText(nodes: readonly number[]): string {
  return nodes.length === 1 ? `node ${nodes[0]}` : `nodes ${nodes.join(', ')}`
}
