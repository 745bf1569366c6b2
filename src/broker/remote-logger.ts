/** A logger for worker threads: its lines travel to main, which prints all lines in one place. */

import type { LogFields, Logger, LogLevel } from '../base/logger.ts'

/** Where log lines of other threads arrive. */
export interface LogSink {
  log(level: LogLevel, message: string, fields: LogFields): Promise<void>
}

/** Hands each line to `sink`. A line that cannot be delivered any more (main is stopping) is dropped. */
export function remoteLogger(sink: LogSink): Logger {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    sink.log(level, message, fields ?? {}).catch(() => undefined)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
