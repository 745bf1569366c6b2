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
  readonly consumer: ConsumerGroupSettings
  /** `safka.group.member.free.on.close`: a dynamic member leaves when the connection closes on which it joined. */
  readonly freesMemberOnClose: boolean
}

/** Settings of consumer groups (KIP-848); what can be set for each group is a group config. */
export type ConsumerGroupSettings = {
  /** Whether `group.coordinator.rebalance.protocols` names `consumer`; else its requests get UNSUPPORTED_VERSION. */
  readonly isEnabled: boolean
  /** `group.consumer.max.size`. */
  readonly membersMax: number
  /** `group.consumer.assignors`, those that there are; the first one is the default. */
  readonly assignors: readonly string[]
  /** `group.consumer.migration.policy`. */
  readonly migration: { readonly canUpgrade: boolean; readonly canDowngrade: boolean }
  /** `group.consumer.regex.refresh.interval.ms`: how long a regular expression's topics count without another look. */
  readonly regexRefreshMs: number
}

/** Kafka's defaults. */
export const defaultConsumerGroupSettings: ConsumerGroupSettings = {
  isEnabled: true,
  membersMax: 2_147_483_647,
  assignors: ['uniform', 'range'],
  migration: { canUpgrade: true, canDowngrade: true },
  regexRefreshMs: 600_000,
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
  consumer: defaultConsumerGroupSettings,
  freesMemberOnClose: false,
}
