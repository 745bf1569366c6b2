/** What a command is, what it may touch, and how its options are read. */

import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { SafkaError } from '../base/errors.ts'
import { KafkaClient } from '../client/client.ts'

/** Exit codes: all well, the work failed, the command line makes no sense. */
export const exitCode = { ok: 0, failed: 1, badUsage: 2 } as const

/** Bytes to be read; `destroy` ends them. */
export type InputStream = AsyncIterable<Buffer> & { destroy?: () => void }

/** The world as commands see it, so that tests can stand in for it. */
export type Terminal = {
  /** Writes to standard output; resolves when there is room for more. */
  readonly write: (text: string | Buffer) => Promise<void>
  /** Writes to standard error. */
  readonly warn: (text: string) => void
  readonly input: InputStream
  readonly isErrorTty: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Calls `stop` when the user wants the command to end. */
  readonly onInterrupt: (stop: () => void) => void
}

/** One command of `safka`. */
export type Command = {
  /** Without the leading `safka`: 'topic create'. */
  readonly name: string
  readonly help: string
  /** Answers the exit code; throws SafkaError with a sentence for the user. */
  readonly run: (argv: readonly string[], terminal: Terminal) => Promise<number>
}

/** The command line does not make sense. */
export class UsageError extends SafkaError {
  constructor(message: string) {
    super('SAFKA_CLI_USAGE', message)
    this.name = 'UsageError'
  }
}

export const defaultBroker = '127.0.0.1:9000'

/** The lines of help that every command shares. */
export const commonHelp = `  --broker HOST:PORT   the broker (default ${defaultBroker}, or SAFKA_BROKER)
  --help               this text`

const commonOptions = {
  broker: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Reads a command's options. Throws UsageError with Node's own words for what is wrong. */
export function readOptions<Options extends ParseArgsOptionsConfig>(argv: readonly string[], options: Options) {
  try {
    return parseArgs({
      args: [...argv],
      options: { ...commonOptions, ...options },
      allowPositionals: true,
      strict: true,
    })
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

/** The one positional argument that a command wants. */
export function onePositional(positionals: readonly string[], what: string): string {
  const [first, ...rest] = positionals
  if (first === undefined) throw new UsageError(`name the ${what}`)
  if (rest.length > 0) throw new UsageError(`only one ${what} at a time, not also '${rest[0]}'`)
  return first
}

/** A whole number of at least `least`; undefined where the option was not given. */
export function wholeNumber(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!/^\d{1,15}$/.test(text) || number < least) {
    throw new UsageError(`--${name} wants a whole number of at least ${least}, not '${text}'`)
  }
  return number
}

/** One of `choices`; undefined where the option was not given. */
export function oneOf<Choice extends string>(
  name: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (text === undefined) return undefined
  const found = choices.find((choice) => choice === text)
  if (found === undefined) throw new UsageError(`--${name} is one of ${choices.join(', ')}, not '${text}'`)
  return found
}

/** Runs `use` with a client that has reached a broker, and closes it. Throws at once where no broker answers. */
export async function withClient<Result>(
  terminal: Terminal,
  broker: string | undefined,
  use: (client: KafkaClient) => Promise<Result>,
): Promise<Result> {
  const brokers = (broker ?? terminal.environment.SAFKA_BROKER ?? defaultBroker).split(',')
  const client = new KafkaClient({ brokers, clientId: 'safka-cli', connectTimeoutMs: 5_000, retryTimeoutMs: 15_000 })
  try {
    await client.anyConnection()
    return await use(client)
  } finally {
    await client.close()
  }
}
