/** What the broker says of itself: one line a message, with the fields that belong to it. */

/** How much a line matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Takes log lines. `fields` are printed as `name=value`. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export type LogFields = Readonly<Record<string, string | number | boolean>>

const levels = ['debug', 'info', 'warn', 'error'] as const

/** A logger that can be told, while it runs, which lines matter. */
export interface LevelledLogger extends Logger {
  setLevel(level: LogLevel): void
}

/** A logger that hands each line at or above `level` to `print`, without a line end. */
export function lineLogger(level: LogLevel, print: (line: string) => void): LevelledLogger {
  let least = levels.indexOf(level)
  const at =
    (own: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (levels.indexOf(own) < least) return
      const tail =
        fields === undefined
          ? ''
          : Object.entries(fields)
              .map(([name, value]) => ` ${name}=${value}`)
              .join('')
      print(`${own.padEnd(5)} ${message}${tail}`)
    }
  const setLevel = (wanted: LogLevel): void => {
    least = levels.indexOf(wanted)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), setLevel }
}

/** Whether the logger's level can be changed. */
export function isLevelled(logger: Logger): logger is LevelledLogger {
  return 'setLevel' in logger
}

/** A logger that drops everything, for tests and embedded brokers. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
