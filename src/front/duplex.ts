/** The connection port: a stream of bytes both ways, be it a socket, TLS, or a simulation's. */

/** What a connection may do with its stream. */
export interface Duplex {
  /** The address that the client dialled, without the IPv6 form of an IPv4 one. */
  readonly localHost: string
  readonly localPort: number
  readonly remoteHost: string
  readonly remotePort: number
  /** Takes the chunks, which must not change until `sent` is called, and sends them together. It is not called on failure. */
  write(chunks: readonly Buffer[], sent?: () => void): void
  /** Bytes taken and not yet handed to the system. */
  pendingBytes(): number
  /** Stops the flow of received bytes. */
  pause(): void
  resume(): void
  /** Sends what is pending, then closes. */
  end(): void
  /** Closes at once. */
  destroy(): void
}

/** What the stream tells its connection. */
export interface DuplexListener {
  /** Where the next bytes received may go; asked before each read. */
  readTarget(): Buffer
  /** `length` bytes came; they lie at the start of `bytes`, which may be used again for other connections after this returns. */
  received(bytes: Buffer, length: number): void
  /** What was pending has been sent. */
  drained(): void
  /** The client will send no more; it may still read. */
  ended(): void
  /** The stream is over, for whatever reason; said once. */
  closed(): void
}

/** Makes a stream speak to its connection: the listener comes once the connection has been made. */
export type OpenDuplex = (listenerOf: (duplex: Duplex) => DuplexListener) => void
