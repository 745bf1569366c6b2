/** Reads Kafka's primitive types from a window of a buffer; every read is checked against the window's end. */

import { DecodeError } from './errors.ts'
import { unZigZag32 } from './varint.ts'

export { DecodeError } from './errors.ts'

/** Kafka bounds strings by an int16 length, also where the length is written as a varint. */
export const stringBytesMax = 32_767

/**
 * Array elements, of all arrays together, that one message may have. A frame of 100 MiB could hold 50 million two-byte
 * elements, which take gigabytes as objects; 20,000 partitions with all their replicas stay below a tenth of this.
 */
export const messageElementsMax = 2_000_000

const twoTo32 = 4_294_967_296

/**
 * A cursor over the bytes `start` to `end` (exclusive). Nothing outside of them is ever read: a read that would pass the
 * end throws DecodeError and leaves `position` where it was or within the window.
 */
export class Reader {
  readonly #bytes: Buffer
  readonly #end: number
  #elementsLeft = messageElementsMax
  /** Place of the next read, from the buffer's beginning. */
  position: number

  constructor(bytes: Buffer, start = 0, end: number = bytes.length) {
    if (!(start >= 0 && start <= end && end <= bytes.length))
      throw new DecodeError('the window lies outside the buffer')
    this.#bytes = bytes
    this.#end = end
    this.position = start
  }

  /** The buffer below, for those who look at bytes in place. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** End of the window, exclusive. */
  get end(): number {
    return this.#end
  }

  /** Bytes left in the window. */
  get remaining(): number {
    return this.#end - this.position
  }

  /** Claims `sizeBytes` and answers where they begin. */
  #advance(sizeBytes: number): number {
    const at = this.position
    if (!(sizeBytes >= 0 && sizeBytes <= this.#end - at)) {
      throw new DecodeError(`${sizeBytes} bytes wanted at ${at}, but the message ends at ${this.#end}`)
    }
    this.position = at + sizeBytes
    return at
  }

  readInt8(): number {
    return this.#bytes.readInt8(this.#advance(1))
  }

  readInt16(): number {
    return this.#bytes.readInt16BE(this.#advance(2))
  }

  readInt32(): number {
    return this.#bytes.readInt32BE(this.#advance(4))
  }

