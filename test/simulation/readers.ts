/** Readers of whole partitions: they go from offset to offset, wait for more, and at the end come as far as there is anything. */

import { fetchCall, listOffsetsCall } from '../../src/client/calls.ts'
import { ConnectionError } from '../../src/client/errors.ts'
import { ErrorCode, isRetriable } from '../../src/wire/generated/errors.ts'
import {
  type FetchResponsePartitionData,
  makeFetchRequest,
  makeFetchRequestFetchPartition,
} from '../../src/wire/generated/fetch.ts'
import { makeListOffsetsRequest } from '../../src/wire/generated/list-offsets.ts'
import { takeApart } from './batches.ts'
import { Client } from './client.ts'
import type { World } from './world.ts'

const fetchVersion = 12
const sessionless = { sessionId: 0, sessionEpoch: -1 } as const
const earliest = -2
const latest = -1

/** Reads its positions' partitions; what it gets is noted in the history. */
export class Reader extends Client {
  readonly #isCommitted: boolean
  readonly #reader: number
  /** Partition → the next offset. */
  readonly positions = new Map<number, number>()

  constructor(world: World, name: string, options: { readonly isCommitted: boolean; readonly isFinal?: boolean }) {
    super(world, name)
    this.#isCommitted = options.isCommitted
    this.#reader = world.addReader(options.isCommitted ? 'committed' : 'uncommitted', options.isFinal)
  }

  /** From now on these and no others. */
  assign(positions: Iterable<readonly [partition: number, offset: number]>): void {
    this.positions.clear()
    for (const [partition, offset] of positions) this.positions.set(partition, offset)
    this.#note()
  }

  /** One fetch of all its partitions; throws ConnectionError. */
  async poll(waitMs: number): Promise<void> {
    const { world } = this
    const startedAt = world.history.now
    const partitions = [...this.positions]
    const outOfRange: number[] = []
    const answers = await this.#fetch(partitions, waitMs)
    for (const [partition, from] of partitions) {
      const data = answers.get(partition)
      if (data === undefined) continue
      if (data.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) outOfRange.push(partition)
      if (data.errorCode !== ErrorCode.NONE) {
        if (data.errorCode !== ErrorCode.OFFSET_OUT_OF_RANGE && !isRetriable(data.errorCode)) {
          this.refuse(`Fetch of partition ${partition}`, data.errorCode)
        }
        continue
      }
      const { topic, index } = world.place(partition)
      const where = `${this.name}, ${topic}-${index}`
      const fetched = takeApart(where, data.records ?? Buffer.alloc(0), from, data.abortedTransactions ?? [])
      if (fetched.next === from) continue
      this.positions.set(partition, fetched.next)
      world.history.add({ kind: 'poll', reader: this.#reader, partition, ...fetched, startedAt })
    }
    for (const partition of outOfRange) await this.#reset(partition)
  }

  /** Where a partition ends for this reader. */
  end(partition: number): Promise<number> {
    return this.#listOffset(partition, latest)
  }

  start(partition: number): Promise<number> {
    return this.#listOffset(partition, earliest)
  }

  async #fetch(
    partitions: readonly (readonly [number, number])[],
    waitMs: number,
  ): Promise<Map<number, FetchResponsePartitionData>> {
    const { world } = this
    const bytesMax = world.pick([1, 300, 4_000, 1_000_000])
    const topics = partitions.map(([partition, fetchOffset]) => {
      const { topic, index } = world.place(partition)
      const wish = { partition: index, fetchOffset, currentLeaderEpoch: -1, partitionMaxBytes: bytesMax }
      return { topic, topicId: Buffer.alloc(16), partitions: [makeFetchRequestFetchPartition(wish)] }
    })
    const isolationLevel = this.#isCommitted ? 1 : 0
    const wish = { maxWaitMs: waitMs, minBytes: 1, maxBytes: bytesMax * 2, isolationLevel, topics, ...sessionless }
    const response = await this.ask(fetchCall, makeFetchRequest(wish), fetchVersion)
    if (response.errorCode !== ErrorCode.NONE) this.refuse('Fetch', response.errorCode)
    const answers = new Map<number, FetchResponsePartitionData>()
    for (const { topic, partitions: answered } of response.responses) {
      for (const data of answered) {
        const partition = world.places.findIndex(
          (place) => place.topic === topic && place.index === data.partitionIndex,
        )
        answers.set(partition, data)
      }
    }
    return answers
  }

  /** Records were deleted, or lost with a power cut: it goes on where the log begins or ends now. */
  async #reset(partition: number): Promise<void> {
    const start = await this.start(partition)
    const end = await this.end(partition)
    const position = this.positions.get(partition) ?? 0
    this.positions.set(partition, position < start ? start : Math.min(position, end))
    this.#note()
  }

  #note(): void {
    this.world.history.add({ kind: 'assign', reader: this.#reader, positions: [...this.positions] })
  }

  async #listOffset(partition: number, timestamp: number): Promise<number> {
    const { topic, index } = this.world.place(partition)
    const partitions = [{ partitionIndex: index, currentLeaderEpoch: -1, timestamp }]
    const isolationLevel = this.#isCommitted ? 1 : 0
    const request = makeListOffsetsRequest({ replicaId: -1, isolationLevel, topics: [{ name: topic, partitions }] })
    const response = await this.askUntil(
      () => this.ask(listOffsetsCall, request, 7),
      ({ topics }) => topics[0]?.partitions[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR,
    )
    const answer = response.topics[0]?.partitions[0]
    if (answer?.errorCode !== ErrorCode.NONE) this.refuse('ListOffsets', answer?.errorCode ?? -1)
    return answer.offset
  }
}

/** Follows all partitions from their start while the seed runs; now and then it begins again. */
export async function follow(reader: Reader): Promise<void> {
  const { world } = reader
  const all = (): (readonly [number, number])[] => world.places.map((_, partition) => [partition, 0])
  reader.assign(all())
  while (!world.isWindingDown) {
    await reader.sleep(world.random.below(100))
    try {
      if (world.chance(1)) reader.assign(all())
      await reader.poll(world.pick([0, 50, 500]))
    } catch (thrown) {
      if (!(thrown instanceof ConnectionError)) throw thrown
    }
  }
  reader.disconnect()
}

/** Reads everything that there is, once all others have ended. */
export async function readToEnd(reader: Reader): Promise<void> {
  const { world } = reader
  const ends = new Map<number, number>()
  const positions: [number, number][] = []
  for (const [partition] of world.places.entries()) {
    ends.set(partition, await reader.end(partition))
    positions.push([partition, await reader.start(partition)])
  }
  reader.assign(positions)
  const isBehind = (): boolean => [...ends].some(([partition, end]) => (reader.positions.get(partition) ?? 0) < end)
  while (isBehind()) {
    try {
      await reader.poll(0)
    } catch (thrown) {
      if (!(thrown instanceof ConnectionError)) throw thrown
    }
    await reader.sleep(1)
  }
  reader.disconnect()
}
