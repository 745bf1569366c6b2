/** A bounded disk in one SharedArrayBuffer, so that all threads of a broker see the same files: the memory engine's storage. */

import { assert } from '../base/assert.ts'
import type { Disk, DiskFile, DiskSpace } from './disk.ts'
import { MemoryFile } from './memory-file.ts'
import {
  blockBytes,
  dataStartOf,
  diskError,
  Entry,
  entryHeadWords,
  entryWords,
  fileBytesMax,
  Header,
  headerWords,
  Kind,
  Lock,
  type MemoryBlocks,
  nameBytesMax,
  rootEntry,
  Sizes,
} from './memory-layout.ts'

/** A file system in shared memory. Any thread may use one; a file is written by one thread at a time. */
export class MemoryDisk implements Disk, MemoryBlocks {
  readonly isDurable = false
  readonly space: DiskSpace
  readonly #words: Int32Array
  readonly #bytes: Buffer
  readonly #entriesStart: number
  readonly #chainStart: number
  readonly #dataStart: number

  /** Memory for files of `bytesMax` in all, in blocks of 4 KiB. Nothing of it is resident before it is used. */
  static create(bytesMax: number): SharedArrayBuffer {
    const blocks = Math.ceil(bytesMax / blockBytes)
    const entries = 1024 + Math.ceil(blocks / 2)
    const buckets = 2 ** Math.ceil(Math.log2(entries))
    const dataStart = dataStartOf({ blocks, entries, buckets })
    const memory = new SharedArrayBuffer(dataStart + blocks * blockBytes)
    const words = new Int32Array(memory, 0, headerWords + buckets + 2 * entryWords)
    words[Sizes.BLOCKS] = blocks
    words[Sizes.ENTRIES] = entries
    words[Sizes.BUCKETS] = buckets
    words[Header.FRESH_BLOCK] = 1
    words[Header.FRESH_ENTRY] = rootEntry + 1
    const rootStart = headerWords + buckets + rootEntry * entryWords
    words[rootStart + Entry.KIND] = Kind.DIRECTORY
    return memory
  }

  constructor(memory: SharedArrayBuffer) {
    const sizes = new Int32Array(memory, 0, headerWords)
    const blocks = sizes[Sizes.BLOCKS] ?? 0
    const entries = sizes[Sizes.ENTRIES] ?? 0
    const buckets = sizes[Sizes.BUCKETS] ?? 0
    assert(blocks > 0 && buckets > 0, 'a memory disk is made by MemoryDisk.create')
    this.#dataStart = dataStartOf({ blocks, entries, buckets })
    this.#words = new Int32Array(memory, 0, this.#dataStart / 4)
    this.#bytes = Buffer.from(memory)
    this.#entriesStart = headerWords + buckets
    this.#chainStart = this.#entriesStart + (entries + 1) * entryWords
    this.space = {
      bytesMax: blocks * blockBytes,
      blockBytes,
      usedBytes: () => Atomics.load(this.#words, Header.USED_BLOCKS) * blockBytes,
      directoryCount: () => Atomics.load(this.#words, Header.DIRECTORIES),
    }
  }

  open(path: string, mode: 'read' | 'write'): DiskFile {
    return this.#locked(() => {
      const found = this.#find(path)
      if (found === 0 && mode === 'read') throw diskError('ENOENT', `no such file, '${path}'`)
      const entry = found === 0 ? this.#createEntry(path, Kind.FILE) : found
      if (this.word(entry, Entry.KIND) !== Kind.FILE) throw diskError('EISDIR', `a folder, '${path}'`)
      return new MemoryFile(this, entry, this.word(entry, Entry.GENERATION))
    })
  }

  exists(path: string): boolean {
    return this.#locked(() => this.#find(path) !== 0)
  }