  /** An int64 as a number; beyond ±2^53 it is refused, but for Long.MAX and Long.MIN, which become ±2^63. */
  readInt64(): number {
    const at = this.#advance(8)
    return int64Of(this.#bytes.readInt32BE(at), this.#bytes.readUInt32BE(at + 4))
  }

  /** All 64 bits of an int64 that is a hash, not a count. */
  readHash64(): bigint {
    return this.#bytes.readBigInt64BE(this.#advance(8))
  }

  readUint16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2))
  }

  readUint32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4))
  }

  readFloat64(): number {
    return this.#bytes.readDoubleBE(this.#advance(8))
  }

  /** As in Kafka, any byte but zero is true. */
  readBoolean(): boolean {
    return this.readInt8() !== 0
  }

  /** Sixteen bytes of their own: ids outlive the frame they came in. */
  readUuid(): Buffer {
    const at = this.#advance(16)
    return Buffer.from(this.#bytes.subarray(at, at + 16))
  }

  readUnsignedVarint(): number {
    const bytes = this.#bytes
    const start = this.position
    let value = 0
    for (let index = 0; index < 5; index++) {
      const byte = bytes[this.#advance(1)] ?? 0
      if (index === 4 && byte > 0x0f) break
      value |= (byte & 0x7f) << (7 * index)
      if (byte < 0x80) return value >>> 0
    }
    throw new DecodeError(`the varint at ${start} is longer than 32 bits`)
  }

  /** A zig-zag coded int32. */
  readVarint(): number {
    return unZigZag32(this.readUnsignedVarint())
  }

  /** A zig-zag coded int64, under the same limits as readInt64. */
  readVarlong(): number {
    const bytes = this.#bytes
    const start = this.position
    let low = 0
    let high = 0
    for (let index = 0; index < 10; index++) {
      const byte = bytes[this.#advance(1)] ?? 0
      const group = byte & 0x7f
      if (index < 4) low |= group << (7 * index)
      else if (index === 4) {
        low |= group << 28
        high = group >>> 4
      } else if (index < 9) high |= group << (7 * index - 32)
      else if (byte > 1) break
      else high |= group << 31
      if (byte < 0x80) return unZigZag64(high, low)
    }
    throw new DecodeError(`the varlong at ${start} is longer than 64 bits`)
  }

  readString(): string {
    return this.#string(required(this.readInt16()))
  }

  readNullableString(): string | null {
    const length = this.readInt16()
    return length === -1 ? null : this.#string(length)
  }

  readCompactString(): string {
    return this.#string(required(this.readUnsignedVarint() - 1))
  }

  readNullableCompactString(): string | null {
    const length = this.readUnsignedVarint() - 1
    return length === -1 ? null : this.#string(length)
  }

  /** A view of the bytes, not a copy: it is valid as long as the buffer below is. */
  readBytes(): Buffer {
    return this.readView(required(this.readInt32()))
  }

  readNullableBytes(): Buffer | null {
    const length = this.readInt32()
    return length === -1 ? null : this.readView(length)
  }

  readCompactBytes(): Buffer {
    return this.readView(required(this.readUnsignedVarint() - 1))
  }

  readNullableCompactBytes(): Buffer | null {
    const length = this.readUnsignedVarint() - 1
    return length === -1 ? null : this.readView(length)
  }

  /**
   * The length of an array whose elements take at least `elementBytesMin` each: one that cannot fit the rest of the
   * window, or that takes the message beyond messageElementsMax, is refused before anything is allocated for it.
   */
  readArrayLength(elementBytesMin: number): number {
    return this.#arrayLength(required(this.readInt32()), elementBytesMin)
  }

  /** As readArrayLength; -1 stands for null. */
  readNullableArrayLength(elementBytesMin: number): number {
    const length = this.readInt32()
    return length === -1 ? -1 : this.#arrayLength(length, elementBytesMin)
  }

  readCompactArrayLength(elementBytesMin: number): number {
    return this.#arrayLength(required(this.readUnsignedVarint() - 1), elementBytesMin)
  }

  readNullableCompactArrayLength(elementBytesMin: number): number {
    const length = this.readUnsignedVarint() - 1
    return length === -1 ? -1 : this.#arrayLength(length, elementBytesMin)
  }

  /** A view of the next `sizeBytes` bytes. */
  readView(sizeBytes: number): Buffer {
    const at = this.#advance(sizeBytes)
    return this.#bytes.subarray(at, at + sizeBytes)
  }

  skip(sizeBytes: number): void {
    this.#advance(sizeBytes)
  }

  /** Reads a tagged field's size and answers where the field ends. */
  beginTagged(): number {
    const sizeBytes = this.readUnsignedVarint()
    if (sizeBytes > this.remaining) throw new DecodeError(`a tagged field of ${sizeBytes} bytes passes the end`)
    return this.position + sizeBytes
  }

  /** Checks that a tagged field that was read took exactly the size it announced. */
  endTagged(end: number): void {
    if (this.position !== end) throw new DecodeError(`a tagged field ends at ${end}, but was read to ${this.position}`)
  }

  /** Leaves out all tagged fields of a struct that has none it knows. */
  skipTagged(): void {
    for (let left = this.readUnsignedVarint(); left > 0; left--) {
      this.readUnsignedVarint()
      this.#advance(this.readUnsignedVarint())
    }
  }

  #string(length: number): string {
    if (length > stringBytesMax) throw new DecodeError(`a string of ${length} bytes is longer than ${stringBytesMax}`)
    const at = this.#advance(length)
    if (length === 0) return ''
    const text = this.#bytes.toString('utf8', at, at + length)
    // Each byte that is no UTF-8 is read as a character of three bytes: what is read must be possible to write again.
    if (length * 3 > stringBytesMax && Buffer.byteLength(text) > stringBytesMax) {
      throw new DecodeError(`a string of ${length} bytes is no UTF-8`)
    }
    return text
  }

  #arrayLength(length: number, elementBytesMin: number): number {
    if (!(length >= 0 && length * elementBytesMin <= this.#end - this.position)) {
      throw new DecodeError(`an array of ${length} elements passes the end of the message`)
    }
    this.#elementsLeft -= length
    if (this.#elementsLeft < 0) throw new DecodeError(`the message has more than ${messageElementsMax} elements`)
    return length
  }
}

function required(length: number): number {
  if (length < 0) throw new DecodeError(`length ${length} where null is not allowed`)
  return length
}

function int64Of(high: number, low: number): number {
  const value = high * twoTo32 + low
  if (Number.isSafeInteger(value)) return value
  if (high === 0x7fff_ffff && low === 0xffff_ffff) return 2 ** 63
  if (high === -0x8000_0000 && low === 0) return -(2 ** 63)
  throw new DecodeError(`the int64 ${(BigInt(high) << 32n) | BigInt(low)} is beyond 2^53`)
}

function unZigZag64(high: number, low: number): number {
  const sign = -(low & 1)
  const shiftedLow = (((low >>> 1) | (high << 31)) ^ sign) >>> 0
  const shiftedHigh = (high >>> 1) ^ sign
  return int64Of(shiftedHigh | 0, shiftedLow)
}
