/** The Snappy codec: raw blocks, and the framing around them that snappy-java, and so every Java client, uses. */

import { createRequire } from 'node:module'
import { DecodeError, DecompressedTooLargeError } from '../errors.ts'
import { Reader } from '../reader.ts'

type Snappy = Pick<typeof import('snappy'), 'compressSync' | 'uncompressSync'>

let loaded: Snappy | undefined

/** Loaded at the first use: most brokers never meet a Snappy batch, and native code costs start-up time and memory. */
function snappy(): Snappy {
  if (loaded !== undefined) return loaded
  const library: Snappy = createRequire(import.meta.url)('snappy')
  loaded = library
  return library
}

/** snappy-java's frame: this magic, then version 1 and the oldest version that can read it, 1. */
const javaHeader = Buffer.from('82534e41505059000000000100000001', 'hex')
const javaMagic = javaHeader.subarray(0, 8)

/** Input bytes a block of the Java framing. Snappy finds no match farther back than 64 KiB, so larger gains nothing. */
const blockBytesMax = 64 * 1024

/** No Snappy block grows more: its densest element makes 64 bytes out of 3. */
const growthMax = 22

/** Compresses into the Java framing, which all Kafka clients read. */
export function snappyCompress(bytes: Buffer): Buffer {
  const parts: Buffer[] = [javaHeader]
  for (let start = 0; start < bytes.length; start += blockBytesMax) {
    const block = snappy().compressSync(bytes.subarray(start, start + blockBytesMax))
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

/** Takes the Java framing and raw blocks. Throws DecodeError on damage, and where the output would pass `bytesMax`. */
export function snappyDecompress(bytes: Buffer, bytesMax: number): Buffer {
  const isFramed = bytes.length >= javaHeader.length && bytes.subarray(0, javaMagic.length).equals(javaMagic)
  if (!isFramed) return decompressBlock(bytes, bytesMax)
  const reader = new Reader(bytes, javaHeader.length)
  const blocks: Buffer[] = []
  let total = 0
  while (reader.remaining > 0) {
    const length = reader.readInt32()
    const block = decompressBlock(reader.readView(length), bytesMax - total)
    total += block.length
    blocks.push(block)
  }
  const [only] = blocks
  return blocks.length === 1 && only !== undefined ? only : Buffer.concat(blocks, total)
}

function decompressBlock(block: Buffer, bytesMax: number): Buffer {
  // The library allocates what a block claims before it looks at it, so the claim is checked first.
  const claimed = new Reader(block).readUnsignedVarint()
  if (claimed > block.length * growthMax) throw new DecodeError('a snappy block claims more than it can hold')
  if (claimed > bytesMax) throw new DecompressedTooLargeError(bytesMax)
  try {
    const output = snappy().uncompressSync(block, { asBuffer: true })
    if (Buffer.isBuffer(output)) return output
  } catch (thrown) {
    throw new DecodeError('snappy data are damaged', { cause: thrown })
  }
  throw new DecodeError('snappy answered no bytes')
}
