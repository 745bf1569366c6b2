/** Requests that create, grow, describe and delete topics. */

import type { Family, Step } from './family.ts'

const metadata = 3
const create = 19
const remove = 20
const grow = 37
const describe = 75

const oneTopic = { name: 'topic-$v', numPartitions: 1, replicationFactor: 1 }

function creating(label: string, topics: readonly object[], more: object = {}): Step {
  return { label, api: create, request: { topics: topics.map((topic) => ({ ...oneTopic, ...topic })), ...more } }
}

function growing(label: string, topics: readonly object[], more: object = {}): Step {
  return { label, api: grow, request: { topics, timeoutMs: 5_000, ...more } }
}

/** Versions before 6 know topics by name only. */
function removing(label: string, names: readonly string[]): readonly Step[] {
  const topics = names.map((name) => ({ name }))
  return [
    { label, api: remove, versions: [1], request: { topicNames: names, timeoutMs: 5_000 } },
    { label: `${label}, newest`, api: remove, versions: [6], request: { topics, timeoutMs: 5_000 } },
  ]
}

const wrongTopics: readonly (readonly [string, object])[] = [
  ['that is there', { name: 'plain-$v' }],
  ['with the empty name', { name: '' }],
  ['called .', { name: '.' }],
  ['called ..', { name: '..' }],
  ['with a slash', { name: 'a/b' }],
  ['with a long name', { name: 'n'.repeat(250) }],
  ['that collides', { name: 'dots_and_$v' }],
  ['without partitions', { name: 'wrong', numPartitions: 0 }],
  ['with few partitions', { name: 'wrong', numPartitions: -2 }],
  ['without replicas', { name: 'wrong', replicationFactor: 0 }],
  ['with two replicas', { name: 'wrong', replicationFactor: 2 }],
  ['with few replicas', { name: 'wrong', replicationFactor: -2 }],
  ['with numbers and an assignment', { name: 'wrong', assignments: [{ partitionIndex: 0, brokerIds: [1] }] }],
  ['with an unknown config', { name: 'wrong', configs: [{ name: 'no.such.config', value: '1' }] }],
  ['with a config that is null', { name: 'wrong', configs: [{ name: 'retention.ms', value: null }] }],
  ['with a config that is no number', { name: 'wrong', configs: [{ name: 'retention.ms', value: 'x' }] }],
  ['with a config out of range', { name: 'wrong', configs: [{ name: 'segment.bytes', value: '-7' }] }],
  ['with a cleanup policy that is none', { name: 'wrong', configs: [{ name: 'cleanup.policy', value: 'burn' }] }],
]

const assigned = { numPartitions: -1, replicationFactor: -1 }
const wrongAssignments: readonly (readonly [string, readonly object[]])[] = [
  ['that starts at one', [{ partitionIndex: 1, brokerIds: [1] }]],
  ['that names a partition twice', [0, 0].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] }))],
  ['with a gap', [0, 2].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] }))],
  ['to a broker twice', [{ partitionIndex: 0, brokerIds: [1, 1] }]],
  ['to an unknown broker', [{ partitionIndex: 0, brokerIds: [7] }]],
  ['to nobody', [{ partitionIndex: 0, brokerIds: [] }]],
  ['below zero', [{ partitionIndex: -1, brokerIds: [1] }]],
]

const creations: readonly Step[] = [
  creating('nothing', []),
  creating('one', [{ name: 'plain-$v' }]),
  creating('with defaults', [{ name: 'default-$v', numPartitions: -1, replicationFactor: -1 }]),
  creating('several at once', [{ name: 'many-a-$v' }, { name: 'many-b-$v', numPartitions: 3 }]),
  creating('with a dot', [{ name: 'dots.and.$v' }]),
  creating('with configs', [{ name: 'configs-$v', configs: [{ name: 'retention.ms', value: '60000' }] }]),
  creating('twice in one request', [{ name: 'twice-$v' }, { name: 'twice-$v' }]),
  creating('one good and one bad', [{ name: 'good-$v' }, { name: 'bad/$v' }]),
  creating('only to validate', [{ name: 'checked-$v', numPartitions: 2 }], { validateOnly: true }),
  creating('only to validate what is there', [{ name: 'plain-$v' }], { validateOnly: true }),
  creating('only to validate what is wrong', [{ name: 'wrong', numPartitions: 0 }], { validateOnly: true }),
  creating('assigned', [
    {
      ...assigned,
      name: 'assigned-$v',
      assignments: [1, 0].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] })),
    },
  ]),
  ...wrongTopics.map(([label, topic]) => creating(`a topic ${label}`, [topic])),
  ...wrongAssignments.map(([label, assignments]) =>
    creating(`an assignment ${label}`, [{ ...assigned, name: 'wrong', assignments }]),
  ),
]

