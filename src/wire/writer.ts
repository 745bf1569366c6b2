/** Writes Kafka's primitive types into a growing buffer; large bytes are referenced in place instead of copied. */

import { EncodeError } from './errors.ts'
import { stringBytesMax } from './reader.ts'
import { unsignedVarintSizeBytes, zigZag32 } from './varint.ts'

export { EncodeError } from './errors.ts'

/** Bytes from this size on are referenced: below it a copy is cheaper than one more chunk in a writev. */
export const referenceBytesMin = 4096

const twoTo32 = 4_294_967_296
const longMax = 2 ** 63

/** Builds one message. After `finish` or `finishJoined` the writer must not be used again. */
export class Writer {
  #bytes: Buffer
  #position = 0
  #referencedBytes = 0
  #taggedDepth = 0
  /** Each stands before the byte `at` of the own buffer. */
  readonly #references: { at: number; bytes: Buffer }[] = []

  constructor(initialBytes = 1024) {
    this.#bytes = Buffer.allocUnsafe(initialBytes)
  }

  /** Bytes written so far, references included. */
  get length(): number {
    return this.#position + this.#referencedBytes
  }

  /** Makes room for `sizeBytes` and answers where they go. */
  #reserve(sizeBytes: number): number {
    const at = this.#position
    const end = at + sizeBytes
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2, 64))
      this.#bytes.copy(grown, 0, 0, at)
      this.#bytes = grown
    }
    this.#position = end
    return at
  }

  writeInt8(value: number): void {
    if ((value << 24) >> 24 !== value) throw outOfRange('int8', value)
    const at = this.#reserve(1)
    this.#bytes[at] = value
  }

  writeInt16(value: number): void {
    if ((value << 16) >> 16 !== value) throw outOfRange('int16', value)
    const at = this.#reserve(2)
    this.#bytes.writeInt16BE(value, at)
  }

  writeInt32(value: number): void {
    if ((value | 0) !== value) throw outOfRange('int32', value)
    const at = this.#reserve(4)
    this.#bytes.writeInt32BE(value, at)
  }

  /** A whole number within ±2^53, or ±2^63 for Long.MAX and Long.MIN. */
  writeInt64(value: number): void {
    const at = this.#reserve(8)
    const high = int64High(value)
    this.#bytes.writeInt32BE(high, at)
    this.#bytes.writeUInt32BE(int64Low(value, high), at + 4)
  }

  /** All 64 bits of an int64 that is a hash, not a count. */
  writeHash64(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new EncodeError(`${value} is no int64`)
    const at = this.#reserve(8)
    this.#bytes.writeBigInt64BE(value, at)
  }

  writeUint16(value: number): void {
    if ((value & 0xffff) !== value) throw outOfRange('uint16', value)
    const at = this.#reserve(2)
    this.#bytes.writeUInt16BE(value, at)
  }

  writeUint32(value: number): void {
    if (value >>> 0 !== value) throw outOfRange('uint32', value)
    const at = this.#reserve(4)
    this.#bytes.writeUInt32BE(value, at)
  }

  writeFloat64(value: number): void {
    const at = this.#reserve(8)
    this.#bytes.writeDoubleBE(value, at)
  }

  writeBoolean(value: boolean): void {
    const at = this.#reserve(1)
    this.#bytes[at] = value ? 1 : 0
  }

  writeUuid(value: Buffer): void {
    if (value.length !== 16) throw new EncodeError(`an id has 16 bytes, not ${value.length}`)
    const at = this.#reserve(16)
    value.copy(this.#bytes, at)
  }

  writeUnsignedVarint(value: number): void {
    if (value >>> 0 !== value) throw outOfRange('unsigned varint', value)
    let rest = value
    while (rest >= 0x80) {
      const at = this.#reserve(1)
      this.#bytes[at] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    const at = this.#reserve(1)
    this.#bytes[at] = rest
  }

  /** A zig-zag coded int32. */
  writeVarint(value: number): void {
    if ((value | 0) !== value) throw outOfRange('varint', value)
    this.writeUnsignedVarint(zigZag32(value))
  }

  /** A zig-zag coded int64, under the same limits as writeInt64. */
  writeVarlong(value: number): void {
    const high = int64High(value)
    const low = int64Low(value, high)
    const sign = high >> 31
    let restHigh = (((high << 1) | (low >>> 31)) ^ sign) >>> 0
    let restLow = ((low << 1) ^ sign) >>> 0
    while (restHigh !== 0 || restLow >= 0x80) {
      const at = this.#reserve(1)
      this.#bytes[at] = (restLow & 0x7f) | 0x80
      restLow = ((restLow >>> 7) | (restHigh << 25)) >>> 0
      restHigh >>>= 7
    }
    const at = this.#reserve(1)
    this.#bytes[at] = restLow
  }

  writeString(value: string): void {
    const length = stringLength(value)
    this.writeInt16(length)
    this.#text(value, length)
  }

  writeNullableString(value: string | null): void {
    if (value === null) this.writeInt16(-1)
    else this.writeString(value)
  }

  writeCompactString(value: string): void {
    const length = stringLength(value)
    this.writeUnsignedVarint(length + 1)
    this.#text(value, length)
  }

  writeNullableCompactString(value: string | null): void {
    if (value === null) this.writeUnsignedVarint(0)
    else this.writeCompactString(value)
  }

  writeBytes(value: Buffer): void {
    this.writeInt32(value.length)
    this.writeReference(value)
  }

  writeNullableBytes(value: Buffer | null): void {
    if (value === null) this.writeInt32(-1)
    else this.writeBytes(value)
  }

  writeCompactBytes(value: Buffer): void {
    this.writeUnsignedVarint(value.length + 1)
    this.writeReference(value)
  }

  writeNullableCompactBytes(value: Buffer | null): void {
    if (value === null) this.writeUnsignedVarint(0)
    else this.writeCompactBytes(value)
  }

  /** The length before an array's elements; -1 for null. */
  writeArrayLength(length: number): void {
    this.writeInt32(length)
  }

  /** The length before a flexible version's array; -1 for null. */
  writeCompactArrayLength(length: number): void {
    this.writeUnsignedVarint(length + 1)
  }

  /** Adds raw bytes. Large ones are only referenced: they must not change until the message has been sent. */
  writeReference(bytes: Buffer): void {
    if (bytes.length < referenceBytesMin || this.#taggedDepth > 0) {
      const at = this.#reserve(bytes.length)
      bytes.copy(this.#bytes, at)
      return
    }
    this.#references.push({ at: this.#position, bytes })
    this.#referencedBytes += bytes.length
  }

  /** Begins a tagged field; hand the answer to endTagged once its content is written. */
  beginTagged(tag: number): number {
    this.writeUnsignedVarint(tag)
    this.#taggedDepth++
    return this.#reserve(1)
  }

  /** Puts the size before a tagged field's content, which moves when the size takes more than one byte. */
  endTagged(start: number): void {
    this.#taggedDepth--
    const end = this.#position
    const sizeBytes = end - start - 1
    if (sizeBytes < 0x80) {
      this.#bytes[start] = sizeBytes
      return
    }
    const extraBytes = unsignedVarintSizeBytes(sizeBytes) - 1
    this.#reserve(extraBytes)
    this.#bytes.copyWithin(start + 1 + extraBytes, start + 1, end)
    this.#position = start
    this.writeUnsignedVarint(sizeBytes)
    this.#position = end + extraBytes
  }

  /** The message in chunks, in order, fit for a writev. */
  finish(): Buffer[] {
    const chunks: Buffer[] = []
    let from = 0
    for (const { at, bytes } of this.#references) {
      if (at > from) chunks.push(this.#bytes.subarray(from, at))
      chunks.push(bytes)
      from = at
    }
    if (this.#position > from || chunks.length === 0) chunks.push(this.#bytes.subarray(from, this.#position))
    return chunks
  }

  /** The message as one buffer; without references it is not copied. */
  finishJoined(): Buffer {
    const chunks = this.finish()
    const [only] = chunks
    return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
  }

  #text(value: string, length: number): void {
    const at = this.#reserve(length)
    if (length > 0) this.#bytes.write(value, at, length, 'utf8')
  }
}

function stringLength(value: string): number {
  const length = Buffer.byteLength(value)
  if (length > stringBytesMax) throw new EncodeError(`a string of ${length} bytes is longer than ${stringBytesMax}`)
  return length
}

function int64High(value: number): number {
  if (value === longMax) return 0x7fff_ffff
  if (value === -longMax) return -0x8000_0000
  if (!Number.isSafeInteger(value)) throw outOfRange('int64', value)
  return Math.floor(value / twoTo32)
}

function int64Low(value: number, high: number): number {
  return value === longMax ? 0xffff_ffff : value - high * twoTo32
}

function outOfRange(type: string, value: number): EncodeError {
  return new EncodeError(`${value} is no ${type}`)
}
