/** Looks at everything that a broker remembers: after a restart it must all be the same, as it is all in its logs. */

import { listGroupsCall, listOffsetsCall, metadataCall, offsetFetchCall } from '../../src/client/calls.ts'
import {
  decodeDescribeProducersResponse,
  describeProducersApi,
  encodeDescribeProducersRequest,
} from '../../src/wire/generated/describe-producers.ts'
import {
  decodeDescribeTransactionsResponse,
  describeTransactionsApi,
  encodeDescribeTransactionsRequest,
} from '../../src/wire/generated/describe-transactions.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeListGroupsRequest } from '../../src/wire/generated/list-groups.ts'
import { makeListOffsetsRequest } from '../../src/wire/generated/list-offsets.ts'
import { makeMetadataRequest } from '../../src/wire/generated/metadata.ts'
import { makeOffsetFetchRequest } from '../../src/wire/generated/offset-fetch.ts'
import { Client } from './client.ts'
import { groupName } from './transactions.ts'
import { Violation } from './world.ts'

const describeProducersCall = {
  ...describeProducersApi,
  encode: encodeDescribeProducersRequest,
  decode: decodeDescribeProducersResponse,
}
const describeTransactionsCall = {
  ...describeTransactionsApi,
  encode: encodeDescribeTransactionsRequest,
  decode: decodeDescribeTransactionsResponse,
}

const latest = -1
const earliest = -2
const looksMax = 60
const lookAgainMs = 1_000

export type Inspected = { readonly groups: readonly number[]; readonly transactionalIds: readonly string[] }

export class Inspector extends Client {
  /** All of it as sentences, once no more is going on. */
  async look({ groups, transactionalIds }: Inspected): Promise<string[]> {
    const facts = [...(await this.#topics()), ...(await this.#groups())]
    for (const group of groups) facts.push(...(await this.#offsetsOf(group)))
    facts.push(...(await this.#transactions(transactionalIds)))
    for (const partition of this.world.places.keys()) facts.push(...(await this.#partition(partition)))
    this.disconnect()
    return facts
  }

  async #topics(): Promise<string[]> {
    const { topics } = await this.#ask(() => this.ask(metadataCall, makeMetadataRequest({ topics: null }), 12))
    return topics.map(({ name, topicId, partitions }) => {
      const errors = partitions.map(({ partitionIndex, errorCode }) => `${partitionIndex}: ${errorCode}`)
      return `topic ${name} ${topicId.toString('hex')} ${errors.sort().join(' ')}`
    })
  }

  async #groups(): Promise<string[]> {
    for (let looks = 0; looks < looksMax; looks++) {
      const { groups } = await this.#ask(() => this.ask(listGroupsCall, makeListGroupsRequest({}), 5))
      const isQuiet = groups.every(({ groupState }) => groupState === 'Empty')
      if (isQuiet) return groups.map(({ groupId, groupType }) => `group ${groupId} is empty, ${groupType}`).sort()
      // A member whose leaving was lost with its connection is there until its session ends.
      await this.sleep(lookAgainMs)
    }
    throw new Violation('a group does not come to rest although all its members have gone')
  }

  async #offsetsOf(group: number): Promise<string[]> {
    const request = makeOffsetFetchRequest({ groupId: groupName(group), topics: null, requireStable: true })
    const response = await this.#ask(() => this.ask(offsetFetchCall, request, 7))
    return response.topics.flatMap(({ name, partitions }) =>
      partitions
        .map(
          (offset) => `group ${group} ${name}-${offset.partitionIndex}: ${offset.committedOffset} ${offset.errorCode}`,
        )
        .sort(),
    )
  }

  async #transactions(transactionalIds: readonly string[]): Promise<string[]> {
    const request = { transactionalIds: [...transactionalIds] }
    const { transactionStates } = await this.#ask(() => this.ask(describeTransactionsCall, request, 0))
    return transactionStates.map((state) => JSON.stringify(state))
  }

  async #partition(partition: number): Promise<string[]> {
    const { topic, index } = this.world.place(partition)
    const facts: string[] = []
    let hasAll = true
    for (const isolationLevel of [0, 1]) {
      for (const timestamp of [latest, earliest]) {
        const partitions = [{ partitionIndex: index, currentLeaderEpoch: -1, timestamp }]
        const request = makeListOffsetsRequest({ replicaId: -1, isolationLevel, topics: [{ name: topic, partitions }] })
        const { topics } = await this.#ask(() => this.ask(listOffsetsCall, request, 7))
        const offset = topics[0]?.partitions[0]?.offset
        if (timestamp === earliest && offset !== 0) hasAll = false
        facts.push(`${topic}-${index} ${isolationLevel} ${timestamp}: ${offset}`)
      }
    }
    // Producers whose batches were all deleted may be forgotten.
    if (!hasAll) return facts
    const wanted = { topics: [{ name: topic, partitionIndexes: [index] }] }
    const { topics } = await this.#ask(() => this.ask(describeProducersCall, wanted, 0))
    const producers = topics[0]?.partitions[0]?.activeProducers ?? []
    // When a producer was last seen is not known for sure after a crash.
    return [...facts, ...producers.map((state) => JSON.stringify({ ...state, lastTimestamp: 0, partition })).sort()]
  }

  #ask<Response>(ask: () => Promise<Response>): Promise<Response> {
    return this.askUntil(ask, () => ErrorCode.NONE)
  }
}

/** Throws where a restart has changed what the broker remembers. */
export function compareFacts(before: readonly string[], after: readonly string[]): void {
  const lost = before.filter((fact) => !after.includes(fact))
  const gained = after.filter((fact) => !before.includes(fact))
  if (lost.length + gained.length === 0) return
  throw new Violation(`a restart changed what the broker remembers: ${lost.join('; ')} became ${gained.join('; ')}`)
}
