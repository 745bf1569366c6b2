/** The group coordinator's settings, from the broker configs that Kafka has for them. */

import { defaultGroupSettings, type GroupSettings } from '../coordinator/groups/settings.ts'

/** Reads the settings through `configOf`, which answers a broker config's value in force, or null. */
export function groupSettings(configOf: (name: string) => string | null): GroupSettings {
  const number = (name: string, otherwise: number): number => {
    const value = configOf(name)
    return value === null ? otherwise : Number(value)
  }
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
    freesMemberOnClose: configOf('safka.group.member.free.on.close') === 'true',
  }
}
