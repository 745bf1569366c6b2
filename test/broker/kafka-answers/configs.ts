/** Requests that describe and change the configs of topics, brokers, groups, client metrics and loggers. */

import type { Family, Step } from './family.ts'

const createTopics = 19
const describe = 32
const alter = 33
const incremental = 44
const list = 74

const type = { topic: 2, broker: 4, logger: 8, clientMetrics: 16, group: 32 }
const operation = { set: 0, delete: 1, append: 2, subtract: 3 }

type Resource = readonly [type: number, name: string]
type Change = readonly [name: string, operation: number, value: string | null]

function describing(
  label: string,
  resources: readonly Resource[],
  keys: readonly string[] | null = null,
  more: object = {},
): Step {
  return {
    label,
    api: describe,
    request: {
      resources: resources.map(([resourceType, resourceName]) => ({
        resourceType,
        resourceName,
        configurationKeys: keys,
      })),
      includeSynonyms: true,
      ...more,
    },
  }
}

function changing(
  label: string,
  [resourceType, resourceName]: Resource,
  changes: readonly Change[],
  more: object = {},
): Step {
  const configs = changes.map(([name, configOperation, value]) => ({ name, configOperation, value }))
  return { label, api: incremental, request: { resources: [{ resourceType, resourceName, configs }], ...more } }
}

function replacing(
  label: string,
  [resourceType, resourceName]: Resource,
  values: Readonly<Record<string, string | null>>,
  more: object = {},
): Step {
  const configs = Object.entries(values).map(([name, value]) => ({ name, value }))
  return { label, api: alter, request: { resources: [{ resourceType, resourceName, configs }], ...more } }
}

const topic: Resource = [type.topic, 'configured']
const broker: Resource = [type.broker, '1']
const allBrokers: Resource = [type.broker, '']
const group: Resource = [type.group, 'grouped']
const metrics: Resource = [type.clientMetrics, 'watched']
const logger: Resource = [type.logger, '1']

const topicChanges: readonly Step[] = [
  changing('topic: set', topic, [['retention.ms', operation.set, '60000']]),
  changing('topic: set a list', topic, [['cleanup.policy', operation.set, 'delete']]),
  changing('topic: append', topic, [['cleanup.policy', operation.append, 'compact']]),
  changing('topic: append what is there', topic, [['cleanup.policy', operation.append, 'compact']]),
  changing('topic: subtract', topic, [['cleanup.policy', operation.subtract, 'delete']]),
  changing('topic: subtract what is not there', topic, [['cleanup.policy', operation.subtract, 'delete']]),
  changing('topic: append to what is no list', topic, [['retention.ms', operation.append, '7']]),
  changing('topic: subtract from what is no list', topic, [['retention.ms', operation.subtract, '7']]),
  changing('topic: an unknown operation', topic, [['retention.ms', 9, '7']]),
  changing('topic: set null', topic, [['retention.ms', operation.set, null]]),
  changing('topic: set nothing', topic, [['retention.ms', operation.set, '']]),
  changing('topic: no number', topic, [['retention.ms', operation.set, 'soon']]),
  changing('topic: out of range', topic, [['segment.bytes', operation.set, '0']]),
  changing('topic: an unknown config', topic, [['no.such.config', operation.set, '1']]),
  changing('topic: delete an unknown config', topic, [['no.such.config', operation.delete, null]]),
  changing('topic: a config twice', topic, [
    ['retention.ms', operation.set, '1'],
    ['retention.ms', operation.set, '2'],
  ]),
  changing('topic: only validate', topic, [['retention.ms', operation.set, '99']], { validateOnly: true }),
  changing('topic: none', topic, []),
  changing('topic: without a name', [type.topic, ''], [['retention.ms', operation.set, '1']]),
  changing('topic: not there', [type.topic, 'nowhere'], [['retention.ms', operation.set, '1']]),
  changing('topic: a bad name', [type.topic, 'a/b'], [['retention.ms', operation.set, '1']]),
  describing('topic: some', [topic], ['retention.ms', 'cleanup.policy', 'segment.bytes', 'no.such.config']),
  changing('topic: delete', topic, [['retention.ms', operation.delete, null]]),
  describing('topic: all', [topic]),
  describing('topic: without synonyms', [topic], ['cleanup.policy'], { includeSynonyms: false }),
  replacing('topic: replace', topic, { 'max.message.bytes': '5000', 'flush.messages': '7' }),
  replacing('topic: replace by null', topic, { 'max.message.bytes': null }),
  replacing('topic: replace by what is wrong', topic, { 'max.message.bytes': '-9' }),
  replacing('topic: replace, only validate', topic, { 'max.message.bytes': '9' }, { validateOnly: true }),
  describing('topic: replaced', [topic], ['max.message.bytes', 'flush.messages', 'cleanup.policy']),
  replacing('topic: replace by none', topic, {}),
  describing('topic: replaced by none', [topic], ['max.message.bytes', 'flush.messages']),
  describing(
    'topic: one twice, one missing, one bad',
    [topic, topic, [type.topic, 'nowhere'], [type.topic, 'a/b']],
    [],
  ),
]

