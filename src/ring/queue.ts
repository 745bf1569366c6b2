/** A queue of byte messages between two threads in shared memory: one pushes, one pops, neither ever waits. */

import { assert } from '../base/assert.ts'
import { powerOfTwoFrom } from './layout.ts'

/*
 *   Int32 0    capacity in bytes, a power of two
 *   Int32 32   tail: bytes pushed, wrapping          producer
 *   Int32 64   head: bytes popped, wrapping          consumer
 *   Int32 96   1 where the producer waits for room   producer sets, consumer takes
 *   byte 512   data
 *
 * A message is one or more fragments, each on a multiple of 8:
 *   Int32 bytes in this fragment · Int32 bytes of the message that come after it · bytes
 * A fragment never crosses the end of the data: a message that does is two fragments.
 */
const capacityWord = 0
const tailWord = 32
const headWord = 64
const waitsWord = 96
const dataStart = 512
const fragmentHeaderBytes = 8

/** Below this a queue would be all headers. */
export const queueBytesMin = 1024
/** Int32 distances must stay positive. */
export const queueBytesMax = 2 ** 30
/** Longer than any request that a listener takes (`socket.request.max.bytes`, 100 MiB by default) with its address. */
export const queueMessageBytesMax = 2 ** 28

/** One end of a queue: each thread uses only its own half of the methods. */
export class ByteQueue {
  readonly capacity: number
  readonly #words: Int32Array
  readonly #data: Buffer
  readonly #dataWords: Int32Array
  // The producer's: what is left of a message that is longer than the room there was.
  #rest: Buffer | undefined
  // The consumer's: a message of which fragments are missing.
  #message: Buffer | undefined
  #messageLength = 0

