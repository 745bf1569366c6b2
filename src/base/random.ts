/** The only place that touches chance: every other room is handed a Random, so that a seed replays a run. */

/** A source of chance. */
export interface Random {
  /** A whole number in [0, end). */
  below(end: number): number
  /** A version 4 UUID as 16 bytes, never one of the two that Kafka reserves (zero, and one). */
  uuid(): Buffer
}

/** Loaded at the first use: OpenSSL's part of Node costs every thread that only might need it some MB. */
function randomBytes(size: number): Buffer {
  return process.getBuiltinModule('node:crypto').randomBytes(size)
}

/** Chance from the operating system. */
export const systemRandom: Random = {
  below: (end) => Math.floor((randomBytes(6).readUIntBE(0, 6) / 2 ** 48) * end),
  uuid: () => asUuid(randomBytes(16)),
}

/** Chance that a seed fully decides (mulberry32: 32 bits of state, good enough for tests). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    below: (end) => Math.floor(next() * end),
    uuid: () => asUuid(Buffer.from(Array.from({ length: 16 }, () => Math.floor(next() * 256)))),
  }
}

function asUuid(bytes: Buffer): Buffer {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes
}
