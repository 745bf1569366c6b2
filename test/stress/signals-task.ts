/** What the threads of the queue's and the bell's stress tests are told, and the messages that they exchange. */

export type SignalsTask = {
  readonly kind: 'produce' | 'mark'
  readonly seed: number
  readonly count: number
  /** The queue, or an Int32 count a partition. */
  readonly memory: SharedArrayBuffer
  readonly ownBell: SharedArrayBuffer
  readonly peerBell: SharedArrayBuffer
}

/** Message `number` in full: mostly short, now and then longer than the queue. */
export function message(number: number): Buffer {
  const length = number % 97 === 0 ? 20_000 : (number * 31) % 400
  const bytes = Buffer.alloc(4 + length, number & 0xff)
  bytes.writeInt32LE(number, 0)
  return bytes
}
