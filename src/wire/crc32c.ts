/** CRC-32C (Castagnoli), the checksum of record batches: native where its binary loads, else plain JavaScript. */

import { createRequire } from 'node:module'

type Checksum = (bytes: Uint8Array, seed?: number) => number

const polynomial = 0x82f6_3b78

function makeTable(): Uint32Array {
  const table = new Uint32Array(256)
  for (let index = 0; index < 256; index++) {
    let value = index
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ polynomial : value >>> 1
    table[index] = value
  }
  return table
}

const table = makeTable()

/** The same checksum without native code, some ten times slower. */
export function crc32cPlain(bytes: Uint8Array, seed = 0): number {
  let value = ~seed
  for (let index = 0; index < bytes.length; index++) {
    value = (value >>> 8) ^ (table[(value ^ (bytes[index] ?? 0)) & 0xff] ?? 0)
  }
  return ~value >>> 0
}

function loadNative(): Checksum | undefined {
  try {
    // Required, not imported: on a platform without a prebuilt binary the import would keep the broker from starting.
    const loaded: unknown = createRequire(import.meta.url)('@node-rs/crc32')
    return (loaded as { crc32c: Checksum }).crc32c
  } catch {
    return undefined
  }
}

const native = loadNative()

/** Whether the native code serves crc32c here. */
export const isCrc32cNative: boolean = native !== undefined

/** The CRC-32C of `bytes` as a uint32. `seed` is the checksum of what came before. */
export const crc32c: Checksum = native ?? crc32cPlain
