/** The map of a memory disk's shared memory, and what its files need of it. */

/*
 * The memory, in 32-bit words unless said otherwise:
 *   header   16 words, see Header
 *   buckets  one word each: the first entry of that hash, 0 = none
 *   entries  96 words each: 16 words (see Entry), then the path in UTF-8 (entry 1 is the root folder; 0 is never used)
 *   chain    one word a block: the file's next block, 0 = none (block 0 is never used)
 *   data     4,096 bytes a block
 * Names and blocks change under one lock. File bytes are written without it, by the file's one writer: bytes first, then the
 * chain, then the size. Readers load the size, copy, and check that the generation is still the one they opened. Fresh blocks
 * and entries are handed out in order and only once nothing freed is left, so that untouched memory never becomes resident.
 */
export const Header = {
  LOCK: 0,
  FREE_BLOCK: 1,
  FRESH_BLOCK: 2,
  USED_BLOCKS: 3,
  FREE_ENTRY: 4,
  FRESH_ENTRY: 5,
  DIRECTORIES: 6,
} as const
export const Sizes = { BLOCKS: 8, ENTRIES: 9, BUCKETS: 10 } as const
export const headerWords = 16
export const Entry = {
  GENERATION: 0,
  KIND: 1,
  NEXT_IN_BUCKET: 2,
  PARENT: 3,
  FIRST_CHILD: 4,
  PREVIOUS_SIBLING: 5,
  NEXT_SIBLING: 6,
  FIRST_BLOCK: 7,
  LAST_BLOCK: 8,
  BLOCK_COUNT: 9,
  SIZE: 10,
  NAME_BYTES: 11,
} as const
export const entryWords = 96
export const entryHeadWords = 16
/** Kafka's topic names have up to 249 characters; folder and file name together need 20 + 60 more. */
export const nameBytesMax = (entryWords - entryHeadWords) * 4
export const blockBytes = 4096
/** A file's size is one word. */
export const fileBytesMax = 2 ** 31 - 1
export const Kind = { NONE: 0, FILE: 1, DIRECTORY: 2 } as const
/** The root folder's entry. */
export const rootEntry = 1
export const Lock = { FREE: 0, HELD: 1, AWAITED: 2 } as const

/** What an open file needs of its disk: shared words by entry and field, blocks, and the bytes. */
export interface MemoryBlocks {
  readonly bytes: Buffer
  word(entry: number, field: number): number
  /** Reads a word so that what was read before it counts: a plain load might be taken early. */
  wordAfterReads(entry: number, field: number): number
  setWord(entry: number, field: number, value: number): void
  /** The block after this one in its file, 0 = none. */
  nextBlock(block: number): number
  /** Where a block's bytes start in `bytes`. */
  positionOf(block: number): number
  /** Gives a file all the blocks that `size` bytes need, or throws ENOSPC and gives none. */
  extend(entry: number, size: number): void
  /** Cuts a file; those who have it open must open it again. Answers with the new generation. */
  shrink(entry: number, size: number): number
}

/** Where the blocks' bytes begin. */
export function dataStartOf(counts: { blocks: number; entries: number; buckets: number }): number {
  const words = headerWords + counts.buckets + (counts.entries + 1) * entryWords + counts.blocks + 1
  return Math.ceil((words * 4) / blockBytes) * blockBytes
}

/** An error as the operating system would give it. */
export function diskError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
