/** The batches of the ring's stress test: what each must hold, to the byte, follows from its writer and number. */

/*
 *     0 Float64 base offset     the owner's stamp
 *     8 Int32 writer
 *    12 Int32 number            of this writer's batches, from 0
 *    16 Int32 length
 *    20 Int32 records
 *    24 bytes of the pool, from a place that writer and number decide
 */
export const headerBytes = 24
const poolBytes = 2 ** 19

export type Batch = { readonly writer: number; readonly number: number; readonly length: number }

/** One of many Kafka errors: what refused batches are answered with. */
export const refusalCode = 87

export class Content {
  readonly #pool: Buffer
  readonly #lengthMax: number
  readonly #scratch: Buffer

  /** Batches are `headerBytes` + 1 to `lengthMax` bytes long. */
  constructor(seed: number, lengthMax: number) {
    this.#pool = Buffer.allocUnsafe(poolBytes)
    let state = seed | 1
    for (let at = 0; at < poolBytes; at += 4) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      this.#pool.writeInt32LE(state, at)
    }
    this.#lengthMax = lengthMax
    this.#scratch = Buffer.allocUnsafe(lengthMax + 8)
  }

  /** A batch's bytes, unstamped, in memory that the next call reuses; at changing places modulo 8 bytes. */
  make(writer: number, number: number): Buffer {
    const length = this.length(writer, number)
    const skew = number & 7
    const batch = this.#scratch.subarray(skew, skew + length)
    batch.writeDoubleLE(-1, 0)
    batch.writeInt32LE(writer, 8)
    batch.writeInt32LE(number, 12)
    batch.writeInt32LE(length, 16)
    batch.writeInt32LE(recordsOf(number), 20)
    const start = this.#bodyStart(writer, number)
    this.#pool.copy(batch, headerBytes, start, start + length - headerBytes)
    return batch
  }

  /** Checks every byte of a batch but its stamp; answers what is wrong with it, or ''. */
  damage(batch: Buffer): string {
    if (batch.length < headerBytes) return `torn: ${batch.length} bytes`
    const writer = batch.readInt32LE(8)
    const number = batch.readInt32LE(12)
    const name = `batch ${number} of writer ${writer}`
    if (batch.readInt32LE(16) !== batch.length) return `torn: ${name} has ${batch.length} bytes`
    if (batch.length !== this.length(writer, number)) return `torn: ${name} has the length of another`
    if (batch.readInt32LE(20) !== recordsOf(number)) return `torn: ${name} has the records of another`
    const start = this.#bodyStart(writer, number)
    const difference = batch.compare(this.#pool, start, start + batch.length - headerBytes, headerBytes)
    return difference === 0 ? '' : `torn: ${name} has other bytes`
  }

  length(writer: number, number: number): number {
    const chance = scramble(writer + 101, number)
    const room = this.#lengthMax - headerBytes
    // Mostly small, some middling, some of the longest.
    const limit = chance % 16 === 0 ? room : chance % 4 === 0 ? room >>> 3 : Math.min(room, 200)
    return headerBytes + 1 + ((chance >>> 5) % limit)
  }

  #bodyStart(writer: number, number: number): number {
    return scramble(writer, number) % (poolBytes - this.#lengthMax)
  }
}

/** How many offsets the batch takes. */
export function recordsOf(number: number): number {
  return 1 + (number % 5)
}

/** Whether the owner is to refuse the batch. */
export function isRefused(writer: number, number: number): boolean {
  return scramble(writer + 7, number) % 9 === 0
}

/** The number of the writer's next batch, after `number`, that gets into the log. */
export function nextAccepted(writer: number, number: number): number {
  let next = number + 1
  while (isRefused(writer, next)) next++
  return next
}

function scramble(writer: number, number: number): number {
  let mixed = Math.imul(number + 1, 0x9e37_79b1) ^ Math.imul(writer + 1, 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b_3c6d)
  return (mixed ^ (mixed >>> 12)) >>> 0
}
