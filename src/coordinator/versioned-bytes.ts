/** Kafka's coordinator records: a message behind the 16-bit version that says how to read it. */

import { Writer } from '../wire/writer.ts'

/** Enough for most keys and offset values, so that one allocation does. */
const initialBytes = 128

/** The version followed by what `encode` writes. */
export function versionedBytes(version: number, encode: (writer: Writer) => void): Buffer {
  const writer = new Writer(initialBytes)
  writer.writeInt16(version)
  encode(writer)
  return writer.finishJoined()
}