  sizeOf(path: string): number | undefined {
    return this.#locked(() => {
      const entry = this.#find(path)
      return entry === 0 ? undefined : this.word(entry, Entry.SIZE)
    })
  }

  /** Unknown: no thread that writes here has a clock for it. */
  modifiedMs(): undefined {
    return undefined
  }

  list(directory: string): string[] {
    return this.#locked(() => {
      const names: string[] = []
      const folder = this.#find(directory)
      const skip = directory === '' ? 0 : Buffer.byteLength(directory) + 1
      if (folder === 0) return names
      for (
        let child = this.word(folder, Entry.FIRST_CHILD);
        child !== 0;
        child = this.word(child, Entry.NEXT_SIBLING)
      ) {
        names.push(this.#nameOf(child).subarray(skip).toString())
      }
      return names
    })
  }

  makeDirectory(path: string): void {
    this.#locked(() => {
      for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
        const above = path.slice(0, slash)
        if (this.#find(above) === 0) this.#createEntry(above, Kind.DIRECTORY)
      }
      if (this.#find(path) === 0) this.#createEntry(path, Kind.DIRECTORY)
    })
  }

  remove(path: string): void {
    this.#locked(() => {
      const entry = this.#find(path)
      if (entry > rootEntry) this.#removeEntry(entry)
    })
  }

  async removeAsync(path: string): Promise<void> {
    this.remove(path)
  }

  /** Files only: a folder's files have its name in theirs. */
  rename(source: string, target: string): void {
    this.#locked(() => {
      const entry = this.#find(source)
      if (entry === 0) throw diskError('ENOENT', `no such file, '${source}'`)
      if (this.word(entry, Entry.KIND) !== Kind.FILE) throw diskError('EISDIR', `a folder, '${source}'`)
      if (source === target) return
      const parent = this.#parentOf(target)
      const replaced = this.#find(target)
      if (replaced !== 0) this.#removeEntry(replaced)
      this.#unlink(entry)
      this.#link(entry, target, parent)
    })
  }

  syncDirectory(): void {}

  async syncDirectoryAsync(): Promise<void> {}

  close(): void {}

  /** A word of an entry, for the files. */
  word(entry: number, field: number): number {
    return Atomics.load(this.#words, this.#entriesStart + entry * entryWords + field)
  }

  /** Reads a word so that what was read before it counts: a plain load might be taken early. */
  wordAfterReads(entry: number, field: number): number {
    return Atomics.add(this.#words, this.#entriesStart + entry * entryWords + field, 0)
  }

  setWord(entry: number, field: number, value: number): void {
    Atomics.store(this.#words, this.#entriesStart + entry * entryWords + field, value)
  }

  nextBlock(block: number): number {
    return Atomics.load(this.#words, this.#chainStart + block)
  }

  /** Where a block's bytes start in `bytes`. */
  positionOf(block: number): number {
    return this.#dataStart + (block - 1) * blockBytes
  }

  get bytes(): Buffer {
    return this.#bytes
  }

  /** Gives a file all the blocks that `size` bytes need, or throws ENOSPC and gives none. */
  extend(entry: number, size: number): void {
    const missing = Math.ceil(size / blockBytes) - this.word(entry, Entry.BLOCK_COUNT)
    if (missing <= 0) return
    if (size > fileBytesMax) throw diskError('EFBIG', 'a file of 2 GiB')
    this.#locked(() => {
      const used = this.#header(Header.USED_BLOCKS)
      if (used + missing > (this.#words[Sizes.BLOCKS] ?? 0)) throw diskError('ENOSPC', 'the memory disk is full')
      for (let count = 0; count < missing; count++) {
        const block = this.#takeBlock()
        const last = this.word(entry, Entry.LAST_BLOCK)
        if (last === 0) this.setWord(entry, Entry.FIRST_BLOCK, block)
        else Atomics.store(this.#words, this.#chainStart + last, block)
        this.setWord(entry, Entry.LAST_BLOCK, block)
      }
      this.setWord(entry, Entry.BLOCK_COUNT, this.word(entry, Entry.BLOCK_COUNT) + missing)
      this.#setHeader(Header.USED_BLOCKS, used + missing)
    })
  }

  /** Cuts a file; those who have it open must open it again. Answers with the new generation. */
  shrink(entry: number, size: number): number {
    return this.#locked(() => {
      const generation = this.word(entry, Entry.GENERATION) + 1
      this.setWord(entry, Entry.GENERATION, generation)
      this.setWord(entry, Entry.SIZE, size)
      const kept = Math.ceil(size / blockBytes)
      let last = 0
      let next = this.word(entry, Entry.FIRST_BLOCK)
      for (let count = 0; count < kept; count++) {
        last = next
        next = this.nextBlock(next)
      }
      this.#freeBlocks(next, this.word(entry, Entry.BLOCK_COUNT) - kept)
      if (last === 0) this.setWord(entry, Entry.FIRST_BLOCK, 0)
      else Atomics.store(this.#words, this.#chainStart + last, 0)
      this.setWord(entry, Entry.LAST_BLOCK, last)
      this.setWord(entry, Entry.BLOCK_COUNT, kept)
      return generation
    })
  }

  #createEntry(path: string, kind: number): number {
    const parent = this.#parentOf(path)
    let entry = this.#header(Header.FREE_ENTRY)
    if (entry !== 0) this.#setHeader(Header.FREE_ENTRY, this.word(entry, Entry.NEXT_IN_BUCKET))
    else {
      entry = this.#header(Header.FRESH_ENTRY)
      if (entry > (this.#words[Sizes.ENTRIES] ?? 0)) throw diskError('ENOSPC', 'the memory disk has too many files')
      this.#setHeader(Header.FRESH_ENTRY, entry + 1)
    }
    for (let field = Entry.KIND; field < entryHeadWords; field++) this.setWord(entry, field, 0)
    this.setWord(entry, Entry.KIND, kind)
    if (kind === Kind.DIRECTORY) this.#setHeader(Header.DIRECTORIES, this.#header(Header.DIRECTORIES) + 1)
    this.#link(entry, path, parent)
    return entry
  }

  #removeEntry(entry: number): void {
    for (let child = this.word(entry, Entry.FIRST_CHILD); child !== 0; child = this.word(entry, Entry.FIRST_CHILD)) {
      this.#removeEntry(child)
    }
    this.setWord(entry, Entry.GENERATION, this.word(entry, Entry.GENERATION) + 1)
    if (this.word(entry, Entry.KIND) === Kind.DIRECTORY) {
      this.#setHeader(Header.DIRECTORIES, this.#header(Header.DIRECTORIES) - 1)
    }
    this.#unlink(entry)
    this.#freeBlocks(this.word(entry, Entry.FIRST_BLOCK), this.word(entry, Entry.BLOCK_COUNT))
    this.setWord(entry, Entry.KIND, Kind.NONE)
    this.setWord(entry, Entry.NEXT_IN_BUCKET, this.#header(Header.FREE_ENTRY))
    this.#setHeader(Header.FREE_ENTRY, entry)
  }

  /** Names an entry, and puts it into its bucket and its folder. */
  #link(entry: number, path: string, parent: number): void {
    const name = Buffer.from(path)
    this.setWord(entry, Entry.NAME_BYTES, name.length)
    name.copy(this.#bytes, (this.#entriesStart + entry * entryWords + entryHeadWords) * 4)
    const bucket = this.#bucketOf(name)
    this.setWord(entry, Entry.NEXT_IN_BUCKET, this.#words[bucket] ?? 0)
    this.#words[bucket] = entry
    const sibling = this.word(parent, Entry.FIRST_CHILD)
    this.setWord(entry, Entry.PARENT, parent)
    this.setWord(entry, Entry.PREVIOUS_SIBLING, 0)
    this.setWord(entry, Entry.NEXT_SIBLING, sibling)
    if (sibling !== 0) this.setWord(sibling, Entry.PREVIOUS_SIBLING, entry)
    this.setWord(parent, Entry.FIRST_CHILD, entry)
  }

  #unlink(entry: number): void {
    const bucket = this.#bucketOf(this.#nameOf(entry))
    const after = this.word(entry, Entry.NEXT_IN_BUCKET)
    if (this.#words[bucket] === entry) this.#words[bucket] = after
    else {
      let before = this.#words[bucket] ?? 0
      while (this.word(before, Entry.NEXT_IN_BUCKET) !== entry) before = this.word(before, Entry.NEXT_IN_BUCKET)
      this.setWord(before, Entry.NEXT_IN_BUCKET, after)
    }
    const previous = this.word(entry, Entry.PREVIOUS_SIBLING)
    const next = this.word(entry, Entry.NEXT_SIBLING)
    if (previous === 0) this.setWord(this.word(entry, Entry.PARENT), Entry.FIRST_CHILD, next)
    else this.setWord(previous, Entry.NEXT_SIBLING, next)
    if (next !== 0) this.setWord(next, Entry.PREVIOUS_SIBLING, previous)
  }

  #find(path: string): number {
    if (path === '') return rootEntry
    const name = Buffer.from(path)
    let entry = this.#words[this.#bucketOf(name)] ?? 0
    while (entry !== 0 && !this.#nameOf(entry).equals(name)) entry = this.word(entry, Entry.NEXT_IN_BUCKET)
    return entry
  }

  /** The folder that a path lies in. */
  #parentOf(path: string): number {
    if (Buffer.byteLength(path) > nameBytesMax) throw diskError('ENAMETOOLONG', `a path too long, '${path}'`)
    const slash = path.lastIndexOf('/')
    const parent = slash < 0 ? rootEntry : this.#find(path.slice(0, slash))
    if (parent === 0) throw diskError('ENOENT', `no folder for '${path}'`)
    return parent
  }

  #nameOf(entry: number): Buffer {
    const start = (this.#entriesStart + entry * entryWords + entryHeadWords) * 4
    return this.#bytes.subarray(start, start + this.word(entry, Entry.NAME_BYTES))
  }

  #bucketOf(name: Buffer): number {
    let hash = 0x811c9dc5
    for (const byte of name) hash = Math.imul(hash ^ byte, 0x01000193)
    return headerWords + ((hash ^ (hash >>> 15)) & ((this.#words[Sizes.BUCKETS] ?? 1) - 1))
  }

  #takeBlock(): number {
    let block = this.#header(Header.FREE_BLOCK)
    if (block !== 0) this.#setHeader(Header.FREE_BLOCK, this.nextBlock(block))
    else {
      block = this.#header(Header.FRESH_BLOCK)
      this.#setHeader(Header.FRESH_BLOCK, block + 1)
    }
    Atomics.store(this.#words, this.#chainStart + block, 0)
    return block
  }

  #freeBlocks(first: number, count: number): void {
    if (count === 0) return
    let last = first
    for (let next = this.nextBlock(last); next !== 0; next = this.nextBlock(last)) last = next
    Atomics.store(this.#words, this.#chainStart + last, this.#header(Header.FREE_BLOCK))
    this.#setHeader(Header.FREE_BLOCK, first)
    this.#setHeader(Header.USED_BLOCKS, this.#header(Header.USED_BLOCKS) - count)
  }

  #header(field: number): number {
    return Atomics.load(this.#words, field)
  }

  #setHeader(field: number, value: number): void {
    Atomics.store(this.#words, field, value)
  }

  /** Runs a step on names or blocks alone: some microseconds, so that waiting for it is short in any thread. */
  #locked<Result>(step: () => Result): Result {
    if (Atomics.compareExchange(this.#words, Header.LOCK, Lock.FREE, Lock.HELD) !== Lock.FREE) {
      while (Atomics.exchange(this.#words, Header.LOCK, Lock.AWAITED) !== Lock.FREE) {
        Atomics.wait(this.#words, Header.LOCK, Lock.AWAITED, 1)
      }
    }
    try {
      return step()
    } finally {
      if (Atomics.exchange(this.#words, Header.LOCK, Lock.FREE) === Lock.AWAITED)
        Atomics.notify(this.#words, Header.LOCK, 1)
    }
  }
}
