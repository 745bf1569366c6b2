/** The errors that the client throws: what went wrong, with whom, and whether the same call may be tried again. */

import { SafkaError } from '../base/errors.ts'
import { errorName, isRetriable } from '../wire/generated/errors.ts'

/** The broker answered with an error code. `code` is SAFKA_CLIENT_KAFKA_ERROR. */
export class KafkaError extends SafkaError {
  /** Kafka's error code. */
  readonly errorCode: number
  /** Its name: 'TOPIC_ALREADY_EXISTS'. */
  readonly errorName: string
  readonly isRetriable: boolean

  constructor(errorCode: number, message: string) {
    super('SAFKA_CLIENT_KAFKA_ERROR', message)
    this.name = 'KafkaError'
    this.errorCode = errorCode
    this.errorName = errorName(errorCode)
    this.isRetriable = isRetriable(errorCode)
  }
}

/** The connection failed, was closed or gave no answer in time. `code` is SAFKA_CLIENT_CONNECTION. */
export class ConnectionError extends SafkaError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('SAFKA_CLIENT_CONNECTION', message, options)
    this.name = 'ConnectionError'
  }
}

/** Throws a KafkaError that says what was tried, unless `errorCode` is 0. `detail` is the broker's own sentence. */
export function throwOnError(errorCode: number, what: string, detail?: string | null): void {
  if (errorCode === 0) return
  const reason = detail === null || detail === undefined || detail === '' ? '' : `: ${detail}`
  throw new KafkaError(errorCode, `${what}: ${errorName(errorCode)}${reason}`)
}

/** Whether trying again may help. */
export function mayRetry(thrown: unknown): boolean {
  return thrown instanceof ConnectionError || (thrown instanceof KafkaError && thrown.isRetriable)
}
