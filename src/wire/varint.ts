/** Kafka's variable-length integers: their sizes, their zig-zag form, and writing them in place. */

/** Bytes that an unsigned varint of `value` (a whole number, 0 to 2^32 - 1) takes. */
export function unsignedVarintSizeBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  if (value < 0x1000_0000) return 4
  return 5
}

/** Bytes that a zig-zag varint of an int32 takes. */
export function varintSizeBytes(value: number): number {
  return unsignedVarintSizeBytes(zigZag32(value))
}

/** Bytes that a zig-zag varlong of a safe integer takes. */
export function varlongSizeBytes(value: number): number {
  // Doubling loses nothing that matters here: the size changes at powers of two only.
  let rest = value >= 0 ? value : -(value + 1)
  let sizeBytes = 1
  for (rest = Math.floor(rest / 0x40); rest > 0; rest = Math.floor(rest / 0x80)) sizeBytes++
  return sizeBytes
}

/** Maps an int32 to a uint32 so that small magnitudes stay small. */
export function zigZag32(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0
}

/** The reverse of zigZag32. */
export function unZigZag32(value: number): number {
  return (value >>> 1) ^ -(value & 1)
}

/** Writes an unsigned varint of a uint32 at `at`; answers where it ends. */
export function putUnsignedVarint(bytes: Buffer, at: number, value: number): number {
  let end = at
  let rest = value
  while (rest >= 0x80) {
    bytes[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[end++] = rest
  return end
}

/** Writes a zig-zag varlong of a safe integer at `at`; answers where it ends. */
export function putVarlong(bytes: Buffer, at: number, value: number): number {
  // The zig-zag form of a negative number is odd: its lowest bit goes out first, the rest is its complement.
  const magnitude = value >= 0 ? value : -(value + 1)
  const sign = value >= 0 ? 0 : 1
  let end = at
  let rest = Math.floor(magnitude / 0x40)
  let group = (magnitude % 0x40) * 2 + sign
  while (rest > 0) {
    bytes[end++] = group | 0x80
    group = rest % 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[end++] = group
  return end
}
