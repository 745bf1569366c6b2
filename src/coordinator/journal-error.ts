/** What a failed append means to a client of the coordinator. */

import { ErrorCode } from '../wire/generated/errors.ts'

/**
 * The coordinator's error for an error of its journal, as Kafka maps them: each makes clients look for the coordinator again
 * and retry, but for what is too large, which would fail again.
 */
export function coordinatorError(journalError: number): number {
  switch (journalError) {
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.NOT_ENOUGH_REPLICAS:
    case ErrorCode.REQUEST_TIMED_OUT:
      return ErrorCode.COORDINATOR_NOT_AVAILABLE
    case ErrorCode.MESSAGE_TOO_LARGE:
    case ErrorCode.RECORD_LIST_TOO_LARGE:
    case ErrorCode.INVALID_FETCH_SIZE:
      return ErrorCode.UNKNOWN_SERVER_ERROR
    case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
    case ErrorCode.COORDINATOR_NOT_AVAILABLE:
      return journalError
    default:
      return ErrorCode.NOT_COORDINATOR
  }
}
