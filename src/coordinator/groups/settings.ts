/** The settings of the group coordinator, each the value of a Kafka broker config. */

/** Resolved by the broker from its configs; all durations in milliseconds. */
export type GroupSettings = {
  /** `group.min.session.timeout.ms`: a shorter session timeout is refused with INVALID_SESSION_TIMEOUT. */
  readonly sessionTimeoutMinMs: number
  /** `group.max.session.timeout.ms`. */
  readonly sessionTimeoutMaxMs: number
  /** `group.max.size`: members of one group; a member more is refused with GROUP_MAX_SIZE_REACHED. */
  readonly groupMembersMax: number
  /** `group.initial.rebalance.delay.ms`: how long an empty group waits for more members than the first. */
  readonly initialRebalanceDelayMs: number
  /** `offset.metadata.max.bytes`: UTF-16 code units, as Kafka counts them. */
  readonly offsetMetadataMax: number
  /** `offsets.retention.minutes`, in milliseconds: how long offsets outlive their group's last member. */
  readonly offsetsRetentionMs: number
  /** `offsets.retention.check.interval.ms`. */
  readonly offsetsRetentionCheckMs: number
  /** `offsets.topic.num.partitions`: fixed once there are groups. */
  readonly offsetsPartitionCount: number
  /** `safka.group.member.free.on.close`: a dynamic member leaves when the connection closes on which it joined. */
  readonly freesMemberOnClose: boolean
}

/** Kafka's defaults, but for the rebalance delay, which is 0 so that the first member starts at once. */
export const defaultGroupSettings: GroupSettings = {
  sessionTimeoutMinMs: 6_000,
  sessionTimeoutMaxMs: 1_800_000,
  groupMembersMax: 2_147_483_647,
  initialRebalanceDelayMs: 0,
  offsetMetadataMax: 4_096,
  offsetsRetentionMs: 10_080 * 60_000,
  offsetsRetentionCheckMs: 600_000,
  offsetsPartitionCount: 50,
  freesMemberOnClose: false,
}
