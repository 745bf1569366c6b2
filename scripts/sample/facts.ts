/** Asks a broker for everything that it keeps, in a form that can be compared with another broker's. */

import { Admin } from '../../src/client/admin.ts'
import { fetchCall, metadataCall, offsetFetchCall } from '../../src/client/calls.ts'
import { KafkaClient } from '../../src/client/client.ts'
import type { BrokerConnection } from '../../src/client/connection.ts'
import { listOffsets, offsetAt } from '../../src/client/offsets.ts'
import {
  decodeDescribeClientQuotasResponse,
  describeClientQuotasApi,
  encodeDescribeClientQuotasRequest,
  makeDescribeClientQuotasRequest,
} from '../../src/wire/generated/describe-client-quotas.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeFetchRequest, makeFetchRequestFetchPartition } from '../../src/wire/generated/fetch.ts'
import {
  decodeListTransactionsResponse,
  encodeListTransactionsRequest,
  listTransactionsApi,
  makeListTransactionsRequest,
} from '../../src/wire/generated/list-transactions.ts'
import { makeMetadataRequest } from '../../src/wire/generated/metadata.ts'
import { makeOffsetFetchRequest } from '../../src/wire/generated/offset-fetch.ts'
import {
  batchIsControl,
  batchIsTransactional,
  batchLastOffset,
  batchProducerId,
  eachBatch,
  readRecords,
} from '../../src/wire/record-batch.ts'
import { ask, openSampleConnection } from './connection.ts'

const describeQuotasCall = {
  ...describeClientQuotasApi,
  encode: encodeDescribeClientQuotasRequest,
  decode: decodeDescribeClientQuotasResponse,
}
const listTransactionsCall = {
  ...listTransactionsApi,
  encode: encodeListTransactionsRequest,
  decode: decodeListTransactionsResponse,
}
/** The newest versions that name topics. */
const versions = { fetch: 12, offsetFetch: 7, listTransactions: 1 } as const
const isolation = { uncommitted: 0, committed: 1 } as const
const fetchBytesMax = 16 * 1024 * 1024
/** Kafka's number of configs that were set on the topic itself. */
const setOnTopic = 1

/** One partition as readers see it. A record is its offset, key, value and headers. */
export type PartitionFacts = {
  readonly startOffset: number
  readonly endOffset: number
  readonly uncommitted: readonly RecordFacts[]
  readonly committed: readonly RecordFacts[]
}
export type RecordFacts = readonly [number, string | null, string | null, Readonly<Record<string, string | null>>]

/** All that the sample holds. */
export type SampleFacts = {
  readonly topics: Readonly<
    Record<
      string,
      { readonly id: string; readonly configs: Readonly<Record<string, string>>; readonly partitions: PartitionFacts[] }
    >
  >
  /** Committed offsets of the partition that all groups of the sample have read. */
  readonly groups: Readonly<Record<string, { readonly offset: number; readonly metadata: string | null }>>
  readonly groupStates: Readonly<Record<string, string>>
  readonly transactions: Readonly<Record<string, string>>
  readonly quotas: readonly string[]
}

const sampleGroups = ['plain', 'classic', 'modern', 'transactional']

/** Reads everything. Internal topics are told only by the number of their partitions. */
export async function readFacts(address: string): Promise<SampleFacts> {
  const client = new KafkaClient({ brokers: [address] })
  const connection = await openSampleConnection(address)
  try {
    const groups = await Promise.all(
      sampleGroups.map(async (group) => [group, await offsetOf(connection, group)] as const),
    )
    const states = (await new Admin(client).listGroups()).map(
      ({ groupId, groupState }) => [groupId, groupState] as const,
    )
    return {
      topics: await readTopics(client, connection),
      groups: Object.fromEntries(groups),
      groupStates: Object.fromEntries(states.toSorted(byName)),
      transactions: await readTransactions(connection),
      quotas: await readQuotas(connection),
    }
  } finally {
    connection.close()
    await client.close()
  }
}

async function readTopics(client: KafkaClient, connection: BrokerConnection): Promise<SampleFacts['topics']> {
  const { topics } = await client.callAny(metadataCall, makeMetadataRequest({ topics: null }))
  const admin = new Admin(client)
  const facts: [string, SampleFacts['topics'][string]][] = []
  for (const { name, topicId, isInternal, partitions } of topics) {
    if (name === null || isInternal) continue
    const configs = (await admin.describeTopicConfigs(name, null)).filter(
      ({ configSource }) => configSource === setOnTopic,
    )
    const indexes = partitions.map(({ partitionIndex }) => partitionIndex).toSorted((left, right) => left - right)
    const starts = await listOffsets(client, name, { partitions: indexes, timestampMs: offsetAt.beginning })
    const read: PartitionFacts[] = []
    for (const index of indexes) read.push(await readPartition(connection, name, index, starts.get(index) ?? -1))
    const set = configs.map((config) => [config.name, config.value ?? ''] as const).toSorted(byName)
    facts.push([name, { id: topicId.toString('base64url'), configs: Object.fromEntries(set), partitions: read }])
  }
  return Object.fromEntries(facts.toSorted(byName))
}

