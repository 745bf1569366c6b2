/** Every config of a broker, as it is described when nothing was set but what a start needs. */

import type { Family } from './family.ts'

export const brokerConfigs: Family = {
  name: 'broker-configs',
  unordered: ['configs'],
  configs: { 'num.partitions': '1' },
  unlike: [
    ...['controller.listener.names', 'controller.quorum.bootstrap.servers', 'listeners', 'log.dirs', 'process.roles'],
    ...['max.connections', 'min.insync.replicas'],
  ],
  steps: [
    {
      label: 'all configs',
      api: 32,
      versions: [4],
      request: {
        resources: [{ resourceType: 4, resourceName: '1', configurationKeys: null }],
        includeSynonyms: true,
        includeDocumentation: false,
      },
    },
  ],
}
