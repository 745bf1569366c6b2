/** Requests about the cluster as a whole, of one node. */

import type { Family } from './family.ts'

const placed = (name: string, partitionIndex: number, replicas: readonly number[] | null): object => ({
  name,
  partitions: [{ partitionIndex, replicas }],
})

export const cluster: Family = {
  name: 'cluster',
  without: [
    ...[
      'port',
      'clusterId',
      'apiKeys',
      'supportedFeatures',
      'finalizedFeatures',
      'finalizedFeaturesEpoch',
      'zkMigrationReady',
    ],
    ...['totalBytes', 'usableBytes', 'logDir', 'leaderEpoch', 'highWatermark', 'logEndOffset', 'replicaDirectoryId'],
    ...['lastFetchTimestamp', 'lastCaughtUpTimestamp', 'listeners', 'nodes'],
  ],
  unlike: ['min.insync.replicas'],
  unordered: ['results', 'topics', 'partitions', 'replicaElectionResults', 'partitionResult'],
  steps: [
    { label: 'versions', api: 18, versions: [0, 2] },
    {
      label: 'versions for a named client',
      api: 18,
      versions: [3, 4],
      request: { clientSoftwareName: 'x', clientSoftwareVersion: '1.0' },
    },
    {
      label: 'versions for a badly named client',
      api: 18,
      versions: [3, 4],
      request: { clientSoftwareName: '-', clientSoftwareVersion: '1.0' },
    },
    {
      label: 'create the topic',
      api: 19,
      versions: [7],
      request: { topics: [{ name: 'placed', numPartitions: 2, replicationFactor: 1 }] },
    },
    { label: 'cluster', api: 60 },
    { label: 'cluster with operations', api: 60, request: { includeClusterAuthorizedOperations: true } },
    { label: 'controllers', api: 60, versions: [1, 2], request: { endpointType: 2 } },
    { label: 'endpoints of no kind', api: 60, versions: [1, 2], request: { endpointType: 9 } },
    {
      label: 'log folders',
      api: 35,
      request: {
        topics: [
          { topic: 'placed', partitions: [0, 9] },
          { topic: 'nowhere', partitions: [0] },
        ],
      },
    },
    {
      label: 'move to an unknown folder',
      api: 34,
      request: {
        dirs: [
          {
            path: '/nowhere',
            topics: [
              { name: 'placed', partitions: [0, 9] },
              { name: 'nowhere', partitions: [0] },
            ],
          },
        ],
      },
    },
    {
      label: 'move to a relative folder',
      api: 34,
      request: { dirs: [{ path: 'nowhere', topics: [{ name: 'placed', partitions: [0] }] }] },
    },
    {
      label: 'elect',
      api: 43,
      versions: [0],
      request: {
        topicPartitions: [
          { topic: 'placed', partitions: [0, 9] },
          { topic: 'nowhere', partitions: [0] },
        ],
      },
    },
    {
      label: 'elect the unclean',
      api: 43,
      versions: [2],
      request: { electionType: 1, topicPartitions: [{ topic: 'placed', partitions: [0] }] },
    },
    {
      label: 'elect in an unknown way',
      api: 43,
      versions: [1, 2],
      request: { electionType: 9, topicPartitions: [{ topic: 'placed', partitions: [0] }] },
    },
    { label: 'reassign to itself', api: 45, request: { topics: [placed('placed', 0, [1])] } },
    { label: 'reassign to a stranger', api: 45, request: { topics: [placed('placed', 0, [7])] } },
    { label: 'reassign to nobody', api: 45, request: { topics: [placed('placed', 0, [])] } },
    {
      label: 'reassign what is not there',
      api: 45,
      request: { topics: [placed('nowhere', 0, [1]), placed('placed', 9, [1])] },
    },
    { label: 'cancel a reassignment', api: 45, request: { topics: [placed('placed', 0, null)] } },
    { label: 'list reassignments', api: 46, request: { topics: null } },
    { label: 'list reassignments of one', api: 46, request: { topics: [{ name: 'placed', partitionIndexes: [0] }] } },
    {
      label: 'quorum',
      api: 55,
      request: { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] },
    },
    {
      label: 'quorum of another topic',
      api: 55,
      request: { topics: [{ topicName: 'placed', partitions: [{ partitionIndex: 0 }] }] },
    },
    {
      label: 'update an unknown feature',
      api: 57,
      request: { featureUpdates: [{ feature: 'colour', maxVersionLevel: 1 }] },
    },
    { label: 'update nothing', api: 57 },
  ],
}
