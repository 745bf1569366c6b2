/** Large buffers that are used again: making and dropping them costs more than filling them. */

/** Smaller ones are as cheap to make. */
const pooledBytesMin = 32_768
/** Larger ones are rare; to keep them would cost more memory than it saves work. */
const pooledBytesMax = 2_097_152
/** What the pool keeps while nobody uses it. */
const keptBytesMax = 16_777_216

/**
 * Buffers in sizes of powers of two. A buffer that is never given back is simply collected, so that errors and closed connections
 * need no book-keeping; one that is given back must not be used any more.
 */
export class BytePool {
  readonly #free = new Map<number, ArrayBufferLike[]>()
  /** Memory that was lent and may come back once. */
  readonly #lent = new WeakSet<ArrayBufferLike>()
  #keptBytes = 0

  /** Bytes that wait to be used again. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  /** A buffer of this length, with whatever was in it before. */
  take(length: number): Buffer {
    if (length < pooledBytesMin || length > pooledBytesMax) return Buffer.allocUnsafeSlow(length)
    const sizeBytes = powerOfTwoFrom(length)
    const kept = this.#free.get(sizeBytes)?.pop()
    if (kept !== undefined) this.#keptBytes -= sizeBytes
    const memory = kept ?? Buffer.allocUnsafeSlow(sizeBytes).buffer
    this.#lent.add(memory)
    return Buffer.from(memory, 0, length)
  }

  /** Gives back the memory of any view of a buffer that `take` gave; others are left alone. */
  giveBack(view: Buffer): void {
    const memory = view.buffer
    if (!this.#lent.delete(memory)) return
    const sizeBytes = memory.byteLength
    if (this.#keptBytes + sizeBytes > keptBytesMax) return
    this.#keptBytes += sizeBytes
    const free = this.#free.get(sizeBytes)
    if (free === undefined) this.#free.set(sizeBytes, [memory])
    else free.push(memory)
  }
}

function powerOfTwoFrom(length: number): number {
  return 2 ** (32 - Math.clz32(length - 1))
}
