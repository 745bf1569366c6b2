/** The LZ4 codec: LZ4 frames, taken apart here so that no block is unpacked beyond what its frame allows. */

import { createRequire } from 'node:module'
import { DecodeError, DecompressedTooLargeError } from '../errors.ts'
import { xxhash32 } from './xxhash32.ts'

type Lz4 = Pick<typeof import('lz4-napi'), 'compressFrameSync' | 'compressFrame' | 'uncompressSync' | 'uncompress'>

let loaded: Lz4 | undefined

/** Loaded at the first use: most brokers never meet an LZ4 batch, and native code costs start-up time and memory. */
function lz4(): Lz4 {
  if (loaded !== undefined) return loaded
  const library: Lz4 = createRequire(import.meta.url)('lz4-napi')
  loaded = library
  return library
}

/** LZ4 frame format 1.6: magic, FLG, BD, sizes that FLG announces, header checksum, blocks, end mark. */
const magic = 0x184d_2204
const versionMask = 0xc0
const version1 = 0x40
const independentFlag = 0x20
const blockChecksumFlag = 0x10
const contentSizeFlag = 0x08
const contentChecksumFlag = 0x04
const dictionaryFlag = 0x01
const uncompressedBit = 0x8000_0000

/** Linked blocks look back at most this far. */
const windowBytes = 64 * 1024

/** No LZ4 block grows more: a length byte stands for at most 255 output bytes. */
const growthMax = 255

type FrameHeader = {
  readonly isLinked: boolean
  readonly hasBlockChecksums: boolean
  readonly hasContentChecksum: boolean
  readonly blockBytesMax: number
  /** Where the first block begins. */
  readonly blocksStart: number
}

/** One frame of independent blocks, as Kafka's Java clients demand. */
export function lz4Compress(bytes: Buffer): Buffer {
  return lz4().compressFrameSync(bytes)
}

/** The same in the thread pool. */
export function lz4CompressAsync(bytes: Buffer): Promise<Buffer> {
  return lz4().compressFrame(bytes)
}

/** Throws DecodeError on damage, and where the output would pass `bytesMax`. */
export function lz4Decompress(bytes: Buffer, bytesMax: number): Buffer {
  const outputs = new Outputs(bytes, bytesMax)
  for (const { block, isStored } of blocksOf(bytes, outputs.header)) {
    if (isStored) {
      outputs.add(block)
      continue
    }
    const { sized, window } = outputs.prepare(block)
    try {
      outputs.add(window.length > 0 ? lz4().uncompressSync(sized, window) : lz4().uncompressSync(sized))
    } catch (thrown) {
      throw damage(thrown)
    }
  }
  return outputs.joined()
}

/** The same in the thread pool. */
export async function lz4DecompressAsync(bytes: Buffer, bytesMax: number): Promise<Buffer> {
  const outputs = new Outputs(bytes, bytesMax)
  for (const { block, isStored } of blocksOf(bytes, outputs.header)) {
    if (isStored) {
      outputs.add(block)
      continue
    }
    const { sized, window } = outputs.prepare(block)
    try {
      outputs.add(await (window.length > 0 ? lz4().uncompress(sized, window) : lz4().uncompress(sized)))
    } catch (thrown) {
      throw damage(thrown)
    }
  }
  return outputs.joined()
}

/** The blocks of a frame, those that did not get smaller as they are. Throws DecodeError where they cannot be. */
function* blocksOf(bytes: Buffer, header: FrameHeader): Generator<{ block: Buffer; isStored: boolean }> {
  let at = header.blocksStart
  for (;;) {
    const word = readWord(bytes, at)
    at += 4
    if (word === 0) break
    const sizeBytes = word & 0x7fff_ffff
    const end = at + sizeBytes
    if (sizeBytes > header.blockBytesMax || end > bytes.length) throw new DecodeError('an LZ4 block passes its end')
    if (header.hasBlockChecksums && readWord(bytes, end) !== xxhash32(bytes, at, end)) {
      throw new DecodeError('an LZ4 block does not match its checksum')
    }
    yield { block: bytes.subarray(at, end), isStored: word >= uncompressedBit }
    at = header.hasBlockChecksums ? end + 4 : end
  }
  // The content's own checksum is not compared, as in Kafka: the batch's CRC-32C already covers these bytes.
  if (header.hasContentChecksum) readWord(bytes, at)
}

/** What came out of a frame's blocks so far. */
class Outputs {
  readonly header: FrameHeader
  readonly #bytesMax: number
  readonly #blocks: Buffer[] = []
  #total = 0
  #window: Buffer = Buffer.alloc(0)

  constructor(frame: Buffer, bytesMax: number) {
    this.header = readHeader(frame)
    this.#bytesMax = bytesMax
  }

  /** The library takes a block behind its output's size: the most it may make is put there. */
  prepare(block: Buffer): { sized: Buffer; window: Buffer } {
    const sized = Buffer.allocUnsafe(block.length + 4)
    sized.writeUInt32LE(Math.min(this.header.blockBytesMax, block.length * growthMax), 0)
    block.copy(sized, 4)
    return { sized, window: this.#window }
  }

  /** A block makes 4 MiB at most, so that the bound is passed by no more than that. */
  add(output: Buffer): void {
    this.#total += output.length
    if (this.#total > this.#bytesMax) throw new DecompressedTooLargeError(this.#bytesMax)
    this.#blocks.push(output)
    if (this.header.isLinked) this.#window = nextWindow(this.#window, output)
  }

  joined(): Buffer {
    return Buffer.concat(this.#blocks, this.#total)
  }
}

function damage(thrown: unknown): DecodeError {
  if (thrown instanceof DecodeError) return thrown
  return new DecodeError('an LZ4 block is damaged or too large', { cause: thrown })
}

function readHeader(bytes: Buffer): FrameHeader {
  if (readWord(bytes, 0) !== magic) throw new DecodeError('these are no LZ4 frame')
  if (bytes.length < 7) throw new DecodeError('an LZ4 frame ends within its header')
  const flags = bytes.readUInt8(4)
  const descriptor = bytes.readUInt8(5)
  if ((flags & versionMask) !== version1) throw new DecodeError('an LZ4 frame of an unknown version')
  if ((flags & dictionaryFlag) !== 0) throw new DecodeError('an LZ4 frame that needs a dictionary')
  const sizeCode = (descriptor >>> 4) & 0x07
  if (sizeCode < 4) throw new DecodeError('an LZ4 frame with an unknown block size')
  const checksumAt = 6 + ((flags & contentSizeFlag) !== 0 ? 8 : 0)
  if (checksumAt >= bytes.length) throw new DecodeError('an LZ4 frame ends within its header')
  if (((xxhash32(bytes, 4, checksumAt) >>> 8) & 0xff) !== bytes.readUInt8(checksumAt)) {
    throw new DecodeError("an LZ4 frame's header does not match its checksum")
  }
  return {
    isLinked: (flags & independentFlag) === 0,
    hasBlockChecksums: (flags & blockChecksumFlag) !== 0,
    hasContentChecksum: (flags & contentChecksumFlag) !== 0,
    blockBytesMax: 2 ** (8 + 2 * sizeCode),
    blocksStart: checksumAt + 1,
  }
}

function nextWindow(window: Buffer, output: Buffer): Buffer {
  if (output.length >= windowBytes) return output.subarray(output.length - windowBytes)
  const kept = window.subarray(Math.max(0, window.length + output.length - windowBytes))
  return Buffer.concat([kept, output])
}

function readWord(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw new DecodeError('an LZ4 frame is cut off')
  return bytes.readUInt32LE(at)
}
