/** Requests that write and read records, and look for offsets. */

import { buildBatch } from '../../../src/wire/record-batch.ts'
import type { Family, Step } from './family.ts'

const timestampMs = 1_790_000_000_000
const batch = (...values: readonly string[]): Buffer =>
  buildBatch({
    records: values.map((value, index) => ({ key: null, value: Buffer.from(value), timestampMs: timestampMs + index })),
  })

const damaged = (): Buffer => {
  const bytes = batch('damaged')
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  return bytes
}

/** From 13 on topics go by id. */
const byName = { produce: [3, 12], fetch: [4, 12] } as const

function producing(
  label: string,
  place: { topic?: string; index?: number },
  records: Buffer | null,
  more: object = {},
): readonly Step[] {
  const partitionData = [{ index: place.index ?? 0, records }]
  const name = place.topic ?? 'records'
  const request = { acks: -1, timeoutMs: 5_000, ...more }
  const topicId = name === 'records' ? '$id:records' : 'ab'.repeat(16)
  return [
    { label, api: 0, versions: byName.produce, request: { ...request, topicData: [{ name, partitionData }] } },
    {
      label: `${label}, by id`,
      api: 0,
      versions: [13],
      request: { ...request, topicData: [{ topicId, partitionData }] },
    },
  ]
}

function fetching(
  label: string,
  place: { topic?: string; partition?: number; fetchOffset: number },
  more: object = {},
): readonly Step[] {
  const { topic = 'records', partition = 0, fetchOffset } = place
  const partitions = [{ partition, fetchOffset, partitionMaxBytes: 1_000_000 }]
  const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, sessionEpoch: -1, ...more }
  const topicId = topic === 'records' ? '$id:records' : 'ab'.repeat(16)
  return [
    { label, api: 1, versions: byName.fetch, request: { ...request, topics: [{ topic, partitions }] } },
    { label: `${label}, by id`, api: 1, versions: [18], request: { ...request, topics: [{ topicId, partitions }] } },
  ]
}

function seeking(label: string, timestamp: number, more: object = {}, versions: readonly number[] = [1, 11]): Step {
  const partitions = [{ partitionIndex: 0, timestamp, currentLeaderEpoch: -1, ...more }]
  return { label, api: 2, versions, request: { replicaId: -1, topics: [{ name: 'records', partitions }] } }
}

function deleting(label: string, name: string, offset: number, partitionIndex = 0): Step {
  return { label, api: 21, request: { topics: [{ name, partitions: [{ partitionIndex, offset }] }], timeoutMs: 5_000 } }
}

function epochs(label: string, topic: string, leaderEpoch: number, more: object = {}): Step {
  const partitions = [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch, ...more }]
  return { label, api: 23, request: { replicaId: -1, topics: [{ topic, partitions }] } }
}

export const records: Family = {
  name: 'records',
  without: ['port', 'clusterId', 'sessionId', 'lastTimestamp'],
  unlike: ['min.insync.replicas'],
  steps: [
    {
      label: 'create the topic',
      api: 19,
      versions: [7],
      request: { topics: [{ name: 'records', numPartitions: 2, replicationFactor: 1 }] },
    },
    { label: 'learn its id', api: 3, versions: [13], request: { topics: [{ name: 'records' }] } },
    ...producing('write one', {}, batch('one')),
    ...producing('write three', {}, batch('two', 'three', 'four')),
    ...producing('write with another count of acks', {}, batch('one'), { acks: 2 }),
    ...producing('write for one ack', {}, batch('five'), { acks: 1 }),
    ...producing('write to a partition beyond', { index: 9 }, batch('one')),
    ...producing('write to a topic that is not there', { topic: 'nowhere/' }, batch('one')),
    ...producing('write what is damaged', {}, damaged()),
    ...producing('write in a transaction that is none', {}, batch('one'), { transactionalId: 'none' }),
    ...fetching('read from the start', { fetchOffset: 0 }),
    ...fetching('read from the middle', { fetchOffset: 2 }),
    ...fetching('read from the end', { fetchOffset: 15 }),
    ...fetching('read beyond the end', { fetchOffset: 99 }),
    ...fetching('read from below the start', { fetchOffset: -1 }),
    ...fetching('read a partition beyond', { partition: 9, fetchOffset: 0 }),
    ...fetching('read a topic that is not there', { topic: 'nowhere', fetchOffset: 0 }),
    ...fetching('read what is committed', { fetchOffset: 0 }, { isolationLevel: 1 }),
    ...fetching('read in a session that is none', { fetchOffset: 0 }, { sessionId: 77, sessionEpoch: 5 }),
    seeking('the latest offset', -1),
    seeking('the earliest offset', -2),
    seeking('the offset of the greatest time', -3, {}, [7, 11]),
    seeking('the earliest local offset', -4, {}, [8, 11]),
    seeking('the latest tiered offset', -5, {}, [9, 11]),
    seeking('an unknown kind of offset', -9),
    seeking('the offset of a time', timestampMs + 1),
    seeking('the offset of a time to come', timestampMs + 1_000_000),
    seeking('an offset in a later epoch', -1, { currentLeaderEpoch: 9 }, [4, 11]),
    seeking('an offset of a partition beyond', -1, { partitionIndex: 9 }),
    epochs('the end of an epoch', 'records', 0),
    epochs('the end of an epoch to come', 'records', 5),
    epochs('the end of an epoch that is none', 'records', -1),
    epochs('the end as of a later epoch', 'records', 0, { currentLeaderEpoch: 9 }),
    epochs('the end in a topic that is not there', 'nowhere', 0),
    epochs('the end in a partition beyond', 'records', 0, { partition: 9 }),
    { label: 'producers', api: 61, request: { topics: [{ name: 'records', partitionIndexes: [0, 9] }] } },
    { label: 'producers of nothing', api: 61, request: { topics: [{ name: 'nowhere', partitionIndexes: [0] }] } },
    deleting('delete the first', 'records', 1),
    deleting('delete what is gone', 'records', 0),
    deleting('delete beyond the end', 'records', 99),
    deleting('delete below the start', 'records', -2),
    deleting('delete in a partition beyond', 'records', 0, 9),
    deleting('delete in a topic that is not there', 'nowhere', 0),
    ...fetching('read what was deleted', { fetchOffset: 0 }),
    deleting('delete all', 'records', -1),
    seeking('the earliest offset after that', -2),
  ],
}