const brokerChanges: readonly Step[] = [
  changing('broker: set', broker, [['log.retention.ms', operation.set, '120000']]),
  changing('broker: set for all', allBrokers, [['log.retention.ms', operation.set, '130000']]),
  changing('broker: set others for all', allBrokers, [
    ['message.max.bytes', operation.set, '2000000'],
    ['log.cleaner.threads', operation.set, '2'],
    ['max.connections.per.ip', operation.set, '1000'],
    ['max.connections.per.ip.overrides', operation.set, '127.0.0.2:7'],
  ]),
  changing('broker: read-only', broker, [['num.partitions', operation.set, '5']]),
  changing('broker: read-only for all', allBrokers, [['node.id', operation.set, '5']]),
  changing('broker: for all what is of one', allBrokers, [['listeners', operation.set, 'PLAINTEXT://:1']]),
  changing('broker: unknown', broker, [['no.such.config', operation.set, '5']]),
  changing('broker: wrong', broker, [['log.retention.ms', operation.set, 'x']]),
  changing('broker: out of range', broker, [['log.segment.bytes', operation.set, '1']]),
  changing('broker: append', broker, [['log.cleanup.policy', operation.append, 'compact']]),
  changing('broker: append to what is no list', broker, [['log.retention.ms', operation.append, '1']]),
  changing('broker: another', [type.broker, '7'], [['log.retention.ms', operation.set, '1']]),
  changing('broker: no number', [type.broker, 'x'], [['log.retention.ms', operation.set, '1']]),
  changing('broker: only validate', broker, [['log.retention.ms', operation.set, '5']], { validateOnly: true }),
  changing('broker: security without a listener', broker, [['ssl.keystore.location', operation.set, '/none']]),
  changing('broker: overrides without a number', broker, [['max.connections.per.ip.overrides', operation.set, 'a:x']]),
  changing('broker: overrides that are none', broker, [['max.connections.per.ip.overrides', operation.set, 'x']]),
  describing(
    'broker: some',
    [broker],
    ['log.retention.ms', 'message.max.bytes', 'log.cleanup.policy', 'num.partitions'],
  ),
  describing('broker: for all', [allBrokers]),
  describing('broker: a topic inherits', [topic], ['retention.ms', 'max.message.bytes', 'cleanup.policy']),
  describing('broker: another', [
    [type.broker, '7'],
    [type.broker, 'x'],
  ]),
  replacing('broker: replace', broker, { 'log.retention.ms': '140000' }),
  replacing('broker: replace by what is read-only', broker, { 'num.partitions': '3' }),
  // Kafka would not let go of this one.
  replacing('broker: replace for all', allBrokers, { 'min.insync.replicas': '1' }),
  changing('broker: delete', broker, [['log.retention.ms', operation.delete, null]]),
  describing('broker: deleted', [broker, allBrokers], ['log.retention.ms', 'message.max.bytes']),
]

const groupChanges: readonly Step[] = [
  describing('group: not there', [group]),
  describing('group: without a name', [[type.group, '']]),
  changing('group: set', group, [['consumer.session.timeout.ms', operation.set, '50000']]),
  changing('group: set too little', group, [['consumer.session.timeout.ms', operation.set, '1']]),
  changing('group: set too much', group, [['share.heartbeat.interval.ms', operation.set, '999999']]),
  changing('group: unknown', group, [['no.such.config', operation.set, '1']]),
  changing('group: wrong', group, [['share.auto.offset.reset', operation.set, 'never']]),
  changing('group: without a name', [type.group, ''], [['consumer.session.timeout.ms', operation.set, '50000']]),
  changing('group: append', group, [['consumer.session.timeout.ms', operation.append, '1']]),
  describing('group: set', [group]),
  replacing('group: replace', group, { 'share.session.timeout.ms': '50000' }),
  describing('group: replaced', [group], ['share.session.timeout.ms', 'consumer.session.timeout.ms']),
]

