/** SipHash-2-4 with 128 bits: stands for a record's key, so that keys of any length take the same room in memory. */

/** Bytes of the secret that a hash depends on. */
export const hashKeyBytes = 16

/** Words of a hash. */
export const hashWords = 4

/**
 * Hashes bytes under a secret, so that nobody can make two keys that count as one. (Kafka's SkimpyOffsetMap takes MD5, for
 * which such keys are known.) The state is four 64-bit words in two halves each; `hash` leaves its result in `words`.
 */
export class KeyHash {
  /** The last hash, as little-endian words. */
  readonly words = new Int32Array(hashWords)
  readonly #secret: Int32Array
  #v0l = 0
  #v0h = 0
  #v1l = 0
  #v1h = 0
  #v2l = 0
  #v2h = 0
  #v3l = 0
  #v3h = 0

  /** `secret` has hashKeyBytes bytes. */
  constructor(secret: Buffer) {
    this.#secret = Int32Array.of(
      secret.readInt32LE(0),
      secret.readInt32LE(4),
      secret.readInt32LE(8),
      secret.readInt32LE(12),
    )
  }

  hash(bytes: Uint8Array, start: number, end: number): void {
    this.#begin()
    let at = start
    for (; end - at >= 8; at += 8) this.#mix(wordAt(bytes, at), wordAt(bytes, at + 4))
    // The last word holds what is left, and the length's last byte on top.
    let low = 0
    let high = ((end - start) & 0xff) << 24
    for (let shift = 0; at < end; at++, shift += 8) {
      if (shift < 32) low |= (bytes[at] ?? 0) << shift
      else high |= (bytes[at] ?? 0) << (shift - 32)
    }
    this.#mix(low, high)
    this.#v2l ^= 0xee
    this.#rounds(4)
    this.#take(0)
    this.#v1l ^= 0xdd
    this.#rounds(4)
    this.#take(2)
  }

  #begin(): void {
    const k0l = this.#secret[0] ?? 0
    const k0h = this.#secret[1] ?? 0
    const k1l = this.#secret[2] ?? 0
    const k1h = this.#secret[3] ?? 0
    this.#v0l = k0l ^ 0x70736575
    this.#v0h = k0h ^ 0x736f6d65
    this.#v1l = k1l ^ 0x6e646f6d ^ 0xee
    this.#v1h = k1h ^ 0x646f7261
    this.#v2l = k0l ^ 0x6e657261
    this.#v2h = k0h ^ 0x6c796765
    this.#v3l = k1l ^ 0x79746573
    this.#v3h = k1h ^ 0x74656462
  }

  #mix(low: number, high: number): void {
    this.#v3l ^= low
    this.#v3h ^= high
    this.#rounds(2)
    this.#v0l ^= low
    this.#v0h ^= high
  }

  /** Locals, since the engine keeps them in registers. */
  #rounds(count: number): void {
    let v0l = this.#v0l
    let v0h = this.#v0h
    let v1l = this.#v1l
    let v1h = this.#v1h
    let v2l = this.#v2l
    let v2h = this.#v2h
    let v3l = this.#v3l
    let v3h = this.#v3h
    for (let round = 0; round < count; round++) {
      let sum = (v0l + v1l) | 0
      v0h = (v0h + v1h + (sum >>> 0 < v0l >>> 0 ? 1 : 0)) | 0
      v0l = sum
      let turned = (v1l << 13) | (v1h >>> 19)
      v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h
      v1l = turned ^ v0l
      turned = v0l
      v0l = v0h
      v0h = turned
      sum = (v2l + v3l) | 0
      v2h = (v2h + v3h + (sum >>> 0 < v2l >>> 0 ? 1 : 0)) | 0
      v2l = sum
      turned = (v3l << 16) | (v3h >>> 16)
      v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h
      v3l = turned ^ v2l
      sum = (v0l + v3l) | 0
      v0h = (v0h + v3h + (sum >>> 0 < v0l >>> 0 ? 1 : 0)) | 0
      v0l = sum
      turned = (v3l << 21) | (v3h >>> 11)
      v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h
      v3l = turned ^ v0l
      sum = (v2l + v1l) | 0
      v2h = (v2h + v1h + (sum >>> 0 < v2l >>> 0 ? 1 : 0)) | 0
      v2l = sum
      turned = (v1l << 17) | (v1h >>> 15)
      v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h
      v1l = turned ^ v2l
      turned = v2l
      v2l = v2h
      v2h = turned
    }
    this.#v0l = v0l
    this.#v0h = v0h
    this.#v1l = v1l
    this.#v1h = v1h
    this.#v2l = v2l
    this.#v2h = v2h
    this.#v3l = v3l
    this.#v3h = v3h
  }

  #take(word: number): void {
    this.words[word] = this.#v0l ^ this.#v1l ^ this.#v2l ^ this.#v3l
    this.words[word + 1] = this.#v0h ^ this.#v1h ^ this.#v2h ^ this.#v3h
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
}
