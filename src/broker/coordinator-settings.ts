/** The coordinator's settings, from the broker configs that Kafka has for them. */

import { listOf } from '../coordinator/configs/validate.ts'
import { assignorNames } from '../coordinator/groups/consumer/assignors/assign.ts'
import {
  type ConsumerGroupSettings,
  defaultConsumerGroupSettings,
  defaultGroupSettings,
  type GroupSettings,
} from '../coordinator/groups/settings.ts'
import { defaultTransactionSettings, type TransactionSettings } from '../coordinator/transactions/settings.ts'
import type { RateWindows } from '../metrics/rates.ts'

/** Answers a broker config's value in force, or null. */
type ConfigOf = (name: string) => string | null

/** What groups and offsets go by. */
export function groupSettings(configOf: ConfigOf): GroupSettings {
  const number = numbersFrom(configOf)
  const otherwise = defaultGroupSettings
  return {
    sessionTimeoutMinMs: number('group.min.session.timeout.ms', otherwise.sessionTimeoutMinMs),
    sessionTimeoutMaxMs: number('group.max.session.timeout.ms', otherwise.sessionTimeoutMaxMs),
    groupMembersMax: number('group.max.size', otherwise.groupMembersMax),
    initialRebalanceDelayMs: number('group.initial.rebalance.delay.ms', otherwise.initialRebalanceDelayMs),
    offsetMetadataMax: number('offset.metadata.max.bytes', otherwise.offsetMetadataMax),
    offsetsRetentionMs: number('offsets.retention.minutes', otherwise.offsetsRetentionMs / 60_000) * 60_000,
    offsetsRetentionCheckMs: number('offsets.retention.check.interval.ms', otherwise.offsetsRetentionCheckMs),
    offsetsPartitionCount: number('offsets.topic.num.partitions', otherwise.offsetsPartitionCount),
    consumer: consumerGroupSettings(configOf),
    freesMemberOnClose: configOf('safka.group.member.free.on.close') === 'true',
  }
}

/** What consumer groups go by. Assignors that are Java classes are left out: Safka has none. */
function consumerGroupSettings(configOf: ConfigOf): ConsumerGroupSettings {
  const number = numbersFrom(configOf)
  const otherwise = defaultConsumerGroupSettings
  const policy = configOf('group.consumer.migration.policy')?.toLowerCase() ?? 'bidirectional'
  const named = listOf(configOf('group.consumer.assignors') ?? '')
  const known = named.filter((name) => assignorNames.some((assignor) => assignor === name))
  return {
    isEnabled: listOf(configOf('group.coordinator.rebalance.protocols') ?? '').includes('consumer'),
    membersMax: number('group.consumer.max.size', otherwise.membersMax),
    assignors: known.length > 0 ? known : otherwise.assignors,
    migration: {
      canUpgrade: policy === 'bidirectional' || policy === 'upgrade',
      canDowngrade: policy === 'bidirectional' || policy === 'downgrade',
    },
    regexRefreshMs: number('group.consumer.regex.refresh.interval.ms', otherwise.regexRefreshMs),
  }
}

/** How the rates of clients that have quotas are taken. */
export function quotaWindowsOf(configs: ReadonlyMap<string, string>): RateWindows {
  const count = Number(configs.get('quota.window.num') ?? 11)
  return { count, lengthMs: Number(configs.get('quota.window.size.seconds') ?? 1) * 1_000 }
}

/** What transactions go by. */
export function transactionSettings(configOf: ConfigOf): TransactionSettings {
  const number = numbersFrom(configOf)
  const otherwise = defaultTransactionSettings
  return {
    statePartitionCount: number('transaction.state.log.num.partitions', otherwise.statePartitionCount),
    offsetsPartitionCount: number('offsets.topic.num.partitions', otherwise.offsetsPartitionCount),
    timeoutMaxMs: number('transaction.max.timeout.ms', otherwise.timeoutMaxMs),
    timeoutCheckMs: number('transaction.abort.timed.out.transaction.cleanup.interval.ms', otherwise.timeoutCheckMs),
    idExpirationMs: number('transactional.id.expiration.ms', otherwise.idExpirationMs),
    idExpirationCheckMs: number(
      'transaction.remove.expired.transaction.cleanup.interval.ms',
      otherwise.idExpirationCheckMs,
    ),
  }
}

/** The codec number of batches in `__consumer_offsets`; one that does not exist is refused when the configuration is read. */
export function offsetsCodec(kafka: ReadonlyMap<string, string>): number {
  return Number(kafka.get('offsets.topic.compression.codec') ?? 0)
}

function numbersFrom(configOf: ConfigOf): (name: string, otherwise: number) => number {
  return (name, otherwise) => {
    const value = configOf(name)
    return value === null ? otherwise : Number(value)
  }
}
