/** What all simulated clients do alike: connect, ask, wait, and try again. */

import type { Clock } from '../../src/base/clock.ts'
import type { Call } from '../../src/client/calls.ts'
import { ConnectionError } from '../../src/client/errors.ts'
import { errorName, isRetriable } from '../../src/wire/generated/errors.ts'
import { SimulatedConnection } from './connection.ts'
import { Violation, type World } from './world.ts'

const reconnectMs = 40
const retryMs = 60

/** The base of a client: one connection at a time. */
export class Client {
  readonly world: World
  readonly name: string
  readonly #clock: Clock
  #connection: SimulatedConnection | undefined

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.#clock = world.scheduler.clock.scope()
  }

  get nowMs(): number {
    return this.#clock.nowMs()
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.startTimer(ms, resolve))
  }

  pauseBeforeRetry(): Promise<void> {
    return this.sleep(retryMs + this.world.random.below(retryMs))
  }

  /** The connection, a new one where the last is broken; waits until there is a broker. */
  async connect(): Promise<SimulatedConnection> {
    for (;;) {
      if (this.#connection?.isOpen === true) return this.#connection
      const connection = new SimulatedConnection(this.#clock, this.name)
      const duplex = this.world.life?.connect(connection)
      if (duplex !== undefined) {
        connection.opened(duplex)
        this.#connection = connection
        return connection
      }
      await this.sleep(reconnectMs + this.world.random.below(reconnectMs))
    }
  }

  /** Asks once. Throws ConnectionError where no answer came: whether it was done is not known then. */
  async ask<Request, Response>(call: Call<Request, Response>, request: Request, version: number): Promise<Response> {
    const connection = await this.connect()
    return connection.send(call, request, { version })
  }

  disconnect(): void {
    this.#connection?.close()
  }

  /** Asks, again and again, what may be asked twice; until `codeOf` says neither "later" nor nothing at all. */
  async askUntil<Response>(ask: () => Promise<Response>, codeOf: (response: Response) => number): Promise<Response> {
    for (;;) {
      try {
        const response = await ask()
        if (!isRetriable(codeOf(response))) return response
      } catch (thrown) {
        if (!(thrown instanceof ConnectionError)) throw thrown
      }
      await this.pauseBeforeRetry()
    }
  }

  /** The broker gave an error that it never may. */
  refuse(what: string, errorCode: number): never {
    throw new Violation(`${this.name}: ${what} was answered with ${errorName(errorCode)}`)
  }
}
