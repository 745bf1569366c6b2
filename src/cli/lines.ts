/** Cuts a stream of bytes into lines, without touching their bytes. */

import { SafkaError } from '../base/errors.ts'

/** A line beyond this is no line: it would fill memory before the broker could refuse it. */
export const lineBytesMax = 64 * 1024 * 1024

/** The lines of a stream, without their line ends; the last one need not have one. Throws SafkaError for endless ones. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let partsBytes = 0
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end))
      yield parts.length === 1 ? (parts[0] ?? chunk) : Buffer.concat(parts)
      parts = []
      partsBytes = 0
      start = end + 1
    }
    if (start === chunk.length) continue
    parts.push(chunk.subarray(start))
    partsBytes += chunk.length - start
    if (partsBytes > lineBytesMax) throw new SafkaError('SAFKA_CLI_LINE', `a line is longer than ${lineBytesMax} bytes`)
  }
  if (partsBytes > 0) yield Buffer.concat(parts)
}
