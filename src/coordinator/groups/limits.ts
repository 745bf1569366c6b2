/** Bounds on what clients can make the group coordinator hold, beside those that Kafka has as configs. */

/** Groups of the broker. Each costs about 1 KB idle; beyond this a new one is refused with GROUP_MAX_SIZE_REACHED. */
export const groupsMax = 100_000

/** Members of a group, even where `group.max.size` allows more: the leader's answer carries the metadata of all. */
export const membersMax = 10_000

/** Member ids handed out by the two-step join and not yet used, in one group: a client that only asks for ids gets no further. */
export const pendingJoinsMax = 10_000

/** A member's protocol names and metadata; all members' must fit into one record of the journal in the end. */
export const protocolBytesMax = 512 * 1024

/** All members' protocols of one group; far more than fits into its record, so that only the senseless is refused. */
export const groupProtocolBytesMax = 16 * 1024 * 1024

/** A member's topic names in a consumer group, in UTF-8: its record holds them beside what else it says. */
export const topicNamesBytesMax = 256 * 1024

/** The topics of one regular expression of a consumer group, as above: where there are more, it stands for none. */
export const regexTopicsBytesMax = 900 * 1024

/** A group's metadata record: below the batch size that the journal takes. */
export const groupRecordBytesMax = 900 * 1024

/** The records of one OffsetCommit, which go into one batch or not at all; more is INVALID_COMMIT_OFFSET_SIZE. */
export const commitBytesMax = 900 * 1024

/** Kafka gives a new member this long for its first join, since it cannot heartbeat before it knows its id. */
export const newMemberJoinTimeoutMs = 300_000

/** How long a shard whose journal could not be read waits before it tries again. */
export const reloadDelayMs = 1_000
