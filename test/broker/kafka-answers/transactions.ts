/** Requests of producers about their ids and transactions, one at a time. */

import type { Family, Step } from './family.ts'

const topicsOf = (name: string): readonly object[] => [{ name, partitions: [0, 1, 9] }]

function starting(label: string, more: object, versions: readonly number[] = [0, 5]): Step {
  const request = { transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1, ...more }
  return { label, api: 22, versions, request }
}

/** Who is meant: the producer that the first step got. */
const producer = { producerId: '$of:start a transactional one:producerId', producerEpoch: 0 }

function adding(label: string, more: object): readonly Step[] {
  const old = { v3AndBelowTransactionalId: 'tx', v3AndBelowProducerId: producer.producerId, v3AndBelowProducerEpoch: 0 }
  const transaction = { transactionalId: 'tx', ...producer, topics: topicsOf('moved') }
  return [
    { label, api: 24, versions: [0, 3], request: { ...old, v3AndBelowTopics: topicsOf('moved'), ...more } },
    {
      label: `${label}, newest`,
      api: 24,
      versions: [5],
      request: { transactions: [{ ...transaction, verifyOnly: false }] },
    },
  ]
}

function ending(label: string, more: object, versions: readonly number[] = [0, 3]): Step {
  return { label, api: 26, versions, request: { transactionalId: 'tx', ...producer, committed: true, ...more } }
}

function committing(label: string, more: object, versions: readonly number[] = [0, 3]): Step {
  const partitions = [{ partitionIndex: 0, committedOffset: 7, committedMetadata: 'm' }]
  const request = { transactionalId: 'tx', groupId: 'moving', ...producer, topics: [{ name: 'moved', partitions }] }
  return { label, api: 28, versions, request: { ...request, ...more } }
}

export const transactions: Family = {
  name: 'transactions',
  without: ['port', 'producerId', 'transactionStartTimeMs', 'lastTimestamp'],
  // The recorder has to start one of its own before Kafka's coordinator answers.
  unlike: ['min.insync.replicas', 'any'],
  unordered: [
    'transactionStates',
    'topics',
    'topicPartitions',
    'results',
    'resultsByTopicV3AndBelow',
    'resultsByPartition',
  ],
  steps: [
    {
      label: 'create the topic',
      api: 19,
      versions: [7],
      request: { topics: [{ name: 'moved', numPartitions: 2, replicationFactor: 1 }] },
    },
    starting('start an idempotent one', { transactionalId: null }),
    starting('start a transactional one', { transactionalId: 'tx' }, [0]),
    starting('start without a name', { transactionalId: '' }),
    starting('start without time', { transactionalId: 'other', transactionTimeoutMs: 0 }),
    starting('start for ever', { transactionalId: 'other', transactionTimeoutMs: 2_000_000_000 }),
    starting('start as another', { transactionalId: 'tx', producerId: 999_999, producerEpoch: 3 }, [3, 5]),
    starting('start with half a producer', { transactionalId: 'tx', producerId: 5 }, [3, 5]),
    ...adding('add partitions', {}),
    {
      label: 'add for another',
      api: 24,
      versions: [0, 3],
      request: { v3AndBelowTransactionalId: 'unknown', v3AndBelowTopics: [{ name: 'moved', partitions: [0] }] },
    },
    {
      label: 'add good ones',
      api: 24,
      versions: [0, 3],
      request: {
        v3AndBelowTransactionalId: 'tx',
        v3AndBelowProducerId: producer.producerId,
        v3AndBelowTopics: [{ name: 'moved', partitions: [0, 1] }],
      },
    },
    {
      label: 'add for another epoch',
      api: 24,
      versions: [0, 3],
      request: {
        v3AndBelowTransactionalId: 'tx',
        v3AndBelowProducerId: producer.producerId,
        v3AndBelowProducerEpoch: 7,
        v3AndBelowTopics: [{ name: 'moved', partitions: [0] }],
      },
    },
    {
      label: 'verify',
      api: 24,
      versions: [5],
      request: {
        transactions: [
          { transactionalId: 'tx', ...producer, verifyOnly: true, topics: [{ name: 'moved', partitions: [0] }] },
        ],
      },
    },
    { label: 'describe', api: 65, request: { transactionalIds: ['tx', 'unknown', ''] } },
    { label: 'list', api: 66, versions: [0, 1] },
    { label: 'list by state', api: 66, versions: [0, 1], request: { stateFilters: ['Ongoing', 'Sleeping'] } },
    { label: 'list by duration', api: 66, versions: [1], request: { durationFilter: 100_000_000 } },
    { label: 'add offsets', api: 25, request: { transactionalId: 'tx', ...producer, groupId: 'moving' } },
    { label: 'add offsets of no group', api: 25, request: { transactionalId: 'tx', ...producer, groupId: '' } },
    {
      label: 'add offsets for another',
      api: 25,
      request: { transactionalId: 'unknown', ...producer, groupId: 'moving' },
    },
    committing('commit offsets', {}),
    committing('commit offsets, newest', {}, [5]),
    committing('commit offsets of no group', { groupId: '' }),
    committing('commit offsets as a member of nothing', { generationId: 4, memberId: 'm' }, [3]),
    ending('end for another', { transactionalId: 'unknown' }),
    ending('end in another epoch', { producerEpoch: 9 }),
    ending('end', {}, [0]),
    ending('end the other way', { committed: false }),
    ending('end, newest', {}, [5]),
    { label: 'describe the end', api: 65, request: { transactionalIds: ['tx'] } },
    ending('end again', {}, [3]),
    {
      label: 'markers for a topic that is not there',
      api: 27,
      request: {
        markers: [
          {
            producerId: 5,
            producerEpoch: 0,
            transactionResult: true,
            topics: [{ name: 'nowhere', partitionIndexes: [0] }],
          },
        ],
      },
    },
    { label: 'no markers', api: 27 },
  ],
}
