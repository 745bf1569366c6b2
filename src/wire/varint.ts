/** Sizes of Kafka's variable-length integers, and their zig-zag form. */

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
