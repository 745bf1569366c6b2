/** Reads records of assigned partitions, in offset order within each. */

import { topicIdHex } from '../base/ids.ts'
import { ErrorCode, isRetriable } from '../wire/generated/errors.ts'
import {
  type FetchResponsePartitionData,
  makeFetchRequest,
  makeFetchRequestFetchPartition,
  makeFetchRequestFetchTopic,
} from '../wire/generated/fetch.ts'
import { batchIsControl, batchLastOffset, eachBatch, type RecordHeader, readRecords } from '../wire/record-batch.ts'
import { AbortedRanges } from './aborted-ranges.ts'
import { fetchCall } from './calls.ts'
import type { KafkaClient } from './client.ts'
import { KafkaError, throwOnError } from './errors.ts'
import { listOffsets, offsetAt } from './offsets.ts'

export type ConsumerOptions = {
  readonly client: KafkaClient
  /** Where to go on when the wanted offset is not there (any more). Default 'beginning'. */
  readonly from?: StartPlace
  /** Bytes that one fetch may bring, over all partitions and from one. Defaults 16 MiB and 1 MiB. */
  readonly fetchBytesMax?: number
  readonly partitionBytesMax?: number
  /** How long the broker may wait for the first record. Default 500. */
  readonly maxWaitMs?: number
  /** Records of transactions: only those that were committed, or all. Default 'uncommitted', as Kafka's. */
  readonly isolation?: 'committed' | 'uncommitted'
}

export type StartPlace = 'beginning' | 'end'

