/** Turns a topic's configs, with what the broker says where the topic is silent, into what its partitions act upon. */

import type { PartitionSettings, StorageKind } from '../../base/topology.ts'
import { type BrokerConfigLayers, brokerConfigValue, type ConfigMap, topicConfigValue } from './effective.ts'
import { listOf } from './validate.ts'

/** Long.MAX_VALUE: Kafka's "never" and "no limit". */
const never = 2 ** 63

/** The settings of a topic's partitions. Values were validated when they were set, so every name resolves. */
export function resolveSettings(topicConfigs: ConfigMap, brokerConfigs: BrokerConfigLayers): PartitionSettings {
  const text = (name: string): string => topicConfigValue(name, topicConfigs, brokerConfigs) ?? ''
  const number = (name: string): number => numberOf(text(name))
  const policies = listOf(text('cleanup.policy'))
  const compressionType = compressionOf(text('compression.type'))
  const segmentBytes = numberOf(topicConfigValue('internal.segment.bytes', topicConfigs, brokerConfigs) ?? '')
  return {
    storage: storageOf(text('safka.storage')),
    ringBytes: number('safka.ring.bytes'),
    segmentBytes: segmentBytes > 0 ? segmentBytes : number('segment.bytes'),
    segmentMs: number('segment.ms'),
    segmentJitterMs: number('segment.jitter.ms'),
    indexIntervalBytes: number('index.interval.bytes'),
    segmentIndexBytes: number('segment.index.bytes'),
    retentionBytes: number('retention.bytes'),
    retentionMs: number('retention.ms'),
    maxMessageBytes: number('max.message.bytes'),
    isCompacted: policies.includes('compact'),
    isDeleted: policies.includes('delete'),
    deleteRetentionMs: number('delete.retention.ms'),
    compactionLagMinMs: number('min.compaction.lag.ms'),
    compactionLagMaxMs: number('max.compaction.lag.ms'),
    dirtyRatioMin: number('min.cleanable.dirty.ratio'),
    timestampType: text('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
    compressionType,
    compressionLevel: compressionLevelOf(compressionType, number),
    ...syncPolicy(number, brokerConfigs),
    fileDeleteDelayMs: number('file.delete.delay.ms'),
    retentionCheckMs: numberOf(brokerConfigValue('log.retention.check.interval.ms', brokerConfigs) ?? ''),
  }
}

type SyncPolicy = Pick<PartitionSettings, 'sync' | 'flushMessages' | 'flushMs'>

const neverSynced: SyncPolicy = { sync: 'never', flushMessages: never, flushMs: never }
const alwaysSynced: SyncPolicy = { sync: 'every', flushMessages: 1, flushMs: never }

/**
 * Kafka's flush configs: so many records, or so much time, until a sync. Where neither is set, the broker's `safka.sync` decides.
 * As in Kafka, `log.flush.scheduler.interval.ms` stands in for a time that is not set.
 */
function syncPolicy(number: (name: string) => number, brokerConfigs: BrokerConfigLayers): SyncPolicy {
  const brokerNumber = (name: string): number => numberOf(brokerConfigValue(name, brokerConfigs) ?? '')
  const flushMessages = number('flush.messages')
  const topicFlushMs = number('flush.ms')
  const flushMs = topicFlushMs < never ? topicFlushMs : brokerNumber('log.flush.scheduler.interval.ms')
  if (flushMessages === 1 || flushMs === 0) return alwaysSynced
  if (flushMessages < never) return { sync: 'every', flushMessages, flushMs }
  if (flushMs < never) return { sync: 'interval', flushMessages, flushMs }
  switch (brokerConfigValue('safka.sync', brokerConfigs)) {
    case 'every':
      return alwaysSynced
    case 'interval':
      return { sync: 'interval', flushMessages, flushMs: brokerNumber('safka.sync.interval.ms') }
    default:
      return neverSynced
  }
}

/** A validated number; Long.MAX_VALUE becomes 2^63, as on the wire. */
function numberOf(value: string): number {
  const number = Number(value)
  return Number.isFinite(number) ? number : 0
}

function storageOf(value: string): StorageKind {
  return value === 'memory' || value === 'ring' ? value : 'local'
}

function compressionOf(value: string): PartitionSettings['compressionType'] {
  switch (value) {
    case 'uncompressed':
    case 'gzip':
    case 'snappy':
    case 'lz4':
    case 'zstd':
      return value
    default:
      return 'producer'
  }
}

/** Kafka's LZ4 level has no counterpart here: the library has one level only. */
function compressionLevelOf(
  compressionType: PartitionSettings['compressionType'],
  number: (name: string) => number,
): number {
  if (compressionType === 'gzip') return number('compression.gzip.level')
  return compressionType === 'zstd' ? number('compression.zstd.level') : 0
}
