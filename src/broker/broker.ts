/** Starts a broker, in the order that durability asks for, and stops it again. */

import { assertDefined } from '../base/assert.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { messageOf, SafkaError } from '../base/errors.ts'
import { type Logger, silentLogger } from '../base/logger.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { runAgent } from '../ring/agent-loop.ts'
import type { BrokerConfig } from './config.ts'
import { CoordinatorHost } from './coordinator-host.ts'
import type { FrontControl, ListenerSpec } from './remotes.ts'
import { shareMemory } from './shared-memory.ts'
import { type Agents, collapseThreads, spawnThreads } from './threads.ts'

/** An address that the broker answers on. */
export type BrokerAddress = {
  readonly listener: string
  readonly host: string
  readonly port: number
  /** What clients are told, where it differs from what they dial. */
  readonly advertised?: { readonly host: string; readonly port: number }
}

/** A running broker. */
export type Broker = {
  readonly addresses: readonly BrokerAddress[]
  readonly clusterId: string
  /** Resolves once stopped; rejects with the reason when a thread died. */
  readonly done: Promise<void>
  /** Finishes what was received, syncs and closes. `isAbrupt` closes connections at once instead. Idempotent. */
  stop(isAbrupt?: boolean): Promise<void>
}

/** What a test or a simulation may replace. */
export type BrokerParts = { readonly clock?: Clock; readonly random?: Random; readonly logger?: Logger }

/** How long fronts may take to finish what they have begun, before their connections are cut. */
const drainMs = 5_000

/**
 * Starts a broker. Resolves once it answers on all listeners. Rejects with a SafkaError of one clear sentence when it cannot:
 * SAFKA_DATA_DIRECTORY, SAFKA_LISTEN, SAFKA_THREAD_DIED.
 */
export async function startBroker(config: BrokerConfig, parts: BrokerParts = {}): Promise<Broker> {
  const clock = parts.clock ?? systemClock
  const random = parts.random ?? systemRandom
  const logger = parts.logger ?? silentLogger
  const shared = shareMemory(config, random)
  const death = Promise.withResolvers<never>()
  death.promise.catch(() => undefined)
  const host = new CoordinatorHost({ config, shared, clock, random, logger })
  const options = {
    topology: shared.topology,
    fronts: shared.fronts,
    main: host.control,
    clock,
    random,
    logger,
    onDeath: (reason: SafkaError) => death.reject(reason),
  }
  const agents = config.owners === 0 ? await collapseThreads(options) : spawnThreads(options)
  const loop = runAgent(host, shared.mainBell, (thrown) => death.reject(deathOfMain(thrown)))
  const keepAlive = setKeepAlive()
  const end = async (): Promise<void> => {
    loop.stop()
    await host.endCleaning()
    await agents.terminate()
    shared.releaseFolder()
    keepAlive.release()
  }
  try {
    await Promise.race([host.recover(agents), death.promise])
    const addresses = await Promise.race([listen(config, agents.fronts), death.promise])
    const stop = once(async (isAbrupt: boolean) => {
      await drain({ agents, clock, isAbrupt })
      await host.stopCleaning()
      await Promise.all(agents.owners.map((owner) => owner.stop()))
      host.close()
    })
    const stopped = Promise.withResolvers<void>()
    death.promise.catch(async (reason: unknown) => {
      await end()
      stopped.reject(reason)
    })
    stopped.promise.catch(() => undefined)
    return {
      addresses,
      clusterId: shared.clusterId,
      done: stopped.promise,
      async stop(isAbrupt = false) {
        if (isAbrupt) cutConnections(agents)
        await Promise.race([stop(isAbrupt), death.promise])
        await end()
        stopped.resolve()
      },
    }
  } catch (thrown) {
    await end()
    throw thrown
  }
}

function deathOfMain(thrown: unknown): SafkaError {
  return new SafkaError('SAFKA_THREAD_DIED', `the main thread's agent died: ${messageOf(thrown)}`, { cause: thrown })
}

/** The first front decides the ports (0: any); the others join in on the same. */
async function listen(config: BrokerConfig, fronts: readonly FrontControl[]): Promise<BrokerAddress[]> {
  const [first, ...others] = fronts
  const ports = await assertDefined(first, 'a broker has a front').listen(config.listeners)
  const listeners = config.listeners.map(
    (listener, index): ListenerSpec => ({ ...listener, port: ports[index] ?? listener.port }),
  )
  await Promise.all(others.map((front) => front.listen(listeners)))
  return listeners.map(({ name, host, port, advertised }) => ({
    listener: name,
    host,
    port,
    ...(advertised === undefined ? {} : { advertised }),
  }))
}

async function drain({ agents, clock, isAbrupt }: { agents: Agents; clock: Clock; isAbrupt: boolean }): Promise<void> {
  const finished = Promise.all(agents.fronts.map((front) => front.stop(isAbrupt)))
  if (isAbrupt) {
    await finished
    return
  }
  const timer = clock.startTimer(drainMs, () => cutConnections(agents))
  await finished
  timer.cancel()
}

/** At once, also while a patient stop is on its way. */
function cutConnections(agents: Agents): void {
  for (const front of agents.fronts) front.stop(true).catch(() => undefined)
}

/** Threads' message ports do not keep the process alive for sure; a broker does until it is stopped. */
function setKeepAlive(): { release(): void } {
  const channel = new MessageChannel()
  channel.port1.onmessage = () => undefined
  return {
    release: () => {
      channel.port1.onmessage = null
      channel.port1.close()
    },
  }
}

function once<Argument>(run: (argument: Argument) => Promise<void>): (argument: Argument) => Promise<void> {
  let first: Promise<void> | undefined
  return (argument) => {
    first ??= run(argument)
    return first
  }
}