const metricsChanges: readonly Step[] = [
  describing('metrics: not there', [metrics]),
  describing('metrics: without a name', [[type.clientMetrics, '']]),
  changing('metrics: set', metrics, [
    ['interval.ms', operation.set, '1000'],
    ['metrics', operation.set, 'a.b,c.d'],
  ]),
  changing('metrics: match', metrics, [['match', operation.set, 'client_id=app.*,client_software_name=x']]),
  changing('metrics: append', metrics, [['metrics', operation.append, 'e.f']]),
  changing('metrics: subtract', metrics, [['metrics', operation.subtract, 'a.b']]),
  changing('metrics: subtract from what is no list', metrics, [['interval.ms', operation.subtract, '1']]),
  changing('metrics: too soon', metrics, [['interval.ms', operation.set, '99']]),
  changing('metrics: too late', metrics, [['interval.ms', operation.set, '3600001']]),
  changing('metrics: no number', metrics, [['interval.ms', operation.set, 'x']]),
  changing('metrics: a match without a value', metrics, [['match', operation.set, 'client_id']]),
  changing('metrics: a match with two values', metrics, [['match', operation.set, 'client_id=a=b']]),
  changing('metrics: a match of what is unknown', metrics, [['match', operation.set, 'colour=red']]),
  changing('metrics: a match that is no pattern', metrics, [['match', operation.set, 'client_id=(']]),
  changing('metrics: unknown', metrics, [['no.such.config', operation.set, '1']]),
  changing('metrics: without a name', [type.clientMetrics, ''], [['interval.ms', operation.set, '1000']]),
  describing('metrics: set', [metrics]),
  describing('metrics: some', [metrics], ['interval.ms']),
  replacing('metrics: replace', metrics, { 'interval.ms': '2000' }),
  describing('metrics: replaced', [metrics]),
  changing('metrics: another', [type.clientMetrics, 'other'], [['metrics', operation.set, '*']]),
]

const loggerChanges: readonly Step[] = [
  changing('logger: an unknown level', logger, [['root', operation.set, 'LOUD']]),
  changing('logger: an unknown logger', logger, [['no.such.logger', operation.set, 'INFO']]),
  changing('logger: append', logger, [['root', operation.append, 'INFO']]),
  changing('logger: another broker', [type.logger, '7'], [['root', operation.set, 'INFO']]),
  changing('logger: no broker', [type.logger, ''], [['root', operation.set, 'INFO']]),
  changing('logger: delete of the root', logger, [['root', operation.delete, null]]),
  changing('logger: set', logger, [['root', operation.set, 'WARN']]),
  describing('logger: root', [logger], ['root']),
  changing('logger: set back', logger, [['root', operation.set, 'INFO']]),
  describing('logger: of another', [[type.logger, '7']], ['root']),
  describing('logger: without a name', [[type.logger, '']], ['root']),
  replacing('logger: replace', logger, { root: 'INFO' }),
]

const listing: readonly Step[] = [
  { label: 'list all', api: list, versions: [1] },
  { label: 'list client metrics', api: list, versions: [0] },
  { label: 'list some', api: list, versions: [1], request: { resourceTypes: [type.clientMetrics, type.group] } },
  { label: 'list what is unknown', api: list, versions: [1], request: { resourceTypes: [1] } },
  changing('an unknown type', [3, 'x'], [['a', operation.set, 'b']]),
  describing('an unknown type', [[3, 'x']]),
  replacing('an unknown type, replaced', [3, 'x'], { a: 'b' }),
  { label: 'nothing to describe', api: describe },
  { label: 'nothing to change', api: incremental },
  { label: 'nothing to replace', api: alter },
]

export const configs: Family = {
  name: 'configs',
  configs: { 'log.retention.hours': '100', 'message.max.bytes': '1500000', 'num.partitions': '1' },
  unlike: ['min.insync.replicas'],
  unordered: ['configs', 'responses', 'results', 'configResources'],
  steps: [
    {
      label: 'create the topic',
      api: createTopics,
      request: { topics: [{ name: 'configured', numPartitions: 1, replicationFactor: 1 }] },
    },
    ...topicChanges,
    ...brokerChanges,
    ...groupChanges,
    ...metricsChanges,
    ...loggerChanges,
    ...listing,
  ],
}
