/** Bounds on what clients can make the transaction coordinator hold, beside those that Kafka has as configs. */

/** Transactional ids of the broker. Each costs about 1 KB; beyond this a new one is refused with POLICY_VIOLATION. */
export const transactionsMax = 100_000

/** A transaction's record: below the batch size that the journal takes. One with more partitions is UNKNOWN_SERVER_ERROR. */
export const transactionRecordBytesMax = 900 * 1024

/** How long a shard whose journal could not be read waits before it tries again. */
export const reloadDelayMs = 1_000

/** The longest such wait; a journal that fails no later than this after it was read counts as failing again. */
export const reloadDelayMsMax = 64_000

/** How long a partition that did not take a mark is left alone before the next try; each further pause is twice as long. */
export const markRetryMs = 200

/** The longest such pause: so much later than its disk a partition may be of use to readers of what is committed. */
export const markRetryMsMax = 3_200

/** Markers that one WriteTxnMarkers writes: each waits in memory until it is in its log. Administrators write one. */
export const markersMax = 20_000
