/** The settings of the transaction coordinator, each the value of a Kafka broker config. */

/** Resolved by the broker from its configs; all durations in milliseconds. */
export type TransactionSettings = {
  /** `transaction.state.log.num.partitions`: fixed once there are transactions. */
  readonly statePartitionCount: number
  /** `offsets.topic.num.partitions`. */
  readonly offsetsPartitionCount: number
  /** `transaction.max.timeout.ms`: a longer timeout is refused with INVALID_TRANSACTION_TIMEOUT. */
  readonly timeoutMaxMs: number
  /** `transaction.abort.timed.out.transaction.cleanup.interval.ms`: how often timeouts are looked at. */
  readonly timeoutCheckMs: number
  /** `transactional.id.expiration.ms`: how long an id that nobody uses is remembered. */
  readonly idExpirationMs: number
  /** `transaction.remove.expired.transaction.cleanup.interval.ms`. */
  readonly idExpirationCheckMs: number
}

/** Kafka's defaults. */
export const defaultTransactionSettings: TransactionSettings = {
  statePartitionCount: 50,
  offsetsPartitionCount: 50,
  timeoutMaxMs: 900_000,
  timeoutCheckMs: 10_000,
  idExpirationMs: 604_800_000,
  idExpirationCheckMs: 3_600_000,
}
