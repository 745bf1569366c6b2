/** A value of a history as the bytes of a record: every byte follows from the number, so that damage shows. */

import { damagedValue } from '../../history/history.ts'

const digits = 12
const fillerBytesMax = 700

const filler = Buffer.from(Array.from({ length: 2 * fillerBytesMax }, (_, index) => (index * index * 7 + 3) & 0xff))

export function encodePayload(value: number): Buffer {
  const head = Buffer.from(String(value).padStart(digits, '0'))
  return Buffer.concat([head, fillerOf(value)])
}

/** The value, or `damagedValue` where any byte is not as it was written. */
export function decodePayload(bytes: Buffer | null): number {
  if (bytes === null || bytes.length < digits) return damagedValue
  const value = Number(bytes.toString('latin1', 0, digits))
  if (!Number.isSafeInteger(value)) return damagedValue
  return bytes.subarray(digits).equals(fillerOf(value)) ? value : damagedValue
}

function fillerOf(value: number): Buffer {
  const start = value % fillerBytesMax
  return filler.subarray(start, start + ((value * 31) % fillerBytesMax))
}
