/** A cluster coordinator over a topic coordinator in memory, with one topic of two partitions and one configured group. */

import { ClusterCoordinator } from '../../src/coordinator/cluster/coordinator.ts'
import { createTopicsApi } from '../../src/wire/generated/create-topics.ts'
import { incrementalAlterConfigsApi } from '../../src/wire/generated/incremental-alter-configs.ts'
import { makeCoordinator } from './topics-fakes.ts'

const group = 32
const clientMetrics = 16

/** `sizeBytes`: what every partition says of itself; undefined: its owner does not answer. */
export async function makeCluster(options: { readonly sizeBytes?: number | undefined } = { sizeBytes: 0 }) {
  const fakes = makeCoordinator()
  const { coordinator: topics, effects, clock } = fakes
  const topic = { name: 'cluster-rec-a', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
  await fakes.ask(createTopicsApi, { topics: [topic], timeoutMs: 5000, validateOnly: false })
  const configs = [{ name: 'consumer.session.timeout.ms', configOperation: 0, value: '50000' }]
  const resources = [{ resourceType: group, resourceName: 'cluster-rec-group', configs }]
  await fakes.ask(incrementalAlterConfigsApi, { resources, validateOnly: false })
  const cluster = new ClusterCoordinator({
    nodeId: 1,
    clock,
    topics: {
      topicNames: () => topics.topicNames(),
      partitionCount: (name) => topics.partitionCount(name),
      readable: () => topics.readable(),
      // No client metrics can be set here; what Kafka was asked has one of them.
      configuredResources: (type) =>
        type === clientMetrics ? ['cluster-rec-metrics'] : topics.configuredResources(type),
    },
    facts: {
      dataDirectory: '/data',
      folderSpace: async () => ({ totalBytes: 1_000, usableBytes: 400 }),
      facts: async (name) => {
        const { sizeBytes } = options
        if (sizeBytes === undefined) throw new Error('the owner is gone')
        return (await effects.facts(name)).map((facts) => ({ ...facts, sizeBytes }))
      },
      metadataLogEnd: () => 128,
    },
  })
  const ask = <Response>(apiKey: number, apiVersion: number, request: unknown): Promise<Response> =>
    new Promise((resolve) => {
      const context = {
        apiKey,
        apiVersion,
        clientId: 'test',
        clientHost: '/127.0.0.1',
        connectionId: '1',
        listenerName: 'PLAINTEXT',
        clientPort: 40_000,
        softwareName: null,
        softwareVersion: null,
      }
      cluster.handle(context, request, (response) => resolve(response as Response))
    })
  return { ...fakes, cluster, ask }
}