const growths: readonly Step[] = [
  growing('grow nothing', []),
  growing('grow by one', [{ name: 'plain-2', count: 2 }]),
  growing('grow to what is there', [{ name: 'many-b-2', count: 3 }]),
  growing('grow to less', [{ name: 'many-b-2', count: 2 }]),
  growing('grow to none', [{ name: 'many-b-2', count: 0 }]),
  growing('grow to below none', [{ name: 'many-b-2', count: -1 }]),
  growing('grow what is not there', [{ name: 'nowhere', count: 2 }]),
  growing('grow what has a bad name', [{ name: 'a/b', count: 2 }]),
  growing(
    'grow twice at once',
    [2, 3].map((count) => ({ name: 'default-2', count })),
  ),
  growing('only validate growth', [{ name: 'default-2', count: 5 }], { validateOnly: true }),
  growing('grow assigned', [{ name: 'many-b-2', count: 4, assignments: [{ brokerIds: [1] }] }]),
  growing('grow assigned too often', [
    { name: 'many-b-7', count: 4, assignments: [1, 1].map((id) => ({ brokerIds: [id] })) },
  ]),
  growing('grow assigned too seldom', [{ name: 'many-b-7', count: 6, assignments: [{ brokerIds: [1] }] }]),
  growing('grow assigned to nobody', [{ name: 'many-b-7', count: 4, assignments: [{ brokerIds: [] }] }]),
  growing('grow assigned to a stranger', [{ name: 'many-b-7', count: 4, assignments: [{ brokerIds: [7] }] }]),
  growing('grow assigned to two', [{ name: 'many-b-7', count: 4, assignments: [{ brokerIds: [1, 7] }] }]),
  growing('grow assigned to one twice', [{ name: 'many-b-7', count: 4, assignments: [{ brokerIds: [1, 1] }] }]),
]

const descriptions: readonly Step[] = [
  { label: 'all topics', api: metadata, versions: [1, 9, 13], request: { topics: null } },
  { label: 'all topics, oldest', api: metadata, versions: [0] },
  { label: 'no topics', api: metadata, versions: [1, 13] },
  {
    label: 'topics by name',
    api: metadata,
    versions: [0, 7, 8, 13],
    request: { topics: ['plain-2', 'many-b-7'].map((name) => ({ name })) },
  },
  {
    label: 'topics with operations',
    api: metadata,
    versions: [8, 10],
    request: {
      topics: [{ name: 'plain-2' }],
      includeClusterAuthorizedOperations: true,
      includeTopicAuthorizedOperations: true,
    },
  },
  {
    label: 'wrong topics by name',
    api: metadata,
    versions: [4, 13],
    request: { topics: ['nowhere', 'a/b', ''].map((name) => ({ name })), allowAutoTopicCreation: false },
  },
  {
    label: 'an unknown id',
    api: metadata,
    versions: [12, 13],
    request: { topics: [{ name: null, topicId: 'ab'.repeat(16) }] },
  },
  {
    label: 'a known id',
    api: metadata,
    versions: [12, 13],
    request: { topics: [{ name: null, topicId: '$id:plain-2' }] },
  },
  {
    label: 'describe topics',
    api: describe,
    request: { topics: ['plain-2', 'nowhere', 'a/b'].map((name) => ({ name })) },
  },
  {
    label: 'describe one partition at once',
    api: describe,
    request: { topics: [{ name: 'many-b-7' }], responsePartitionLimit: 1 },
  },
  {
    label: 'describe from a cursor on',
    api: describe,
    request: { topics: [{ name: 'many-b-7' }], cursor: { topicName: 'many-b-7', partitionIndex: 1 } },
  },
  {
    label: 'describe from a cursor below zero',
    api: describe,
    request: { topics: [{ name: 'many-b-7' }], cursor: { topicName: 'many-b-7', partitionIndex: -1 } },
  },
]

const deletions: readonly Step[] = [
  ...removing('delete nothing', []),
  ...removing('delete one', ['plain-2']),
  ...removing('delete what is not there', ['nowhere']),
  ...removing('delete the empty name', ['']),
  ...removing('delete a bad name', ['a/b']),
  ...removing('delete twice at once', ['many-a-2', 'many-a-2']),
  ...removing('delete good and bad', ['many-b-2', 'nowhere']),
  {
    label: 'delete by id',
    api: remove,
    versions: [6],
    request: { timeoutMs: 5_000, topics: [{ name: null, topicId: '$id:plain-7' }] },
  },
  {
    label: 'delete by an unknown id',
    api: remove,
    versions: [6],
    request: {
      timeoutMs: 5_000,
      topics: [{ name: null, topicId: 'ab'.repeat(16) }],
    },
  },
  { label: 'delete by neither', api: remove, versions: [6], request: { timeoutMs: 5_000, topics: [{ name: null }] } },
  {
    label: 'delete by both',
    api: remove,
    versions: [6],
    request: {
      timeoutMs: 5_000,
      topics: [{ name: 'many-b-7', topicId: '$id:many-b-7' }],
    },
  },
  {
    label: 'delete by id twice',
    api: remove,
    versions: [6],
    request: {
      timeoutMs: 5_000,
      topics: [1, 2].map(() => ({ name: null, topicId: '$id:many-b-7' })),
    },
  },
  {
    label: 'delete by id and name',
    api: remove,
    versions: [6],
    request: {
      timeoutMs: 5_000,
      topics: [{ name: 'many-b-7' }, { name: null, topicId: '$id:many-b-7' }],
    },
  },
  { label: 'all that are left', api: metadata, versions: [13], request: { topics: null } },
]

export const topics: Family = {
  name: 'topics',
  configs: { 'num.partitions': '2' },
  without: ['port', 'clusterId'],
  unlike: ['min.insync.replicas'],
  unordered: ['topics', 'responses', 'results', 'configs', 'partitions'],
  steps: [...creations, ...growths, ...descriptions, ...deletions],
}