/** A record as it was read. */
export type ConsumedRecord = {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

/** A partition to read, and where to start. */
export type Assignment = {
  readonly topic: string
  readonly partition: number
  readonly offset: number | StartPlace
}

/** A partition with the next offset to be read, and the end that the broker last told. */
export type Position = { readonly topic: string; readonly partition: number; readonly offset: number }

type Place = { readonly topic: string; readonly partition: number; offset: number; endOffset: number }

const emptyBackoffMs = 100

/** Reads what it is assigned. Nothing runs between calls of `poll`, so nothing piles up. */
export class Consumer {
  readonly #client: KafkaClient
  readonly #from: StartPlace
  readonly #fetchBytesMax: number
  readonly #partitionBytesMax: number
  readonly #maxWaitMs: number
  readonly #isCommittedOnly: boolean
  #places: Place[] = []

  constructor(options: ConsumerOptions) {
    this.#client = options.client
    this.#from = options.from ?? 'beginning'
    this.#fetchBytesMax = options.fetchBytesMax ?? 16 * 1024 * 1024
    this.#partitionBytesMax = options.partitionBytesMax ?? 1024 * 1024
    this.#maxWaitMs = options.maxWaitMs ?? 500
    this.#isCommittedOnly = options.isolation === 'committed'
  }

  /** Reads these partitions from now on, and no others. */
  async assign(assignments: readonly Assignment[]): Promise<void> {
    const places: Place[] = []
    for (const place of ['beginning', 'end'] as const) {
      const wanted = assignments.filter(({ offset }) => offset === place)
      for (const [topic, partitions] of byTopic(wanted)) {
        const offsets = await listOffsets(this.#client, topic, { partitions, timestampMs: offsetAt[place] })
        for (const [partition, offset] of offsets) places.push({ topic, partition, offset, endOffset: -1 })
      }
    }
    for (const { topic, partition, offset } of assignments) {
      if (typeof offset === 'number') places.push({ topic, partition, offset, endOffset: -1 })
    }
    this.#places = places
  }

  /** Reads on from that offset, in a partition that is assigned; in others nothing happens. */
  seek({ topic, partition, offset }: Position): void {
    const place = this.#places.find((candidate) => candidate.topic === topic && candidate.partition === partition)
    if (place !== undefined) place.offset = offset
  }

  /** The next offsets to be read. */
  positions(): Position[] {
    return this.#places.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
  }

  /** Whether every partition has been read up to the end that the broker told last. */
  get isAtEnd(): boolean {
    return this.#places.every(({ offset, endOffset }) => endOffset >= 0 && offset >= endOffset)
  }

  /** The next records; none after `maxWaitMs` without any. Throws KafkaError and ConnectionError. */
  async poll(): Promise<ConsumedRecord[]> {
    const byLeader = new Map<number, Place[]>()
    for (const place of this.#places) {
      const { leaders } = await this.#client.topic(place.topic)
      const leader = leaders[place.partition] ?? -1
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), place])
    }
    if (byLeader.size === 0) await this.#client.pause(emptyBackoffMs)
    const fetched = await Promise.all([...byLeader].map(([leader, places]) => this.#fetch(leader, places)))
    return fetched.flat()
  }

  async #fetch(leader: number, places: readonly Place[]): Promise<ConsumedRecord[]> {
    const topics = await Promise.all(
      [...byTopic(places)].map(async ([name, partitions]) => {
        const { id } = await this.#client.topic(name)
        return makeFetchRequestFetchTopic({
          topic: name,
          topicId: id,
          partitions: places
            .filter((place) => place.topic === name && partitions.includes(place.partition))
            .map((place) =>
              makeFetchRequestFetchPartition({
                partition: place.partition,
                currentLeaderEpoch: -1,
                fetchOffset: place.offset,
                lastFetchedEpoch: -1,
                logStartOffset: -1,
                partitionMaxBytes: this.#partitionBytesMax,
              }),
            ),
        })
      }),
    )
    const request = makeFetchRequest({
      replicaId: -1,
      maxWaitMs: this.#maxWaitMs,
      minBytes: 1,
      maxBytes: this.#fetchBytesMax,
      sessionId: 0,
      sessionEpoch: -1,
      isolationLevel: this.#isCommittedOnly ? 1 : 0,
      topics,
    })
    const response = await this.#client.callNode(leader, fetchCall, request)
    throwOnError(response.errorCode, 'fetching')
    const records: ConsumedRecord[] = []
    for (const answer of response.responses) {
      const name = answer.topic === '' ? this.#client.topicName(answer.topicId) : answer.topic
      for (const data of answer.partitions) {
        const place = places.find(
          (candidate) => candidate.topic === name && candidate.partition === data.partitionIndex,
        )
        if (place === undefined) {
          throw new KafkaError(
            ErrorCode.UNKNOWN_TOPIC_ID,
            `an answer for the unknown topic ${topicIdHex(answer.topicId)}`,
          )
        }
        if (await this.#isUsable(place, data)) this.#readInto(records, place, data)
      }
    }
    // Another partition stands first next time, so that one with much to read does not starve the others.
    this.#places.push(...this.#places.splice(0, 1))
    return records
  }

  /** Deals with a partition's error; false where there is nothing to read this time. */
  async #isUsable(place: Place, data: FetchResponsePartitionData): Promise<boolean> {
    if (data.errorCode === ErrorCode.NONE) return true
    if (data.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      const { topic, partition } = place
      const offsets = await listOffsets(this.#client, topic, {
        partitions: [partition],
        timestampMs: offsetAt[this.#from],
      })
      place.offset = offsets.get(partition) ?? place.offset
      return false
    }
    if (!isRetriable(data.errorCode)) throwOnError(data.errorCode, `fetching ${place.topic}-${place.partition}`)
    // The leader moved, or the topic was made anew: the next poll looks it up again.
    this.#client.forgetTopic(place.topic)
    await this.#client.pause(emptyBackoffMs)
    return false
  }

  /** Takes what is at or behind the place's offset, and moves it. */
  #readInto(records: ConsumedRecord[], place: Place, data: FetchResponsePartitionData): void {
    const { topic, partition } = place
    place.endOffset = this.#isCommittedOnly ? data.lastStableOffset : data.highWatermark
    const bytes = data.records
    if (bytes === null) return
    const aborted = new AbortedRanges(this.#isCommittedOnly ? (data.abortedTransactions ?? []) : [])
    eachBatch(bytes, (at) => {
      if (!aborted.skips(bytes, at) && !batchIsControl(bytes, at)) {
        for (const record of readRecords(bytes, at)) {
          // A fetch answers with whole batches, which may begin before the offset that was asked for.
          if (record.offset >= place.offset) records.push({ topic, partition, ...record })
        }
      }
      place.offset = Math.max(place.offset, batchLastOffset(bytes, at) + 1)
    })
  }
}

function byTopic(places: readonly { readonly topic: string; readonly partition: number }[]): Map<string, number[]> {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of places) {
    const partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, [partition])
    else partitions.push(partition)
  }
  return topics
}