  /** Shared memory for a queue of `bytes`, rounded up to a power of two from 1 KiB on. */
  static create(bytes: number): SharedArrayBuffer {
    const capacity = powerOfTwoFrom(Math.min(Math.max(bytes, queueBytesMin), queueBytesMax))
    const memory = new SharedArrayBuffer(dataStart + capacity)
    new Int32Array(memory)[capacityWord] = capacity
    return memory
  }

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, dataStart / 4)
    this.capacity = this.#words[capacityWord] ?? 0
    assert(memory.byteLength === dataStart + this.capacity, 'this memory is no queue')
    assert(this.capacity >= queueBytesMin, 'the queue has an impossible size')
    this.#data = Buffer.from(memory, dataStart, this.capacity)
    this.#dataWords = new Int32Array(memory, dataStart, this.capacity / 4)
  }

  /**
   * Producer: pushes `parts` as one message; ring the consumer's bell afterwards. False where there is no room: the consumer
   * learns of that, and rings the producer's bell once it has popped. A message longer than the whole queue is taken in
   * pieces: the queue keeps a copy of the rest, which `flush` pushes on, and takes nothing else meanwhile.
   */
  tryPush(parts: readonly Buffer[]): boolean {
    let length = 0
    for (const part of parts) length += part.length
    assert(length <= queueMessageBytesMax, 'the message is too long for a queue')
    if (!this.#tryPushOnce(parts, length)) {
      Atomics.store(this.#words, waitsWord, 1)
      // Again: the consumer may have popped before it could see that somebody waits.
      if (!this.#tryPushOnce(parts, length)) return false
    }
    // Taken in pieces: what is left waits for room like a message that was not taken.
    this.flush()
    return true
  }

  /** Producer: whether a part of a message has not been pushed yet. */
  get hasRest(): boolean {
    return this.#rest !== undefined
  }

  /** Producer: pushes more of a message that was taken in pieces; true once nothing is left of it. Ring the bell afterwards. */
  flush(): boolean {
    if (this.#rest === undefined) return true
    this.#flushRest()
    if (this.#rest === undefined) return true
    Atomics.store(this.#words, waitsWord, 1)
    this.#flushRest()
    return this.#rest === undefined
  }

  /** Consumer: the next message in a buffer of its own; undefined where there is no whole one yet. */
  pop(): Buffer | undefined {
    const tail = Atomics.load(this.#words, tailWord)
    let head = this.#words[headWord] ?? 0
    while (head !== tail) {
      const at = head & (this.capacity - 1)
      const length = this.#dataWords[at >>> 2] ?? 0
      const after = this.#dataWords[(at >>> 2) + 1] ?? 0
      assert(length >= 0 && at + fragmentHeaderBytes + length <= this.capacity, 'a fragment must lie within the queue')
      this.#message ??= Buffer.allocUnsafe(length + after)
      assert(this.#messageLength + length + after === this.#message.length, 'fragments must add up')
      const start = at + fragmentHeaderBytes
      this.#data.copy(this.#message, this.#messageLength, start, start + length)
      this.#messageLength += length
      head = (head + roomOf(length)) | 0
      Atomics.store(this.#words, headWord, head)
      if (after === 0) return this.#takeMessage()
    }
    return undefined
  }

  /** Consumer: true, once, where the producer waits for room: ring its bell. Ask after having popped. */
  takeRoomInterest(): boolean {
    return Atomics.load(this.#words, waitsWord) === 1 && Atomics.exchange(this.#words, waitsWord, 0) === 1
  }

  #takeMessage(): Buffer | undefined {
    const message = this.#message
    this.#message = undefined
    this.#messageLength = 0
    return message
  }

  #tryPushOnce(parts: readonly Buffer[], length: number): boolean {
    this.#flushRest()
    if (this.#rest !== undefined) return false
    const tail = this.#words[tailWord] ?? 0
    const untilEnd = this.capacity - (tail & (this.capacity - 1))
    const isWhole = roomOf(length) <= untilEnd
    // At the end of the data a message is cut in two, which takes a second header.
    const room = isWhole ? roomOf(length) : roomOf(length) + fragmentHeaderBytes
    if (room <= this.#free(tail)) {
      if (isWhole) this.#pushWhole(parts, length, tail)
      else this.#pushPieces(Buffer.concat(parts))
      return true
    }
    if (room <= this.capacity) return false
    this.#pushPieces(Buffer.concat(parts))
    return true
  }

  #pushWhole(parts: readonly Buffer[], length: number, tail: number): void {
    const at = tail & (this.capacity - 1)
    this.#describe(at, length, 0)
    let target = at + fragmentHeaderBytes
    for (const part of parts) target += part.copy(this.#data, target)
    Atomics.store(this.#words, tailWord, (tail + roomOf(length)) | 0)
  }

  #flushRest(): void {
    const rest = this.#rest
    if (rest === undefined) return
    this.#rest = undefined
    this.#pushPieces(rest)
  }

  /** Pushes as much of `bytes` as there is room for, and keeps the rest. */
  #pushPieces(bytes: Buffer): void {
    let tail = this.#words[tailWord] ?? 0
    let pushed = 0
    do {
      const at = tail & (this.capacity - 1)
      const room = Math.min(this.#free(tail), this.capacity - at) - fragmentHeaderBytes
      // A header without bytes is only worth it to get past the end of the data.
      if (room < 0 || (room === 0 && at + fragmentHeaderBytes !== this.capacity)) break
      const length = Math.min(room, bytes.length - pushed)
      this.#describe(at, length, bytes.length - pushed - length)
      bytes.copy(this.#data, at + fragmentHeaderBytes, pushed, pushed + length)
      pushed += length
      tail = (tail + roomOf(length)) | 0
    } while (pushed < bytes.length)
    Atomics.store(this.#words, tailWord, tail)
    if (pushed < bytes.length) this.#rest = bytes.subarray(pushed)
  }

  #describe(at: number, length: number, after: number): void {
    this.#dataWords[at >>> 2] = length
    this.#dataWords[(at >>> 2) + 1] = after
  }

  #free(tail: number): number {
    return this.capacity - ((tail - Atomics.load(this.#words, headWord)) | 0)
  }
}

/** Bytes that a fragment of `length` bytes takes. */
function roomOf(length: number): number {
  return fragmentHeaderBytes + Math.ceil(length / 8) * 8
}
