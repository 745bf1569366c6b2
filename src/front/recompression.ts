/** Gives batches the codec that their topic's `compression.type` names, before they are claimed: it changes their size. */

import type { Recompression } from '../api/ports.ts'
import type { PartitionSettings } from '../base/topology.ts'
import { Codec } from '../wire/compression/compress.ts'
import { isRecompressed, type RecompressTarget, recompress, recompressAsync } from '../wire/recompress.ts'
import { recordsBytesMax } from '../wire/record-batch.ts'

/**
 * Records of up to this many bytes are recompressed at once: that takes gzip, the slowest, a millisecond or two, and the thread pool
 * would cost a small batch more than its work.
 */
export const recompressedAtOnceBytesMax = 64 * 1024

/** The same for slow levels, which take up to a hundred times as long. */
export const slowlyRecompressedAtOnceBytesMax = 1024

/** The last levels that are not slow. */
const quickLevelMax = { gzip: 6, zstd: 9 }

/**
 * So many larger batches of a front are recompressed at a time: half of the thread pool's threads, as syncs and reads of files need
 * theirs. Each may hold its records twice, up to `recordsBytesMax` of them; the others wait in line.
 */
export const recompressionsMax = 2

/** The codec of each `compression.type`; with `producer` every batch keeps its own. */
const codecOf = { uncompressed: Codec.none, gzip: Codec.gzip, snappy: Codec.snappy, lz4: Codec.lz4, zstd: Codec.zstd }

type TopicCodec = Pick<PartitionSettings, 'compressionType' | 'compressionLevel' | 'maxMessageBytes'>

export class BatchRecompression implements Recompression {
  #running = 0
  /** Bounded by the connections: each has one request at a time that waits here. */
  readonly #waiting: (() => void)[] = []

  get runningCount(): number {
    return this.#running
  }

  now(settings: TopicCodec, batch: Buffer): Buffer | undefined {
    const { compressionType } = settings
    if (compressionType === 'producer') return batch
    const codec = codecOf[compressionType]
    const bytesMax = isSlow(settings) ? slowlyRecompressedAtOnceBytesMax : recompressedAtOnceBytesMax
    if (batch.length > bytesMax && isRecompressed(batch, codec)) return undefined
    return recompress(batch, targetOf(settings, codec, bytesMax))
  }

  async later(settings: TopicCodec, batch: Buffer): Promise<Buffer | undefined> {
    const { compressionType } = settings
    if (compressionType === 'producer') return batch
    const codec = codecOf[compressionType]
    if (!isRecompressed(batch, codec)) return batch
    await this.#begin()
    try {
      return await recompressAsync(batch, targetOf(settings, codec, recordsBytesMax))
    } finally {
      this.#end()
    }
  }

  async #begin(): Promise<void> {
    if (this.#running < recompressionsMax) this.#running += 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Whoever waits longest takes the place over. */
  #end(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running -= 1
    else next()
  }
}

function isSlow({ compressionType, compressionLevel }: TopicCodec): boolean {
  if (compressionType === 'gzip') return compressionLevel > quickLevelMax.gzip
  return compressionType === 'zstd' && compressionLevel > quickLevelMax.zstd
}

function targetOf(settings: TopicCodec, codec: number, bytesMax: number): RecompressTarget {
  const { compressionLevel, maxMessageBytes } = settings
  // What is not compressed again must keep to the topic's limit: there is no need to unpack more.
  const decompressedBytesMax = codec === Codec.none ? Math.min(bytesMax, Math.max(1, maxMessageBytes)) : bytesMax
  return { codec, level: compressionLevel, decompressedBytesMax }
}
