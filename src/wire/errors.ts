/** The two errors of the wire: bytes that are not what they should be, and messages that a version cannot carry. */

import { SafkaError } from '../base/errors.ts'

/** Received bytes are damaged, cut off, or hold a value that Safka refuses (code SAFKA_DECODE). */
export class DecodeError extends SafkaError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('SAFKA_DECODE', message, options)
    this.name = 'DecodeError'
  }
}

/** What was compressed is larger than the reader takes: nothing is wrong with the data themselves. */
export class DecompressedTooLargeError extends DecodeError {
  constructor(bytesMax: number, options?: { cause?: unknown }) {
    super(`data are larger than ${bytesMax} bytes when decompressed`, options)
    this.name = 'DecompressedTooLargeError'
  }
}

/** A message cannot be written: a value out of range, or a field that the version lacks (code SAFKA_ENCODE). */
export class EncodeError extends SafkaError {
  constructor(message: string) {
    super('SAFKA_ENCODE', message)
    this.name = 'EncodeError'
  }
}

/** Stops generated code that was asked to decode a version outside its schema. */
export function checkDecodeVersion(message: string, version: number, versionMin: number, versionMax: number): void {
  if (!(version >= versionMin && version <= versionMax)) {
    throw new DecodeError(`${message} has no version ${version}, only ${versionMin} to ${versionMax}`)
  }
}

/** Stops generated code that was asked to encode a version outside its schema. */
export function checkEncodeVersion(message: string, version: number, versionMin: number, versionMax: number): void {
  if (!(version >= versionMin && version <= versionMax)) {
    throw new EncodeError(`${message} has no version ${version}, only ${versionMin} to ${versionMax}`)
  }
}

/** A field that may not be ignored holds a value, but the version has no place for it. */
export function unsupportedField(field: string, version: number): EncodeError {
  return new EncodeError(`${field} holds a value that version ${version} cannot carry`)
}

/** The value itself, or an error where a version that knows no null is asked to carry one. */
export function requireValue<Value>(value: Value | null, field: string, version: number): Value {
  if (value === null) throw new EncodeError(`${field} is null, which version ${version} cannot carry`)
  return value
}
