/** What the cluster's answers say of this broker where Kafka's own answers cannot serve as an example. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DescribeLogDirsResponse } from '../../src/wire/generated/describe-log-dirs.ts'
import type { DescribeQuorumResponse } from '../../src/wire/generated/describe-quorum.ts'
import type { ElectLeadersResponse } from '../../src/wire/generated/elect-leaders.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import type { ListConfigResourcesResponse } from '../../src/wire/generated/list-config-resources.ts'
import type { UpdateFeaturesResponse } from '../../src/wire/generated/update-features.ts'
import { makeCluster } from './cluster-fixture.ts'

const key = { logDirs: 35, elect: 43, quorum: 55, features: 57, configResources: 74 } as const

test('the log folder tells the size of every partition, and of the file system', async () => {
  const { ask } = await makeCluster({ sizeBytes: 4_711 })
  const { errorCode, results } = await ask<DescribeLogDirsResponse>(key.logDirs, 5, { topics: null })
  assert.is(errorCode, ErrorCode.NONE)
  assert.is(results.length, 1)
  assert.equal([results[0]?.logDir, results[0]?.totalBytes, results[0]?.usableBytes], ['/data', 1_000, 400])
  const topic = results[0]?.topics.find(({ name }) => name === 'cluster-rec-a')
  assert.equal(
    topic?.partitions.map(({ partitionIndex, partitionSize }) => [partitionIndex, partitionSize]),
    [
      [0, 4_711],
      [1, 4_711],
    ],
  )
})

test('an owner that cannot tell sizes fails the request, not the broker', async () => {
  const { ask } = await makeCluster({ sizeBytes: undefined })
  const { errorCode } = await ask<DescribeLogDirsResponse>(key.logDirs, 5, { topics: null })
  assert.is(errorCode, ErrorCode.UNKNOWN_SERVER_ERROR)
})

test('asked for all elections, the topics are named without partitions: none needs one', async () => {
  const { ask } = await makeCluster()
  const request = { electionType: 0, topicPartitions: null, timeoutMs: 1_000 }
  const { errorCode, replicaElectionResults } = await ask<ElectLeadersResponse>(key.elect, 2, request)
  assert.is(errorCode, ErrorCode.NONE)
  assert.equal(replicaElectionResults, [{ topic: 'cluster-rec-a', partitionResult: [] }])
})

test('the quorum is this node, at the end of its metadata log', async () => {
  const { ask, clock } = await makeCluster()
  const request = { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] }
  const { topics, nodes } = await ask<DescribeQuorumResponse>(key.quorum, 2, request)
  const partition = topics[0]?.partitions[0]
  assert.equal([partition?.leaderId, partition?.highWatermark, partition?.observers], [1, 128, []])
  assert.equal(
    partition?.currentVoters.map((voter) => [voter.replicaId, voter.logEndOffset, voter.lastCaughtUpTimestamp]),
    [[1, 128, clock.nowMs()]],
  )
  assert.equal(nodes, [{ nodeId: 1, listeners: [] }])
})

test('a level of transactions below the one in force is refused, as this broker has no other', async () => {
  const { ask } = await makeCluster()
  const update = { feature: 'transaction.version', maxVersionLevel: 1, allowDowngrade: false, upgradeType: 2 }
  const request = { timeoutMs: 1_000, featureUpdates: [update], validateOnly: false }
  const { errorCode, errorMessage } = await ask<UpdateFeaturesResponse>(key.features, 2, request)
  assert.is(errorCode, ErrorCode.INVALID_UPDATE_VERSION)
  assert.match(errorMessage ?? '', 'This broker runs it at version 2 only.')
})

test('while the metadata log is in doubt, what depends on topics is refused', async () => {
  const { ask, journal, coordinator } = await makeCluster()
  journal.isStalled = true
  void coordinator.ensureTopics(['another'])
  const asked = ask<ListConfigResourcesResponse>(key.configResources, 1, { resourceTypes: [2] })
  journal.settleAll(ErrorCode.KAFKA_STORAGE_ERROR)
  const { errorCode, configResources } = await asked
  assert.is(errorCode, ErrorCode.NOT_CONTROLLER)
  assert.equal(configResources, [])
})

test.run()