async function readPartition(
  connection: BrokerConnection,
  topic: string,
  index: number,
  startOffset: number,
): Promise<PartitionFacts> {
  const uncommitted = await readRecordsOf(connection, topic, index, startOffset, isolation.uncommitted)
  const committed = await readRecordsOf(connection, topic, index, startOffset, isolation.committed)
  return {
    startOffset,
    endOffset: uncommitted.endOffset,
    uncommitted: uncommitted.records,
    committed: committed.records,
  }
}

async function readRecordsOf(
  connection: BrokerConnection,
  topic: string,
  partition: number,
  startOffset: number,
  isolationLevel: number,
): Promise<{ records: RecordFacts[]; endOffset: number }> {
  const records: RecordFacts[] = []
  for (let offset = startOffset; ; ) {
    const wish = { partition, fetchOffset: offset, currentLeaderEpoch: -1, partitionMaxBytes: fetchBytesMax }
    const partitions = [makeFetchRequestFetchPartition(wish)]
    const topics = [{ topic, topicId: Buffer.alloc(16), partitions }]
    const request = makeFetchRequest({ maxBytes: fetchBytesMax, sessionEpoch: -1, isolationLevel, topics })
    const response = await ask(
      connection,
      fetchCall,
      request,
      (answer) => answer.responses[0]?.partitions[0]?.errorCode,
      versions.fetch,
    )
    const data = response.responses[0]?.partitions[0]
    const bytes = data?.records ?? Buffer.alloc(0)
    const end = visitVisible(bytes, data?.abortedTransactions ?? [], (at) => {
      for (const { offset: place, key, value, headers } of readRecords(bytes, at)) {
        if (place < offset) continue
        const shown = headers.map((header) => [header.key, textOf(header.value)] as const)
        records.push([place, textOf(key), textOf(value), Object.fromEntries(shown)])
      }
    })
    if (end === undefined) return { records, endOffset: data?.highWatermark ?? -1 }
    offset = end
  }
}

/** Visits the batches that are neither markers nor of an aborted transaction; answers where they end. */
function visitVisible(
  bytes: Buffer,
  aborted: readonly { readonly producerId: number; readonly firstOffset: number }[],
  visit: (at: number) => void,
): number | undefined {
  const waiting = [...aborted].sort((left, right) => left.firstOffset - right.firstOffset)
  const abortedNow = new Set<number>()
  let end: number | undefined
  eachBatch(bytes, (at) => {
    const producerId = batchProducerId(bytes, at)
    end = batchLastOffset(bytes, at) + 1
    while (waiting[0] !== undefined && waiting[0].firstOffset < end) abortedNow.add(waiting.shift()?.producerId ?? -1)
    if (batchIsControl(bytes, at)) abortedNow.delete(producerId)
    else if (!batchIsTransactional(bytes, at) || !abortedNow.has(producerId)) visit(at)
  })
  return end
}

async function offsetOf(connection: BrokerConnection, groupId: string): Promise<SampleFacts['groups'][string]> {
  const request = makeOffsetFetchRequest({ groupId, topics: [{ name: 'codecs', partitionIndexes: [0] }] })
  const codeOf = (answer: {
    errorCode: number
    topics: readonly { partitions: readonly { errorCode: number }[] }[]
  }) => (answer.errorCode === ErrorCode.NONE ? answer.topics[0]?.partitions[0]?.errorCode : answer.errorCode)
  const response = await ask(connection, offsetFetchCall, request, codeOf, versions.offsetFetch)
  const partition = response.topics[0]?.partitions[0]
  return { offset: partition?.committedOffset ?? -1, metadata: partition?.metadata ?? null }
}

async function readTransactions(connection: BrokerConnection): Promise<Record<string, string>> {
  const request = makeListTransactionsRequest({})
  const response = await ask(
    connection,
    listTransactionsCall,
    request,
    (answer) => answer.errorCode,
    versions.listTransactions,
  )
  const states = response.transactionStates.map(
    ({ transactionalId, transactionState }) => [transactionalId, transactionState] as const,
  )
  return Object.fromEntries(states.toSorted(byName))
}

async function readQuotas(connection: BrokerConnection): Promise<string[]> {
  const request = makeDescribeClientQuotasRequest({ components: [], strict: false })
  const response = await ask(connection, describeQuotasCall, request, (answer) => answer.errorCode)
  const entries = (response.entries ?? []).flatMap(({ entity, values }) =>
    values.map(({ key, value }) => {
      const names = entity.map(({ entityType, entityName }) => `${entityType} ${entityName}`)
      return `${names.join(', ')}: ${key} ${value}`
    }),
  )
  return entries.toSorted()
}

function textOf(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString()
}

function byName(left: readonly [string, unknown], right: readonly [string, unknown]): number {
  return left[0] < right[0] ? -1 : 1
}
