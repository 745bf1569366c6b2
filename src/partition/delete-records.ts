/** What DeleteRecords comes to in one partition. */

import type { Offset } from '../base/ids.ts'
import type { PartitionTable } from '../ring/table.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import type { Partition } from './partition.ts'
import { moveStart } from './retire.ts'

/** Moves the log start up to `beforeOffset` (-1: the high watermark); answers a Kafka error code. */
export function deleteRecords(partition: Partition | undefined, table: PartitionTable, beforeOffset: Offset): number {
  if (partition === undefined || partition.state === 'removed') return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  if (partition.state === 'failed') return ErrorCode.KAFKA_STORAGE_ERROR
  const offset = beforeOffset === -1 ? partition.highWatermark : beforeOffset
  if (offset < 0 || offset > partition.highWatermark) return ErrorCode.OFFSET_OUT_OF_RANGE
  moveStart(partition, table, offset)
  return partition.engine.failure === undefined ? ErrorCode.NONE : ErrorCode.KAFKA_STORAGE_ERROR
}
