/** Requests of groups and of their offsets, one at a time; what members do together is compared elsewhere. */

import type { Family, Step } from './family.ts'

const partitionsOf = (name: string, committed: object): object => ({
  name,
  partitions: [{ partitionIndex: 0, ...committed }],
})

function committing(label: string, versions: readonly number[], more: object, committed: object = {}): Step {
  const topic = partitionsOf('offsets', {
    committedOffset: 5,
    committedLeaderEpoch: 0,
    committedMetadata: 'note',
    ...committed,
  })
  return {
    label,
    api: 8,
    versions,
    request: {
      groupId: 'simple',
      generationIdOrMemberEpoch: -1,
      topics: [{ ...topic, topicId: '$id:offsets' }],
      ...more,
    },
  }
}

/** From 10 on topics go by id. */
const byName = [2, 5, 6, 9]

const commits: readonly Step[] = [
  committing('commit', [...byName, 10], {}),
  committing('commit without words', [2, 9], {}, { committedMetadata: null }),
  committing('commit long words', [2, 9, 10], {}, { committedMetadata: 'w'.repeat(4_097) }),
  committing('commit below zero', [2, 10], {}, { committedOffset: -7 }),
  committing('commit for a partition beyond', [2, 9, 10], {}, { partitionIndex: 9 }),
  committing('commit for no group', [2, 10], { groupId: '' }),
  committing('commit as a member of nothing', [2, 9, 10], {
    groupId: 'nobody',
    generationIdOrMemberEpoch: 3,
    memberId: 'm',
  }),
  committing('commit in a generation without a member', [2, 10], { generationIdOrMemberEpoch: 3 }),
  committing('commit nothing', [2, 10], { topics: [] }),
  {
    label: 'commit for a topic that is not there',
    api: 8,
    versions: [2, 9],
    request: {
      groupId: 'simple',
      generationIdOrMemberEpoch: -1,
      topics: [partitionsOf('nowhere', { committedOffset: 1 })],
    },
  },
  {
    label: 'commit for an unknown id',
    api: 8,
    versions: [10],
    request: {
      groupId: 'simple',
      generationIdOrMemberEpoch: -1,
      topics: [{ topicId: 'ab'.repeat(16), partitions: [{ partitionIndex: 0, committedOffset: 1 }] }],
    },
  },
]

const asked = { name: 'offsets', partitionIndexes: [0, 1, 9] }

const fetches: readonly Step[] = [
  { label: 'fetch', api: 9, versions: [1, 2, 5, 7], request: { groupId: 'simple', topics: [asked] } },
  { label: 'fetch all', api: 9, versions: [2, 7], request: { groupId: 'simple', topics: null } },
  { label: 'fetch of no group', api: 9, versions: [1, 7], request: { groupId: '', topics: [asked] } },
  { label: 'fetch of an unknown group', api: 9, versions: [1, 7], request: { groupId: 'unknown', topics: [asked] } },
  {
    label: 'fetch of a topic that is not there',
    api: 9,
    versions: [1, 7],
    request: { groupId: 'simple', topics: [{ ...asked, name: 'nowhere' }] },
  },
  {
    label: 'fetch what is stable',
    api: 9,
    versions: [7],
    request: { groupId: 'simple', topics: [asked], requireStable: true },
  },
  {
    label: 'fetch of groups',
    api: 9,
    versions: [8, 9, 10],
    request: {
      groups: [
        { groupId: 'simple', topics: [{ ...asked, topicId: '$id:offsets' }] },
        { groupId: 'simple', topics: null },
        { groupId: 'unknown', topics: null },
        { groupId: '', topics: null },
      ],
    },
  },
  {
    label: 'fetch by an unknown id',
    api: 9,
    versions: [10],
    request: { groups: [{ groupId: 'simple', topics: [{ topicId: 'ab'.repeat(16), partitionIndexes: [0] }] }] },
  },
  {
    label: 'fetch as a member',
    api: 9,
    versions: [9, 10],
    request: { groups: [{ groupId: 'simple', memberId: 'm', memberEpoch: 4, topics: null }] },
  },
]

const protocols = [{ name: 'range', metadata: 'x' }]
const joined = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000, protocolType: 'consumer', protocols }

