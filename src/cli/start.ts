/** `safka start`: runs a broker until a signal asks it to stop. */

import { flushCompileCache } from 'node:module'
import { systemClock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { settleAfterStart } from '../base/garbage.ts'
import { type LogFields, type Logger, lineLogger } from '../base/logger.ts'
import { type Broker, type BrokerAddress, startBroker } from '../broker/broker.ts'
import { type ResolvedConfig, resolveConfig } from '../broker/config.ts'
import { helpText } from '../broker/config-help.ts'
import { everyInterface, hostInAddress } from '../broker/listeners.ts'

/** Exit codes: a broker that failed, and one that was told nonsense. */
const exitCode = { ok: 0, failed: 1, badUsage: 2 } as const
const signalNumber = { SIGINT: 2, SIGTERM: 15 } as const

/** The command, as the table of commands lists it. */
export const startCommand = {
  name: 'start',
  summary: 'start a broker',
  help: helpText(),
  run,
}

async function run(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(helpText())
    return exitCode.ok
  }
  let resolved: ResolvedConfig
  try {
    resolved = resolveConfig({ argv, environment: process.env })
  } catch (thrown) {
    return complain(thrown, exitCode.badUsage)
  }
  const logger = lineLogger(resolved.config.logLevel, (line) => process.stderr.write(`${line}\n`))
  for (const warning of resolved.warnings) logger.warn(warning)
  try {
    return await serve(resolved, logger)
  } catch (thrown) {
    return complain(thrown, exitCode.failed)
  }
}

/** Resolves with the exit code once the broker has stopped; rejects with the reason when it could not start, or a thread died. */
async function serve({ config }: ResolvedConfig, logger: Logger): Promise<number> {
  let broker: Broker | undefined
  let isAsked = false
  const ask = (signal: keyof typeof signalNumber): void => {
    // Before it has started there is nothing to finish, and a second signal means now.
    if (broker === undefined || isAsked) process.exit(128 + signalNumber[signal])
    isAsked = true
    logger.info('stopping; a second signal stops at once', { signal })
    broker.stop().catch((thrown: unknown) => process.exit(complain(thrown, exitCode.failed)))
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, () => ask(signal))

  broker = await startBroker(config, { logger })
  process.stdout.write(`${readyLine(broker.addresses)}\n`)
  logger.info('started', startFacts(config))
  flushCompileCache()
  settleAfterStart(systemClock)
  await broker.done
  return exitCode.ok
}

/** One line with the addresses that clients connect to. */
export function readyLine(addresses: readonly BrokerAddress[]): string {
  const shown = addresses.map(({ listener, host, port, advertised }) => {
    const name = addresses.length > 1 ? `${listener} ` : ''
    if (advertised !== undefined) return `${name}${hostInAddress(advertised.host)}:${advertised.port}`
    const isEvery = host === everyInterface || host === '::'
    return isEvery ? `${name}localhost:${port} (and on every interface)` : `${name}${hostInAddress(host)}:${port}`
  })
  return `safka answers on ${shown.join(', ')}`
}

function startFacts(config: ResolvedConfig['config']): LogFields {
  const { storage, dataDirectory, owners, fronts } = config
  return { storage, ...(storage === 'local' ? { data: dataDirectory } : {}), owners, fronts }
}

/** One sentence on standard error; answers with the exit code. */
function complain(thrown: unknown, code: number): number {
  process.stderr.write(`safka start: ${messageOf(thrown)}\n`)
  return code
}
