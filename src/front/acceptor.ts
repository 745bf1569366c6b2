/** Listens on the front's ports and hands accepted sockets on. */

import net from 'node:net'
import { messageOf, SafkaError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { ListenerSpec } from '../broker/remotes.ts'
import type { OpenDuplex } from './duplex.ts'
import { openSocket } from './socket-duplex.ts'

/** Connections that the system may hold ready for us; it has a lower limit of its own. */
const backlog = 1_024

export class Acceptor {
  readonly #reusePort: boolean
  readonly #logger: Logger
  readonly #accept: (spec: ListenerSpec, open: OpenDuplex) => boolean
  readonly #servers: net.Server[] = []

  constructor(options: {
    readonly reusePort: boolean
    readonly logger: Logger
    /** Answers false to refuse the connection. */
    readonly accept: (spec: ListenerSpec, open: OpenDuplex) => boolean
  }) {
    this.#reusePort = options.reusePort
    this.#logger = options.logger
    this.#accept = options.accept
  }

  /** Answers with the port. Rejects with SAFKA_LISTEN_FAILED where the address cannot be had. */
  async listen(spec: ListenerSpec): Promise<number> {
    const server = net.createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true })
    server.on('connection', (socket) => {
      // An accepted socket without a listener for errors would end the process.
      socket.on('error', () => socket.destroy())
      if (!this.#accept(spec, openSocket(socket))) socket.destroy()
    })
    await this.#start(server, spec)
    // Out of descriptors, for one: those that are connected go on.
    server.on('error', (error) => {
      this.#logger.warn('could not accept a connection', { listener: spec.name, reason: messageOf(error) })
    })
    this.#servers.push(server)
    const address = server.address()
    return address !== null && typeof address === 'object' ? address.port : spec.port
  }

  /** Accepts no more. */
  close(): void {
    for (const server of this.#servers) server.close()
    this.#servers.length = 0
  }

  #start(server: net.Server, spec: ListenerSpec): Promise<void> {
    const { host, port } = spec
    return new Promise((resolve, reject) => {
      const refuse = (error: Error): void => {
        const message = `cannot listen on ${host}:${port}: ${messageOf(error)}`
        reject(new SafkaError('SAFKA_LISTEN_FAILED', message, { cause: error }))
      }
      server.once('error', refuse)
      server.listen({ host, port, backlog, ...(this.#reusePort ? { reusePort: true } : {}) }, () => {
        server.off('error', refuse)
        resolve()
      })
    })
  }
}
