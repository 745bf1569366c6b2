/** The Snappy codec: raw blocks, and the framing around them that snappy-java, and so every Java client, uses. */

import { createRequire } from 'node:module'
import { DecodeError, DecompressedTooLargeError } from '../errors.ts'
import { Reader } from '../reader.ts'

type Snappy = Pick<typeof import('snappy'), 'compressSync' | 'compress' | 'uncompressSync' | 'uncompress'>

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

/** Memory of the library's own would have to be mapped for each block, and be collected: that took three to ten times as long. */
const outputOptions = { asBuffer: true, copyOutputData: true }

/** No Snappy block grows more: its densest element makes 64 bytes out of 3. */
const growthMax = 22

/** Compresses into the Java framing, which all Kafka clients read. */
export function snappyCompress(bytes: Buffer): Buffer {
  const parts: Buffer[] = [javaHeader]
  for (let start = 0; start < bytes.length; start += blockBytesMax) {
    addBlock(parts, snappy().compressSync(bytes.subarray(start, start + blockBytesMax), outputOptions))
  }
  return Buffer.concat(parts)
}

/** The same in the thread pool. */
export async function snappyCompressAsync(bytes: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [javaHeader]
  for (let start = 0; start < bytes.length; start += blockBytesMax) {
    addBlock(parts, await snappy().compress(bytes.subarray(start, start + blockBytesMax), outputOptions))
  }
  return Buffer.concat(parts)
}

function addBlock(parts: Buffer[], block: Buffer): void {
  const length = Buffer.allocUnsafe(4)
  length.writeInt32BE(block.length)
  parts.push(length, block)
}

/** Takes the Java framing and raw blocks. Throws DecodeError on damage, and where the output would pass `bytesMax`. */
export function snappyDecompress(bytes: Buffer, bytesMax: number): Buffer {
  const outputs = new Outputs(bytesMax)
  for (const block of blocksOf(bytes)) {
    outputs.expect(block)
    try {
      outputs.add(snappy().uncompressSync(block, outputOptions))
    } catch (thrown) {
      throw damage(thrown)
    }
  }
  return outputs.joined()
}

/** The same in the thread pool. */
export async function snappyDecompressAsync(bytes: Buffer, bytesMax: number): Promise<Buffer> {
  const outputs = new Outputs(bytesMax)
  for (const block of blocksOf(bytes)) {
    outputs.expect(block)
    try {
      outputs.add(await snappy().uncompress(block, outputOptions))
    } catch (thrown) {
      throw damage(thrown)
    }
  }
  return outputs.joined()
}

/** The blocks of the Java framing; all of it, where it is not framed. */
function* blocksOf(bytes: Buffer): Generator<Buffer> {
  const isFramed = bytes.length >= javaHeader.length && bytes.subarray(0, javaMagic.length).equals(javaMagic)
  if (!isFramed) {
    yield bytes
    return
  }
  const reader = new Reader(bytes, javaHeader.length)
  while (reader.remaining > 0) yield reader.readView(reader.readInt32())
}

/** What came out so far. */
class Outputs {
  readonly #bytesMax: number
  readonly #blocks: Buffer[] = []
  #total = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The library allocates what a block claims before it looks at it, so the claim is checked first. */
  expect(block: Buffer): void {
    const claimed = new Reader(block).readUnsignedVarint()
    if (claimed > block.length * growthMax) throw new DecodeError('a snappy block claims more than it can hold')
    if (claimed > this.#bytesMax - this.#total) throw new DecompressedTooLargeError(this.#bytesMax)
  }

  add(output: string | Buffer): void {
    if (!Buffer.isBuffer(output)) throw new DecodeError('snappy answered no bytes')
    this.#total += output.length
    this.#blocks.push(output)
  }

  joined(): Buffer {
    const [only] = this.#blocks
    return this.#blocks.length === 1 && only !== undefined ? only : Buffer.concat(this.#blocks, this.#total)
  }
}

function damage(thrown: unknown): DecodeError {
  return thrown instanceof DecodeError ? thrown : new DecodeError('snappy data are damaged', { cause: thrown })
}
