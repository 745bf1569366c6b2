/** Splits a stream of bytes into frames: each is an int32 size and that many bytes. */

import { SafkaError } from '../base/errors.ts'
import type { BytePool } from './byte-pool.ts'

/** A frame whose size cannot be: the connection is lost, since nobody knows where the next one starts. */
export class FramingError extends SafkaError {
  constructor(message: string) {
    super('SAFKA_FRAMING', message)
  }
}

/** From this much missing on, the rest of a frame is read straight into its own buffer. */
export const directBytesMin = 65_536
/** A half-received frame's first buffer. */
const firstBytes = 4_096
/** Buffers grow to this multiple of what was received, so that a silent client holds no more than that. */
const growth = 4

/**
 * One connection's frames. Feed it bytes, then pull frames with `next` until it answers false; `bytes`, `start` and `end` tell the
 * frame just found. Frames that came whole are views of what was fed; others lie in a buffer of their own.
 */
export class Framing {
  /** Where the frame lies. */
  bytes: Buffer
  start = 0
  end = 0
  /** Whether the frame's memory is its own, and stays as it is. */
  isOwned = false

  readonly #frameBytesMax: number
  readonly #pool: BytePool
  #input: Buffer
  #inputAt = 0
  #inputEnd = 0
  #isInputOwned = false
  #sizeBytesGot = 0
  #size = 0
  #partial: Buffer | undefined
  #received = 0

  /** Frames that did not come whole lie in buffers of `pool`: give back those that are needed no more. */
  constructor(frameBytesMax: number, pool: BytePool) {
    this.#frameBytesMax = frameBytesMax
    this.#pool = pool
    this.#input = noBytes
    this.bytes = noBytes
  }

  /** Memory held for a half-received frame, and for input that waits to be looked at. */
  get heldBytes(): number {
    return (this.#partial?.length ?? 0) + (this.#isInputOwned && this.hasInput ? this.#input.length : 0)
  }

  /** Whether fed bytes are left that `next` has not looked at. */
  get hasInput(): boolean {
    return this.#inputAt < this.#inputEnd
  }

  /** Takes more bytes: the first `length` of `input`, whose memory is the caller's own again once `next` has answered false. */
  feed(input: Buffer, length: number): void {
    if (!this.hasInput) {
      this.#setInput(input, length, false)
      return
    }
    const rest = this.#input.subarray(this.#inputAt, this.#inputEnd)
    const joined = Buffer.concat([rest, input.subarray(0, length)])
    this.#setInput(joined, joined.length, true)
  }

  /** Copies what is left of the input, so that its memory may be used again. */
  keepInput(): void {
    if (this.#isInputOwned || !this.hasInput) return
    const rest = Buffer.from(this.#input.subarray(this.#inputAt, this.#inputEnd))
    this.#setInput(rest, rest.length, true)
  }

  /** Where the missing bytes of a large frame may be read to directly; undefined where that is not worth it. */
  directTarget(): Buffer | undefined {
    const partial = this.#partial
    if (partial === undefined || this.hasInput || this.#size - this.#received < directBytesMin) return undefined
    const roomy = this.#withRoom(partial, this.#received + directBytesMin)
    return roomy.subarray(this.#received, Math.min(roomy.length, this.#size))
  }

  /** `length` bytes were read into the last `directTarget`. */
  receivedDirectly(length: number): void {
    this.#received += length
  }

  /** Finds the next frame. Throws FramingError where its size cannot be. */
  next(): boolean {
    if (this.#partial !== undefined) return this.#continuePartial(this.#partial)
    if (!this.#readSize()) return false
    const start = this.#inputAt
    const size = this.#size
    if (this.#inputEnd - start < size) {
      // Without input there is nothing to hold yet.
      if (!this.hasInput) return false
      this.#partial = this.#pool.take(Math.min(size, Math.max(firstBytes, growth * (this.#inputEnd - start))))
      this.#received = 0
      return this.#continuePartial(this.#partial)
    }
    this.#inputAt = start + size
    return this.#found(this.#input, start, start + size, this.#isInputOwned)
  }

  #continuePartial(partial: Buffer): boolean {
    const wanted = Math.min(this.#size - this.#received, this.#inputEnd - this.#inputAt)
    const roomy = this.#withRoom(partial, this.#received + wanted)
    this.#input.copy(roomy, this.#received, this.#inputAt, this.#inputAt + wanted)
    this.#inputAt += wanted
    this.#received += wanted
    if (this.#received < this.#size) return false
    this.#partial = undefined
    return this.#found(roomy, 0, this.#size, true)
  }

  #withRoom(partial: Buffer, bytes: number): Buffer {
    if (bytes <= partial.length) return partial
    const grown = this.#pool.take(Math.min(this.#size, Math.max(bytes, growth * this.#received)))
    partial.copy(grown, 0, 0, this.#received)
    this.#pool.giveBack(partial)
    this.#partial = grown
    return grown
  }

  #found(bytes: Buffer, start: number, end: number, isOwned: boolean): boolean {
    this.#sizeBytesGot = 0
    this.bytes = bytes
    this.start = start
    this.end = end
    this.isOwned = isOwned
    return true
  }

  /** Reads what there is of the four bytes; true once the size is known. */
  #readSize(): boolean {
    if (this.#sizeBytesGot === 4) return true
    while (this.#sizeBytesGot < 4) {
      if (this.#inputAt === this.#inputEnd) return false
      const byte = this.#input[this.#inputAt] ?? 0
      this.#size = this.#sizeBytesGot === 0 ? byte : (this.#size << 8) | byte
      this.#inputAt += 1
      this.#sizeBytesGot += 1
    }
    if (this.#size <= 0) throw new FramingError(`a frame of ${this.#size} bytes`)
    if (this.#size > this.#frameBytesMax) {
      throw new FramingError(`a frame of ${this.#size} bytes, where ${this.#frameBytesMax} are allowed`)
    }
    return true
  }

  #setInput(input: Buffer, length: number, isOwned: boolean): void {
    this.#input = input
    this.#inputAt = 0
    this.#inputEnd = length
    this.#isInputOwned = isOwned
  }
}

const noBytes = Buffer.alloc(0)
