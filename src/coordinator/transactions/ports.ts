/** What the transaction coordinator needs of its neighbours: producer ids, and the offsets that belong to transactions. */

import type { ProducerFacts } from '../../base/topology.ts'
import type { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from '../../wire/generated/txn-offset-commit.ts'
import type { RequestContext, TransactionEnd } from '../ports.ts'
import type { Waiter } from '../waiter.ts'

/** Gives ids that no other producer has or had. */
export interface ProducerIds {
  /** Answers InitProducerId requests without a transactional id. */
  handle(context: RequestContext, request: unknown, reply: (response: unknown) => void): void
  /** `settle` is called once, now or later: with NONE and an id, or with an error code and -1. */
  next(settle: (errorCode: number, producerId: number) => void): void
}

/** What the partitions' owners know of producers. */
export interface PartitionLogs {
  /** The producers that the partition knows, in no particular order; none where it is not there. */
  producersOf(topic: string, partition: number): Promise<readonly ProducerFacts[]>
}

/** The group coordinator as far as transactions touch it. */
export interface TransactionalOffsets {
  /** Which partition of __consumer_offsets keeps the group. */
  partitionOf(groupId: string): number
  /** Keeps offsets that count once the transaction commits. That the transaction is open there has been seen to. */
  commitInTransaction(request: TxnOffsetCommitRequest, waiter: Waiter<TxnOffsetCommitResponse>): void
  /** Calls `proceed` once nothing of __consumer_offsets-`partition` that was decided until now is on its way any more. */
  whenSettled(partition: number, proceed: () => void): void
  /** The marker is in the log of __consumer_offsets-`partition`. */
  transactionEnded(partition: number, end: TransactionEnd): void
}
