/** The level of the broker's log as Kafka's tools see and change it: one logger, `root`, with Kafka's names of levels. */

import type { LogLevel } from '../../base/logger.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { alterOperation, type ConfigChange, type Refusal } from './alter.ts'
import { rootLogger } from './describe.ts'

/** Kafka's levels, in the order of its message, and what each means here. */
const ownLevels: ReadonlyMap<string, LogLevel> = new Map([
  ['DEBUG', 'debug'],
  ['ERROR', 'error'],
  ['FATAL', 'error'],
  ['INFO', 'info'],
  ['TRACE', 'debug'],
  ['WARN', 'warn'],
])

const nameOfOperation: ReadonlyMap<number, string> = new Map([
  [alterOperation.append, 'APPEND'],
  [alterOperation.subtract, 'SUBTRACT'],
])

/** Which lines are logged. Unlike configs it is forgotten at a restart, as in Kafka. */
export class LoggerLevel {
  #name: string
  readonly #apply: (level: LogLevel) => void

  constructor(level: LogLevel, apply: (level: LogLevel) => void) {
    this.#name = level.toUpperCase()
    this.#apply = apply
  }

  /** In Kafka's words. */
  get name(): string {
    return this.#name
  }

  /** Changes the level, or says why not (ConfigAdminManager.validateLogLevelConfigs). */
  change(
    changes: readonly ConfigChange[],
    { isOnlyChecked }: { readonly isOnlyChecked: boolean },
  ): Refusal | undefined {
    for (const change of changes) {
      const refusal = refusalOf(change)
      if (refusal !== undefined) return refusal
    }
    if (isOnlyChecked) return undefined
    for (const { value } of changes) {
      const level = ownLevels.get(value ?? '')
      if (level === undefined) continue
      this.#name = value ?? ''
      this.#apply(level)
    }
    return undefined
  }
}

function refusalOf({ name, operation, value }: ConfigChange): Refusal | undefined {
  const invalid = (message: string): Refusal => ({ errorCode: ErrorCode.INVALID_REQUEST, message })
  const forbidden = nameOfOperation.get(operation)
  if (forbidden !== undefined) return invalid(`${forbidden} operation is not allowed for the BROKER_LOGGER resource`)
  if (operation !== alterOperation.set && operation !== alterOperation.delete) {
    return { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, message: null }
  }
  if (name !== rootLogger) {
    return { errorCode: ErrorCode.INVALID_CONFIG, message: `Logger ${name} does not exist!` }
  }
  if (operation === alterOperation.delete) return invalid('Removing the log level of the root logger is not allowed')
  if (ownLevels.has(value ?? '')) return undefined
  const problem = `Cannot set the log level of ${name} to ${value} as it is not a supported log level.`
  const message = `${problem} Valid log levels are ${[...ownLevels.keys()].join(', ')}`
  return { errorCode: ErrorCode.INVALID_CONFIG, message }
}