const members: readonly Step[] = [
  { label: 'join', api: 11, versions: [0, 9], request: { groupId: 'joined-$v', ...joined } },
  { label: 'join no group', api: 11, request: { groupId: '', ...joined } },
  { label: 'join for a moment', api: 11, request: { groupId: 'wrong', ...joined, sessionTimeoutMs: 1 } },
  { label: 'join for ever', api: 11, request: { groupId: 'wrong', ...joined, sessionTimeoutMs: 2_000_000_000 } },
  { label: 'join without protocols', api: 11, request: { groupId: 'wrong', ...joined, protocols: [] } },
  { label: 'join without a kind', api: 11, request: { groupId: 'wrong', ...joined, protocolType: '' } },
  { label: 'join as a stranger', api: 11, request: { groupId: 'wrong', ...joined, memberId: 'stranger' } },
  {
    label: 'join a group of another kind',
    api: 11,
    request: { groupId: 'joined-0', ...joined, protocolType: 'other' },
  },
  { label: 'sync as a stranger', api: 14, request: { groupId: 'wrong', generationId: 1, memberId: 'stranger' } },
  {
    label: 'sync in no group',
    api: 14,
    request: { groupId: '', generationId: 1, memberId: 'stranger', protocolType: 'x', protocolName: 'y' },
  },
  {
    label: 'sync as a stranger to members',
    api: 14,
    request: { groupId: 'joined-0', generationId: 1, memberId: 'stranger' },
  },
  { label: 'heartbeat as a stranger', api: 12, request: { groupId: 'wrong', generationId: 1, memberId: 'stranger' } },
  { label: 'heartbeat in no group', api: 12, request: { groupId: '', generationId: 1, memberId: 'stranger' } },
  {
    label: 'heartbeat as a stranger to members',
    api: 12,
    request: { groupId: 'joined-0', generationId: 1, memberId: 'stranger' },
  },
  { label: 'leave as a stranger', api: 13, versions: [0], request: { groupId: 'wrong', memberId: 'stranger' } },
  { label: 'leave no group', api: 13, versions: [0], request: { groupId: '', memberId: 'stranger' } },
  {
    label: 'leave as strangers',
    api: 13,
    versions: [5],
    request: { groupId: 'joined-0', members: [{ memberId: 'stranger' }, { groupInstanceId: 'other' }] },
  },
  {
    label: 'leave no group, newest',
    api: 13,
    versions: [5],
    request: { groupId: '', members: [{ memberId: 'stranger' }] },
  },
]

const administration: readonly Step[] = [
  {
    label: 'describe groups',
    api: 15,
    request: { groups: ['simple', 'unknown', '', 'joined-0'], includeAuthorizedOperations: false },
  },
  {
    label: 'describe with operations',
    api: 15,
    versions: [3, 6],
    request: { groups: ['simple', 'unknown'], includeAuthorizedOperations: true },
  },
  { label: 'describe none', api: 15 },
  { label: 'list groups', api: 16 },
  { label: 'list by state', api: 16, versions: [4, 5], request: { statesFilter: ['Empty'] } },
  { label: 'list by states that are none', api: 16, versions: [4, 5], request: { statesFilter: ['Lively', 'stable'] } },
  { label: 'list by kind', api: 16, versions: [5], request: { typesFilter: ['classic'] } },
  { label: 'list by a kind that is none', api: 16, versions: [5], request: { typesFilter: ['large'] } },
  { label: 'find a group', api: 10, versions: [0, 3], request: { key: 'simple', keyType: 0 } },
  { label: 'find a transaction', api: 10, versions: [1, 3], request: { key: 'simple', keyType: 1 } },
  { label: 'find several', api: 10, versions: [4, 6], request: { keyType: 0, coordinatorKeys: ['simple', ''] } },
  { label: 'find an unknown kind', api: 10, versions: [1, 3], request: { key: 'simple', keyType: 9 } },
  {
    label: 'find several of an unknown kind',
    api: 10,
    versions: [4, 6],
    request: { keyType: 9, coordinatorKeys: ['a'] },
  },
  { label: 'find nothing', api: 10, versions: [4, 6], request: { keyType: 0 } },
  {
    label: 'delete offsets',
    api: 47,
    request: {
      groupId: 'simple',
      topics: [{ name: 'offsets', partitions: [1, 9].map((partitionIndex) => ({ partitionIndex })) }],
    },
  },
  {
    label: 'delete offsets of a topic that is not there',
    api: 47,
    request: { groupId: 'simple', topics: [{ name: 'nowhere', partitions: [{ partitionIndex: 0 }] }] },
  },
  { label: 'delete offsets of no group', api: 47, request: { groupId: '' } },
  {
    label: 'delete offsets of an unknown group',
    api: 47,
    request: { groupId: 'unknown', topics: [{ name: 'offsets', partitions: [{ partitionIndex: 0 }] }] },
  },
  { label: 'delete groups', api: 42, request: { groupsNames: ['simple', 'unknown', '', 'joined-0'] } },
  { label: 'delete no groups', api: 42 },
]

export const groups: Family = {
  name: 'groups',
  without: ['port', 'clusterId', 'memberId', 'leader', 'clientHost'],
  // Kafka keeps a group that somebody was refused to join.
  unlike: ['min.insync.replicas', 'wrong'],
  unordered: ['groups', 'results', 'responses', 'partitions'],
  steps: [
    {
      label: 'create the topic',
      api: 19,
      versions: [7],
      request: { topics: [{ name: 'offsets', numPartitions: 2, replicationFactor: 1 }] },
    },
    { label: 'learn its id', api: 3, versions: [13], request: { topics: [{ name: 'offsets' }] } },
    ...commits,
    ...fetches,
    ...members,
    ...administration,
  ],
}
