/** Sockets as the connection port, read into one buffer for all of them: the only file that relies on how Node keeps a handle. */

import net from 'node:net'
import type { Duplex, DuplexListener, OpenDuplex } from './duplex.ts'

/** A client that stays silent this long is probed; Kafka sets SO_KEEPALIVE too. */
const keepAliveAfterMs = 60_000

/**
 * Takes over an accepted, paused socket. Reading into a given buffer costs a fraction of 'data' events, but `net.Server` cannot
 * make such sockets: so the handle moves into a new one. Where Node keeps no handle in the known place, events do.
 */
export function openSocket(accepted: net.Socket): OpenDuplex {
  return (listenerOf) => {
    const handle: unknown = Reflect.get(accepted, '_handle')
    if (typeof handle !== 'object' || handle === null) openByEvents(accepted, listenerOf)
    else openByHandle(accepted, handle, listenerOf)
  }
}

/** Reads by 'data' events: for streams that know no `onread`. */
export function openByEvents(socket: net.Socket, listenerOf: (duplex: Duplex) => DuplexListener): void {
  const listener = listenerOf(new SocketDuplex(socket))
  socket.on('data', (bytes: Buffer) => listener.received(bytes, bytes.length))
  listen(socket, listener)
  socket.resume()
}

function openByHandle(accepted: net.Socket, handle: object, listenerOf: (duplex: Duplex) => DuplexListener): void {
  let listener: DuplexListener | undefined
  const noBytes = Buffer.alloc(1)
  const options: net.SocketConstructorOpts = {
    allowHalfOpen: true,
    onread: {
      buffer: () => listener?.readTarget() ?? noBytes,
      callback(length, bytes) {
        // What `buffer` gave is what comes back: a Buffer.
        if (Buffer.isBuffer(bytes)) listener?.received(bytes, length)
        return true
      },
    },
  }
  Reflect.set(options, 'handle', handle)
  // Two sockets must not close one handle.
  Reflect.set(accepted, '_handle', null)
  const socket = new net.Socket(options)
  listener = listenerOf(new SocketDuplex(socket))
  // Destroying the empty shell tells the server that it has one connection less.
  socket.on('close', () => accepted.destroy())
  listen(socket, listener)
  socket.resume()
}

function listen(socket: net.Socket, listener: DuplexListener): void {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveAfterMs)
  socket.on('drain', () => listener.drained())
  socket.on('end', () => listener.ended())
  // What went wrong does not matter: 'close' follows.
  socket.on('error', () => socket.destroy())
  socket.on('close', () => listener.closed())
}

class SocketDuplex implements Duplex {
  readonly localHost: string
  readonly localPort: number
  readonly remoteHost: string
  readonly remotePort: number
  readonly #socket: net.Socket

  constructor(socket: net.Socket) {
    this.#socket = socket
    this.localHost = plainAddress(socket.localAddress)
    this.localPort = socket.localPort ?? 0
    this.remoteHost = plainAddress(socket.remoteAddress)
    this.remotePort = socket.remotePort ?? 0
  }

  write(chunks: readonly Buffer[], sent?: () => void): void {
    const socket = this.#socket
    if (socket.destroyed) return
    const last = chunks.length - 1
    if (last > 0) socket.cork()
    for (const [index, chunk] of chunks.entries()) {
      if (index === last && sent !== undefined) socket.write(chunk, (error) => (error ? undefined : sent()))
      else socket.write(chunk)
    }
    if (last > 0) socket.uncork()
  }

  pendingBytes(): number {
    return this.#socket.writableLength
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end(() => this.#socket.destroy())
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** An IPv4 address that came in the IPv6 form is shown as what it is. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
