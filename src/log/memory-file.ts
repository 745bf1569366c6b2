/** A file of the memory disk, open in one thread. */

import { assert } from '../base/assert.ts'
import type { DiskFile } from './disk.ts'
import { blockBytes, diskError, Entry, type MemoryBlocks } from './memory-layout.ts'

/** An open file: remembers the blocks that it has seen, so that a read anywhere costs no walk. */
export class MemoryFile implements DiskFile {
  readonly #disk: MemoryBlocks
  readonly #entry: number
  #generation: number
  #blocks: number[] = []

  constructor(disk: MemoryBlocks, entry: number, generation: number) {
    this.#disk = disk
    this.#entry = entry
    this.#generation = generation
  }

  size(): number {
    const size = this.#disk.word(this.#entry, Entry.SIZE)
    this.#check()
    return size
  }

  writev(buffers: readonly Uint8Array[], position: number): number {
    const size = this.size()
    assert(position <= size, 'a memory file has no holes')
    let end = position
    for (const buffer of buffers) end += buffer.length
    this.#disk.extend(this.#entry, end)
    let at = position
    for (const buffer of buffers) {
      const source = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length)
      this.#eachRun(at, at + source.length, (start, length, done) =>
        source.copy(this.#disk.bytes, start, done, done + length),
      )
      at += buffer.length
    }
    if (end > size) this.#disk.setWord(this.#entry, Entry.SIZE, end)
    return end - position
  }

  read(target: Uint8Array, position: number): number {
    const end = Math.min(this.size(), position + target.length)
    if (end <= position) return 0
    const bytes = this.#disk.bytes
    this.#eachRun(position, end, (start, length, done) => bytes.copy(target, done, start, start + length))
    this.#check()
    return end - position
  }

  async readAsync(target: Uint8Array, position: number): Promise<number> {
    return this.read(target, position)
  }

  truncate(size: number): void {
    if (size >= this.size()) return
    this.#generation = this.#disk.shrink(this.#entry, size)
    this.#blocks = []
  }

  sync(): void {}

  async syncAsync(): Promise<void> {}

  close(): void {}

  /** Visits the bytes [position, end) in as few contiguous pieces as blocks allow; `done` counts the bytes before a piece. */
  #eachRun(position: number, end: number, visit: (start: number, length: number, done: number) => void): void {
    let at = position
    while (at < end) {
      const index = Math.floor(at / blockBytes)
      const block = this.#block(index)
      let count = 1
      while ((index + count) * blockBytes < end && this.#block(index + count) === block + count) count++
      const stop = Math.min(end, (index + count) * blockBytes)
      visit(this.#disk.positionOf(block) + (at % blockBytes), stop - at, at - position)
      at = stop
    }
  }

  #block(index: number): number {
    while (this.#blocks.length <= index) {
      const last = this.#blocks.at(-1)
      const next = last === undefined ? this.#disk.word(this.#entry, Entry.FIRST_BLOCK) : this.#disk.nextBlock(last)
      if (next === 0) throw diskError('ENOENT', 'the file was removed')
      this.#blocks.push(next)
    }
    return this.#blocks[index] ?? 0
  }

  /** A file that was removed or cut since it was opened reads like one that is not there. */
  #check(): void {
    if (this.#disk.wordAfterReads(this.#entry, Entry.GENERATION) === this.#generation) return
    throw diskError('ENOENT', 'the file was removed')
  }
}
